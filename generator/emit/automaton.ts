/**
 * What can be seen from outside of an explored scenario: the automaton over calls and returns that accepts exactly the
 * histories which some run of the model has, hidden steps wherever they like. Deterministic and as small as possible.
 */

import { momentLabel } from '../../conformance/moment.ts';
import type { Result } from '../../conformance/vector.ts';
import type { Exploration } from '../explore/explore.ts';
import type { Layout } from '../explore/layout.ts';
import { slotsIn } from '../explore/liveness.ts';
import { slotIn } from '../explore/pack-state.ts';
import { evaluate } from '../interpret/evaluate.ts';
import type { Program, Value } from '../program.ts';
import type { ChoicePlaces } from './scripts.ts';

/** For each state, the state that each event leads to. State 0 is the first. */
export type Automaton = { [event: string]: number }[];

/** Transitions of an exploration by the state they leave, with what is seen of each. */
export interface VisibleGraph {
  readonly first: ArrayLike<number>;
  readonly order: ArrayLike<number>;
  readonly to: ArrayLike<number>;
  /** Index into `labels`, or 0 if nothing is seen. */ readonly label: ArrayLike<number>;
  readonly labels: readonly string[];
  /** Caller's choice: 1 + caller, or 0. */ readonly chooser: ArrayLike<number>;
  readonly place: ArrayLike<number>;
  readonly alternative: ArrayLike<number>;
}

export function visibleGraph(program: Program, exploration: Exploration, places: readonly ChoicePlaces[]): VisibleGraph {
  const edges = exploration.edges;
  if (edges === undefined) throw new Error('explored without edges');
  const count = edges.from.length;
  const labels: string[] = [''];
  const known = new Map<string, number>();
  const label = new Int32Array(count);
  const chooser = new Int32Array(count);
  const place = new Int32Array(count);
  for (let edge = 0; edge < count; edge += 1) {
    const thread = edges.thread[edge] ?? 0;
    const node = edges.node[edge] ?? 0;
    const owner = program.threads[thread];
    const action = owner?.nodes[node]?.action;
    if (owner === undefined || owner.context === 'worker' || action === undefined) continue;
    if (action.kind === 'choose' && action.byCaller) {
      chooser[edge] = 1 + thread;
      place[edge] = places[thread]?.get(node) ?? 0;
      continue;
    }
    if (action.kind !== 'call' && action.kind !== 'return') continue;
    const text =
      action.kind === 'call'
        ? momentLabel({ caller: thread, at: 'call' })
        : momentLabel({
            caller: thread,
            at: 'return',
            result: resultOf(program, thread, action.call, valueAt(action.result, exploration, edges.from[edge] ?? 0, thread)),
          });
    const index = known.get(text) ?? labels.push(text) - 1;
    known.set(text, index);
    label[edge] = index;
  }
  return { ...byState(edges.from, exploration.states), to: edges.to, label, labels, chooser, place, alternative: edges.alternative };
}

/** Edges sorted by the state they leave, in their own order. */
function byState(from: Int32Array, states: number): { first: Int32Array; order: Int32Array } {
  const first = new Int32Array(states + 1);
  for (const state of from) first[state + 1] = (first[state + 1] ?? 0) + 1;
  for (let state = 0; state < states; state += 1) first[state + 1] = (first[state + 1] ?? 0) + (first[state] ?? 0);
  const next = first.slice();
  const order = new Int32Array(from.length);
  from.forEach((state, edge) => {
    const at = next[state] ?? 0;
    order[at] = edge;
    next[state] = at + 1;
  });
  return { first, order };
}

function valueAt(value: Value, { layout, packed }: Exploration, state: number, thread: number): number {
  return value.kind === 'constant' ? value.value : evaluate(value, slotsOf(value, layout, packed(state), thread));
}

/** The slots that the value is made of. */
export function slotsOf(value: Value, layout: Layout, packed: Int32Array, thread: number): Record<number, number> {
  return Object.fromEntries(slotsIn(value).map(slot => [slot, slotIn(layout, packed, thread, slot)]));
}

/** A result as a caller gets it. */
export function resultOf(program: Program, thread: number, call: number, value: number): Result {
  const result = program.threads[thread]?.calls[call]?.result;
  if (result === undefined || result.returns === 'nothing') return null;
  if (result.returns === 'boolean') return value !== 0;
  if (result.type !== null) return null;
  if (!result.word || value === 0) return value;
  const word = program.words[value - 1] ?? '';
  return /^\d+$/.test(word) ? Number(word) : word;
}

/** The automaton of one combination of choices. */
export function automatonOf(graph: VisibleGraph, choices: readonly (readonly number[])[]): Automaton {
  const { first, order, to, label, labels, chooser, place, alternative } = graph;
  const allowed = (edge: number) => {
    const who = chooser[edge] ?? 0;
    return who === 0 || choices[who - 1]?.[place[edge] ?? 0] === alternative[edge];
  };
  const close = (states: Iterable<number>): number[] => {
    const seen = new Set(states);
    const stack = [...seen];
    while (stack.length > 0) {
      const state = stack.pop() ?? 0;
      for (let at = first[state] ?? 0; at < (first[state + 1] ?? 0); at += 1) {
        const edge = order[at] ?? 0;
        const next = to[edge] ?? 0;
        if (label[edge] === 0 && next >= 0 && !seen.has(next) && allowed(edge)) {
          seen.add(next);
          stack.push(next);
        }
      }
    }
    return [...seen].sort((one, other) => one - other);
  };
  const sets: number[][] = [close([0])];
  const known = new Map<string, number>([[sets[0]?.join() ?? '', 0]]);
  const moves: Map<number, number>[] = [];
  for (let index = 0; index < sets.length; index += 1) {
    const targets = new Map<number, Set<number>>();
    for (const state of sets[index] ?? []) {
      for (let at = first[state] ?? 0; at < (first[state + 1] ?? 0); at += 1) {
        const edge = order[at] ?? 0;
        const seen = label[edge] ?? 0;
        if (seen === 0) continue;
        const into = targets.get(seen) ?? new Set();
        into.add(to[edge] ?? 0);
        targets.set(seen, into);
      }
    }
    const move = new Map<number, number>();
    for (const [seen, into] of targets) {
      const closed = close(into);
      const key = closed.join();
      const target = known.get(key) ?? sets.push(closed) - 1;
      known.set(key, target);
      move.set(seen, target);
    }
    moves.push(move);
  }
  return numbered(minimal(moves, labels));
}

/** Joins states from which the same histories are possible (Moore's refinement). */
function minimal(moves: readonly ReadonlyMap<number, number>[], labels: readonly string[]): Automaton {
  let block = moves.map(() => 0);
  for (let blocks = 1; ; ) {
    const signatures = new Map<string, number>();
    const next = moves.map((move, state) => {
      const key = `${block[state]}|${[...move]
        .map(([seen, target]) => `${seen}:${block[target]}`)
        .sort()
        .join(' ')}`;
      const index = signatures.get(key) ?? signatures.size;
      signatures.set(key, index);
      return index;
    });
    block = next;
    if (signatures.size === blocks) break;
    blocks = signatures.size;
  }
  const result: Automaton = [];
  moves.forEach((move, state) => {
    const own = block[state] ?? 0;
    result[own] ??= Object.fromEntries([...move].map(([seen, target]) => [labels[seen] ?? '', block[target] ?? 0]));
  });
  const start = block[0] ?? 0;
  return start === 0 ? result : swapped(result, start);
}

function swapped(automaton: Automaton, start: number): Automaton {
  const rename = (state: number) => (state === start ? 0 : state === 0 ? start : state);
  const result: Automaton = [];
  automaton.forEach((move, state) => {
    result[rename(state)] = Object.fromEntries(Object.entries(move).map(([seen, target]) => [seen, rename(target)]));
  });
  return result;
}

/** States in the order in which they are met, events in the order of their names. */
function numbered(automaton: Automaton): Automaton {
  const number = new Map([[0, 0]]);
  const queue = [0];
  for (const state of queue) {
    for (const [, target] of Object.entries(automaton[state] ?? {}).sort(byName)) {
      if (number.has(target)) continue;
      number.set(target, number.size);
      queue.push(target);
    }
  }
  return queue.map(state =>
    Object.fromEntries(
      Object.entries(automaton[state] ?? {})
        .sort(byName)
        .map(([seen, target]) => [seen, number.get(target) ?? 0]),
    ),
  );
}

function byName([one]: [string, number], [other]: [string, number]): number {
  return one < other ? -1 : one > other ? 1 : 0;
}
