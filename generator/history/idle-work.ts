/**
 * Work that changes nothing, whenever it runs and whatever it finds: all that it writes is written already, and is never written otherwise. What
 * it reads that may change is taken to be anything. Nobody can tell whether it has run.
 */
import { evaluate } from '../interpret/evaluate.ts';
import type { Program, Thread, Value } from '../program.ts';
import { type CellTable, type Place, valueAt } from './cell-table.ts';
import { classOf } from './uses.ts';

export interface IdleWork {
  /** Whether the run that is pending of this worker, which runs nothing now, changes nothing. */
  readonly isIdle: (state: ArrayLike<number>, worker: number) => boolean;
  /** Also nobody asks whether it is pending: it may run at once, and once more when it is queued again. */
  readonly isUnasked: (worker: number) => boolean;
}

/** What was found out before: so it is where these places have these values. */
interface Finding {
  readonly places: readonly Place[];
  readonly values: readonly number[];
  readonly isIdle: boolean;
}

const mostNodes = 400;
const mostFindings = 64;

/** `same`: fields that are only ever written with one value. */
export function idleWork(table: CellTable, program: Program, same: ReadonlyMap<string, number>): IdleWork {
  const findings = new Map<number, Finding[]>();
  const asked = new Set(program.threads.flatMap(askedIn));
  return {
    isIdle(state, worker) {
      const known = findings.get(worker) ?? [];
      findings.set(worker, known);
      const before = known.find(({ places, values }) => places.every((place, at) => valueAt(state, 0, place) === values[at]));
      if (before !== undefined) return before.isIdle;
      const places: Place[] = [];
      const isIdle = changesNothing(table, program, same, state, worker, places);
      if (known.length >= mostFindings) known.length = 0;
      known.push({ places, values: places.map(place => valueAt(state, 0, place)), isIdle });
      return isIdle;
    },
    isUnasked(worker) {
      const work = program.threads[worker]?.work;
      return work != null && !asked.has(`${work.type}.${work.field}`);
    },
  };
}

/** Work of which the thread asks whether it was pending. */
function askedIn(thread: Thread): readonly string[] {
  const read = new Set<number>();
  const look = (value: unknown): void => {
    if (typeof value !== 'object' || value === null) return;
    if ('kind' in value && value.kind === 'slot' && 'slot' in value && typeof value.slot === 'number') read.add(value.slot);
    Object.values(value).forEach(look);
  };
  for (const { action } of thread.nodes) look(action);
  return thread.nodes.flatMap(({ action }) =>
    (action.kind === 'queue' || action.kind === 'queue-after-grace' || action.kind === 'cancel-begin') && read.has(action.slot)
      ? [classOf(action.target)]
      : [],
  );
}

/** Adds to `looked` the places that the answer depends on. */
function changesNothing(
  table: CellTable,
  program: Program,
  same: ReadonlyMap<string, number>,
  state: ArrayLike<number>,
  worker: number,
  looked: Place[],
): boolean {
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
    if (place === null) return null;
    looked.push(place);
    return valueAt(state, 0, place);
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
