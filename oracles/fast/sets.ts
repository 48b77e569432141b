/** Sets, in the fast engine: what `judge-fields.ts` does of them where nothing is wrong. */
import { tags } from '../binary-format.ts';
import type { Core, Handler } from './engine.ts';
import type { LeftChanges } from './left.ts';

export interface SetHandlers {
  readonly add: Handler;
  readonly remove: Handler;
  readonly has: Handler;
  readonly next: Handler;
}

export function createSetHandlers(core: Core, left: LeftChanges): SetHandlers {
  const { tables, memory, store, exercised } = core;
  const { classes } = tables;
  const touched = core.counter(core.always.neverTouchedAfterFree);
  const sets = tables.where(({ kind }) => kind === 'set');
  const targets = Int32Array.from(classes, ({ to }) => to);
  const readGuards = classes.map(({ read, guard }) => (guard === null ? null : read));
  const writeGuards = classes.map(({ write, guard }) => (guard === null ? null : write));
  const guards = Int32Array.from(classes, ({ guard }) => (guard === null ? -1 : core.counter(guard)));

  function setMember(of: number, object: number, place: number, member: number, inside: boolean): void {
    const link = store.find(place, member);
    if ((link !== 0) === inside) return;
    if (inside) store.link(place, object, member);
    else store.unlink(link);
    core.changed(of, object);
  }
  /** `inside`: what is true afterwards; null: as the event says. */
  function member(kind: 'add' | 'remove' | 'has' | 'next', inside: boolean | null): Handler {
    const rules = tables.atEvery(kind);
    const writes = kind === 'add' || kind === 'remove';
    return (thread, seq, object, place, of, tag, other, about, flag) => {
      if (sets[of] === 0) return false;
      const isNone = tag === tags.null && kind === 'next';
      if (!isNone && (tag !== tags.object || about !== targets[of])) return false;
      const guard = writes ? writeGuards[of] : readGuards[of];
      if (guard !== null && !guard(memory, thread, object)) return false;
      if (rules !== null && !core.allowed(rules[of], thread, object)) return false;
      if (guards[of] >= 0) exercised[guards[of]]++;
      exercised[touched]++;
      if (writes && left.any && (store.find(place, other) !== 0) !== (kind === 'add')) left.member(thread, of, object, place, other);
      if (!isNone) setMember(of, object, place, other, inside ?? flag);
      if (writes) memory.d[place] = seq;
      return true;
    };
  }
  return { add: member('add', true), remove: member('remove', false), has: member('has', null), next: member('next', true) };
}
