/** Plain fields, sets, counters and descriptors, in the fast engine: what `judge-fields.ts` and `judge-counters.ts` do where nothing is wrong. */
import { tags } from '../binary-format.ts';
import type { Core, Handler, Handlers } from './engine.ts';
import { count, numberValue } from './layout.ts';
import { deepest } from './memory.ts';
import type { Class } from './tables.ts';
import type { Call } from './threads.ts';

const isPlain = ({ kind }: Class): boolean => kind === 'pointer' || kind === 'boolean' || kind === 'number' || kind === 'word';
const isSet = ({ kind }: Class): boolean => kind === 'set';
const isCounter = ({ kind }: Class): boolean => kind === 'refcount';
const highestCount = 1 << 30;

/** Whether a field of this kind may be given the value; whoever reads traces says why not. */
export function fits(of: Class, tag: number, other: number, about: number): boolean {
  switch (of.kind) {
    case 'pointer':
      return tag === tags.null || (tag === tags.object && about === of.to);
    case 'word':
      return tag === tags.null || (tag === tags.word && of.words.has(other));
    case 'boolean':
      return tag === tags.boolean;
    case 'number':
      return tag === tags.number && other >= 0 && other <= of.max;
    default:
      return false;
  }
}
/** What is there, as `other` says it. */
export const valueAt = (core: Core, of: Class, place: number): number =>
  of.kind === 'number' ? core.memory.d[place + numberValue] : core.memory.i[place];

export function storeValue(core: Core, of: Class, place: number, value: number): void {
  const { memory, store } = core;
  if (of.kind === 'number') {
    memory.d[place + numberValue] = value;
    return;
  }
  if (of.kind === 'pointer') {
    store.pin(value);
    store.unpin(memory.i[place]);
  }
  memory.i[place] = value;
}

export function createFieldHandlers(core: Core): Handlers {
  const { tables, memory, store, threads, exercised, knownPuts } = core;
  const { nodes } = tables;
  const counter = (name: keyof Core['always']): number => core.counter(core.always[name]);
  const touched = counter('neverTouchedAfterFree');
  const followed = counter('nullNeverFollowed');
  const resurrected = counter('neverResurrected');
  const balance = counter('referencesBalance');
  const bounded = counter('valuesInBounds');
  const lastPut = counter('lastPutTakesNoHeldLock');

  function read(of: Class): Handler | null {
    const rules = tables.atEvery('read', of.name);
    if (isCounter(of))
      return (thread, _seq, object, _place, tag) => tag === tags.number && (rules.length === 0 || core.allowed(rules, thread, object));
    if (!isPlain(of)) return null;
    const { read: guard, constant } = of;
    const guards = of.guard === null || constant ? -1 : core.counter(of.guard);
    const once = constant ? [] : (tables.readOnce.get(of.number) ?? []).map(core.counter);
    const isPointer = of.kind === 'pointer';
    return (thread, seq, object, place, tag, other, about) => {
      if (!fits(of, tag, other, about)) return false;
      if (guards >= 0 && guard !== null && !guard(memory, thread, object)) return false;
      const outermost: Call | undefined = once.length > 0 ? threads.calls[thread][0] : undefined;
      if (outermost?.reads.has(place)) return false;
      if (!constant && rules.length > 0 && !core.allowed(rules, thread, object)) return false;
      if (guards >= 0) exercised[guards]++;
      exercised[touched]++;
      if (isPointer) exercised[followed]++;
      if (outermost !== undefined) {
        for (const one of once) exercised[one]++;
        outermost.reads.set(place, seq);
      }
      if (valueAt(core, of, place) === other) return true;
      // What was read is what is there, whoever wrote it unseen.
      storeValue(core, of, place, other);
      core.changed(of, object);
      return true;
    };
  }
  function write(of: Class): Handler | null {
    if (!isPlain(of)) return null;
    const rules = tables.atEvery('write', of.name);
    const { write: guard } = of;
    const guards = of.guard === null ? -1 : core.counter(of.guard);
    const isNumber = of.kind === 'number';
    return (thread, seq, object, place, tag, other, about) => {
      if (!fits(of, tag, other, about)) return false;
      if (guards >= 0 && guard !== null && !guard(memory, thread, object)) return false;
      if (rules.length > 0 && !core.allowed(rules, thread, object)) return false;
      if (guards >= 0) exercised[guards]++;
      exercised[touched]++;
      if (isNumber) exercised[bounded]++;
      storeValue(core, of, place, other);
      memory.d[place] = seq;
      core.changed(of, object);
      return true;
    };
  }

  function setMember(of: Class, object: number, place: number, member: number, inside: boolean): void {
    const link = store.find(place, member);
    if ((link !== 0) === inside) return;
    if (inside) store.link(place, object, member);
    else store.unlink(link);
    core.changed(of, object);
  }
  /** `inside`: what is true afterwards; null: as the event says. */
  function member(kind: 'add' | 'remove' | 'has' | 'next', inside: boolean | null): (of: Class) => Handler | null {
    return of => {
      if (!isSet(of)) return null;
      const rules = tables.atEvery(kind, of.name);
      const writes = kind === 'add' || kind === 'remove';
      const guard = writes ? of.write : of.read;
      const guards = of.guard === null ? -1 : core.counter(of.guard);
      return (thread, seq, object, place, tag, other, about, flag) => {
        const isNone = tag === tags.null && kind === 'next';
        if (!isNone && (tag !== tags.object || about !== of.to)) return false;
        if (guards >= 0 && guard !== null && !guard(memory, thread, object)) return false;
        if (rules.length > 0 && !core.allowed(rules, thread, object)) return false;
        if (guards >= 0) exercised[guards]++;
        exercised[touched]++;
        if (!isNone) setMember(of, object, place, other, inside ?? flag);
        if (writes) memory.d[place] = seq;
        return true;
      };
    };
  }

  function raise(of: Class, object: number, place: number): void {
    exercised[resurrected]++;
    memory.i[place + count]++;
    core.changed(of, object);
  }
  const canRaise = (place: number): boolean => memory.i[place + count] > 0 && memory.i[place + count] < highestCount;
  function get(of: Class): Handler | null {
    if (!isCounter(of)) return null;
    const rules = tables.atEvery('get', of.name);
    return (thread, _seq, object, place) => {
      if (!canRaise(place) || (rules.length > 0 && !core.allowed(rules, thread, object))) return false;
      exercised[touched]++;
      raise(of, object, place);
      return true;
    };
  }
  function getUnlessZero(of: Class): Handler | null {
    if (!isCounter(of)) return null;
    const rules = tables.atEvery('get-unless-zero', of.name);
    return (thread, _seq, object, place, _tag, _other, _about, success) => {
      if ((success && !canRaise(place)) || (rules.length > 0 && !core.allowed(rules, thread, object))) return false;
      exercised[touched]++;
      if (success) raise(of, object, place);
      return true;
    };
  }
  /** Whether the reference knows that the counter is put under each of these; if not, it is noted what to ask it for. */
  function arePutsKnown(of: number, from: number, to: number): boolean {
    if (core.askedPuts.length > 0) core.askedPuts.length = 0;
    for (let at = from; at < to; at++) {
      const pair = of * nodes + memory.heldNode[at];
      if (knownPuts[pair] === 0) core.askedPuts.push(pair);
    }
    return core.askedPuts.length === 0;
  }
  function put(kind: 'put' | 'put-later'): (of: Class) => Handler | null {
    return of => {
      if (!isCounter(of)) return null;
      const rules = tables.atEvery(kind, of.name);
      const later = kind === 'put-later';
      return (thread, seq, object, place) => {
        if (memory.i[place + count] <= 0) return false;
        const from = thread * deepest;
        const depth = memory.depth[thread];
        if (!later && depth > 0 && !arePutsKnown(of.number, from, from + depth)) return false;
        if (rules.length > 0 && !core.allowed(rules, thread, object)) return false;
        exercised[touched]++;
        exercised[balance]++;
        if (depth > 0 && !later) exercised[lastPut]++;
        if (--memory.i[place + count] === 0) {
          memory.d[place + count] = seq;
          if (!later) {
            store.pin(object);
            threads.releases[thread].push({ counter: of.number, object, number: memory.d[object], took: new Map() });
          }
          core.lifeChanged(of.type, object);
        }
        core.changed(of, object);
        return true;
      };
    };
  }

  function fget(of: Class): Handler | null {
    if (of.kind !== 'pointer') return null;
    const rules = tables.atEvery('fget', of.name);
    return (thread, _seq, object, _place, tag, other, about) => {
      const refs =
        tag === tags.object ? tables.classes.find(one => one.type === about && one.field === 'refs' && isCounter(one)) : undefined;
      if (tag !== tags.null && (refs === undefined || !canRaise(other + refs.offset))) return false;
      if (rules.length > 0 && !core.allowed(rules, thread, object)) return false;
      exercised[touched]++;
      if (refs === undefined) return true;
      exercised[touched]++;
      raise(refs, other, other + refs.offset);
      return true;
    };
  }
  function closeFd(of: Class): Handler | null {
    if (of.kind !== 'pointer') return null;
    const rules = tables.atEvery('close-fd', of.name);
    return (thread, seq, object, place, tag) => {
      if ((tag !== tags.null && tag !== tags.object) || (rules.length > 0 && !core.allowed(rules, thread, object))) return false;
      exercised[touched]++;
      storeValue(core, of, place, 0);
      memory.d[place] = seq;
      core.changed(of, object);
      return true;
    };
  }

  return {
    read,
    write,
    add: member('add', true),
    remove: member('remove', false),
    has: member('has', null),
    next: member('next', true),
    get,
    'get-unless-zero': getUnlessZero,
    put: put('put'),
    'put-later': put('put-later'),
    fget,
    'close-fd': closeFd,
  };
}
