/** Look-ups that the interpreter asks a program for again and again, made once for each program. */

import type { Rule } from '../model.ts';
import type { Contract, Node, Program, ProgramField, ProgramType, Thread } from '../program.ts';
import { liveSlots } from './slot-liveness.ts';

type Guards = Extract<Rule, { kind: 'guards' }>;
type Order = Extract<Rule, { kind: 'order' }>;
type Exception = Extract<Rule, { kind: 'order-exception' }>;
type Innermost = Extract<Rule, { kind: 'innermost' }>;
type TakesOnly = Extract<Rule, { kind: 'takes-only' }>;
type ReadOnce = Extract<Rule, { kind: 'read-once' }>;
type AtEvery = Extract<Rule, { kind: 'at-every' }>;
type StateRule = Extract<Rule, { kind: 'invariant' | 'settled' }>;

export interface ProgramIndex {
  readonly types: ReadonlyMap<string, ProgramType>;
  /** `Irqfd.kvm` to the field. */
  readonly fields: ReadonlyMap<string, ProgramField>;
  /** `Eventfd#1.wait` to 1 + its index in `Program.waitQueues`. */
  readonly queueNumbers: ReadonlyMap<string, number>;
  /** `Irqfd#1.shutdown` to the index of its worker. */
  readonly workers: ReadonlyMap<string, number>;
  /** For each thread and node, the slots that may still be read from there on. */
  readonly live: readonly (readonly ReadonlySet<number>[])[];
  readonly guards: readonly Guards[];
  readonly orders: readonly Order[];
  readonly exceptions: readonly Exception[];
  readonly innermost: readonly Innermost[];
  readonly takesOnly: readonly TakesOnly[];
  readonly readOnce: readonly ReadOnce[];
  readonly atEvery: readonly AtEvery[];
  readonly stateRules: readonly StateRule[];
}

const indexes = new WeakMap<Program, ProgramIndex>();

export function indexOf(program: Program): ProgramIndex {
  const known = indexes.get(program);
  if (known) return known;
  // Only who walks through the program asks for it, and it takes as long as all the rest.
  let live: ProgramIndex['live'] | null = null;
  const index: ProgramIndex = {
    types: new Map(program.types.map(type => [type.name, type])),
    fields: new Map(
      program.types.flatMap(type => type.fields.map((field): [string, ProgramField] => [`${type.name}.${field.name}`, field])),
    ),
    queueNumbers: new Map(program.waitQueues.map((queue, number) => [`${queue.type}#${queue.instance}.${queue.field}`, number + 1])),
    workers: new Map(
      program.threads.flatMap(({ work }, number): [string, number][] =>
        work ? [[`${work.type}#${work.instance}.${work.field}`, number]] : [],
      ),
    ),
    get live() {
      live ??= program.threads.map(liveSlots);
      return live;
    },
    guards: program.rules.filter(rule => rule.kind === 'guards'),
    orders: program.rules.filter(rule => rule.kind === 'order'),
    exceptions: program.rules.filter(rule => rule.kind === 'order-exception'),
    innermost: program.rules.filter(rule => rule.kind === 'innermost'),
    takesOnly: program.rules.filter(rule => rule.kind === 'takes-only'),
    readOnce: program.rules.filter(rule => rule.kind === 'read-once'),
    atEvery: program.rules.filter(rule => rule.kind === 'at-every'),
    stateRules: program.rules.filter(rule => rule.kind === 'invariant' || rule.kind === 'settled'),
  };
  indexes.set(program, index);
  return index;
}

export function typeOf(program: Program, name: string): ProgramType {
  const type = indexOf(program).types.get(name);
  if (!type) throw new Error(`The program has no object type ${name}.`);
  return type;
}

export function fieldOf(program: Program, type: string, field: string): ProgramField {
  const found = indexOf(program).fields.get(`${type}.${field}`);
  if (!found) throw new Error(`The program has no field ${type}.${field}.`);
  return found;
}

export function threadAt(program: Program, number: number): Thread {
  const thread = program.threads[number];
  if (!thread) throw new Error(`The program has no thread ${number}.`);
  return thread;
}

export function nodeAt(thread: Thread, number: number): Node {
  const node = thread.nodes[number];
  if (!node) throw new Error(`${thread.name} has no node ${number}.`);
  return node;
}

/** Contract of the visible call that a node is inside of, or null. */
export function contractAt(program: Program, thread: Thread, node: Node): Contract | null {
  const call = thread.calls[node.call];
  return call ? (program.contracts[call.contract] ?? null) : null;
}

/** `spec/irqfd/irqfd.ts:120`. */
export function siteOf(program: Program, thread: number, node: number): string {
  const site = program.sites[nodeAt(threadAt(program, thread), node).site];
  return site ? `${site.at.file}:${site.at.line}` : 'nowhere';
}
