/** Whether other threads may come to do something that a step depends on, before the step is taken. */
import type { LocalState } from './local-states.ts';
import type { StepAlone } from './step-alone.ts';
import type { Way } from './ways.ts';

export interface Meeting {
  /** Local states from which a thread may come to it without a counter having to be 0 for that. */ readonly early: readonly number[];
  /** Counters of which one has to be 0 where it comes to that all the same, the last one before it. */ readonly late: ReadonlySet<string>;
}

/** Numbers for what a step does with a cell. */
const READS = 1,
  WRITES = 2,
  COUNTS = 4;

/** A way in numbers: this is asked for every step and every way. */
interface Numbered {
  readonly from: number;
  readonly to: number;
  readonly reads: Int32Array;
  readonly writes: Int32Array;
  /** -1 for none. */ readonly counts: number;
  readonly takes: string | null;
  /** Counter that has to be 0, or is made 0. */ readonly zero: string | null;
}

export function meetings(states: readonly LocalState[]): (step: StepAlone) => Meeting {
  const numbers = new Map<string, number>();
  const numberOf = (cell: string): number => {
    const known = numbers.get(cell) ?? numbers.size;
    numbers.set(cell, known);
    return known;
  };
  const numbered = (way: Way, from: number): Numbered => ({
    from,
    to: way.to ?? -1,
    reads: Int32Array.from(way.reads, numberOf),
    writes: Int32Array.from(way.writes.keys(), numberOf),
    counts: way.counts === null ? -1 : numberOf(way.counts.cell),
    takes: way.takes,
    zero: way.zeroes ?? way.atZero,
  });
  const ways = new Map<number, Numbered[]>();
  states.forEach((one, from) => {
    const own = ways.get(one.thread) ?? [];
    ways.set(one.thread, own);
    for (const way of one.ways) own.push(numbered(way, from));
  });
  const into = new Map<number, Numbered[]>();
  for (const own of ways.values())
    for (const way of own) {
      if (way.to < 0 || way.zero !== null) continue;
      const known = into.get(way.to);
      if (known === undefined) into.set(way.to, [way]);
      else known.push(way);
    }
  return step => {
    const does = new Uint8Array(numbers.size);
    const note = (cell: string, what: number): void => {
      const at = numbers.get(cell);
      if (at !== undefined) does[at] = (does[at] ?? 0) | what;
    };
    for (const cell of step.reads) note(cell, READS);
    for (const cell of step.writes) note(cell, WRITES);
    if (step.counter !== null) note(step.counter.cell, COUNTS);
    // Counting commutes with counting, as long as neither comes to 0; nothing else commutes with a write.
    const meets = (way: Numbered): boolean =>
      way.reads.some(cell => ((does[cell] ?? 0) & (WRITES | COUNTS)) !== 0) ||
      way.writes.some(cell => does[cell] !== 0) ||
      (way.counts >= 0 && ((does[way.counts] ?? 0) & (READS | WRITES)) !== 0);
    const isOpen = (way: Numbered): boolean => way.takes === null || !step.held.has(way.takes);
    const early = new Set<number>(),
      late = new Set<string>();
    for (const [thread, own] of ways)
      for (const way of thread === step.thread ? [] : own)
        if (isOpen(way) && meets(way)) {
          if (way.zero === null) early.add(way.from);
          else late.add(way.zero);
        }
    const left = [...early];
    for (let at = left.pop(); at !== undefined; at = left.pop())
      for (const way of into.get(at) ?? [])
        if (!early.has(way.from) && isOpen(way)) {
          early.add(way.from);
          left.push(way.from);
        }
    for (const [thread, own] of ways)
      for (const way of thread === step.thread ? [] : own) if (way.zero !== null && isOpen(way) && early.has(way.to)) late.add(way.zero);
    return { early: [...early], late };
  };
}
