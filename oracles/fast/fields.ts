/** Plain fields and descriptors, in the fast engine: what `judge-fields.ts` does where nothing is wrong. */
import { tags } from '../binary-format.ts';
import type { Raising } from './counters.ts';
import type { Core, Handler } from './engine.ts';
import type { FlagHandlers } from './flags.ts';
import { numberValue } from './layout.ts';
import type { LeftChanges } from './left.ts';
import type { Call } from './threads.ts';
import { fits, isPlain, storeValue } from './values.ts';

export interface FieldHandlers {
  readonly read: Handler;
  readonly write: Handler;
  readonly fget: Handler;
  readonly 'close-fd': Handler;
}

export function createFieldHandlers(core: Core, flags: FlagHandlers, raising: Raising, left: LeftChanges): FieldHandlers {
  const { tables, memory, threads, exercised } = core;
  const { classes } = tables;
  const counter = (name: keyof Core['always']): number => core.counter(core.always[name]);
  const touched = counter('neverTouchedAfterFree');
  const followed = counter('nullNeverFollowed');
  const bounded = counter('valuesInBounds');
  const plain = tables.where(isPlain);
  const pointers = tables.where(({ kind }) => kind === 'pointer');
  const numbers = tables.where(({ kind }) => kind === 'number');
  const booleans = tables.where(({ kind }) => kind === 'boolean');
  const constants = tables.where(({ constant }) => constant);
  const counters = tables.where(({ kind }) => kind === 'refcount');
  const flagClasses = tables.where(({ kind }) => kind === 'flag');
  /** Type that a pointer leads to; -1: none, which no object has. */
  const targets = Int32Array.from(classes, ({ to }) => to);
  const readGuards = classes.map(({ read, guard }) => (guard === null ? null : read));
  const writeGuards = classes.map(({ write, guard }) => (guard === null ? null : write));
  /** Counter of the rule that guards the class; -1: none does. */
  const guards = Int32Array.from(classes, ({ guard }) => (guard === null ? -1 : core.counter(guard)));
  const readOnce = classes.map(({ number, constant }) => (constant ? [] : (tables.readOnce.get(number) ?? []).map(core.counter)));
  const isReadOnce = Uint8Array.from(readOnce, of => (of.length > 0 ? 1 : 0));
  const readRules = tables.atEvery('read');
  const writeRules = tables.atEvery('write');
  const fgetRules = tables.atEvery('fget');
  const closeRules = tables.atEvery('close-fd');

  function isFit(of: number, tag: number, other: number, about: number): boolean {
    if (pointers[of] !== 0) return tag === tags.object ? about === targets[of] : tag === tags.null;
    if (booleans[of] !== 0) return tag === tags.boolean;
    return fits(classes[of], tag, other, about);
  }

  function read(
    thread: number,
    seq: number,
    object: number,
    place: number,
    of: number,
    tag: number,
    other: number,
    about: number,
  ): boolean {
    if (plain[of] === 0) return readOther(thread, object, place, of, tag, other);
    if (!isFit(of, tag, other, about)) return false;
    let outermost: Call | undefined;
    if (constants[of] === 0) {
      const guard = readGuards[of];
      if (guard !== null && !guard(memory, thread, object)) return false;
      if (isReadOnce[of] !== 0) {
        outermost = threads.calls[thread][0];
        if (outermost?.reads.has(place)) return false;
      }
      if (readRules !== null && !core.allowed(readRules[of], thread, object)) return false;
      if (guards[of] >= 0) exercised[guards[of]]++;
      if (outermost !== undefined) {
        for (const one of readOnce[of]) exercised[one]++;
        outermost.reads.set(place, seq);
      }
    }
    exercised[touched]++;
    if (pointers[of] !== 0) exercised[followed]++;
    if ((numbers[of] !== 0 ? memory.d[place + numberValue] : memory.i[place]) === other) return true;
    // What was read is what is there, whoever wrote it unseen.
    storeValue(core, classes[of], place, other);
    core.changed(of, object);
    return true;
  }
  /** Of a counter, or a flag used as a lock. */
  function readOther(thread: number, object: number, place: number, of: number, tag: number, other: number): boolean {
    if (counters[of] !== 0) return tag === tags.number && (readRules === null || core.allowed(readRules[of], thread, object));
    if (flagClasses[of] === 0 || !flags.isWord(tag, other)) return false;
    const guard = readGuards[of];
    if (guard !== null && !guard(memory, thread, object)) return false;
    if (threads.calls[thread].length > 0 && isReadOnce[of] !== 0) return false;
    if (readRules !== null && !core.allowed(readRules[of], thread, object)) return false;
    if (guards[of] >= 0) exercised[guards[of]]++;
    exercised[touched]++;
    flags.read(thread, of, place);
    return true;
  }

  function write(
    thread: number,
    seq: number,
    object: number,
    place: number,
    of: number,
    tag: number,
    other: number,
    about: number,
  ): boolean {
    const isFlag = flagClasses[of] !== 0;
    if (isFlag ? !flags.isWord(tag, other) : plain[of] === 0 || !isFit(of, tag, other, about)) return false;
    const guard = writeGuards[of];
    if (guard !== null && !guard(memory, thread, object)) return false;
    if (isFlag && !flags.canWrite(thread, place, of, other)) return false;
    if (writeRules !== null && !core.allowed(writeRules[of], thread, object)) return false;
    if (guards[of] >= 0) exercised[guards[of]]++;
    exercised[touched]++;
    if (isFlag) {
      flags.write(thread, seq, object, place, of, other);
      return true;
    }
    if (left.any) left.field(thread, of, object, place, other);
    if (numbers[of] !== 0) {
      exercised[bounded]++;
      memory.d[place + numberValue] = other;
    } else if (pointers[of] !== 0) storeValue(core, classes[of], place, other);
    else memory.i[place] = other;
    memory.d[place] = seq;
    core.changed(of, object);
    return true;
  }

  const fileCounters = tables.types.map((_, type) =>
    classes.find(one => one.type === type && one.field === 'refs' && counters[one.number] !== 0),
  );
  function fget(
    thread: number,
    _seq: number,
    object: number,
    _place: number,
    of: number,
    tag: number,
    other: number,
    about: number,
  ): boolean {
    if (pointers[of] === 0) return false;
    const refs = tag === tags.object ? fileCounters[about] : undefined;
    if (tag !== tags.null && (refs === undefined || !raising.canRaise(other + refs.offset))) return false;
    if (fgetRules !== null && !core.allowed(fgetRules[of], thread, object)) return false;
    exercised[touched]++;
    if (refs === undefined) return true;
    exercised[touched]++;
    raising.raise(thread, refs.number, other, other + refs.offset);
    return true;
  }
  function closeFd(thread: number, seq: number, object: number, place: number, of: number, tag: number): boolean {
    if (pointers[of] === 0 || (tag !== tags.null && tag !== tags.object)) return false;
    if (closeRules !== null && !core.allowed(closeRules[of], thread, object)) return false;
    exercised[touched]++;
    if (left.any) left.field(thread, of, object, place, 0);
    storeValue(core, classes[of], place, 0);
    memory.d[place] = seq;
    core.changed(of, object);
    return true;
  }
  return { read, write, fget, 'close-fd': closeFd };
}
