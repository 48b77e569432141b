/** What the parts of the stepper's generator share: the layout, names of findings, and what is known on the way through one step. */

import { typeOf } from '../interpret/program-index.ts';
import type { Program } from '../program.ts';
import { place } from './anchors.ts';
import { aliveCell, fieldCell } from './cells.ts';
import { all, type Code, either, fork } from './generated-code.ts';
import type { Layout } from './layout.ts';

export interface FindingKind {
  readonly rule: string;
  readonly fatal: boolean;
  readonly kind: 'step' | 'state';
}
/** A way through one step to its successor, or to the finding that cuts it off. */
export interface Leaf {
  readonly thread: number;
  readonly node: number;
  readonly alternative: number /** All nodes on the way. */;
  readonly nodes: readonly number[];
  /** Where the thread stands afterwards; null if it was cut off. */ readonly to: number | null;
}

export interface Emission {
  readonly program: Program;
  readonly layout: Layout;
  readonly findings: FindingKind[];
  readonly leaves: Leaf[];
  /** Texts of the errors that running the code may throw: a bound of the program is too small. */ readonly excesses: string[];
  /** Names used for temporaries so far. */ temporaries: number;
  /** Called with each state that a step may lead to, before it is judged by contracts. */ readonly onto: 'add' | 'go';
  /** Where no code is wanted but what it would do; see `local-states.ts`. */ readonly watch?: Watch;
}

/** Learns what the code of a step would do, instead of the code. */
export interface Watch {
  /** Values that an expression may have, or null if they are not known. */ readonly values: (
    of: string,
    most: number,
  ) => readonly number[] | null;
  /** The path on which it has this value. */ readonly assuming: (path: Path, of: string, value: number) => Path;
  /** What a comparison of a cell with a number may come to, or null if that is not known. */
  readonly outcomes: (condition: string) => readonly number[] | null;
  /** The step is taken, and the thread stands at `to`. `judges` as for `successor`. */
  readonly arrived: (path: Path, node: number, to: number, judges: number) => void;
  /** The step is taken, and it is fatal. */ readonly cut: (path: Path, node: number, rule: string) => void;
}

/** A finding that does not cut the path, if the condition is true in the state before the step. */
export interface Note {
  readonly when: Code;
  readonly finding: number;
  /** Of a touch of something else's sole property: the node that touches. */ readonly node?: number;
}

/** What is known on the way through one step of one thread. All reads are of the state before the step. */
export interface Path {
  readonly thread: number;
  /** Node of the anchor it starts from. */ readonly from: number;
  /** Slots given a value on the way. */ readonly slots: ReadonlyMap<number, Code>;
  /** Cells that change. */ readonly cells: ReadonlyMap<string, Code>;
  readonly notes: readonly Note[];
  readonly nodes: readonly number[];
  /** While it is only watched: cells that were taken to have one of their values. */ readonly assumed?: ReadonlyMap<string, number>;
}

export function withSlot(path: Path, slot: number, value: Code): Path {
  return slot < 0 ? path : { ...path, slots: new Map(path.slots).set(slot, value) };
}

export function withCell(path: Path, cell: string, value: Code): Path {
  return { ...path, cells: new Map(path.cells).set(cell, value) };
}

export function withNotes(path: Path, notes: readonly Note[]): Path {
  const possible = notes.filter(note => note.when !== 0);
  return possible.length === 0 ? path : { ...path, notes: [...path.notes, ...possible] };
}

/** Value of a cell in the words `w0`, `w1` ... of the state before a step, or `a0` ... of the one after it. */
export function cell(layout: Layout, name: string, words: 'w' | 'a' = 'w'): Code {
  layout.looked?.add(name);
  const at = layout.bits.get(name);
  if (at === undefined) return layout.constants.get(name) ?? 0;
  const word = `${words}${at.word}`;
  if (at.shift + at.width === 32) return `(${word} >>> ${at.shift})`;
  return at.shift === 0 ? `(${word} & ${2 ** at.width - 1})` : `(${word} >>> ${at.shift} & ${2 ** at.width - 1})`;
}

/** As `cell`, where all that is asked is whether the thread that takes the step has the lock. */
export function ownCell(layout: Layout, name: string): Code {
  layout.looked?.add(`own ${name}`);
  const { looked: _, ...silent } = layout;
  return cell(silent, name);
}

/** The condition, or whether it is true where that is known beforehand: then nothing was looked at. */
export function known(e: Emission, condition: () => Code): Code {
  const { looked } = e.layout;
  if (looked === undefined) return condition();
  const before = [...looked];
  const code = condition();
  const values = typeof code === 'number' ? [code] : (e.watch?.outcomes(code) ?? null);
  if (values?.length !== 1) return code;
  looked.clear();
  for (const name of before) looked.add(name);
  return values[0] ?? code;
}

/** Reads cells; made by whoever decides which words are looked at. */
export type Reader = (cell: string) => Code;

/** A field's value; 0 if the object is not alive. */
export function seenField(read: Reader, type: string, instance: number, field: string): Code {
  const value = read(fieldCell(type, instance, field));
  // Only a constant outlives its object: `free` sets every stored field to 0.
  return typeof value === 'number' && value !== 0 ? whileAlive(read(aliveCell(type, instance)), value) : value;
}

function whileAlive(alive: Code, value: number): Code {
  if (typeof alive === 'number') return alive === 0 ? 0 : value;
  return value === 1 ? alive : `(${alive} ? ${value} : 0)`;
}

/** Allocated, not freed, and no counter of it 0. */
export function isLive(program: Program, read: Reader, type: string, instance: number): Code {
  const counters = typeOf(program, type)
    .fields.filter(field => field.kind === 'refcount')
    .map(field => seenField(read, type, instance, field.name));
  // A stored counter above 0 shows that the object is alive.
  return counters.some(counter => typeof counter === 'string') ? all(counters) : all([read(aliveCell(type, instance)), ...counters]);
}

export function finding(e: Emission, rule: string, fatal: boolean, kind: FindingKind['kind']): number {
  const known = e.findings.findIndex(one => one.rule === rule && one.fatal === fatal && one.kind === kind);
  return known >= 0 ? known : e.findings.push({ rule, fatal, kind }) - 1;
}

function leaf(e: Emission, path: Path, node: number, alternative: number, to: number | null): number {
  return e.leaves.push({ thread: path.thread, node, alternative, nodes: path.nodes, to }) - 1;
}

function notes(path: Path, leaf: number): string {
  const when = new Map<number, Code>();
  // A rule that a step breaks twice is one finding of that step.
  for (const note of path.notes) when.set(note.finding, either(when.get(note.finding) ?? 0, note.when));
  return [...when]
    .map(([finding, when]) =>
      fork(
        when,
        () => `note(${finding}, ${leaf}); `,
        () => '',
      ),
    )
    .join('');
}

/** The step is taken and broken, and has no successor. */
export function fatal(e: Emission, path: Path, node: number, rule: string, alternative = 0): string {
  if (e.watch !== undefined) {
    e.watch.cut(path, node, rule);
    return '';
  }
  const at = leaf(e, path, node, alternative, null);
  // That something is not there at all hides whose it is.
  const isGone = rule === 'always.nullNeverFollowed' || rule === 'always.neverTouchedAfterFree';
  const told = isGone ? { ...path, notes: path.notes.filter(note => note.node !== node) } : path;
  return `${notes(told, at)}cut(${finding(e, rule, true, 'step')}, ${at}); `;
}

/** The step is taken, to where the thread stands next; `words` are those of its successor. `judges`: threads, as bits, whose contracts look at it. */
export function successor(
  e: Emission,
  path: Path,
  node: number,
  alternative: number,
  to: number,
  words: readonly string[],
  judges: number,
): string {
  const at = leaf(e, path, node, alternative, to);
  return `${notes(path, at)}${judges === 0 ? `${e.onto}(` : `judged(${judges}, `}${at}, ${words.join(', ')}); `;
}

/** Throws when run: the program has no room for what the node does. */
export function excess(e: Emission, path: Path, node: number, what: string): string {
  if (e.watch !== undefined) return '';
  const thread = e.program.threads[path.thread];
  return `exceed(${e.excesses.push(`${place(e.program.sites[thread?.nodes[node]?.site ?? -1])}: ${what}`) - 1}); `;
}

/** Goes on if the value is from 0 to `max`. `most`: what it can be at most, as far as is known. */
export function bounded(
  e: Emission,
  path: Path,
  node: number,
  value: Code,
  most: number,
  max: number,
  name: string,
  then: () => string,
): string {
  const text = `${name} would leave its bounds, 0 to ${max}`;
  if (typeof value === 'number') return value >= 0 && value <= max ? then() : excess(e, path, node, text);
  return most <= max ? then() : `if (${value} >>> 0 > ${max}) ${excess(e, path, node, text)}${then()}`;
}

/** Goes on if a field of the spec keeps within its bounds; else the step is broken. `most`: what the value can be at most, as far as is known. */
export function within(e: Emission, path: Path, node: number, value: Code, most: number, max: number, then: () => string): string {
  const broken = (): string => fatal(e, path, node, 'always.valuesInBounds');
  if (typeof value === 'number') return value >= 0 && value <= max ? then() : broken();
  return most <= max ? then() : `if (${value} >>> 0 > ${max}) { ${broken()}} else { ${then()}} `;
}
