/**
 * Whether something that began may never end although every thread gets its turn: a round in the graph of states that is weakly fair, in which
 * a call does not return, a run of a work item is not done, or a thread waits.
 *
 * Fair to a thread: it takes a step on the way round, or there is a state on it in which it can take none. So an enabled step is not put off for
 * ever. A thread that waits for a lock is owed more, as the kernel's locks are handed over to who waits: it gets one that is free again and
 * again. Nothing else is owed, not that a choice of the environment ever comes out otherwise.
 *
 * A component of the part of the graph in which the obligation stays open is fair to a thread exactly if some round in it is, the one through
 * all of its states and edges; so to look at the largest components is enough.
 */
import type { Edges } from '../explore/edges.ts';
import type { Exploration } from '../explore/explore.ts';
import { timing } from '../explore/liveness.ts';
import { stepper } from '../explore/stepper.ts';
import { END, type Program, type Step } from '../program.ts';
import { components, type Part, type StateGraph, stateGraph, whole } from './components.ts';
import { type EndsRule, endsRules, isGiven, isInside } from './ends-rules.ts';

export interface FairLoop {
  /** Whose call, run or wait it is. */ readonly thread: number;
  readonly how: 'call' | 'run' | 'wait';
  /** A shortest way from the first state. */ readonly path: readonly Step[];
  /** From there round and back; never empty. */ readonly loop: readonly Step[];
  /** States that such rounds go through. */ readonly states: number;
}

interface Graph extends StateGraph {
  readonly thread: Uint16Array;
  readonly edges: Edges;
  readonly threads: number;
  /** Node that a thread stands at. */ readonly nodeOf: (state: number, thread: number) => number;
  /** Whether the next step from there takes a lock. */ readonly waitsForLock: (thread: number, node: number) => boolean;
  /** Bit of each thread that can take a step, be it one that breaks a rule and ends there. */ readonly enabled: (state: number) => number;
}

/** The exploration has all states, and its edges. Of several loops that with the shortest way to it. */
export function fairLoop(program: Program, exploration: Exploration & { readonly edges: Edges }): FairLoop | null {
  const rules = endsRules(program).filter(rule => rule.given !== null);
  // Where a rule says that the environment has to do its part, that rule judges the call.
  const isOwed = (state: number, thread: number, node: number): boolean =>
    !rules.some(rule => isInside(program, rule, thread, node) && !isGiven(program, rule, thread, exploration.state(state)));
  return shortestLoop(program, exploration, (graph, thread) =>
    (['call', 'run', 'wait'] as const).map(how => ({ how, part: openFor(program, graph, thread, how, isOwed) })),
  );
}

/** As `fairLoop`, of calls that a rule says end. */
export function endsLoop(program: Program, exploration: Exploration & { readonly edges: Edges }, rule: EndsRule): FairLoop | null {
  return shortestLoop(program, exploration, (graph, thread) => {
    const has = (state: number): boolean => {
      const node = graph.nodeOf(state, thread);
      return isInside(program, rule, thread, node) && (rule.given === null || isGiven(program, rule, thread, exploration.state(state)));
    };
    return [{ how: 'call', part: { has, goes: () => true } }];
  });
}

type Obligations = (graph: Graph, thread: number) => readonly { readonly how: FairLoop['how']; readonly part: Part | null }[];

function shortestLoop(program: Program, exploration: Exploration & { readonly edges: Edges }, obligations: Obligations): FairLoop | null {
  const { edges } = exploration;
  const plain = stateGraph(exploration.states, edges.from, edges.to);
  const round = components(plain, whole).flat();
  if (round.length === 0) return null;
  const graph = graphOf(program, exploration, plain, round);
  const found: { thread: number; how: FairLoop['how']; members: readonly number[]; part: Part; entry: number }[] = [];
  program.threads.forEach((_, thread) => {
    for (const { how, part } of obligations(graph, thread)) {
      if (part === null) continue;
      for (const component of components(graph, part, round))
        for (const { members, part: inside } of fairParts(graph, component, part))
          found.push({ thread, how, members, part: inside, entry: members.reduce((a, b) => Math.min(a, b)) });
    }
  });
  const [first] = found;
  if (first === undefined) return null;
  const { thread, how, members, part, entry } = found.reduce((best, one) => (one.entry < best.entry ? one : best), first);
  const states = new Set(found.flatMap(one => one.members)).size;
  const loop = goRound(graph, new Set(members), part, entry).map((edge): Step => stepOf(edges, edge));
  return { thread, how, path: exploration.path(entry), loop, states };
}

function stepOf(edges: Edges, edge: number): Step {
  return { thread: edges.thread[edge] ?? 0, node: edges.node[edge] ?? 0, alternative: edges.alternative[edge] ?? 0 };
}

function graphOf(
  program: Program,
  exploration: Exploration & { readonly edges: Edges },
  plain: StateGraph,
  round: readonly number[],
): Graph {
  const threads = program.threads.length;
  const { edges } = exploration;
  const nodes = placesOf(exploration, threads);
  const enabled = new Uint32Array(plain.states);
  edges.from.forEach((state, edge) => {
    enabled[state] = (enabled[state] ?? 0) | (1 << (edges.thread[edge] ?? 0));
  });
  if (exploration.witnesses.some(({ fatal, kind }) => fatal && kind === 'step')) {
    // A step that is cut has no edge.
    const on = stepper(program);
    for (const state of round)
      for (const { step } of on.successors(on.encode(exploration.state(state))))
        enabled[state] = (enabled[state] ?? 0) | (1 << step.thread);
  }
  return {
    ...plain,
    thread: edges.thread,
    edges,
    threads,
    waitsForLock: lockWaits(program),
    nodeOf: (state, thread) => nodes[state * threads + thread] ?? END,
    enabled: state => enabled[state] ?? 0,
  };
}

const takesLock = ['lock', 'read-lock', 'write-lock', 'write-lock-queued'];

function lockWaits(program: Program): Graph['waitsForLock'] {
  const known = new Map<string, boolean>();
  const look = (thread: number, from: number): boolean => {
    const { nodes } = program.threads[thread] ?? { nodes: [] };
    let at = nodes[from];
    for (let count = 0; at !== undefined && timing(at.action) === 'ahead' && count < nodes.length; count++) at = nodes[at.next];
    return at !== undefined && takesLock.includes(at.action.kind);
  };
  return (thread, node) => {
    const key = `${thread} ${node}`;
    const answer = known.get(key) ?? look(thread, node);
    known.set(key, answer);
    return answer;
  };
}

/** Node of each thread in each state: what the step that first led there has moved, and for the others what it was before. */
function placesOf({ states, edges, state }: Exploration & { readonly edges: Edges }, threads: number): Int32Array {
  const places = new Int32Array(states * threads);
  const known = new Uint8Array(states);
  known[0] = 1;
  state(0).threads.forEach(({ node }, thread) => {
    places[thread] = node;
  });
  for (let edge = 0; edge < edges.to.length; edge++) {
    const to = edges.to[edge] ?? 0;
    if (known[to] === 1) continue;
    known[to] = 1;
    const from = (edges.from[edge] ?? 0) * threads;
    places.copyWithin(to * threads, from, from + threads);
    places[to * threads + (edges.thread[edge] ?? 0)] = edges.stands[edge] ?? END;
  }
  return places;
}

/** Where an obligation of the thread is open, and stays open; null if the thread has none of this kind. */
function openFor(
  program: Program,
  graph: Graph,
  thread: number,
  how: FairLoop['how'],
  isOwed: (state: number, thread: number, node: number) => boolean,
): Part | null {
  const { nodes, work, start } = program.threads[thread] ?? { nodes: [], work: null, start: END };
  if ((how === 'run') !== (work !== null) && how !== 'wait') return null;
  const standsIn = nodes.map((node, index): FairLoop['how'] | null => {
    if (work !== null) return index === start ? null : 'run';
    if (node.action.kind === 'call') return null;
    if (node.call >= 0 || (program.sites[node.site]?.in.length ?? 0) > 0) return 'call';
    return timing(node.action) === 'step' ? 'wait' : null;
  });
  const closing = nodes.map(({ action }) => how === 'wait' || action.kind === 'return' || action.kind === 'done');
  if (!standsIn.includes(how)) return null;
  return {
    has: state => {
      const node = graph.nodeOf(state, thread);
      return standsIn[node] === how && isOwed(state, thread, node);
    },
    goes: edge => graph.thread[edge] !== thread || closing[graph.edges.node[edge] ?? 0] !== true,
  };
}

/** Rounds inside the component that are fair: those on which a thread waits for a lock that is never free, if it never gets it. */
function fairParts(graph: Graph, component: readonly number[], part: Part): { members: readonly number[]; part: Part }[] {
  if (!isFair(graph, component, part)) return [];
  const inside = new Set(component);
  const moving = new Set(component.flatMap(state => edgesInside(graph, inside, part, state).map(edge => graph.thread[edge] ?? 0)));
  const passedOver = (state: number): boolean => {
    for (let thread = 0; thread < graph.threads; thread++)
      if (!moving.has(thread) && ((graph.enabled(state) >>> thread) & 1) === 1 && graph.waitsForLock(thread, graph.nodeOf(state, thread)))
        return true;
    return false;
  };
  const kept = component.filter(state => !passedOver(state));
  if (kept.length === component.length) return [{ members: component, part }];
  const states = new Set(kept);
  const rest: Part = { has: state => states.has(state) && part.has(state), goes: part.goes };
  return components(graph, rest, kept).flatMap(one => fairParts(graph, one, rest));
}

/** Whether a round through all of this gives every thread its turn, or a state in which it can take no step. */
function isFair(graph: Graph, members: readonly number[], part: Part): boolean {
  const all = everyThread(graph);
  let fair = 0;
  for (const state of members) {
    fair |= all & ~graph.enabled(state);
    if (fair === all) return true;
  }
  const inside = new Set(members);
  for (const state of members) {
    for (const edge of edgesInside(graph, inside, part, state)) fair |= 1 << (graph.thread[edge] ?? 0);
    if (fair === all) return true;
  }
  return false;
}

function everyThread(graph: Graph): number {
  return graph.threads >= 32 ? -1 : (1 << graph.threads) - 1;
}

function edgesInside(graph: Graph, inside: ReadonlySet<number>, part: Part, state: number): number[] {
  const found: number[] = [];
  for (let edge = graph.first[state] ?? 0; edge < (graph.first[state + 1] ?? 0); edge++)
    if (inside.has(graph.to[edge] ?? 0) && part.goes(edge)) found.push(edge);
  return found;
}

/** Edges of a round from the entry and back that is fair to every thread: always on to the nearest place that serves one not yet served. */
function goRound(graph: Graph, inside: ReadonlySet<number>, part: Part, entry: number): number[] {
  const all = everyThread(graph);
  const gone: number[] = [];
  let at = entry,
    fair = all & ~graph.enabled(entry);
  const go = (way: readonly number[]): void => {
    for (const edge of way) {
      at = graph.to[edge] ?? 0;
      fair |= (1 << (graph.thread[edge] ?? 0)) | (all & ~graph.enabled(at));
      gone.push(edge);
    }
  };
  while (fair !== all)
    go(
      nearest(
        graph,
        inside,
        part,
        at,
        edge => (((1 << (graph.thread[edge] ?? 0)) | (all & ~graph.enabled(graph.to[edge] ?? 0))) & ~fair) !== 0,
      ),
    );
  if (at !== entry || gone.length === 0) go(nearest(graph, inside, part, at, edge => graph.to[edge] === entry));
  return gone;
}

/** A shortest way whose last edge is wanted. There is one: the component is strongly connected. */
function nearest(graph: Graph, inside: ReadonlySet<number>, part: Part, from: number, wanted: (edge: number) => boolean): number[] {
  const cameBy = new Map<number, number>();
  const waiting = [from];
  for (const state of waiting) {
    for (const edge of edgesInside(graph, inside, part, state)) {
      if (wanted(edge)) return [...wayTo(graph, cameBy, from, state), edge];
      const next = graph.to[edge] ?? 0;
      if (next === from || cameBy.has(next)) continue;
      cameBy.set(next, edge);
      waiting.push(next);
    }
  }
  throw new Error(`no way leads from state ${from} round its component`);
}

function wayTo(graph: Graph, cameBy: ReadonlyMap<number, number>, from: number, state: number): number[] {
  const way: number[] = [];
  for (let at = state; at !== from; ) {
    const edge = cameBy.get(at);
    if (edge === undefined) throw new Error(`no way leads from state ${from} to state ${state}`);
    way.unshift(edge);
    at = graph.edges.from[edge] ?? 0;
  }
  return way;
}
