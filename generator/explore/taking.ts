/** What code for all actions shares: the step it is made for, and the objects that the step touches. */
import { fieldOf } from '../interpret/program-index.ts';
import type { Node, Target } from '../program.ts';
import { aliveCell, fieldCell, soleCell } from './cells.ts';
import { cell, type Emission, fatal, finding, type Path, withNotes, withSlot } from './emission.ts';
import { notesOn } from './emit-checks.ts';
import { denoted } from './emit-value.ts';
import { both, type Code, equal, fork, not } from './generated-code.ts';

/** Goes on to a node after the step, as this alternative of it. */
export type GoOn = (next: number, path: Path, alternative: number) => string;

/** One step that code is made for: where it is, and what every action needs. */
export interface Taking {
  readonly e: Emission;
  readonly path: Path;
  readonly number: number;
  readonly node: Node;
  readonly go: GoOn;
  /** The thread that takes it. */ readonly self: number;
  /** Goes on to the next node, as the only alternative. */ readonly next: (at: Path) => string;
  readonly one: (at: Path, slot: number, value: 0 | 1) => string;
  readonly read: (name: string) => Code;
  readonly judged: (at: Path, instance: number) => Path;
  /** The step acts on a field of one object and touches nothing else. */
  readonly on: (target: Target, then: (name: string, value: Code, path: Path, instance: number) => string) => string;
  readonly most: (target: Target) => number;
  readonly broken: (at: Path, rule: string) => string;
}

export function takingOf(e: Emission, path: Path, number: number, node: Node, go: GoOn): Taking {
  const read = (name: string): Code => cell(e.layout, name);
  const judged = (at: Path, instance: number): Path => withNotes(at, notesOn(e, at, number, node, instance));
  const next = (at: Path): string => go(node.next, at, 0);
  return {
    e,
    path,
    number,
    node,
    go,
    self: path.thread,
    next,
    one: (at, slot, value) => next(withSlot(at, slot, value)),
    read,
    judged,
    on: (target, then) =>
      touched(e, path, number, target, (instance, at) => {
        const name = fieldCell(target.type, instance, target.field);
        return then(name, read(name), judged(at, instance), instance);
      }),
    most: target => fieldOf(e.program, target.type, target.field).max,
    broken: (at, rule) => fatal(e, at, number, `always.${rule}`),
  };
}

/** Touches the object that the target names and goes on with its instance. */
export function touched(
  e: Emission,
  path: Path,
  number: number,
  target: Pick<Target, 'object' | 'type'>,
  then: (instance: number, path: Path) => string,
): string {
  return denoted(
    e,
    path,
    target.object,
    target.type,
    () => fatal(e, path, number, 'always.nullNeverFollowed'),
    (instance, at) =>
      stillAlive(e, at, number, target.type, instance, 0, () => then(instance, nobodyElses(e, at, number, target.type, instance))),
  );
}

/** Notes if the object is another thread's alone. */
export function nobodyElses(e: Emission, path: Path, number: number, type: string, instance: number): Path {
  const name = soleCell(type, instance);
  if (!e.layout.bits.has(name)) return path;
  const sole = cell(e.layout, name);
  return withNotes(path, [
    { when: both(sole, not(equal(sole, path.thread + 1))), finding: finding(e, 'always.soleWhereAsserted', false, 'step'), node: number },
  ]);
}

export function stillAlive(
  e: Emission,
  path: Path,
  number: number,
  type: string,
  instance: number,
  alternative: number,
  then: () => string,
): string {
  return fork(cell(e.layout, aliveCell(type, instance)), then, () => fatal(e, path, number, 'always.neverTouchedAfterFree', alternative));
}

export function atMost(value: Code, most: Code): Code {
  if (most === 0 || value === 0) return 0;
  return `(${value} < ${most} ? ${value} : ${most})`;
}
