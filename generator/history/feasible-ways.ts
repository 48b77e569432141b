/**
 * Which ways on a thread can ever take, whatever others do: a branch that asks for a constant, or for a constant field of an object that the thread
 * has just made, goes one way only. An operation that fails before it has a resampler does not end one.
 */
import { waysOn } from '../explore/liveness.ts';
import { evaluate } from '../interpret/evaluate.ts';
import type { Action, Thread, Value } from '../program.ts';

/** What is known of a local. An object that was made at a node is none of those that were there before. */
type Known = { readonly kind: 'constant'; readonly value: number } | { readonly kind: 'made'; readonly at: number };
type Locals = ReadonlyMap<number, Known>;

/** By node: the nodes that may follow. */
export function feasibleWays(thread: Thread): readonly (readonly number[])[] {
  const before: (Locals | undefined)[] = [];
  const ways: number[][] = thread.nodes.map(() => []);
  const left: number[] = [];
  const meet = (at: number, locals: Locals): void => {
    const known = before[at];
    if (known === undefined) {
      before[at] = locals;
      left.push(at);
      return;
    }
    const both = new Map([...known].filter(([slot, value]) => isSame(value, locals.get(slot))));
    if (both.size === known.size) return;
    before[at] = both;
    left.push(at);
  };
  /** Constant fields of what is made at a node, from what is known there. */
  const fieldOf = (at: number, field: string): Known | undefined => {
    const action = thread.nodes[at]?.action;
    if (action?.kind !== 'alloc') return undefined;
    const value = action.fields[field];
    return value === undefined ? { kind: 'constant', value: 0 } : valueOf(value, before[at] ?? new Map());
  };
  const after = (action: Action, at: number, locals: Locals): Locals => {
    switch (action.kind) {
      case 'set':
        return given(locals, action.slot, valueOf(action.value, locals));
      case 'alloc': {
        // Of one that was made here before, this is another.
        const others = new Map([...locals].filter(([, value]) => value.kind !== 'made' || value.at !== at));
        return given(others, action.slot, { kind: 'made', at });
      }
      case 'read-constant': {
        const of = valueOf(action.target.object, locals);
        return given(locals, action.slot, of?.kind === 'made' ? fieldOf(of.at, action.target.field) : undefined);
      }
      default:
        return changedBy(action).reduce((all, slot) => given(all, slot, undefined), locals);
    }
  };
  const go = (at: number): void => {
    const node = thread.nodes[at];
    if (node === undefined) return;
    const { action } = node;
    const locals = before[at] ?? new Map();
    const when = action.kind === 'branch' ? valueOf(action.when, locals) : undefined;
    const all =
      action.kind === 'branch' && when !== undefined ? [isZero(when) ? node.otherwise : node.next] : waysOn(node).map(({ to }) => to);
    ways[at] = [...new Set([...(ways[at] ?? []), ...all])];
    const then = after(action, at, locals);
    for (const to of all) meet(to, then);
  };
  meet(thread.start, new Map());
  // What is known where an object is made is looked at where its fields are, so all is gone through again until nothing changes.
  while (left.length > 0) {
    for (let at = left.pop(); at !== undefined; at = left.pop()) go(at);
    before.forEach((_, at) => go(at));
  }
  return ways;
}

const isSame = (one: Known, other: Known | undefined): boolean => JSON.stringify(one) === JSON.stringify(other);
const isZero = (known: Known): boolean => known.kind === 'constant' && known.value === 0;

function given(locals: Locals, slot: number, value: Known | undefined): Locals {
  if (slot < 0 || (value === undefined && !locals.has(slot))) return locals;
  const more = new Map(locals);
  if (value === undefined) more.delete(slot);
  else more.set(slot, value);
  return more;
}

function valueOf(value: Value, locals: Locals): Known | undefined {
  if (value.kind === 'constant') return value;
  if (value.kind === 'slot') return locals.get(value.slot);
  const of = value.of.map(one => valueOf(one, locals));
  if ((value.operator === '&&' || value.operator === '||') && of[0] !== undefined)
    return (value.operator === '&&') === isZero(of[0]) ? of[0] : of[1];
  // An object is not null.
  if ((value.operator === '===' || value.operator === '!==') && of.some(one => one?.kind === 'made'))
    return of.some(one => one !== undefined && isZero(one)) ? { kind: 'constant', value: Number(value.operator === '!==') } : undefined;
  if (value.operator === '!' && of[0]?.kind === 'made') return { kind: 'constant', value: 0 };
  const constants = of.flatMap(one => (one?.kind === 'constant' ? [one] : []));
  if (constants.length < of.length) return undefined;
  return { kind: 'constant', value: evaluate({ ...value, of: constants }, {}) };
}

/** Locals that an action gives a value that is not known. */
function changedBy(action: Action): readonly number[] {
  return Object.entries(action).flatMap(([name, value]) =>
    typeof value === 'number' && ['slot', 'visited', 'later', 'once'].includes(name) ? [value] : [],
  );
}
