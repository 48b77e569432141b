/** What calls have changed and not put back, in the fast engine: what `judge-left.ts` does. */
import type { Core } from './engine.ts';
import { alive, numberValue, serial } from './layout.ts';
import type { Left, Promised } from './threads.ts';

export interface LeftChanges {
  /** Some contract asks. */
  readonly any: boolean;
  /** Call before the field is written, a member goes in or out, or the counter changes. */
  readonly field: (thread: number, of: number, object: number, place: number, to: number) => void;
  readonly member: (thread: number, of: number, object: number, place: number, member: number) => void;
  readonly count: (thread: number, of: number, object: number, place: number, by: number) => void;
  /** Nothing of what lives is left changed. */
  readonly isNothing: (one: Promised) => boolean;
}
export type LeftStore = Pick<Core, 'tables' | 'memory' | 'store'>;

export function createLeft({ tables, memory, store, threads }: LeftStore & Pick<Core, 'threads'>): LeftChanges {
  const isPointer = tables.where(({ kind }) => kind === 'pointer');
  const isNumber = tables.where(({ kind }) => kind === 'number');
  const any = [...tables.contracts.values()].some(contracts => contracts.some(({ mayLeave }) => mayLeave !== null));

  /** Does it for each contract of the thread that asks for this class. */
  function forEach(thread: number, of: number, what: (left: Map<number, Left>) => void): void {
    for (const { promised } of threads.calls[thread])
      for (const { contract, left } of promised) if (contract.mayLeave !== null && contract.mayLeave[of] === 0) what(left);
  }
  function known(left: Map<number, Left>, object: number, place: number): Left | undefined {
    const found = left.get(place);
    // Another object may be there now.
    return found !== undefined && found.birth === memory.d[object + serial] ? found : undefined;
  }
  function forget(left: Map<number, Left>, place: number): void {
    const found = left.get(place);
    if (found === undefined) return;
    if (isPointer[found.of] !== 0) store.unpin(found.was);
    for (const member of found.members ?? []) store.unpin(member);
    left.delete(place);
  }
  function keep(left: Map<number, Left>, of: number, object: number, place: number, was: number, members: Set<number> | null): Left {
    forget(left, place);
    if (isPointer[of] !== 0) store.pin(was);
    const kept: Left = { of, object, birth: memory.d[object + serial], was, members };
    left.set(place, kept);
    return kept;
  }

  function field(thread: number, of: number, object: number, place: number, to: number): void {
    const was = isNumber[of] !== 0 ? memory.d[place + numberValue] : memory.i[place];
    if (was === to) return;
    forEach(thread, of, left => {
      const found = known(left, object, place);
      if (found === undefined) keep(left, of, object, place, was, null);
      else if (found.was === to) forget(left, place);
    });
  }
  function member(thread: number, of: number, object: number, place: number, one: number): void {
    forEach(thread, of, left => {
      const { members } = known(left, object, place) ?? keep(left, of, object, place, 0, new Set());
      if (members === null) return;
      if (members.delete(one)) store.unpin(one);
      else {
        members.add(one);
        store.pin(one);
      }
      if (members.size === 0) forget(left, place);
    });
  }
  function count(thread: number, of: number, object: number, place: number, by: number): void {
    forEach(thread, of, left => {
      const found = known(left, object, place) ?? keep(left, of, object, place, 0, null);
      found.was += by;
      if (found.was === 0) forget(left, place);
    });
  }
  function isNothing({ left }: Promised): boolean {
    for (const { object, birth } of left.values()) if (memory.i[object + alive] !== 0 && memory.d[object + serial] === birth) return false;
    return true;
  }
  return { any, field, member, count, isNothing };
}

/** The call is over. */
export function forgetLeft({ tables, store }: LeftStore, { left }: Promised): void {
  for (const { of, was, members } of left.values()) {
    if (tables.classes[of].kind === 'pointer') store.unpin(was);
    for (const member of members ?? []) store.unpin(member);
  }
  if (left.size > 0) left.clear();
}
