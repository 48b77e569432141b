/** What the taking of events tells. */

/** What an event saw, as a number that is equal only for equal observations. Null: it cannot happen now. */
export type Saw = number | null;
/** Told of each event that has to come before. `loose`: perhaps it need not, if what is seen is the same without it. */
export type Need = (at: number, loose?: boolean) => void;
/** All events before it have to come before it. */
export const everything = -2;
