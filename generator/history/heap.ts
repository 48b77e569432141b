/** What hangs together in a packed state, and a numbering of its objects that does not depend on how it came about. */
import { type CellTable, valueAt } from './cell-table.ts';

const nowhere = -1;
const none: number[] = [];

/** Objects of a state that something may still get at, with what they point to. */
export interface Heap {
  /** Objects that each object points to: its pointers. */ readonly pointers: readonly (readonly number[])[];
  /** Members of its sets, entries on its wait queues. */ readonly members: readonly (readonly number[])[];
  /** Objects that each caller has in hand; of callers that are not in a call, nothing. */ readonly inHand: readonly (readonly number[])[];
  /** Objects whose work is pending or running, and what the run has in hand. */ readonly working: readonly (readonly [
    owner: number,
    has: readonly number[],
  ])[];
  readonly alive: (object: number) => boolean;
}

export function heapOf(table: CellTable, packed: ArrayLike<number>, at: number, callers: number): Heap {
  const count = table.objects.length;
  const pointers: number[][] = [];
  const members: number[][] = [];
  const alive = new Uint8Array(count);
  for (let object = 0; object < count; object += 1) {
    const place = table.alive[object];
    alive[object] = place === undefined || place.mask === 0 ? Number(table.declared[object]) : valueAt(packed, at, place);
    pointers.push(none);
    members.push(none);
  }
  const add = (to: number[][], object: number, other: number): void => {
    const known = to[object];
    if (known === undefined || known === none) to[object] = [other];
    else known.push(other);
  };
  for (let object = 0; object < count; object += 1) {
    if (alive[object] === 0) continue;
    for (const edge of table.edges[object] ?? []) {
      const value = valueAt(packed, at, edge);
      if (value === 0) continue;
      if (edge.kind === 'pointer') add(pointers, object, edge.first + value - 1);
      else if (edge.kind === 'mask')
        for (let rest = value; rest !== 0; rest &= rest - 1) add(members, object, edge.first + 31 - Math.clz32(rest & -rest));
      else add(members, table.queueObjects[value - 1] ?? 0, object);
    }
  }
  const held = (thread: number): number[] => {
    const own = table.threads[thread];
    if (own === undefined || own.anchor === null) return [];
    const found: number[] = [];
    for (const live of own.live[valueAt(packed, at, own.anchor)] ?? []) {
      const value = valueAt(packed, at, live);
      if (value === 0 || (live.value.kind !== 'pointer' && live.value.kind !== 'mask')) continue;
      const first = table.firstOf[live.value.type] ?? 0;
      if (live.value.kind === 'pointer') found.push(first + value - 1);
      else for (let rest = value; rest !== 0; rest &= rest - 1) found.push(first + 31 - Math.clz32(rest & -rest));
    }
    return found;
  };
  const working: [number, number[]][] = [];
  for (let object = 0; object < count; object += 1)
    for (const { place, worker } of table.works[object] ?? []) {
      const anchor = table.threads[worker]?.anchor;
      const runs = anchor != null && valueAt(packed, at, anchor) !== 0;
      if (runs || valueAt(packed, at, place) !== 0) working.push([object, runs ? held(worker) : []]);
    }
  return {
    pointers,
    members,
    inHand: Array.from({ length: callers }, (_, caller) => held(caller)),
    working,
    alive: object => alive[object] === 1,
  };
}

/** Groups of objects: those that point to each other, one way or the other, have one number. Declared objects, which all share, have none. */
export function hangTogether(
  table: CellTable,
  heap: Heap,
): { readonly of: (object: number) => number; readonly ofCaller: (caller: number) => number } {
  const parent = Int32Array.from(table.objects, (_, index) => index);
  const find = (object: number): number => {
    let root = object;
    while (parent[root] !== root) root = parent[root] ?? root;
    return root;
  };
  const join = (one: number, other: number): void => {
    if (one < 0 || other < 0 || table.declared[one] === true || table.declared[other] === true) return;
    parent[find(one)] = find(other);
  };
  heap.pointers.forEach((all, object) => all.forEach(other => join(object, other)));
  heap.members.forEach((all, object) => all.forEach(other => join(object, other)));
  for (const [owner, has] of heap.working) for (const other of has) join(owner, other);
  for (const has of heap.inHand) for (const other of has) join(has.find(one => table.declared[one] !== true) ?? nowhere, other);
  return {
    of: find,
    ofCaller: caller => {
      const first = heap.inHand[caller]?.find(one => table.declared[one] !== true);
      return first === undefined ? nowhere : find(first);
    },
  };
}

/**
 * New numbers for the objects that the handles, the callers and pending work can get at: handles first, in their order. All others get -1. Two
 * states that differ only in the numbers of their objects nearly always become one.
 */
export function numbering(table: CellTable, heap: Heap, packed: ArrayLike<number>, at: number, handles: readonly number[]): Int32Array {
  const { program, firstOf } = table;
  const renamed = new Int32Array(table.objects.length).fill(nowhere);
  const used: Record<string, number> = {};
  for (const { name, initial } of program.types) used[name] = initial;
  const queue: number[] = [];
  const assign = (object: number): void => {
    if (renamed[object] !== nowhere) return;
    const { type = '', instance = 0 } = table.objects[object] ?? {};
    if (table.declared[object] === true) renamed[object] = (firstOf[type] ?? 0) + instance - 1;
    else {
      const number = used[type] ?? 0;
      used[type] = number + 1;
      renamed[object] = (firstOf[type] ?? 0) + number;
    }
    queue.push(object);
  };
  const follow = (): void => {
    for (; next < queue.length; next += 1) for (const other of heap.pointers[queue[next] ?? 0] ?? []) assign(other);
  };
  const signature = (object: number): number => {
    let hash = 17;
    const mix = (value: number): void => {
      hash = Math.imul(hash ^ value, 0x01000193) ^ (hash >>> 13);
    };
    for (const place of table.plain[object] ?? []) mix(valueAt(packed, at, place));
    for (const other of heap.pointers[object] ?? []) mix(renamed[other] ?? nowhere);
    for (const { place, worker } of table.works[object] ?? []) {
      const anchor = table.threads[worker]?.anchor;
      mix(valueAt(packed, at, place) + (anchor == null ? 0 : 2 * valueAt(packed, at, anchor)));
    }
    for (const other of heap.members[object] ?? []) mix((renamed[other] ?? nowhere) + 7);
    return hash;
  };
  let next = 0;
  table.declared.forEach((is, object) => {
    if (is) assign(object);
  });
  for (const handle of handles) assign(handle);
  for (const has of heap.inHand) for (const object of has) assign(object);
  follow();
  for (;;) {
    const found = new Set<number>();
    for (const object of queue) for (const member of heap.members[object] ?? []) if (renamed[member] === nowhere) found.add(member);
    for (const [owner, has] of heap.working) for (const object of [owner, ...has]) if (renamed[object] === nowhere) found.add(object);
    if (found.size === 0) break;
    const sorted = [...found].map(object => ({ object, key: signature(object) }));
    sorted.sort((one, other) => one.key - other.key || one.object - other.object);
    for (const { object } of sorted) assign(object);
    follow();
  }
  return renamed;
}
