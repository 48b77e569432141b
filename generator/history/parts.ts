/** What a set of states falls into: handles and calls that have nothing to do with each other. */
import type { CellTable } from './cell-table.ts';
import { type Heap, hangTogether } from './heap.ts';
import type { Renumber } from './renumber.ts';
import type { Part, Shape, StateSet } from './state-set.ts';

export interface PartsWith {
  readonly table: CellTable;
  readonly allCallers: Int32Array;
  readonly renumbered: Renumber;
  readonly heapAt: (packed: ArrayLike<number>, at: number, shape: Shape) => Heap;
  readonly statesOf: (set: StateSet) => Int32Array[];
  readonly make: (shape: Shape, states: readonly Int32Array[]) => StateSet;
  /** Number of a state, the same for the same. */ readonly numberOf: (state: Int32Array) => number;
}

export function partsWith({
  table,
  allCallers,
  renumbered,
  heapAt,
  statesOf,
  make,
  numberOf,
}: PartsWith): (set: StateSet) => readonly Part[] {
  /** By what hangs together in every state. A set that is not made of every combination of its parts is left whole. */
  const partsOf = (set: StateSet): readonly Part[] => {
    const things = set.handles.length + set.callers;
    const parent = Array.from({ length: things }, (_, index) => index);
    const find = (thing: number): number => {
      let root = thing;
      while (parent[root] !== root) root = parent[root] ?? root;
      return root;
    };
    const states = statesOf(set);
    const heaps = states.map(state => heapAt(state, 0, set));
    const groups = heaps.map(heap => hangTogether(table, heap));
    const isAlive = set.objects.map(object => heaps.some(heap => heap.alive(object)));
    groups.forEach(group => {
      const firstIn = new Map<number, number>();
      for (let thing = 0; thing < things; thing += 1) {
        const own = thing < set.handles.length ? group.of(set.objects[thing] ?? 0) : group.ofCaller(thing - set.handles.length);
        if (own < 0) continue;
        const first = firstIn.get(own);
        if (first === undefined) firstIn.set(own, thing);
        else parent[find(thing)] = find(first);
      }
    });
    const roots = [...new Set(Array.from({ length: things }, (_, thing) => find(thing)))];
    const parts = roots.flatMap((root): Part[] => {
      const own = Array.from({ length: things }, (_, thing) => thing).filter(thing => find(thing) === root);
      const handles = own.filter(thing => thing < set.handles.length && isAlive[thing] === true);
      const callers = own.filter(thing => thing >= set.handles.length).map(thing => thing - set.handles.length);
      if (handles.length === 0 && callers.length === 0) return [];
      const shape: Shape = { handles: handles.map(handle => set.handles[handle] ?? ''), callers: callers.length };
      const renamedCallers = allCallers.map(caller => callers.indexOf(caller));
      const made = states.map((state, index) => {
        const group = groups[index];
        const wanted = new Set([
          ...own.map(thing =>
            thing < set.handles.length ? group?.of(set.objects[thing] ?? 0) : group?.ofCaller(thing - set.handles.length),
          ),
        ]);
        const heap = heaps[index];
        if (heap === undefined || group === undefined) throw new Error('a state without a heap');
        const mine: Heap = { ...heap, inHand: callers.map(caller => heap.inHand[caller] ?? []) };
        return renumbered(
          state,
          0,
          mine,
          handles.map(handle => set.objects[handle] ?? 0),
          renamedCallers,
          object => wanted.has(group.of(object)),
        );
      });
      return [{ set: make(shape, made), handles, callers }];
    });
    const combinations = parts.reduce((product, { set: own }) => product * own.states.length, 1);
    // Objects that nobody can get at any more are gone, and their differences with them.
    if (parts.length > 1 && combinations !== distinct(set, states, heaps, isAlive)) return whole(set, states, heaps, isAlive);
    return parts;
  };
  const liveHandles = (set: StateSet, isAlive: readonly boolean[]): number[] =>
    set.handles.map((_, index) => index).filter(index => isAlive[index] === true);
  const trimmed = (set: StateSet, states: readonly Int32Array[], heaps: readonly Heap[], isAlive: readonly boolean[]): Int32Array[] => {
    const handles = liveHandles(set, isAlive);
    return states.map((state, index) => {
      const heap = heaps[index];
      if (heap === undefined) throw new Error('a state without a heap');
      const group = hangTogether(table, heap);
      const wanted = new Set([
        ...handles.map(handle => group.of(set.objects[handle] ?? 0)),
        ...heap.inHand.map((_, caller) => group.ofCaller(caller)),
      ]);
      return renumbered(
        state,
        0,
        heap,
        handles.map(handle => set.objects[handle] ?? 0),
        allCallers,
        object => wanted.has(group.of(object)),
      );
    });
  };
  const distinct = (set: StateSet, states: readonly Int32Array[], heaps: readonly Heap[], isAlive: readonly boolean[]): number =>
    new Set(trimmed(set, states, heaps, isAlive).map(state => numberOf(state))).size;
  const whole = (set: StateSet, states: readonly Int32Array[], heaps: readonly Heap[], isAlive: readonly boolean[]): readonly Part[] => {
    const handles = liveHandles(set, isAlive);
    const shape: Shape = { handles: handles.map(handle => set.handles[handle] ?? ''), callers: set.callers };
    return [{ set: make(shape, trimmed(set, states, heaps, isAlive)), handles, callers: [...allCallers.slice(0, set.callers)] }];
  };
  return partsOf;
}
