/** Strongly connected components of a graph of states, as far as a filter lets it be seen. */

/** States from 0. The edges of a state are `first[state]` to `first[state + 1] - 1`, and `to` says where each leads. */
export interface StateGraph {
  readonly states: number;
  readonly first: Int32Array;
  readonly to: Int32Array;
}

export interface Part {
  readonly has: (state: number) => boolean;
  readonly goes: (edge: number) => boolean;
}

export const whole: Part = { has: () => true, goes: () => true };

/** `from` in ascending order, as exploring gives it. */
export function stateGraph(states: number, from: Int32Array, to: Int32Array): StateGraph {
  const first = new Int32Array(states + 1);
  for (const state of from) first[state + 1] = (first[state + 1] ?? 0) + 1;
  for (let state = 0; state < states; state++) first[state + 1] = (first[state + 1] ?? 0) + (first[state] ?? 0);
  return { states, first, to };
}

/**
 * Those in which one can go round for ever: more than one state, or a state with an edge to itself. Tarjan's algorithm with a stack of
 * its own, so that the depth of the graph is no bound.
 */
export function components({ states, first, to }: StateGraph, part: Part, roots?: readonly number[]): number[][] {
  const found: number[][] = [];
  const order = new Int32Array(states);
  const low = new Int32Array(states);
  const onStack = new Uint8Array(states);
  const edgeOf = new Int32Array(states);
  const stack: number[] = [];
  const calls: number[] = [];
  let count = 0;
  const enter = (state: number): void => {
    order[state] = low[state] = ++count;
    onStack[state] = 1;
    edgeOf[state] = first[state] ?? 0;
    stack.push(state);
    calls.push(state);
  };
  const leave = (state: number): void => {
    calls.pop();
    const caller = calls.at(-1);
    if (caller !== undefined) low[caller] = Math.min(low[caller] ?? 0, low[state] ?? 0);
    if (low[state] !== order[state]) return;
    const members: number[] = [];
    for (let member = stack.pop(); member !== undefined; member = stack.pop()) {
      onStack[member] = 0;
      members.push(member);
      if (member === state) break;
    }
    if (members.length > 1 || hasLoop(state)) found.push(members);
  };
  const hasLoop = (state: number): boolean => {
    for (let edge = first[state] ?? 0; edge < (first[state + 1] ?? 0); edge++) if (to[edge] === state && part.goes(edge)) return true;
    return false;
  };
  const visit = (root: number): void => {
    if (order[root] !== 0 || !part.has(root)) return;
    enter(root);
    for (let state = calls.at(-1); state !== undefined; state = calls.at(-1)) {
      const edge = edgeOf[state] ?? 0;
      if (edge >= (first[state + 1] ?? 0)) {
        leave(state);
        continue;
      }
      edgeOf[state] = edge + 1;
      if (!part.goes(edge)) continue;
      const next = to[edge] ?? 0;
      if (!part.has(next)) continue;
      if (order[next] === 0) enter(next);
      else if (onStack[next] === 1) low[state] = Math.min(low[state] ?? 0, order[next] ?? 0);
    }
  };
  if (roots === undefined) for (let state = 0; state < states; state++) visit(state);
  else for (const root of roots) visit(root);
  return found;
}
