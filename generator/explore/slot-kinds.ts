/** What a thread's slots have in them: an object of a type, a set of objects of a type, who owns a flag, or a plain number. */
import { fieldOf } from '../interpret/program-index.ts';
import type { Program, Target, Thread, Value } from '../program.ts';
import { liveness, timing } from './liveness.ts';

export type Kind = { readonly of: 'plain' | 'owner' } | { readonly of: 'object' | 'set'; readonly type: string };

const plain: Kind = { of: 'plain' };

export function isSameKind(one: Kind, other: Kind): boolean {
  return one.of === other.of && typeOfKind(one) === typeOfKind(other);
}

export function typeOfKind(kind: Kind): string | null {
  return 'type' in kind ? kind.type : null;
}

/** Of a field's value. Owners of locks and entries of queues are told by `fieldOf`. */
export function kindOfField(program: Program, type: string, field: string): Kind {
  const { kind, to } = fieldOf(program, type, field);
  return to === null ? plain : { of: kind === 'set' ? 'set' : 'object', type: to };
}

/** Null if a slot has different kinds of things in it at different times, or the number of an owner while other threads may run. */
export function slotKinds(program: Program, thread: Thread): ReadonlyMap<number, Kind> | null {
  const kinds = new Map<number, Kind>();
  let isClear = true;
  const give = (slot: number, kind: Kind | null): void => {
    if (slot < 0 || kind === null) return;
    const known = kinds.get(slot);
    if (known === undefined) kinds.set(slot, kind);
    else if (!isSameKind(known, kind)) isClear = false;
  };
  const memberOf = (target: Target): string => fieldOf(program, target.type, target.field).to ?? target.type;
  thread.slots.forEach((slot, index) => {
    if (slot.type !== null && !slot.word) give(index, { of: 'object', type: slot.type });
  });
  for (const { action } of thread.nodes)
    switch (action.kind) {
      case 'read-constant':
      case 'close-fd':
      case 'fget':
        give(action.slot, kindOfField(program, action.target.type, action.target.field));
        break;
      case 'read':
        give(
          action.slot,
          fieldOf(program, action.target.type, action.target.field).kind === 'flag'
            ? { of: 'owner' }
            : kindOfField(program, action.target.type, action.target.field),
        );
        if (action.once !== undefined) give(action.once, { of: 'set', type: action.target.type });
        break;
      case 'next':
        give(action.slot, { of: 'object', type: memberOf(action.target) });
        give(action.visited, { of: 'set', type: memberOf(action.target) });
        break;
      case 'pick':
        give(action.slot, { of: 'object', type: memberOf(action.target) });
        break;
      case 'next-entry':
        give(action.slot, { of: 'object', type: action.entryType });
        give(action.visited, { of: 'set', type: action.entryType });
        break;
      case 'put-later':
        give(action.later, { of: 'set', type: action.target.type });
        break;
      case 'next-later':
        give(action.slot, { of: 'object', type: action.type });
        give(action.later, { of: 'set', type: action.type });
        break;
      case 'alloc':
        give(action.slot, { of: 'object', type: action.type });
        break;
      case 'set':
        break;
      default:
        if ('slot' in action && typeof action.slot === 'number') give(action.slot, plain);
    }
  // Copies, until nothing new comes of them.
  for (let before = -1; before !== kinds.size; ) {
    before = kinds.size;
    for (const { action } of thread.nodes) if (action.kind === 'set') give(action.slot, kindOfValue(action.value, kinds));
  }
  const live = liveness(thread);
  const keepsOwner = thread.nodes.some(
    ({ action }, at) => timing(action) !== 'pure' && [...(live[at] ?? [])].some(slot => kinds.get(slot)?.of === 'owner'),
  );
  return isClear && !keepsOwner ? kinds : null;
}

/** Null if it may be of any kind: null, false, 0, or not known yet. */
export function kindOfValue(value: Value, slots: ReadonlyMap<number, Kind>): Kind | null {
  switch (value.kind) {
    case 'constant':
      return null;
    case 'slot':
      return slots.get(value.slot) ?? null;
    case 'operator': {
      const kinds = value.of.map(one => kindOfValue(one, slots));
      switch (value.operator) {
        // 0, or the second.
        case '&&':
          return kinds[1] ?? null;
        case '||':
          return kinds.find(kind => kind !== null) ?? null;
        default:
          return plain;
      }
    }
  }
}
