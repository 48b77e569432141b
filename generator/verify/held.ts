/**
 * What can be said of a program's locks without exploring: what each thread holds at each node, in which order classes are taken,
 * whether every path gives back what it took. Judges what *could* happen, so its findings are possible, not observed.
 */
import { successorsOf } from '../instantiate/pools.ts';
import { END, type Finding, type Node, type Program, type Target, type Thread } from '../program.ts';

export interface StaticFinding extends Finding {
  readonly thread: number;
  readonly node: number;
}
export interface OrderEdge {
  readonly outer: string;
  readonly inner: string;
  readonly thread: number;
  readonly node: number;
}
export interface LockGraph {
  readonly edges: readonly OrderEdge[];
  readonly findings: readonly StaticFinding[];
}

/** A held thing: its class, and its object as written, to tell two instances apart. */
interface Held {
  readonly class: string;
  readonly key: string;
}

const waits = new Set(['lock', 'read-lock', 'write-lock', 'grace-begin', 'flush-begin', 'cancel-begin', 'flush-queue-begin']);

export function lockGraph(program: Program): LockGraph {
  const edges = new Map<string, OrderEdge>();
  const findings: StaticFinding[] = [];
  program.threads.forEach((thread, index) => {
    const held = heldAt(program, thread, (node, detail) =>
      findings.push({ rule: 'always.locksBalance', detail, fatal: false, objects: {}, thread: index, node }),
    );
    thread.nodes.forEach((node, at) => {
      for (const inner of waitedFor(program, node)) {
        for (const { class: outer } of held[at] ?? []) {
          const key = `${outer} ${inner}`;
          if (!edges.has(key)) edges.set(key, { outer, inner, thread: index, node: at });
        }
      }
      const taken = lastPutTakes(program, thread, at, held[at] ?? []);
      if (taken !== null)
        findings.push({
          rule: 'always.lastPutTakesNoHeldLock',
          fatal: false,
          objects: {},
          thread: index,
          node: at,
          detail: `the put may be the last, and what it runs takes ${taken}, which is held here`,
        });
    });
  });
  const excepted = new Set(program.rules.flatMap(rule => (rule.kind === 'order-exception' ? [`${rule.outer} ${rule.inner}`] : [])));
  const kept = [...edges.values()].filter(({ outer, inner }) => !excepted.has(`${outer} ${inner}`) && outer !== inner);
  for (const cycle of cycles(kept)) {
    const last = cycle.at(-1);
    if (last !== undefined)
      findings.push({
        rule: 'always.noLockCycle',
        fatal: false,
        objects: {},
        thread: last.thread,
        node: last.node,
        detail: cycle
          .map(({ outer, inner, thread, node }) => `${inner} is waited for under ${outer} (${whereOf(program, thread, node)})`)
          .join('; '),
      });
  }
  return { edges: [...edges.values()], findings };
}

function whereOf(program: Program, thread: number, node: number): string {
  const site = program.sites[program.threads[thread]?.nodes[node]?.site ?? -1];
  return site === undefined ? '' : `${site.in[0] ?? 'scenario'}, ${site.at.file}:${site.at.line}`;
}

function classOf(target: Target): string {
  return `${target.type}.${target.field}`;
}

function keyOf(target: Target): string {
  return `${classOf(target)} ${JSON.stringify(target.object)}`;
}

/** Classes that this node makes the thread wait for. */
export function waitedFor(program: Program, { action }: Node): string[] {
  if (!waits.has(action.kind) || !('target' in action)) return [];
  if (action.kind === 'flush-begin' || action.kind === 'cancel-begin') return [`run of ${classOf(action.target)}`];
  if (action.kind === 'flush-queue-begin') return (program.onQueue[classOf(action.target)] ?? []).map(work => `run of ${work}`);
  return [classOf(action.target)];
}

/** Held before each node, by every path; paths that disagree are told. */
function heldAt(program: Program, thread: Thread, unbalanced: (node: number, detail: string) => void): (readonly Held[] | undefined)[] {
  const held: (readonly Held[] | undefined)[] = thread.nodes.map(() => undefined);
  const told = new Set<number>();
  const atCall = new Map<number, readonly Held[]>();
  const cameFrom: number[] = [];
  const work: [number, readonly Held[], number][] = [[thread.start, [], END]];
  const place = (node: number) => {
    const site = program.sites[thread.nodes[node]?.site ?? -1];
    return site === undefined ? 'the beginning' : `${site.in[0] ?? 'the scenario'}, ${site.at.file}:${site.at.line}`;
  };
  const disagree = (node: number, one: readonly Held[], other: readonly Held[], fromOne: number, fromOther: number) => {
    if (told.has(node)) return;
    told.add(node);
    const only = [
      ...one.filter(lock => !other.some(same => same.class === lock.class)),
      ...other.filter(lock => !one.some(same => same.class === lock.class)),
    ];
    const [holds, not] = one.length >= other.length ? [fromOne, fromOther] : [fromOther, fromOne];
    unbalanced(
      node,
      `${[...new Set(only.map(lock => lock.class))].join(' and ')} is still held after ${place(holds)}, and not after ${place(not)}`,
    );
  };
  while (work.length > 0) {
    const [index, before, from] = work.pop() ?? [END, [], END];
    const node = thread.nodes[index];
    if (node === undefined) continue;
    const known = held[index];
    if (known !== undefined) {
      if (classes(known) !== classes(before)) disagree(index, known, before, cameFrom[index] ?? END, from);
      continue;
    }
    held[index] = before;
    cameFrom[index] = from;
    if (node.action.kind === 'call') atCall.set(node.action.call, before);
    if (node.action.kind === 'return') {
      const then = atCall.get(node.action.call) ?? [];
      if (classes(then) !== classes(before)) {
        const left = before.filter(lock => !then.some(same => same.class === lock.class)).map(lock => lock.class);
        const gone = then.filter(lock => !before.some(same => same.class === lock.class)).map(lock => lock.class);
        unbalanced(
          index,
          `the call returns ${left.length > 0 ? `still holding ${left.join(', ')}` : `without ${gone.join(', ')}, which was held when it began`}`,
        );
      }
    }
    const after = afterNode(node, before);
    for (const next of successorsOf(node)) {
      // A writer that has to queue does not have the lock yet.
      if (node.action.kind === 'write-lock' && next === node.otherwise) {
        work.push([next, before, index]);
        continue;
      }
      if (next === END && after.length > 0) unbalanced(index, `the thread ends still holding ${after.map(lock => lock.class).join(', ')}`);
      work.push([next, after, index]);
    }
  }
  return held;
}

function afterNode({ action }: Node, before: readonly Held[]): readonly Held[] {
  switch (action.kind) {
    case 'lock':
    case 'read-lock':
    case 'write-lock':
    case 'write-lock-queued':
    case 'enter':
      return [...before, { class: classOf(action.target), key: keyOf(action.target) }].sort(byKey);
    case 'unlock':
    case 'read-unlock':
    case 'exit':
    case 'link':
    case 'unlink':
      return without(before, keyOf(action.target));
    case 'take':
      return [...before, { class: `run of ${classOf(action.target)}`, key: `run of ${keyOf(action.target)}` }].sort(byKey);
    case 'done':
      return without(before, `run of ${keyOf(action.target)}`);
    default:
      return before;
  }
}

function classes(held: readonly Held[]): string {
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

/** A class that is held at this put and taken by what its last put runs, or null. */
function lastPutTakes(program: Program, thread: Thread, at: number, held: readonly Held[]): string | null {
  const put = thread.nodes[at];
  if (put?.action.kind !== 'put' || held.length === 0) return null;
  const seen = new Set<number>([put.next]);
  const stack = [put.otherwise];
  while (stack.length > 0) {
    const index = stack.pop() ?? END;
    const node = thread.nodes[index];
    if (node === undefined || seen.has(index)) continue;
    seen.add(index);
    for (const inner of waitedFor(program, node)) if (held.some(lock => lock.class === inner)) return inner;
    stack.push(...successorsOf(node));
  }
  return null;
}

/** One shortest cycle through each edge that closes one, each cycle once. */
function cycles(edges: readonly OrderEdge[]): OrderEdge[][] {
  const found = new Map<string, OrderEdge[]>();
  for (const edge of edges) {
    const path = shortestPath(edges, edge.inner, edge.outer);
    if (path === null) continue;
    const cycle = [edge, ...path];
    const key = cycle
      .map(({ outer }) => outer)
      .sort()
      .join(' ');
    if (!found.has(key)) found.set(key, cycle);
  }
  return [...found.values()];
}

function shortestPath(edges: readonly OrderEdge[], from: string, to: string): OrderEdge[] | null {
  const cameBy = new Map<string, OrderEdge>();
  let level = [from];
  while (level.length > 0) {
    const next: string[] = [];
    for (const at of level) {
      for (const edge of edges.filter(({ outer }) => outer === at)) {
        if (cameBy.has(edge.inner) || edge.inner === from) continue;
        cameBy.set(edge.inner, edge);
        next.push(edge.inner);
      }
    }
    if (cameBy.has(to)) break;
    level = next;
  }
  const path: OrderEdge[] = [];
  for (let at = to; at !== from; ) {
    const edge = cameBy.get(at);
    if (edge === undefined) return null;
    path.unshift(edge);
    at = edge.outer;
  }
  return path;
}
