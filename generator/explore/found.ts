/** What a search left behind, whichever it was; and how what it knows only by number is looked up. */
import type { Step } from '../program.ts';
import type { Edges } from './edges.ts';
import type { StepperSource } from './emit-stepper.ts';
import type { Witness } from './explore.ts';
import type { LeastPath, Places, Tracer } from './least-path.ts';

export interface Found {
  readonly states: number;
  readonly transitions: number;
  readonly depth: number;
  readonly full: boolean;
  readonly bytes: number;
  readonly taken: Uint8Array;
  readonly tested: Uint8Array;
  readonly witnesses: readonly Witness[];
  readonly wordsOf: (index: number) => Int32Array;
  readonly path: (index: number) => Step[];
  /** The states that were stored on a way to the state, the first and it itself among them. */
  readonly through: (index: number) => readonly Int32Array[];
  readonly edges: Edges | null;
}

export function checkIndex(index: number, states: number): void {
  if (!Number.isInteger(index) || index < 0 || index >= states) throw new RangeError(`there is no state ${index} among ${states}`);
}

/** `index` counts states from 0; it is a position too where nothing is empty. */
export function wordsAt({ layout }: StepperSource, words: Int32Array, position: number): Int32Array {
  return words.subarray(position * layout.words, (position + 1) * layout.words);
}

/** Depth of a state, by its position: starts are in order. */
export function depthAt(starts: readonly number[], position: number): number {
  let low = 0,
    high = starts.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if ((starts[middle] ?? 0) <= position) low = middle;
    else high = middle - 1;
  }
  return low;
}

export interface Ways {
  readonly path: Found['path'];
  readonly through: Found['through'];
}

/** Ways to states without parents, each found once. */
export function waysIn(source: StepperSource, places: Places, tracer: () => Tracer, positionOf: (index: number) => number): Ways {
  const known = new Map<number, LeastPath>();
  const pathTo = (index: number): LeastPath => {
    checkIndex(index, places.states);
    const position = positionOf(index);
    const path = known.get(index) ?? tracer().pathTo([position], depthAt(places.starts, position));
    known.set(index, path);
    return path;
  };
  return {
    path: index => [...pathTo(index).steps],
    through: index => pathTo(index).through.map(position => wordsAt(source, places.store.S, position)),
  };
}
