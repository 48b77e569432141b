/** Plain fields, sets and descriptors: what each event can break, and what it changes. */

import { isThing } from './bindings.ts';
import type { Scalar } from './event.ts';
import type { Judge } from './judge.ts';
import { raise } from './judge-counters.ts';
import { flagRead, flagWritten } from './judge-flags.ts';
import { fieldChanges, memberChanges } from './judge-left.ts';
import { readingOnce } from './judge-taking.ts';
import { identity, type Slot, type Thing } from './thing.ts';
import { zero } from './world.ts';

export function read(judge: Judge, name: string, value: Scalar): void {
  const counter = judge.world.counters.get(name);
  if (counter !== undefined) {
    judge.atEvery('read', counter.class, counter.of);
    return;
  }
  const slot = judge.find(judge.world.slots, name);
  if (slot === null) return;
  if (slot.table.kind === 'pointer') judge.always.nullNeverFollowed.exercised++;
  if (!slot.table.constant) {
    judge.guarded(slot, 'read');
    readingOnce(judge, slot);
    judge.atEvery('read', slot.class, slot.of);
  }
  if (slot.table.kind === 'flag') {
    flagRead(judge, slot);
    return;
  }
  // What was read is what is there, whoever wrote it unseen.
  if (nameOf(slot.cells[slot.field]) !== value) store(judge, slot, value);
}

export function write(judge: Judge, name: string, value: Scalar): void {
  const slot = judge.find(judge.world.slots, name);
  if (slot === null) return;
  judge.guarded(slot, 'write');
  judge.atEvery('write', slot.class, slot.of);
  if (slot.table.kind === 'number') {
    judge.always.valuesInBounds.exercised++;
    const number = Number(value);
    const most = slot.table.max ?? Number.POSITIVE_INFINITY;
    if (number < 0 || number > most) {
      const bounds = number < 0 ? 'below 0' : `above ${most}`;
      if (
        judge.breakOff(judge.always.valuesInBounds, `${judge.thread.name} makes ${slot.name} ${number}, which is ${bounds}.`, {
          objects: { object: slot.of.name },
        })
      )
        return;
    }
  }
  if (slot.table.kind === 'flag') flagWritten(judge, slot, value);
  else {
    fieldChanges(judge, slot, value === null || value === 0 ? zero(slot) : judge.world.valueOf(value));
    store(judge, slot, value);
  }
  slot.writtenAt = judge.seq;
}

/** Null and 0 both stand for nothing, whatever the field's type. */
export function store(judge: Judge, slot: Slot, value: Scalar): void {
  if (typeof value === 'string' && value.includes('#')) judge.mentioned(value);
  const nothing = value === null || value === 0;
  slot.cells[slot.field] = nothing ? zero(slot) : judge.world.valueOf(value);
  judge.changed(slot.class, slot.of);
}

const nameOf = (cell: unknown): unknown => (isThing(cell) ? cell[identity].name : cell);

export function addOrRemove(judge: Judge, kind: 'add' | 'remove', name: string, memberName: string): void {
  const slot = judge.find(judge.world.slots, name);
  if (slot === null) return;
  const member = judge.object(memberName);
  if (member === null) return;
  judge.guarded(slot, 'write');
  judge.atEvery(kind, slot.class, slot.of);
  if (slot.members?.has(member) !== (kind === 'add')) memberChanges(judge, slot, member);
  setMember(judge, slot, member, kind === 'add');
  slot.writtenAt = judge.seq;
}

export function has(judge: Judge, name: string, memberName: string, found: boolean): void {
  const slot = judge.find(judge.world.slots, name);
  if (slot === null) return;
  const member = judge.object(memberName);
  if (member === null) return;
  judge.guarded(slot, 'read');
  judge.atEvery('has', slot.class, slot.of);
  setMember(judge, slot, member, found);
}

export function next(judge: Judge, name: string, memberName: string | null): void {
  const slot = judge.find(judge.world.slots, name);
  if (slot === null) return;
  const member = memberName === null ? null : judge.object(memberName);
  if (judge.brokeOff) return;
  judge.guarded(slot, 'read');
  judge.atEvery('next', slot.class, slot.of);
  if (member !== null) setMember(judge, slot, member, true);
}

function setMember(judge: Judge, slot: Slot, member: Thing, inside: boolean): void {
  if (slot.members === null || slot.members.has(member) === inside) return;
  if (inside) {
    slot.members.add(member);
    member[identity].memberOf.add(slot);
  } else {
    slot.members.delete(member);
    member[identity].memberOf.delete(slot);
  }
  judge.changed(slot.class, slot.of);
}

/** `refs` is the counter that every file has. */
export function fget(judge: Judge, name: string, file: string | null): void {
  const slot = judge.find(judge.world.slots, name);
  if (slot === null) return;
  judge.atEvery('fget', slot.class, slot.of);
  if (file === null) return;
  const counter = judge.find(judge.world.counters, `${file}.refs`);
  if (counter !== null) raise(judge, counter);
}

export function closeFd(judge: Judge, name: string): void {
  const slot = judge.find(judge.world.slots, name);
  if (slot === null) return;
  judge.atEvery('close-fd', slot.class, slot.of);
  fieldChanges(judge, slot, null);
  store(judge, slot, null);
  slot.writtenAt = judge.seq;
}
