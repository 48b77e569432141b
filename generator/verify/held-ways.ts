/**
 * What a thread may hold at each node, told apart by what it holds: code may take a lock, and let go of it, on one and the same condition.
 * So each way to hold something carries what is known on it of the thread's locals, and a branch that this decides is not taken otherwise.
 */
import { successorsOf } from '../instantiate/pools.ts';
import { END, type Node, type Target, type Thread, type Value } from '../program.ts';

/** A held thing: its class, and its object as written, to tell two instances apart. */
export interface Held {
  readonly class: string;
  readonly key: string;
  /** The read side of a lock. */ readonly isRead: boolean;
}

/** Ways to come to a node that hold the same. */
export interface Way {
  readonly held: readonly Held[];
  /** What all of them know: values of slots, and of conditions by their text. */ readonly known: ReadonlyMap<string, number>;
  /** Node that they came from where ways that hold something else joined them; null if none did. */ readonly from: number | null;
}

/** More ways to hold something than any code has a reason for. */
const mostWays = 64;

export function heldAt(thread: Thread): readonly (readonly Way[])[] {
  const ways: Way[][] = thread.nodes.map(() => []);
  /** By node and what is held, the node that a way came from when it was first met. */
  const cameFrom = new Map<string, number>();
  const work: [node: number, way: Way, from: number][] = [[thread.start, { held: [], known: new Map(), from: null }, END]];
  for (let next = work.pop(); next !== undefined; next = work.pop()) {
    const [index, way, from] = next;
    const node = thread.nodes[index];
    const here = ways[index];
    if (node === undefined || here === undefined) continue;
    const came = `${index} ${keysOf(way)}`;
    if (!cameFrom.has(came)) cameFrom.set(came, from);
    for (const joined of joinWay(here, way, one => cameFrom.get(`${index} ${keysOf(one)}`) ?? from)) {
      for (const to of successorsOf(node)) {
        const known = knownAfter(node, joined.known, to);
        if (known === null) continue;
        if (node.action.kind === 'try-lock') {
          const got: Held = { ...heldOf(node.action.target), isRead: false };
          work.push([to, { ...joined, known: withValue(known, node.action.slot, 0) }, index]);
          work.push([to, { ...joined, held: [...joined.held, got].sort(byKey), known: withValue(known, node.action.slot, 1) }, index]);
          continue;
        }
        // A writer that has to queue does not have the lock yet.
        const isQueued = node.action.kind === 'write-lock' && to === node.otherwise;
        work.push([to, { ...joined, held: isQueued ? joined.held : afterNode(node, joined.held), known }, index]);
      }
    }
  }
  return ways;
}

function withValue(known: ReadonlyMap<string, number>, slot: number, value: number): ReadonlyMap<string, number> {
  return slot < 0 ? known : new Map(known).set(`slot ${slot}`, value);
}

function keysOf(way: Way): string {
  return way.held.map(lock => lock.key).join();
}

/** What is new at the node by this way. Where ways meet that hold different things, each remembers where it came from. */
function joinWay(here: Way[], way: Way, cameFrom: (way: Way) => number): Way[] {
  const place = here.findIndex(one => keysOf(one) === keysOf(way));
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
  const after = new Map([...known].filter(([name]) => !given.some(slot => speaksOf(name, slot))));
  if (action.kind === 'set') {
    const value = valueOf(action.value, known);
    if (value !== null) after.set(`slot ${action.slot}`, value);
  }
  return after;
}

function speaksOf(name: string, slot: number): boolean {
  return name === `slot ${slot}` || new RegExp(`"slot":${slot}[,}]`).test(name);
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
      return [...before, { ...heldOf(action.target), isRead: true }].sort(byKey);
    case 'lock':
    case 'write-lock':
    case 'write-lock-queued':
    case 'flag-take':
    case 'enter':
      return [...before, { ...heldOf(action.target), isRead: false }].sort(byKey);
    case 'unlock':
    case 'flag-free':
    case 'read-unlock':
    case 'exit':
    case 'link':
    case 'unlink':
      return without(before, keyOf(action.target));
    case 'take':
      return [...before, { class: `run of ${classOf(action.target)}`, key: `run of ${keyOf(action.target)}`, isRead: false }].sort(byKey);
    case 'done':
      return without(before, `run of ${keyOf(action.target)}`);
    default:
      return before;
  }
}

export function classes(held: readonly Held[]): string {
  return held.map(lock => lock.class).join();
}

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
export function takenBefore(thread: Thread): readonly (ReadonlySet<string> | undefined)[] {
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
