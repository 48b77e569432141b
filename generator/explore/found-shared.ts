/**
 * What a shared search found, told as if one had searched alone.
 *
 * Of the states of the depth at which a thing was found first, the one counts to which the least way leads: the same that a search with one
 * queue finds first.
 */
import type { State } from '../program.ts';
import type { StepperSource } from './emit-stepper.ts';
import type { SharedFindings } from './explore-shared.ts';
import { checkIndex, depthAt, type Found, waysIn, wordsAt } from './found.ts';
import { compileTracer, type LeastPath, type Places } from './least-path.ts';
import { decode } from './pack-state.ts';
import type { End, WitnessLog } from './witnesses.ts';

/** Something found, where, and how it comes in the order found. */
interface Late {
  readonly path: LeastPath;
  /** Among what was found in that state. */ readonly order: number;
  readonly tell: () => void;
}

export function foundShared(source: StepperSource, shared: SharedFindings, log: WitnessLog): Found {
  const { places } = shared,
    S = places.store.S;
  const tracer = compileTracer(source, places);
  const index = numbering(places);
  const stateAt = (position: number): State => decode(source.layout, wordsAt(source, S, position));
  const level = (depth: number): Iterable<number> => places.between(places.starts[depth] ?? 0, places.starts[depth + 1] ?? 0);
  const late: Late[] = [];

  source.findings.forEach((_, finding) => {
    const depth = shared.depths[finding] ?? -1;
    if (depth < 0) return;
    const path = tracer.pathTo(
      [...level(depth)].filter(position => tracer.finds(position, finding) !== null),
      depth,
    );
    const noted = tracer.finds(path.at, finding);
    late.push({ path, order: noted?.order ?? 0, tell: () => log.found(finding, index.of(path.at), noted?.leaf ?? -1) });
  });

  const endsAt = (position: number): readonly End[] => log.ends(tracer.atRest(position), () => stateAt(position));
  const ends = new Map<string, { readonly end: End; readonly depth: number; readonly where: number[]; count: number }>();
  for (const position of shared.quiet) {
    const depth = depthAt(places.starts, position);
    for (const end of endsAt(position)) {
      const key = `${end.kind} ${end.rule}`;
      const known = ends.get(key) ?? { end, depth, where: [], count: 0 };
      if (known.depth === depth) known.where.push(position);
      known.count++;
      ends.set(key, known);
    }
  }
  for (const { end, depth, where, count } of ends.values()) {
    if (log.has(end)) {
      log.ended(end, -1, count);
      continue;
    }
    const path = tracer.pathTo(where, depth);
    // After everything else of that state.
    const order = 2 ** 30 + endsAt(path.at).findIndex(({ kind, rule }) => kind === end.kind && rule === end.rule);
    late.push({ path, order, tell: () => log.ended(end, index.of(path.at), count) });
  }
  late.sort((one, other) => compare(one.path, other.path) || one.order - other.order);
  for (const { tell } of late) tell();
  return {
    states: shared.states,
    transitions: shared.transitions,
    depth: shared.depth,
    full: shared.full,
    bytes: shared.bytes,
    taken: shared.taken,
    tested: shared.tested,
    witnesses: log.all(shared.counts),
    wordsOf: at => {
      checkIndex(at, shared.states);
      return wordsAt(source, S, index.at(at));
    },
    ...waysIn(source, places, () => tracer, index.at),
    edges: null,
  };
}

function compare(one: LeastPath, other: LeastPath): number {
  if (one.order.length !== other.order.length) return one.order.length - other.order.length;
  const differs = one.order.findIndex((step, at) => step !== other.order[at]);
  return differs < 0 ? 0 : (one.order[differs] ?? 0) - (other.order[differs] ?? 0);
}

/** Positions have gaps, numbers have none. */
function numbering(places: Places): { readonly of: (position: number) => number; readonly at: (index: number) => number } {
  const { filled, chunk } = places.gaps ?? { filled: null, chunk: 1 };
  if (filled === null) return { of: position => position, at: index => index };
  const before: number[] = [];
  let sum = 0;
  for (const count of filled) {
    before.push(sum);
    sum += count;
  }
  return {
    of: position => (before[Math.floor(position / chunk)] ?? 0) + (position % chunk),
    at: index => {
      // The last chunk that begins at it or before; of empty ones, which begin there too, none has it.
      let at = depthAt(before, index);
      while (at > 0 && filled[at] === 0) at--;
      return at * chunk + index - (before[at] ?? 0);
    },
  };
}
