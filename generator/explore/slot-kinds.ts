/** What a thread's slots have in them: an object of a type, a set of objects of a type, or a plain number. */
import { fieldOf } from '../interpret/program-index.ts';
import type { Program, Target, Thread, Value } from '../program.ts';

export type Kind = { readonly of: 'plain' } | { readonly of: 'object' | 'set'; readonly type: string };

const plain: Kind = { of: 'plain' };

export function isSameKind(one: Kind, other: Kind): boolean {
  return one.of === other.of && (one.of === 'plain' || (other.of !== 'plain' && one.type === other.type));
}

/** Of a field's value. Owners of locks and entries of queues are told by `fieldOf`. */
export function kindOfField(program: Program, type: string, field: string): Kind {
  const { kind, to } = fieldOf(program, type, field);
  return to === null ? plain : { of: kind === 'set' ? 'set' : 'object', type: to };
}

/** Null if a slot has different kinds of things in it at different times. */
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
        give(action.slot, kindOfField(program, action.target.type, action.target.field));
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
  return isClear ? kinds : null;
}

/** Null if it may be of any kind: null, false, 0, or not known yet. */
export function kindOfValue(value: Value, slots: ReadonlyMap<number, Kind>): Kind | null {
  switch (value.kind) {
    case 'constant':
      return null;
    case 'slot':
      return slots.get(value.slot) ?? null;
    case 'operator': {
      if (value.operator !== '&&' && value.operator !== '||') return plain;
      const kinds = value.of.map(one => kindOfValue(one, slots));
      return kinds.find(kind => kind !== null) ?? null;
    }
  }
}
