/** What the number in a field or a local stands for: renaming objects and threads changes some numbers and not others. */
import { fieldOf } from '../interpret/program-index.ts';
import type { Action, Program, ProgramField, Thread, Value } from '../program.ts';

export type ValueKind =
  | { readonly kind: 'plain' }
  /** An instance of the type, or 0. */
  | { readonly kind: 'pointer' | 'mask'; readonly type: string }
  /** 1 + a thread, or 0. */
  | { readonly kind: 'owner' }
  /** 1 + an index into `Program.waitQueues`, or 0. */
  | { readonly kind: 'wait-queue' };

const plain: ValueKind = { kind: 'plain' };

export function kindOfField({ kind, to }: ProgramField): ValueKind {
  switch (kind) {
    case 'mutex':
    case 'spinlock':
    case 'rwlock':
    case 'rwsem':
    case 'flag':
    case 'wait-queue':
      return { kind: 'owner' };
    case 'wait-entry':
      return { kind: 'wait-queue' };
    case 'pointer':
      return to === null ? plain : { kind: 'pointer', type: to };
    case 'set':
      return to === null ? plain : { kind: 'mask', type: to };
    default:
      return plain;
  }
}

/** By slot of the thread; found by following what is assigned to what. A slot that two types of object go into has no kind, and throws. */
export function kindsOfSlots(program: Program, thread: Thread): readonly ValueKind[] {
  const kinds: (ValueKind | undefined)[] = thread.slots.map(({ type }) => (type === null ? undefined : { kind: 'pointer', type }));
  const give = (slot: number, kind: ValueKind | undefined): boolean => {
    if (slot < 0 || kind === undefined || kind.kind === 'plain') return false;
    const before = kinds[slot];
    if (before === undefined) kinds[slot] = kind;
    else if (JSON.stringify(before) !== JSON.stringify(kind))
      throw new Error(`${thread.slots[slot]?.name ?? 'a local'} of ${thread.name} holds two kinds of things`);
    return before === undefined;
  };
  const ofValue = (value: Value): ValueKind | undefined => {
    if (value.kind === 'slot') return kinds[value.slot];
    if (value.kind !== 'operator' || (value.operator !== '&&' && value.operator !== '||')) return undefined;
    return value.of.map(ofValue).find(kind => kind !== undefined);
  };
  const follow = (action: Action): boolean => {
    const to = 'target' in action && action.target !== null ? fieldOf(program, action.target.type, action.target.field).to : null;
    switch (action.kind) {
      case 'set':
        return give(action.slot, ofValue(action.value));
      case 'read':
      case 'read-constant': {
        if (action.kind === 'read' && action.once !== undefined) give(action.once, { kind: 'mask', type: action.target.type });
        return give(action.slot, kindOfField(fieldOf(program, action.target.type, action.target.field)));
      }
      case 'next':
      case 'pick':
        if (to === null) return false;
        if (action.kind === 'next') give(action.visited, { kind: 'mask', type: to });
        return give(action.slot, { kind: 'pointer', type: to });
      case 'next-entry':
        give(action.visited, { kind: 'mask', type: action.entryType });
        return give(action.slot, { kind: 'pointer', type: action.entryType });
      case 'put-later':
        return give(action.later, { kind: 'mask', type: action.target.type });
      case 'next-later':
        give(action.later, { kind: 'mask', type: action.type });
        return give(action.slot, { kind: 'pointer', type: action.type });
      case 'alloc':
        return give(action.slot, { kind: 'pointer', type: action.type });
      case 'fget':
      case 'close-fd':
        return to === null ? false : give(action.slot, { kind: 'pointer', type: to });
      default:
        return false;
    }
  };
  // What calls return is of every type; it is looked at, and gone, before anything is renamed.
  const returned = thread.slots.findIndex(slot => slot.name === 'returned');
  for (let changed = true; changed; ) {
    changed = false;
    for (const { action } of thread.nodes) if (!(action.kind === 'set' && action.slot === returned)) changed = follow(action) || changed;
  }
  return kinds.map(kind => kind ?? plain);
}
