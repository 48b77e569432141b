/**
 * What a thread may hold at each node, told apart by what it holds: code may take a lock, and let go of it, on one and the same condition.
 * So each way to hold something carries what is known on it of the thread's locals, and a branch that this decides is not taken otherwise.
 */
import { liveness } from '../explore/liveness.ts';
import { successorsOf } from '../instantiate/pools.ts';
import { END, type Node, type Target, type Thread, type Value } from '../program.ts';

/** A held thing: its class, and its object as written, to tell two instances apart. */
export interface Held {
  readonly class: string;
  readonly key: string;
  /** The read side of a lock. */ readonly isRead: boolean;
  /** Interrupts are off while it is held. */ readonly irqsOff: boolean;
}

/** Ways to come to a node that hold the same. */
export interface Way {
  readonly held: readonly Held[];
  /** What all of them know: values of slots, and of conditions by their text. */ readonly known: ReadonlyMap<string, number>;
  /** Node that they came from where ways that hold something else joined them; null if none did. */ readonly from: number | null;
}

/** Several ask the same of a thread: it is looked for when the first does. */
function once<Found>(look: (thread: Thread) => Found): (thread: Thread) => Found {
  const known = new WeakMap<Thread, { readonly found: Found }>();
  return thread => {
    const before = known.get(thread) ?? { found: look(thread) };
    known.set(thread, before);
    return before.found;
  };
}

/** More ways to hold something than any code has a reason for. */
const mostWays = 16;

/** Where no two paths to a node hold different things, which is nearly always so, nothing has to be known to tell ways apart. */
export const heldAt = once(waysInto);

function waysInto(thread: Thread): readonly (readonly Way[])[] {
  const plain = waysOf(thread, null);
  return plain.some(ways => ways.length > 1) ? waysOf(thread, liveness(thread)) : plain;
}

/** `live`: the slots that are read later, by node; what is known of others is forgotten. Null: nothing is known of any. */
function waysOf(thread: Thread, live: readonly ReadonlySet<number>[] | null): readonly (readonly Way[])[] {
  const ways: Way[][] = thread.nodes.map(() => []);
  /** By node and what is held, the node that a way came from when it was first met. */
  const cameFrom = new Map<string, number>();
  const work = createAgenda();
  const go = (to: number, way: Way, from: number): void => {
    if (to !== END) work.push(to, { way: { ...way, known: live === null ? nothing : liveOf(way.known, live[to] ?? new Set()) }, from });
  };
  go(thread.start, { held: [], known: nothing, from: null }, END);
  for (let next = work.pop(); next !== null; next = work.pop()) {
    const { index, way, from } = next;
    const node = thread.nodes[index];
    const here = ways[index];
    if (node === undefined || here === undefined) continue;
    const came = `${index} ${classes(way.held)}`;
    if (!cameFrom.has(came)) cameFrom.set(came, from);
    for (const joined of joinWay(here, way, one => cameFrom.get(`${index} ${classes(one.held)}`) ?? from)) {
      for (const to of new Set(successorsOf(node))) {
        const known = live === null ? nothing : knownAfter(node, joined.known, to);
        if (known === null) continue;
        if (node.action.kind === 'try-lock') {
          const got: Held = { ...heldOf(node.action.target), isRead: false, irqsOff: false };
          go(to, { ...joined, known: withValue(known, node.action.slot, 0) }, index);
          go(to, { ...joined, held: [...joined.held, got].sort(byKey), known: withValue(known, node.action.slot, 1) }, index);
          continue;
        }
        // A writer that has to queue does not have the lock yet.
        const isQueued = node.action.kind === 'write-lock' && to === node.otherwise;
        go(to, { ...joined, held: isQueued ? joined.held : afterNode(node, joined.held), known }, index);
      }
    }
  }
  return ways;
}
const nothing: ReadonlyMap<string, number> = new Map();

interface Task {
  readonly way: Way;
  readonly from: number;
}

/** What is left to do, the lowest node first: code goes down nearly always, so that few nodes are met more often than ways lead to them. */
function createAgenda(): { push: (index: number, task: Task) => void; pop: () => (Task & { readonly index: number }) | null } {
  const tasks = new Map<number, Task[]>();
  const heap: number[] = [];
  const swap = (a: number, b: number): void => {
    [heap[a], heap[b]] = [heap[b] ?? 0, heap[a] ?? 0];
  };
  const isBefore = (a: number, b: number): boolean => (heap[a] ?? 0) < (heap[b] ?? 0);
  const push = (index: number, task: Task): void => {
    const known = tasks.get(index);
    if (known !== undefined) {
      known.push(task);
      return;
    }
    tasks.set(index, [task]);
    heap.push(index);
    for (let at = heap.length - 1; at > 0 && isBefore(at, (at - 1) >> 1); at = (at - 1) >> 1) swap(at, (at - 1) >> 1);
  };
  const pop = (): (Task & { readonly index: number }) | null => {
    const index = heap[0];
    if (index === undefined) return null;
    const list = tasks.get(index) ?? [];
    const task = list.shift();
    if (list.length === 0) {
      tasks.delete(index);
      const last = heap.pop();
      if (heap.length > 0 && last !== undefined) {
        heap[0] = last;
        for (let at = 0; ; ) {
          const [left, right] = [2 * at + 1, 2 * at + 2];
          const least = right < heap.length && isBefore(right, left) ? right : left;
          if (least >= heap.length || !isBefore(least, at)) break;
          swap(at, least);
          at = least;
        }
      }
    }
    return task === undefined ? null : { ...task, index };
  };
  return { push, pop };
}

function withValue(known: ReadonlyMap<string, number>, slot: number, value: number): ReadonlyMap<string, number> {
  return slot < 0 ? known : new Map(known).set(`slot ${slot}`, value);
}

/** What is known of slots that will be read. */
function liveOf(known: ReadonlyMap<string, number>, live: ReadonlySet<number>): ReadonlyMap<string, number> {
  if ([...known.keys()].every(name => slotsOf(name).every(slot => live.has(slot)))) return known;
  return new Map([...known].filter(([name]) => slotsOf(name).every(slot => live.has(slot))));
}

const slotsByName = new Map<string, readonly number[]>();

/** Slots that something known speaks of: `slot 3`, or the text of a condition. */
function slotsOf(name: string): readonly number[] {
  const known = slotsByName.get(name);
  if (known !== undefined) return known;
  const found = [...name.matchAll(/(?:^slot |"slot":)(\d+)/g)].map(([, slot]) => Number(slot));
  slotsByName.set(name, found);
  return found;
}

/** What is new at the node by this way. Where ways meet that hold different things, each remembers where it came from. */
function joinWay(here: Way[], way: Way, cameFrom: (way: Way) => number): Way[] {
  const own = classes(way.held);
  const place = here.findIndex(one => classes(one.held) === own);
  const same = here[place];
  if (same !== undefined) {
    const known = new Map([...same.known].filter(([name, value]) => way.known.get(name) === value));
    const from = same.from ?? way.from;
    if (known.size === same.known.size && from === same.from) return [];
    const joined = { ...same, known, from };
    here[place] = joined;
    return [joined];
  }
  if (here.length >= mostWays) return [];
  const placed = (one: Way): Way => (one.from === null ? { ...one, from: cameFrom(one) } : one);
  if (here.length === 0) {
    here.push(way);
    return [way];
  }
  const changed: Way[] = [];
  here.forEach((one, at) => {
    if (one.from !== null) return;
    here[at] = placed(one);
    changed.push(here[at] ?? one);
  });
  here.push(placed(way));
  return [...changed, placed(way)];
}

/** What is known on the way to this successor; null if what is known keeps it from being taken. */
function knownAfter({ action, next, otherwise }: Node, known: ReadonlyMap<string, number>, to: number): ReadonlyMap<string, number> | null {
  if (action.kind === 'branch' && next !== otherwise) {
    const taken = to === next ? 1 : 0;
    const truth = truthOf(action.when, known);
    if (truth !== null) return truth === taken ? known : null;
    const { text, negated } = condition(action.when);
    return new Map(known).set(text, negated ? 1 - taken : taken);
  }
  const given = [
    ...('slot' in action ? [action.slot] : []),
    ...('visited' in action ? [action.visited] : []),
    ...('later' in action ? [action.later] : []),
    ...('once' in action && action.once !== undefined ? [action.once] : []),
  ];
  if (given.length === 0) return known;
  const after = new Map([...known].filter(([name]) => !slotsOf(name).some(slot => given.includes(slot))));
  if (action.kind === 'set') {
    const value = valueOf(action.value, known);
    if (value !== null) after.set(`slot ${action.slot}`, value);
  }
  return after;
}

/** `!x`, `x === null` and `x !== null` are known where `x` is, and `x !== y` where `x === y` is. */
function condition(of: Value): { readonly text: string; readonly negated: boolean } {
  if (of.kind !== 'operator') return { text: JSON.stringify(of), negated: false };
  const [first, second] = of.of;
  const isEqual = of.operator === '===' || of.operator === '!==';
  const inner = of.operator === '!' || (isEqual && isZero(second)) ? first : isEqual && isZero(first) ? second : undefined;
  if (inner !== undefined) {
    const { text, negated } = condition(inner);
    return { text, negated: of.operator === '!==' ? negated : !negated };
  }
  return of.operator === '!=='
    ? { text: JSON.stringify({ ...of, operator: '===' }), negated: true }
    : { text: JSON.stringify(of), negated: false };
}

function isZero(value: Value | undefined): boolean {
  return value?.kind === 'constant' && value.value === 0;
}

/** Whether the condition is true, 1 or 0, as far as it follows from what is known; null if it does not. */
function truthOf(of: Value, known: ReadonlyMap<string, number>): number | null {
  const value = valueOf(of, known);
  if (value !== null) return value === 0 ? 0 : 1;
  const { text, negated } = condition(of);
  const decided = known.get(text);
  return decided === undefined ? null : negated ? 1 - decided : decided;
}

function valueOf(of: Value, known: ReadonlyMap<string, number>): number | null {
  if (of.kind === 'constant') return of.value;
  if (of.kind === 'slot') return known.get(`slot ${of.slot}`) ?? null;
  const [a, b] = of.of.map(one => valueOf(one, known));
  if (a === null || a === undefined) return null;
  if (of.operator === '!') return a === 0 ? 1 : 0;
  if (b === null || b === undefined) return null;
  if (of.operator === '===') return a === b ? 1 : 0;
  return of.operator === '!==' ? (a !== b ? 1 : 0) : null;
}

export function classOf(target: Target): string {
  return `${target.type}.${target.field}`;
}

function keyOf(target: Target): string {
  return `${classOf(target)} ${JSON.stringify(target.object)}`;
}

function heldOf(target: Target): Pick<Held, 'class' | 'key'> {
  return { class: classOf(target), key: keyOf(target) };
}

export function afterNode({ action }: Node, before: readonly Held[]): readonly Held[] {
  switch (action.kind) {
    case 'read-lock':
      return [...before, { ...heldOf(action.target), isRead: true, irqsOff: false }].sort(byKey);
    case 'lock':
      return [...before, { ...heldOf(action.target), isRead: false, irqsOff: action.irq }].sort(byKey);
    case 'write-lock':
    case 'write-lock-queued':
    case 'flag-take':
    case 'enter':
      return [...before, { ...heldOf(action.target), isRead: false, irqsOff: false }].sort(byKey);
    case 'unlock':
    case 'flag-free':
    case 'read-unlock':
    case 'exit':
    case 'link':
    case 'unlink':
      return without(before, keyOf(action.target));
    case 'take':
      return [
        ...before,
        { class: `run of ${classOf(action.target)}`, key: `run of ${keyOf(action.target)}`, isRead: false, irqsOff: false },
      ].sort(byKey);
    case 'done':
      return without(before, `run of ${keyOf(action.target)}`);
    default:
      return before;
  }
}

/** The same for all that hold locks of the same classes. */
export function classes(held: readonly Held[]): string {
  const known = classTexts.get(held);
  if (known !== undefined) return known;
  const text = held
    .map(lock => lock.class)
    .sort()
    .join();
  classTexts.set(held, text);
  return text;
}
const classTexts = new WeakMap<readonly Held[], string>();

function byKey(one: Held, other: Held): number {
  return one.key < other.key ? -1 : one.key > other.key ? 1 : 0;
}

/** What is released is the thing taken under the same name; else, where the code read the pointer twice, the last one of its class. */
function without(held: readonly Held[], key: string): readonly Held[] {
  const same = held.findIndex(lock => lock.key === key);
  const index = same >= 0 ? same : held.findLastIndex(lock => key.startsWith(`${lock.class} `));
  return index < 0 ? held : held.filter((_, place) => place !== index);
}

/** By node, classes that every path there takes in the present call, released or not. */
export const takenBefore = once(takenOnAllPaths);

function takenOnAllPaths(thread: Thread): readonly (ReadonlySet<string> | undefined)[] {
  const taken: (ReadonlySet<string> | undefined)[] = thread.nodes.map(() => undefined);
  const work: [node: number, taken: ReadonlySet<string>][] = [[thread.start, new Set()]];
  for (let next = work.pop(); next !== undefined; next = work.pop()) {
    const [index, here] = next;
    const node = thread.nodes[index];
    const known = taken[index];
    if (node === undefined) continue;
    const joined = known === undefined ? here : new Set([...known].filter(one => here.has(one)));
    if (known !== undefined && joined.size === known.size) continue;
    taken[index] = joined;
    const after = node.action.kind === 'call' ? new Set<string>() : new Set([...joined, ...afterNode(node, []).map(lock => lock.class)]);
    for (const to of successorsOf(node)) work.push([to, after]);
  }
  return taken;
}
