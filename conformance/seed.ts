/** Numbers that depend on nothing but what they are made from: shards and seeds are the same on every machine and in every order. */

/** FNV-1a with a final mixing, 32 bits without sign. */
export function hash(text: string): number {
  let value = 0x811c9dc5;
  for (const byte of Buffer.from(text)) value = Math.imul(value ^ byte, 0x01000193);
  value = Math.imul(value ^ (value >>> 16), 0x85ebca6b);
  value = Math.imul(value ^ (value >>> 13), 0xc2b2ae35);
  return (value ^ (value >>> 16)) >>> 0;
}

/** Seed of one round of one vector. */
export function roundSeed(runSeed: number, vector: string, round: number): number {
  return hash(`${runSeed} ${round} ${vector}`);
}

/** `index` counts from 1, as in `--shard 1/4`. */
export interface Shard {
  readonly index: number;
  readonly count: number;
}

export function isInShard(shard: Shard, vector: string): boolean {
  return hash(vector) % shard.count === shard.index - 1;
}

/** What `--replay` takes: `irqfd/assignTwice/1-2-1@77`. */
export interface ReplayToken {
  readonly vector: string;
  readonly seed: number;
}

export function replayText(token: ReplayToken): string {
  return `${token.vector}@${token.seed}`;
}

/** Null if it is not a token. */
export function readReplay(text: string): ReplayToken | null {
  const found = /^(.+)@(\d{1,10})$/.exec(text);
  const [, vector, seed] = found ?? [];
  if (vector === undefined || seed === undefined || Number(seed) > 0xffff_ffff) return null;
  return { vector, seed: Number(seed) };
}

/** Null if it is not a shard. */
export function readShard(text: string): Shard | null {
  const found = /^(\d{1,6})\/(\d{1,6})$/.exec(text);
  if (found === null) return null;
  const [index, count] = [Number(found[1]), Number(found[2])];
  return index >= 1 && index <= count ? { index, count } : null;
}

/** A source of numbers from 0 to below its argument (mulberry32). The same seed gives the same numbers. */
export function randomFrom(seed: number): (below: number) => number {
  let state = seed | 0;
  return below => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}
