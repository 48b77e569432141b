/**
 * Where a thread can be between two steps.
 *
 * An anchor is a step, or an ahead node that belongs to the step after it, or END. Pure nodes are never one: they are over
 * when the step before them is.
 */

import { END, type Program, type Site, type Thread, type ThreadState, type Value } from '../program.ts';
import { timing, waysOn } from './liveness.ts';

/** Where the start of a worker is number 0, so is "idle". Every other thread ends in END, which has a number too. */
export interface Anchors {
  readonly nodes: readonly number[];
  /** Number of an anchor, by its node. */ readonly number: ReadonlyMap<number, number>;
}

export function place(site: Site | undefined): string {
  return site === undefined ? 'a place unknown' : `${site.at.file}:${site.at.line}:${site.at.column} ${site.text}`;
}

export function evaluate(value: Value, slots: Readonly<Record<number, number>>): number {
  switch (value.kind) {
    case 'constant':
      return value.value;
    case 'slot':
      return slots[value.slot] ?? 0;
    case 'operator': {
      const a = evaluate(value.of[0] ?? { kind: 'constant', value: 0 }, slots);
      const b = (): number => evaluate(value.of[1] ?? { kind: 'constant', value: 0 }, slots);
      switch (value.operator) {
        case '!':
          return Number(a === 0);
        case '&&':
          return a === 0 ? 0 : b();
        case '||':
          return a === 0 ? b() : a;
        case '===':
          return Number(a === b());
        case '!==':
          return Number(a !== b());
        case '<':
          return Number(a < b());
        case '<=':
          return Number(a <= b());
        case '>':
          return Number(a > b());
        case '>=':
          return Number(a >= b());
        case '+':
          return a + b();
        case '-':
          return a - b();
      }
    }
  }
}

/** The thread with the pure nodes that it stands before behind it: before its first step they belong to none. */
export function atAnchor(
  program: Program,
  thread: Thread,
  from: Pick<ThreadState, 'node' | 'slots'>,
): { readonly node: number; readonly slots: Record<number, number> } {
  const slots = { ...from.slots };
  let at = from.node;
  for (let taken = 0; at !== END; taken++) {
    const node = thread.nodes[at];
    if (node === undefined || timing(node.action) !== 'pure') break;
    if (taken > 10_000) throw new Error(`${place(program.sites[node.site])}: the loop around this has no step in it`);
    if (node.action.kind === 'set') slots[node.action.slot] = evaluate(node.action.value, slots);
    at = node.action.kind === 'branch' && evaluate(node.action.when, slots) === 0 ? node.otherwise : node.next;
  }
  return { node: at, slots };
}

export function anchors(program: Program, index: number): Anchors {
  const thread = program.threads[index];
  if (thread === undefined) throw new Error(`there is no thread ${index}`);
  const number = new Map<number, number>();
  const left: number[] = [];
  const anchor = (at: number): void => {
    if (number.has(at)) return;
    number.set(at, number.size);
    left.push(at);
  };
  const follow = (at: number, through: 'pure' | 'ahead', seen: Set<number>, found: (at: number) => void): void => {
    if (seen.has(at)) return;
    seen.add(at);
    const node = thread.nodes[at];
    if (node === undefined) return found(END);
    const kind = timing(node.action);
    if (kind === 'step' || (kind === 'ahead' && through === 'pure')) return found(at);
    for (const way of waysOn(node)) follow(way.to, through, seen, found);
  };
  anchor(atAnchor(program, thread, program.initial.threads[index] ?? { node: thread.start, slots: {} }).node);
  for (let from = left.shift(); from !== undefined; from = left.shift()) {
    follow(from, 'ahead', new Set(), step => {
      const node = thread.nodes[step];
      if (node === undefined) return anchor(END);
      for (const way of waysOn(node)) follow(way.to, 'pure', new Set(), anchor);
    });
  }
  return { nodes: [...number.keys()], number };
}
