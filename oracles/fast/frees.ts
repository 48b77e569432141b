/** What was freed since the reference engine was last told: the most recent ones as they were, of older ones how high their numbers went. */

/** As many as the reference engine remembers. */
const most = 65_536;

export interface Freed {
  readonly type: number;
  readonly number: number;
  readonly at: number;
  readonly thread: string;
}

export function createFrees(types: number) {
  const kinds = new Uint8Array(most);
  const numbers = new Float64Array(most);
  const times = new Float64Array(most);
  const threads: string[] = [];
  let total = 0;
  /** Highest number of those that are not kept any more. */
  const lost = new Float64Array(types);
  const known: Set<number>[] = Array.from({ length: types }, () => new Set());

  return {
    add(type: number, number: number, at: number, thread: string): void {
      const place = total % most;
      if (total >= most) {
        lost[kinds[place]] = Math.max(lost[kinds[place]], numbers[place]);
        known[kinds[place]].delete(numbers[place]);
      }
      kinds[place] = type;
      numbers[place] = number;
      times[place] = at;
      threads[place] = thread;
      known[type].add(number);
      total++;
    },
    has: (type: number, number: number): boolean => number <= lost[type] || known[type].has(number),
    /** Oldest first; then none are left. */
    *take(): Generator<Freed> {
      for (let one = Math.max(0, total - most); one < total; one++) {
        const place = one % most;
        yield { type: kinds[place], number: numbers[place], at: times[place], thread: threads[place] };
      }
      total = 0;
      for (const of of known) of.clear();
      lost.fill(0);
    },
    /** Highest number of each type that was freed and is not among those to take. */
    lost: (type: number): number => lost[type],
  };
}
