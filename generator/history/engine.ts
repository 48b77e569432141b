/**
 * Sets of model states, each set once, and how a call, a return, a merger and a parting lead from one to another. What was worked out is
 * remembered, so a history that does what it did before costs a look into a table.
 *
 * A state is of some handles that callers have names for and of the calls that are under way. Hidden steps are taken as late as possible: a
 * return takes those of its own call, and of others only what can matter to it. The others may still take theirs afterwards.
 */
import type { StepperSource } from '../explore/emit-stepper.ts';
import type { Layout } from '../explore/layout.ts';
import { encode } from '../explore/pack-state.ts';
import type { Rule } from '../model.ts';
import { type CellTable, cellTable, type Transfer, transferBetween, valueAt } from './cell-table.ts';
import { dependenceIn } from './dependence.ts';
import { freeSteps } from './free-steps.ts';
import { type Heap, heapOf } from './heap.ts';
import { idleWork } from './idle-work.ts';
import { Excess, movesOf } from './moves.ts';
import { partsWith } from './parts.ts';
import { quietWorkDone } from './quiet-work.ts';
import { renumberIn } from './renumber.ts';
import { mostStates, runsOf, TooMuch } from './runs.ts';
import type { Part, Shape, StateSet } from './state-set.ts';
import { type StateTable, stateTable } from './state-table.ts';

/** What a caller may be given back: a value in the program's numbers, or a new object. */
export interface Returned {
  readonly value: number;
  /** However it came about, the call has waited for all work on a queue. */ readonly flushed: boolean;
  readonly set: StateSet;
}
export interface Returns {
  readonly ways: readonly Returned[];
  /** Some run went where the model has no room, or was cut off for a rule that it breaks; by what. */ readonly lost: readonly string[];
}
export interface Engine {
  readonly layout: Layout;
  readonly table: CellTable;
  readonly empty: StateSet;
  readonly call: (set: StateSet, node: number, slots: readonly (readonly [slot: number, value: number])[]) => StateSet;
  readonly returns: (set: StateSet, caller: number, type: string | null) => Returns;
  /** Every state that the runs to a return go through. */
  readonly instants: (set: StateSet, caller: number, see: (packed: Int32Array) => void) => void;
  readonly merge: (one: StateSet, other: StateSet) => StateSet;
  readonly part: (set: StateSet) => readonly Part[];
  /** The set when all work that was pending on shared queues has run. For sets without callers. */
  readonly awaited: (set: StateSet) => StateSet;
  /** The set in another engine of the same system. */
  readonly moveTo: (set: StateSet, other: Engine, transfer: Transfer) => StateSet;
  readonly make: (shape: Shape, states: readonly Int32Array[]) => StateSet;
  readonly statesOf: (set: StateSet) => readonly Int32Array[];
  readonly size: () => number;
  /** Explores all hidden steps, whether they matter or not, for tests. */ readonly reduced: boolean;
}

/** States looked at to find out which of a set lead to others; it is no more than a saving. */
const mostLookedAhead = 20_000;
const mostComparedAhead = 400;
/** Stands for any new object among the values that a call gives back. */
const aHandle = 1;

export function engineOf(source: StepperSource, rules: readonly Rule[], reduced = true): Engine {
  const { layout } = source;
  const table = cellTable(layout);
  const moves = movesOf(source);
  const words = layout.words;
  const dependence = dependenceIn(
    layout.program,
    layout.threads.map(({ anchors }) => anchors.nodes),
  );
  const idle = idleWork(table, layout.program, dependence.same);
  const free = reduced ? freeSteps(table, moves, dependence, idle, rules) : null;
  const runs = runsOf(source, table, moves, dependence, free);
  const within = transferBetween(table, table);
  const renumbered = renumberIn(table, within);
  const store = stateTable(words);
  const sets = new Map<string, StateSet>();
  const scratch = stateTable(words);
  const allCallers = Int32Array.from({ length: table.callers }, (_, index) => index);
  const everyObject = Int32Array.from(table.objects, (_, index) => index);

  const setOf = (shape: Shape, states: Iterable<number>): StateSet => {
    const ids = Int32Array.from(new Set(states)).sort();
    const key = `${shape.callers} ${shape.handles.join()} ${ids.join()}`;
    const known = sets.get(key);
    if (known !== undefined) return known;
    const used: Record<string, number> = {};
    const objects = shape.handles.map(type => {
      const number = used[type] ?? layout.program.types.find(({ name }) => name === type)?.initial ?? 0;
      used[type] = number + 1;
      return (table.firstOf[type] ?? 0) + number;
    });
    const made: StateSet = { ...shape, id: sets.size, states: ids, objects, known: new Map() };
    sets.set(key, made);
    return made;
  };

  const heapAt = (packed: ArrayLike<number>, at: number, shape: Shape): Heap => heapOf(table, packed, at, shape.callers);
  const remember = <Result>(set: StateSet, key: string, make: () => Result): Result => {
    const known = set.known.get(key);
    if (known !== undefined) return known as Result;
    const made = make();
    set.known.set(key, made);
    return made;
  };
  const put = (packed: Int32Array, place: { word: number; shift: number; mask: number } | null | undefined, value: number): void => {
    if (place == null) {
      if (value !== 0) throw new Error('there is no place for an argument');
      return;
    }
    if (value > place.mask) throw new Excess(`an argument is ${value}, and the model has room for ${place.mask}`);
    packed[place.word] = ((packed[place.word] ?? 0) & ~(place.mask << place.shift)) | (value << place.shift);
  };

  const call: Engine['call'] = (set, node, slots) =>
    remember(set, `c${node} ${slots.join(' ')}`, () => {
      const caller = set.callers;
      const own = table.threads[caller];
      const anchor = own?.numbers.get(node);
      if (own === undefined || anchor === undefined) throw new Error('the call is not in the program');
      const states = statesOf(set).map(state => {
        const packed = Int32Array.from(state);
        put(packed, own.anchor, anchor);
        for (const [slot, value] of slots) {
          const place = own.live[anchor]?.find(one => one.slot === slot);
          // An argument that nobody looks at has no place.
          if (place !== undefined) put(packed, place, value);
        }
        if (moves.step(caller, packed, 0) !== 1) throw new Error('a call did not begin');
        const after = moves.buffer().slice(1, words + 1);
        free?.take(after, caller + 1);
        return store.add(after, 0);
      });
      return setOf({ handles: set.handles, callers: caller + 1 }, states);
    });

  const returns: Engine['returns'] = (set, caller, type) =>
    remember(set, `r${caller} ${type ?? ''}`, () => {
      const lost = new Set<string>();
      const found = new Map<number, { value: number; arrived: StateTable; flushed: boolean }>();
      const own = table.threads[caller];
      runs.toReturn(
        set.states,
        store.words(),
        set.callers,
        caller,
        ({ packed, at, flushed }) => {
          const value = returnedIn(own, packed, at);
          const key = type === null || value === 0 ? value : aHandle;
          const group = found.get(key) ?? { value: key, arrived: stateTable(words), flushed: true };
          found.set(key, group);
          group.flushed &&= flushed;
          group.arrived.add(packed, at);
        },
        what => lost.add(what),
      );
      const goOn = [...allCallers.slice(0, set.callers)].filter(one => one !== caller);
      const renamedCallers = allCallers.map(one => (one === caller ? -1 : one > caller ? one - 1 : one));
      const ways = [...found.values()].flatMap(({ value, arrived, flushed }): Returned[] => {
        const shape: Shape = { handles: type === null || value === 0 ? set.handles : [...set.handles, type], callers: set.callers - 1 };
        const states: number[] = [];
        for (const at of leastOf(arrived, set.callers)) {
          const packed = arrived.words().slice(at * words, (at + 1) * words);
          const handles = [...set.objects];
          if (type !== null && value !== 0) {
            const object = (table.firstOf[type] ?? 0) + returnedIn(own, packed, 0) - 1;
            if (handles.includes(object)) {
              lost.add('a call gives back an object that was given back before');
              continue;
            }
            handles.push(object);
          }
          const quiet = quietWorkDone(table, moves, dependence, idle, packed, handles, goOn);
          const heap = heapAt(quiet, 0, set);
          const inHand = heap.inHand.map((has, index) => (index === caller ? [] : has));
          states.push(store.add(renumbered(quiet, 0, { ...heap, inHand }, handles, renamedCallers, null), 0));
        }
        return states.length === 0 ? [] : [{ value, flushed, set: least(setOf(shape, states)) }];
      });
      return { ways, lost: [...lost] };
    });

  const returnedIn = (own: CellTable['threads'][number] | undefined, packed: ArrayLike<number>, at: number): number => {
    const anchor = own?.anchor == null ? 0 : valueAt(packed, at, own.anchor);
    const place = own?.live[anchor]?.find(({ slot }) => slot === 0);
    return place === undefined ? 0 : valueAt(packed, at, place);
  };

  /**
   * Those of the states that hidden steps do not lead to from others, as far as is found with little looking. Those found first are the ones that
   * others lead to least, and what was seen from one of them need not be seen again.
   */
  const leastOf = (arrived: StateTable, callers: number): number[] => {
    const all = Array.from({ length: arrived.size() }, (_, number) => number);
    if (all.length === 1) return all;
    const gone = new Set<number>();
    const apart = runs.apart(arrived.words(), arrived.size());
    scratch.clear();
    let at = 0;
    for (const first of all) {
      if (gone.has(first) || scratch.size() > mostLookedAhead) continue;
      const before = scratch.size();
      if (scratch.add(arrived.words(), first * words) < before) continue;
      for (; at < scratch.size() && scratch.size() <= mostLookedAhead; at += 1) {
        const same = at === before ? first : arrived.find(scratch.words(), at * words);
        if (same >= 0 && same !== first) gone.add(same);
        hiddenSteps(at, callers, apart);
      }
    }
    return all.filter(state => !gone.has(state));
  };

  /** As `leastOf`, of states that have their numbers already. What is still possible afterwards is possible before. */
  const least = (set: StateSet): StateSet => {
    if (set.states.length < 2) return set;
    return remember(set, 'l', () => {
      const gone = new Set<number>();
      let left = mostComparedAhead;
      for (const first of set.states) {
        if (gone.has(first) || left <= 0) continue;
        scratch.clear();
        scratch.add(store.words(), first * words);
        for (let at = 0; at < scratch.size() && left > 0; at += 1) {
          left -= 1;
          hiddenSteps(at, set.callers, null);
          if (at === 0) continue;
          const heap = heapAt(scratch.words(), at * words, set);
          const same = store.find(renumbered(scratch.words(), at * words, heap, set.objects, allCallers, null), 0);
          if (same !== first && set.states.includes(same)) gone.add(same);
        }
      }
      return gone.size === 0
        ? set
        : setOf(
            set,
            set.states.filter(state => !gone.has(state)),
          );
    });
  };
  const hiddenSteps = (at: number, callers: number, only: ReadonlySet<number> | null): void =>
    runs.step(scratch.words(), at * words, callers, only, (buffer, from) => scratch.add(buffer, from));

  const sharedWork = new Set(Object.values(layout.program.onQueue).flat());
  /** Which of what is pending or running on shared queues was queued before something else is known only if runs queue nothing there. */
  const runsQueueNone = layout.program.threads.every(
    ({ work, nodes }) =>
      work === null ||
      nodes.every(({ action }) => action.kind !== 'queue' || !sharedWork.has(`${action.target.type}.${action.target.field}`)),
  );
  const isAwaited = (packed: ArrayLike<number>, at: number, shape: Shape): boolean =>
    heapAt(packed, at, shape).working.some(([owner]) => (table.works[owner] ?? []).some(({ role }) => sharedWork.has(role)));

  const awaited: Engine['awaited'] = set =>
    remember(set, 'd', () => {
      if (!runsQueueNone || !statesOf(set).some(state => isAwaited(state, 0, set))) return set;
      scratch.clear();
      for (const first of set.states) scratch.add(store.words(), first * words);
      const ends = stateTable(words);
      for (let at = 0; at < scratch.size(); at += 1) {
        if (scratch.size() > mostStates) throw new TooMuch();
        if (isAwaited(scratch.words(), at * words, set)) hiddenSteps(at, set.callers, null);
        else ends.add(scratch.words(), at * words);
      }
      const states = leastOf(ends, set.callers).map(at => {
        const packed = ends.words().slice(at * words, (at + 1) * words);
        return store.add(renumbered(packed, 0, heapAt(packed, 0, set), set.objects, allCallers, null), 0);
      });
      return least(setOf(set, states));
    });

  const statesOf = (set: StateSet): Int32Array[] => [...set.states].map(state => store.words().slice(state * words, (state + 1) * words));

  const make: Engine['make'] = (shape, states) =>
    setOf(
      shape,
      states.map(state => store.add(state, 0)),
    );

  const merge: Engine['merge'] = (one, other) =>
    remember(one, `m${other.id}`, () => {
      if (one.states.length * other.states.length > mostStates) throw new TooMuch();
      const shape: Shape = { handles: [...one.handles, ...other.handles], callers: one.callers + other.callers };
      const laterCallers = allCallers.map(caller => (caller < other.callers ? caller + one.callers : -1));
      const made: Int32Array[] = [];
      for (const first of statesOf(one)) {
        const shift: Record<string, number> = {};
        for (const { name, initial } of layout.program.types) {
          const place = table.counters[name];
          shift[name] = place == null ? 0 : valueAt(first, 0, place) - initial;
        }
        const objects = everyObject.map(object => {
          const { type = '', instance = 0 } = table.objects[object] ?? {};
          if (table.declared[object] === true) return object;
          const pool = layout.program.types.find(({ name }) => name === type)?.pool ?? 0;
          return instance + (shift[type] ?? 0) > pool ? -1 : object + (shift[type] ?? 0);
        });
        for (const second of statesOf(other)) {
          for (const { name, initial, pool } of layout.program.types) {
            const place = table.counters[name];
            if (place != null && valueAt(second, 0, place) - initial + initial + (shift[name] ?? 0) > pool)
              throw new Excess(`more than ${pool} objects of type ${name}`);
          }
          const both = Int32Array.from(first);
          for (const place of Object.values(table.counters)) if (place !== null) put(both, place, 0);
          within(second, 0, { objects, callers: laterCallers }, both);
          const handles = [...one.objects, ...other.objects.map(object => objects[object] ?? 0)];
          made.push(renumbered(both, 0, heapAt(both, 0, shape), handles, allCallers, null));
        }
      }
      return make(shape, made);
    });

  const partsOf = partsWith({ table, allCallers, renumbered, heapAt, statesOf, make, numberOf: state => store.add(state, 0) });
  const part: Engine['part'] = set => remember(set, 'p', () => partsOf(set));

  const moveTo: Engine['moveTo'] = (set, other, transfer) => {
    const objects = everyObject.map(object => {
      const { type = '', instance = 0 } = table.objects[object] ?? {};
      return (other.table.firstOf[type] ?? 0) + instance - 1;
    });
    return other.make(
      set,
      statesOf(set).map(state => {
        const into = new Int32Array(other.table.words);
        transfer(state, 0, { objects, callers: allCallers }, into);
        for (const { name } of layout.program.types) {
          const from = table.counters[name];
          const to = other.table.counters[name];
          if (from != null && to != null) into[to.word] = (into[to.word] ?? 0) | (valueAt(state, 0, from) << to.shift);
        }
        return into;
      }),
    );
  };

  return {
    layout,
    table,
    instants(set, caller, see) {
      const ignore = (): void => {};
      runs.toReturn(set.states, store.words(), set.callers, caller, ignore, ignore, see);
    },
    empty: make({ handles: [], callers: 0 }, [encode(layout, layout.program.initial)]),
    call,
    returns,
    merge,
    part,
    awaited,
    moveTo,
    make,
    statesOf,
    size: () => store.size(),
    reduced,
  };
}
