/** Which locals of a thread will be read again. A slot that nobody will read is 0 in every state, so that it tells no states apart. */
import { type Action, END, type Node, type Target, type Thread, type Value } from '../program.ts';

export type Timing = 'pure' | 'ahead' | 'step';

export function timing(action: Action): Timing {
  switch (action.kind) {
    case 'set':
    case 'branch':
    case 'jump':
      return 'pure';
    case 'read-constant':
    case 'assert-held':
      return 'ahead';
    default:
      return 'step';
  }
}

/** A way on from a node, and the slots that are given a value on it. */
export interface Way {
  readonly to: number;
  readonly gives: readonly number[];
}

export function waysOn(node: Node): readonly Way[] {
  const { action } = node;
  switch (action.kind) {
    case 'branch':
    case 'put':
    case 'write-lock':
      return [
        { to: node.next, gives: [] },
        { to: node.otherwise, gives: [] },
      ];
    // The last look, which finds no member, leaves slot and visited as they are.
    case 'next':
    case 'next-entry':
      return [
        { to: node.next, gives: [action.slot, action.visited] },
        { to: node.otherwise, gives: [] },
      ];
    case 'choose':
      return action.alternatives.map(to => ({ to, gives: [] }));
    case 'bug':
    case 'call-null':
      return [];
    case 'put-later':
      return [{ to: node.next, gives: [action.later] }];
    case 'next-later':
      return [{ to: node.next, gives: [action.slot, action.later] }];
    case 'read':
      return [{ to: node.next, gives: action.once === undefined ? [action.slot] : [action.slot, action.once] }];
    default:
      return [{ to: node.next, gives: 'slot' in action && action.slot >= 0 ? [action.slot] : [] }];
  }
}

/** Nodes that can be reached from the start of the thread, lowest first. */
export function reachable(thread: Thread): readonly number[] {
  const seen = new Set<number>();
  const left = [thread.start];
  for (let at = left.pop(); at !== undefined; at = left.pop()) {
    const node = thread.nodes[at];
    if (node === undefined || seen.has(at)) continue;
    seen.add(at);
    for (const way of waysOn(node)) left.push(way.to);
  }
  return [...seen].sort((a, b) => a - b);
}

export function slotsIn(value: Value): readonly number[] {
  switch (value.kind) {
    case 'constant':
      return [];
    case 'slot':
      return [value.slot];
    case 'operator':
      return value.of.flatMap(slotsIn);
  }
}

function values(action: Action, thread: Thread): readonly Value[] {
  const target = (on: Target | null): readonly Value[] => (on === null ? [] : [on.object]);
  switch (action.kind) {
    case 'set':
      return [action.value];
    case 'branch':
      return [action.when];
    case 'write':
      return [action.target.object, action.value];
    case 'add':
    case 'remove':
    case 'has':
      return [action.target.object, action.member];
    case 'link':
    case 'unlink':
      return [action.target.object, action.entry.object];
    case 'alloc':
      return Object.values(action.fields);
    case 'free':
    case 'assert-sole':
      return [action.object];
    case 'next-later':
      return [];
    case 'queue':
      return [action.target.object, ...target(action.on)];
    case 'queue-after-grace':
      return [action.target.object, action.domain.object];
    case 'call':
      return thread.calls[action.call]?.arguments.map(one => one.value) ?? [];
    case 'called':
      return action.with;
    case 'return':
      return [action.result];
    case 'jump':
    case 'choose':
    case 'bug':
    case 'call-null':
      return [];
    default:
      return [action.target.object];
  }
}

/** Slots that are read when the thread is at this node and goes on, before they are given a value. */
function reads(node: Node, thread: Thread): readonly number[] {
  const read = values(node.action, thread).flatMap(slotsIn);
  if (node.action.kind === 'next' || node.action.kind === 'next-entry') read.push(node.action.visited);
  if (node.action.kind === 'put-later' || node.action.kind === 'next-later') read.push(node.action.later);
  if (node.action.kind === 'read' && node.action.once !== undefined) read.push(node.action.once);
  const call = thread.calls[node.call];
  // A contract is judged at every instant of its call.
  if (call !== undefined && (call.contract >= 0 || call.kept === true)) read.push(...call.arguments.flatMap(one => slotsIn(one.value)));
  return read;
}

/** For each node the slots that are live when the thread is about to take it. Neighbours often share one set. */
export function liveness(thread: Thread): readonly ReadonlySet<number>[] {
  const { nodes } = thread;
  const words = Math.max(1, Math.ceil(thread.slots.length / 32));
  const live = new Int32Array(nodes.length * words);
  const ways = nodes.map(waysOn);
  nodes.forEach((node, at) => {
    for (const slot of reads(node, thread)) setBit(live, at * words, slot);
  });
  const given = new Int32Array(words);
  for (let changed = true; changed; ) {
    changed = false;
    for (let at = nodes.length - 1; at >= 0; at--)
      for (const { to, gives } of ways[at] ?? []) {
        if (to === END) continue;
        for (const slot of gives) setBit(given, 0, slot);
        for (let word = 0; word < words; word++) {
          const here = live[at * words + word] ?? 0;
          const more = here | ((live[to * words + word] ?? 0) & ~(given[word] ?? 0));
          if (more === here) continue;
          live[at * words + word] = more;
          changed = true;
        }
        given.fill(0);
      }
  }
  const sets: ReadonlySet<number>[] = [];
  for (let at = 0; at < nodes.length; at++) {
    const own = live.subarray(at * words, (at + 1) * words),
      before = live.subarray((at - 1) * words, at * words);
    const neighbour = sets[at - 1];
    sets.push(neighbour !== undefined && own.every((word, place) => word === before[place]) ? neighbour : setOf(own));
  }
  return sets;
}

function setBit(bits: Int32Array, from: number, bit: number): void {
  const word = from + (bit >> 5);
  bits[word] = (bits[word] ?? 0) | (1 << (bit & 31));
}

function setOf(bits: Int32Array): ReadonlySet<number> {
  const found = new Set<number>();
  bits.forEach((word, place) => {
    for (let left = word; left !== 0; left &= left - 1) found.add(place * 32 + 31 - Math.clz32(left & -left));
  });
  return found;
}
