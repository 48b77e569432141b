/**
 * Work that changes nothing, whenever it runs and whatever it finds: all that it writes is written already, and is never written otherwise. What
 * it reads that may change is taken to be anything.
 */
import { evaluate } from '../interpret/evaluate.ts';
import type { Program, Value } from '../program.ts';
import { type CellTable, valueAt } from './cell-table.ts';

const mostNodes = 400;

/** `same`: fields that are only ever written with one value. */
export function changesNothing(table: CellTable, program: Program, same: ReadonlySet<string>, state: Int32Array, worker: number): boolean {
  const thread = program.threads[worker];
  if (thread === undefined) return false;
  let left = mostNodes;
  /** Locals that are known. */
  type Known = ReadonlyMap<number, number>;
  const valueOf = (value: Value, known: Known): number | null =>
    slotsIn(value).every(slot => known.has(slot)) ? evaluate(value, Object.fromEntries(known)) : null;
  const fieldOf = (type: string, field: string, instance: number | null): number | null => {
    if (instance === null || instance === 0) return null;
    const place = table.placeOf(`${type}.${field}`, (table.firstOf[type] ?? 0) + instance - 1);
    return place === null ? null : valueAt(state, 0, place);
  };
  const given = (known: Known, slot: number, value: number | null): Known => {
    const more = new Map(known);
    if (value === null) more.delete(slot);
    else more.set(slot, value);
    return more;
  };
  const walk = (at: number, known: Known): boolean => {
    const node = thread.nodes[at];
    if (node === undefined || left <= 0) return false;
    left -= 1;
    const { action } = node;
    switch (action.kind) {
      case 'done':
        return true;
      case 'take':
      case 'jump':
      case 'assert-held':
      case 'enter':
      case 'exit':
      case 'grace-begin':
      case 'grace-end':
        return walk(node.next, known);
      case 'set':
        return walk(node.next, given(known, action.slot, valueOf(action.value, known)));
      case 'branch': {
        const when = valueOf(action.when, known);
        return (when === 0 || walk(node.next, known)) && ((when !== null && when !== 0) || walk(node.otherwise, known));
      }
      case 'read-constant': {
        const { object, type, field } = action.target;
        return walk(node.next, given(known, action.slot, fieldOf(type, field, valueOf(object, known))));
      }
      case 'read':
        return walk(node.next, given(given(known, action.slot, null), action.once ?? -1, null));
      case 'write': {
        const { object, type, field } = action.target;
        if (action.value.kind !== 'constant' || !same.has(`${type}.${field}`)) return false;
        return fieldOf(type, field, valueOf(object, known)) === action.value.value && walk(node.next, known);
      }
      default:
        return false;
    }
  };
  return walk(thread.start, new Map());
}

function slotsIn(value: Value): readonly number[] {
  return value.kind === 'slot' ? [value.slot] : value.kind === 'operator' ? value.of.flatMap(slotsIn) : [];
}
