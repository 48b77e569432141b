/** The graph of one thread while it is made: nodes joined one after the other, locals, and where the way ends that is made now. */
import type { Place, System } from '../model.ts';
import { type Action, type Call, END, type Node, type Site, type Target, type Value } from '../program.ts';

/** What the threads of a program have in common while their graphs are made. */
export interface Shared {
  readonly system: System;
  readonly words: readonly string[];
  /** A readonly field of an object that exists before the first thread; undefined if not known. */
  readonly known: (type: string, instance: number, field: string) => number | undefined;
  /** Wait entries by the wait queue they are put on: `Eventfd.wait` to [`Irqfd`, `entry`]. */
  readonly entriesOn: ReadonlyMap<string, readonly (readonly [type: string, field: string])[]>;
  /** Operations that are seen as calls when a scenario makes them, by the name offered. */
  readonly visible: ReadonlyMap<string, string>;
  /** Operations whose arguments a rule asks for while they run. */ readonly kept: ReadonlySet<string>;
  /** Index of the contract of an operation, or -1. */
  readonly contractOf: (operation: string) => number;
  readonly sites: Site[];
}

export interface Typed {
  readonly value: Value;
  readonly type: string | null;
  readonly word: boolean;
  /** Of what a function of a setup returns. */
  readonly parts?: Readonly<Record<string, Typed>>;
}

export type Environment = ReadonlyMap<string, Typed>;

/** Slots before the sizes of pools are known. */
export interface OpenSlot {
  readonly name: string;
  readonly type: string | null;
  readonly mask: string | null;
  /** It holds the owner of a flag. */ readonly owner: boolean;
  word: boolean;
  max: number;
  readonly from: Value[];
}

export interface Graph {
  readonly nodes: Node[];
  readonly start: number;
  readonly slots: readonly OpenSlot[];
  readonly calls: readonly Call[];
}

/** A call that is written out, or the body of a thread. */
export interface Frame {
  readonly operation: string;
  readonly environment: Map<string, Typed>;
  readonly returns: Edge[];
  /** Where results go if there is more than one return. */ readonly result: number | null;
  /** The only result, if there is one return. */ only: Typed | null;
  /** `head` is null in a loop that is unrolled: who continues goes on after the round. */
  readonly loops: { readonly head: number | null; readonly breaks: Edge[]; readonly rounds: Edge[]; readonly guards: number }[];
  /** Locks that `using` releases, innermost last. */ readonly guards: {
    readonly target: Target;
    readonly at: Place;
    readonly text: string;
  }[];
  /** Calls of the interface made here are seen from outside. */ readonly outside: boolean;
}

/** A way on that leads nowhere yet. */
export type Edge = readonly [node: number, side: 'next' | 'otherwise'];
type OpenNode = { -readonly [Key in keyof Node]: Node[Key] };

/** The graph of one thread while it is made. */
export interface Building {
  readonly shared: Shared;
  /** Instance on whose behalf the thread runs. */ readonly process: number;
  readonly nodes: OpenNode[];
  readonly slots: OpenSlot[];
  readonly calls: Call[];
  /** Functions that are written out now, outermost first. */ readonly stack: string[];
  /** By counter, the slot of those objects whose release is put off to the end of the present outermost call. */
  readonly later: Map<string, number>;
  /** By field of a `read-once` rule, the slot of what the present call has read. */ readonly once: Map<string, number>;
  /** Flags read since the set was emptied. */ readonly flagsRead: Set<string>;
  /** Ways on that the next node takes. */ pending: Edge[];
  label: string | null;
  /** Index of the call that is seen from outside, or -1. */ call: number;
}

export function newBuilding(shared: Shared, process: number): Building {
  return {
    shared,
    process,
    nodes: [],
    slots: [],
    calls: [],
    stack: [],
    later: new Map(),
    once: new Map(),
    flagsRead: new Set(),
    pending: [],
    label: null,
    call: -1,
  };
}

export const zero: Typed = { value: { kind: 'constant', value: 0 }, type: null, word: false };

export function isDead(here: Building): boolean {
  return here.nodes.length > 0 && here.pending.length === 0;
}

export function constant(here: Building, value: number | boolean | string | null): Typed {
  if (typeof value === 'string')
    return { value: { kind: 'constant', value: 1 + here.shared.words.indexOf(value) }, type: null, word: true };
  return { value: { kind: 'constant', value: Number(value ?? 0) }, type: null, word: false };
}

export function constantOf(here: Building, word: string): number {
  return 1 + here.shared.words.indexOf(word);
}

export function slot(
  here: Building,
  name: string,
  type: string | null,
  options: { mask?: string; word?: boolean; max?: number; owner?: boolean } = {},
): number {
  return (
    here.slots.push({
      name,
      type,
      mask: options.mask ?? null,
      word: options.word ?? false,
      owner: options.owner ?? false,
      max: options.max ?? 0,
      from: [],
    }) - 1
  );
}

export function inSlot(here: Building, index: number): Typed {
  return {
    value: { kind: 'slot', slot: index },
    type: here.slots[index]?.type ?? null,
    word: here.slots[index]?.word ?? false,
  };
}

export function emit(here: Building, action: Action, at: Place, text: string): number {
  const site = here.shared.sites.push({ at, text, in: [...here.stack].reverse(), label: here.label }) - 1;
  const index = here.nodes.push({ action, next: END, otherwise: END, site, call: here.call }) - 1;
  joinTo(here, index);
  here.pending = [[index, 'next']];
  return index;
}

export function joinTo(here: Building, index: number): void {
  for (const [from, side] of here.pending) {
    const node = here.nodes[from];
    if (node !== undefined) node[side] = index;
  }
  here.pending = [];
}

export function setSlot(here: Building, index: number, typed: Typed, at: Place): void {
  const into = here.slots[index];
  if (into !== undefined) {
    into.from.push(typed.value);
    if (typed.word) into.word = true;
  }
  emit(here, { kind: 'set', slot: index, value: typed.value }, at, '');
}

export function branch(here: Building, when: Typed, at: Place): Edge[] {
  const index = emit(here, { kind: 'branch', when: when.value }, at, '');
  return [[index, 'otherwise']];
}
