/**
 * The ways on from where a thread stands. Each is one step: what must be true for it to be taken, what rules judge, what changes at once.
 * Everything is said of the state before the step, so the changes of one step are made side by side.
 */
import { fieldOf } from '../interpret/program-index.ts';
import { END, type Node, type Program, type Target, type Value } from '../program.ts';
import { stepWays } from './action.ts';
import type { Cells } from './cells.ts';
import { any, type Code, compare, not } from './code.ts';
import type { Must } from './judge.ts';
import type { Locals } from './locals.ts';
import { isPure } from './places.ts';
import { holds, valueCode } from './predicate.ts';

export interface Stand {
  readonly cells: Cells;
  readonly thread: number;
  readonly locals: Locals;
  readonly from: number;
}

/** On to a node after the step. */
export type Then = (path: Path, next: number) => readonly Way[];

/** What is known on the way through one step. */
export interface Path {
  readonly conditions: readonly Code[];
  readonly musts: readonly Must[];
  /** What must hold of the objects touched so far, if none of those that are still to be touched is null or freed. */
  readonly touches: readonly Must[];
  /** Slots that were given a value on the way. */ readonly slots: ReadonlyMap<number, Code>;
  /** Variables and elements of arrays, and what they become. */ readonly changes: ReadonlyMap<string, Code>;
  readonly nodes: readonly number[];
}

/** To the node `to`; or cut, with the rules that are broken for certain in `musts`, or null: the object is null or freed. */
export interface Way extends Path {
  readonly to: number | null;
  /** Object that is touched although it is null or freed. */ readonly touched: Code | null;
}

/** A node that is met more often on the way through one step is in a loop that has none. */
const often = 256;

export function waysFrom(stand: Stand): readonly Way[] {
  return ahead(stand, { conditions: [], musts: [], touches: [], slots: new Map(), changes: new Map(), nodes: [] }, stand.from);
}

export function nodeAt({ program }: Cells, thread: number, at: number): Node | undefined {
  return program.threads[thread]?.nodes[at];
}

function ahead(stand: Stand, before: Path, at: number): readonly Way[] {
  const { cells, thread } = stand;
  const node = nodeAt(cells, thread, at);
  // Only nodes that touch ahead were left. Going on to the end is a step of its own.
  if (node === undefined) return [arrive(before, END)];
  const path = through(cells.program, before, at, node);
  const { action } = node;
  switch (action.kind) {
    case 'read-constant':
      return touch(stand, path, action.target.type, valueOf(stand, path, action.target.object), (path, of) =>
        ahead(stand, withSlot(allTouched(path), action.slot, cells.field(action.target.type, of, action.target.field)), node.next),
      );
    case 'assert-held':
      return touch(stand, path, action.target.type, valueOf(stand, path, action.target.object), (path, of) =>
        ahead(
          stand,
          withMusts(allTouched(path), [
            { rule: 'always.heldWhereAsserted', condition: holds(cells, thread, action.target.type, of, action.target.field) },
          ]),
          node.next,
        ),
      );
    case 'set':
    case 'branch':
    case 'jump':
      return pure(stand, path, node, (path, next) => ahead(stand, path, next));
    default:
      return stepWays(stand, path, node, (path, next) => after(stand, path, next));
  }
}

function after(stand: Stand, path: Path, at: number): readonly Way[] {
  const node = nodeAt(stand.cells, stand.thread, at);
  if (node === undefined) return [arrive(path, END)];
  if (!isPure(node)) return [arrive(path, at)];
  return pure(stand, through(stand.cells.program, path, at, node), node, (path, next) => after(stand, path, next));
}

function arrive(path: Path, to: number): Way {
  return { ...path, to, touched: null };
}

function through(program: Program, path: Path, at: number, node: Node): Path {
  const { file, line } = program.sites[node.site]?.at ?? { file: '', line: 0 };
  if (path.nodes.filter(one => one === at).length >= often) throw new Error(`${file}:${line}: the loop around this has no step in it`);
  return { ...path, nodes: [...path.nodes, at] };
}

function pure(stand: Stand, path: Path, node: Node, then: (path: Path, next: number) => readonly Way[]): readonly Way[] {
  const { action } = node;
  if (action.kind === 'set') return then(withSlot(path, action.slot, valueOf(stand, path, action.value)), node.next);
  if (action.kind !== 'branch') return then(path, node.next);
  return fork(
    path,
    valueOf(stand, path, action.when),
    path => then(path, node.next),
    path => then(path, node.otherwise),
  );
}

/** Taken only if the condition holds; not at all where it is known not to. */
export function where(path: Path, condition: Code, then: (path: Path) => readonly Way[]): readonly Way[] {
  if (condition === 0 || path.conditions.includes(not(condition))) return [];
  const known = typeof condition === 'number' || path.conditions.includes(condition);
  return then(known ? path : { ...path, conditions: [...path.conditions, condition] });
}

export function fork(
  path: Path,
  condition: Code,
  then: (path: Path) => readonly Way[],
  otherwise: (path: Path) => readonly Way[],
): readonly Way[] {
  return [...where(path, condition, then), ...where(path, not(condition), otherwise)];
}

/** A rule is broken if the condition holds, and there is no way on. */
export function fatal(path: Path, rule: string, condition: Code, otherwise: (path: Path) => readonly Way[]): readonly Way[] {
  return fork(path, condition, path => [{ ...withMusts(path, [{ rule, condition: 0 }]), to: null, touched: null }], otherwise);
}

/** An object is null or freed, and there is no way on; or it is there. */
export function touch(stand: Stand, path: Path, type: string, of: Code, then: (path: Path, of: Code) => readonly Way[]): readonly Way[] {
  return fork(
    path,
    stand.cells.alive(type, of),
    path => {
      const sole = stand.cells.sole(type, of);
      const must = {
        rule: 'always.soleWhereAsserted',
        condition: any([compare('==', sole, 0), compare('==', sole, stand.cells.owner(stand.thread))]),
      };
      return then({ ...path, touches: [...path.touches, must] }, of);
    },
    path => [{ ...path, to: null, touched: of }],
  );
}

export function touchTarget(stand: Stand, path: Path, target: Target, then: (path: Path, of: Code) => readonly Way[]): readonly Way[] {
  return touch(stand, path, target.type, valueOf(stand, path, target.object), then);
}

export function valueOf({ cells, thread, locals, from }: Stand, path: Path, value: Value): Code {
  const before = locals.live[from] ?? new Set<number>();
  const isWord = (slot: number) => cells.program.threads[thread]?.slots[slot]?.word === true;
  return valueCode(cells, value, slot => path.slots.get(slot) ?? (before.has(slot) ? (locals.of.get(slot)?.name ?? 0) : 0), isWord);
}

/** A slot below 0 is none: nobody reads the result. */
export function withSlot(path: Path, slot: number, value: Code): Path {
  return slot < 0 ? path : { ...path, slots: new Map(path.slots).set(slot, value) };
}

/** All that the step touches is there: now that is judged. */
export function allTouched(path: Path): Path {
  return { ...withMusts(path, path.touches), touches: [] };
}

export function withMusts(path: Path, musts: readonly Must[]): Path {
  return { ...path, musts: [...path.musts, ...musts.filter(({ condition }) => condition !== 1)] };
}

/** Where it is a place to be changed: a constant of the program has none. */
export function withChange(path: Path, variable: Code, value: Code): Path {
  return typeof variable === 'number' || variable === value ? path : { ...path, changes: new Map(path.changes).set(variable, value) };
}

export function memberType({ program }: Cells, { type, field }: Target): string {
  return fieldOf(program, type, field).to ?? type;
}
