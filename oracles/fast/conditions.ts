/** The questions that generated rules ask of the fast engine: those of `condition.ts`, of places and objects that are numbers. */
import { alive, firstIn, firstLink, onQueue, owner, pending, running, sections, typeNumber } from './layout.ts';
import { deepest, linkMember, linkSet, type Memory, nextMember, nextSet } from './memory.ts';

/** `of`: what the variables of the rule stand for. A method's type, so that a generated function may say how many it takes. */
export type Test = { test(memory: Memory, thread: number, ...of: number[]): boolean }['test'];

/** Any of `read`, all of `write`, each as one function; null where nothing is asked. */
export interface FastGuard {
  readonly read: Test | null;
  readonly write: Test | null;
}
/** 0: the rule does not ask for it here, because its condition is not so, or it is not settled; 1: it is as the rule says; -1: it is not. */
export type Verdict = { verdict(memory: Memory, thread: number, ...of: number[]): number }['verdict'];
/** The conditions of a system's rules, by the rule's name; those of a guard by its class. */
export interface FastRules {
  readonly guards: Readonly<Record<string, FastGuard>>;
  /** For one choice of objects, and for all that live: how often it was asked and so; -1: somewhere it is not. */
  readonly states: Readonly<Record<string, { readonly one: Verdict; readonly all: (memory: Memory) => number }>>;
  readonly atEvery: Readonly<Record<string, Verdict>>;
  /** `objects`: for each parameter whether it is an object. */
  readonly contracts: Readonly<
    Record<
      string,
      { readonly objects: readonly boolean[]; readonly fails: Readonly<Record<string, Test | null>>; readonly ensures: Test | null }
    >
  >;
}

// An argument of a call that is no object: a whole number as it is, the word of number n as n + 0.5, null as 0.5.
export const wordGiven = (word: number): number => word + 0.5;
/** As JavaScript takes it for a boolean, or a number. */
export const isTrue = (given: number): boolean => given !== 0 && given !== 0.5;
export const numberOf = (given: number): number => (given === 0.5 ? 0 : Number.isInteger(given) ? given : Number.NaN);

export function isLive(m: Memory, object: number): boolean {
  if (m.i[object + alive] === 0) return false;
  const counters = m.counters[m.i[object + typeNumber]];
  for (let at = 0; at < counters.length; at++) if (m.i[object + counters[at]] === 0) return false;
  return true;
}
export const isQueued = (m: Memory, work: number): boolean => m.i[work + pending] !== 0 || m.i[work + running] !== 0;
export const isOnQueue = (m: Memory, entry: number): boolean => m.i[entry + onQueue] !== 0;
export const holdsToWrite = (m: Memory, thread: number, lock: number): boolean => m.i[lock + owner] === thread;
export const holds = (m: Memory, thread: number, lock: number): boolean =>
  m.i[lock + owner] === thread || (m.i[lock + sections] !== 0 && reads(m, thread, lock) > 0);
export const isHeld = (m: Memory, lock: number): boolean => m.i[lock + owner] !== 0 || m.i[lock + sections] !== 0;
export const isHeldToWrite = (m: Memory, lock: number): boolean => m.i[lock + owner] !== 0;

/** On whose behalf the thread runs. */
export const processOf = (m: Memory, thread: number): number => m.process[thread];

/** Sections of this domain, or read sides of this lock, that the thread has open. */
export function reads(m: Memory, thread: number, place: number): number {
  const from = thread * deepest;
  let open = 0;
  for (let at = from + m.depth[thread] - 1; at >= from; at--) if (m.heldPlace[at] === place) open++;
  return open;
}

export function has(m: Memory, set: number, member: number): boolean {
  let at = m.i[member + firstIn];
  while (at !== 0 && m.links[at + linkSet] !== set) at = m.links[at + nextSet];
  return at !== 0;
}
export function some(m: Memory, set: number, condition: (member: number) => boolean): boolean {
  for (let at = m.i[set + firstLink]; at !== 0; at = m.links[at + nextMember]) if (condition(m.links[at + linkMember])) return true;
  return false;
}
export function every(m: Memory, set: number, condition: (member: number) => boolean): boolean {
  for (let at = m.i[set + firstLink]; at !== 0; at = m.links[at + nextMember]) if (!condition(m.links[at + linkMember])) return false;
  return true;
}
