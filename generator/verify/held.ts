/**
 * What can be said of a program's locks without exploring: what each thread holds at each node, in which order classes are taken,
 * whether every path gives back what it took. Judges what *could* happen, so its findings are possible, not observed.
 */
import { successorsOf } from '../instantiate/pools.ts';
import { fieldOf } from '../interpret/program-index.ts';
import { END, type Finding, type Node, type Program, type Thread } from '../program.ts';
import { afterNode, classes, classOf, type Held, heldAt, takenBefore, type Way } from './held-ways.ts';

export interface StaticFinding extends Finding {
  readonly thread: number;
  readonly node: number;
}
export interface OrderEdge {
  readonly outer: string;
  readonly inner: string;
  /** It is the read side that is held, and that is waited for. */ readonly reads: { readonly outer: boolean; readonly inner: boolean };
  readonly thread: number;
  readonly node: number;
}
/** Whether a thread that stands at the node ever holds a lock of the class; `from` is where the path comes from on which the code says so. */
export type MayHold = (place: {
  readonly thread: number;
  readonly node: number;
  readonly lockClass: string;
  readonly from: number | null;
  /** Every path to the node takes the lock, so it is only whether it was released. */ readonly taken: boolean;
}) => boolean;
export interface LockGraph {
  readonly edges: readonly OrderEdge[];
  readonly findings: readonly StaticFinding[];
}

const waits = new Set(['lock', 'read-lock', 'write-lock', 'grace-begin', 'flush-begin', 'cancel-begin', 'flush-queue-begin']);

/** `mayHold` is asked where some paths to a node hold a lock and others do not: conditions may go together that the code does not show. */
export function lockGraph(program: Program, mayHold: MayHold = () => true): LockGraph {
  const edges = new Map<string, OrderEdge>();
  const findings: StaticFinding[] = [];
  program.threads.forEach((thread, index) => {
    const held = heldAt(thread);
    const taken = takenBefore(thread);
    const isSure = (node: number, lockClass: string, way: Way): boolean =>
      (held[node] ?? []).every(other => other.held.some(lock => lock.class === lockClass)) ||
      mayHold({ thread: index, node, lockClass, from: way.from, taken: taken[node]?.has(lockClass) ?? false });
    const unbalanced = imbalances(program, thread, held, isSure);
    for (const { node, detail } of unbalanced)
      findings.push({ rule: 'always.locksBalance', detail, fatal: false, objects: {}, thread: index, node });
    // What a thread has kept by mistake it would have in every order.
    const counts = (node: number, lockClass: string, way: Way): boolean =>
      isSure(node, lockClass, way) && (unbalanced.length === 0 || way.from === null);
    thread.nodes.forEach((node, at) => {
      const ways = held[at] ?? [];
      for (const inner of waitedFor(program, node)) {
        for (const way of ways)
          for (const { class: outer, isRead } of way.held) {
            const reads = { outer: isRead, inner: node.action.kind === 'read-lock' };
            const key = `${outer} ${inner} ${reads.outer} ${reads.inner}`;
            if (!edges.has(key) && counts(at, outer, way)) edges.set(key, { outer, inner, reads, thread: index, node: at });
          }
      }
      const taken = ways.flatMap(way => lastPutTakes(program, thread, at, way.held).filter(one => isSure(at, one, way)))[0] ?? null;
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
  const waits = (one: OrderEdge, other: OrderEdge): boolean => one.inner === other.outer && !neverWaits(program, one, other);
  for (const cycle of cycles(kept, waits)) {
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

/** Classes that this node makes the thread wait for. */
export function waitedFor(program: Program, { action }: Node): string[] {
  if (action.kind === 'wait-sleep') return [...(action.flags ?? [])];
  if (!waits.has(action.kind) || !('target' in action)) return [];
  if (action.kind === 'flush-begin' || action.kind === 'cancel-begin') return [`run of ${classOf(action.target)}`];
  if (action.kind === 'flush-queue-begin') return (program.onQueue[classOf(action.target)] ?? []).map(work => `run of ${work}`);
  return [classOf(action.target)];
}

function imbalances(
  program: Program,
  thread: Thread,
  held: readonly (readonly Way[])[],
  isSure: (node: number, lockClass: string, way: Way) => boolean,
): { node: number; detail: string }[] {
  const atCall = new Map<number, readonly Way[]>();
  thread.nodes.forEach(({ action }, index) => {
    if (action.kind === 'call') atCall.set(action.call, held[index] ?? []);
  });
  const place = (node: number | null): string => {
    const site = program.sites[thread.nodes[node ?? END]?.site ?? -1];
    return site === undefined ? 'the beginning' : `${site.in[0] ?? 'the scenario'}, ${site.at.file}:${site.at.line}`;
  };
  const found = new Map<string, { node: number; detail: string }>();
  const toldAt = new Set<number>();
  const tell = (node: number, what: string, way: Way, others: readonly Way[]): void => {
    const fine = others.find(other => classes(other.held) !== classes(way.held));
    const isOften = way.from === null || fine === undefined || fine.from === null;
    const kept = way.held.filter(lock => fine === undefined || !fine.held.some(same => same.class === lock.class));
    const names = [...new Set(kept.map(lock => lock.class))].join(' and ');
    const detail = isOften ? what : `${names} is still held after ${place(way.from)}, and not after ${place(fine?.from ?? null)}`;
    toldAt.add(node);
    if (!found.has(detail)) found.set(detail, { node, detail });
  };
  const isReturnTold = ({ action }: Node, index: number): boolean => action.kind === 'return' && toldAt.has(index);
  thread.nodes.forEach((node, index) => {
    const ways = held[index] ?? [];
    for (const way of ways) {
      if (node.action.kind === 'return') {
        const then = atCall.get(node.action.call) ?? [];
        const began = then.find(one => classes(one.held) === classes(way.held));
        if (began !== undefined) continue;
        const left = lacking(way.held, then[0]?.held ?? []).flatMap(lock => (isSure(index, lock.class, way) ? [lock.class] : []));
        const gone = lacking(then[0]?.held ?? [], way.held).map(lock => lock.class);
        if (left.length + gone.length > 0)
          tell(
            index,
            `the call returns ${left.length > 0 ? `still holding ${left.join(', ')}` : `without ${gone.join(', ')}, which was held when it began`}`,
            way,
            ways,
          );
      } else if (successorsOf(node).includes(END) && thread.work === null && !thread.nodes.some(isReturnTold)) {
        const after = afterNode(node, way.held).filter(lock => isSure(index, lock.class, way) || !way.held.includes(lock));
        if (after.length > 0) tell(index, `the thread ends still holding ${after.map(lock => lock.class).join(', ')}`, way, ways);
      }
    }
  });
  return [...found.values()];
}

function lacking(one: readonly Held[], other: readonly Held[]): readonly Held[] {
  return one.filter(lock => !other.some(same => same.class === lock.class));
}

/** Classes that are held at this put and taken by what its last put runs. */
function lastPutTakes(program: Program, thread: Thread, at: number, held: readonly Held[]): string[] {
  const put = thread.nodes[at];
  if (put?.action.kind !== 'put' || held.length === 0) return [];
  const seen = new Set<number>([put.next]);
  const stack = [put.otherwise];
  const taken = new Set<string>();
  while (stack.length > 0) {
    const index = stack.pop() ?? END;
    const node = thread.nodes[index];
    if (node === undefined || seen.has(index)) continue;
    seen.add(index);
    for (const inner of waitedFor(program, node)) if (held.some(lock => lock.class === inner)) taken.add(inner);
    stack.push(...successorsOf(node));
  }
  return [...taken];
}

/** Who reads does not wait for who reads: not at all, or not unless a writer stands between the two. */
function neverWaits(program: Program, one: OrderEdge, other: OrderEdge): boolean {
  if (!one.reads.inner || !other.reads.outer) return false;
  const [type = '', field = ''] = one.inner.split('.');
  if (fieldOf(program, type, field).kind === 'rwlock') return true;
  return !program.threads.some(({ nodes }) =>
    nodes.some(({ action }) => action.kind === 'write-lock' && classOf(action.target) === one.inner),
  );
}

/** One shortest cycle through each edge that closes one, each cycle once. `waits`: who has the one edge may wait for who has the other. */
function cycles(edges: readonly OrderEdge[], waits: (one: OrderEdge, other: OrderEdge) => boolean): OrderEdge[][] {
  const found = new Map<string, OrderEdge[]>();
  for (const edge of edges) {
    const cycle = shortestCycle(edges, edge, waits);
    if (cycle === null) continue;
    const key = cycle
      .map(({ outer }) => outer)
      .sort()
      .join(' ');
    if (!found.has(key)) found.set(key, cycle);
  }
  return [...found.values()];
}

function shortestCycle(
  edges: readonly OrderEdge[],
  from: OrderEdge,
  waits: (one: OrderEdge, other: OrderEdge) => boolean,
): OrderEdge[] | null {
  const cameBy = new Map<OrderEdge, OrderEdge | null>([[from, null]]);
  for (const at of cameBy.keys()) {
    if (at !== from && waits(at, from)) {
      const cycle: OrderEdge[] = [];
      for (let one: OrderEdge | null = at; one !== null; one = cameBy.get(one) ?? null) cycle.unshift(one);
      return cycle;
    }
    for (const next of edges) if (!cameBy.has(next) && waits(at, next)) cameBy.set(next, at);
  }
  return null;
}
