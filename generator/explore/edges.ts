/** Transitions of a search, each with the step that takes it. */
import { END } from '../program.ts';
import type { Leaf } from './emission.ts';

/** All transitions in the order found: by state they leave, then by thread, then by alternative. */
export interface Edges {
  readonly from: Int32Array;
  readonly to: Int32Array;
  readonly thread: Uint16Array;
  readonly node: Int32Array;
  readonly alternative: Uint16Array;
  /** Node that the thread stands at afterwards, or END. */ readonly stands: Int32Array;
}

/** `via`: the way through a step by which each transition went. What is told by it is made when it is asked for. */
export function edgesVia(leaves: readonly Leaf[], from: ArrayLike<number>, to: ArrayLike<number>, via: ArrayLike<number>): Edges {
  const told = <Made extends Int32Array | Uint16Array>(made: Made, of: (leaf: Leaf) => number): Made => {
    const values = leaves.map(of);
    for (let at = 0; at < made.length; at++) made[at] = values[via[at] ?? -1] ?? 0;
    return made;
  };
  const thread = once(() => told(new Uint16Array(via.length), leaf => leaf.thread)),
    node = once(() => told(new Int32Array(via.length), leaf => leaf.node)),
    alternative = once(() => told(new Uint16Array(via.length), leaf => leaf.alternative)),
    stands = once(() => told(new Int32Array(via.length), leaf => leaf.to ?? END));
  return {
    from: from instanceof Int32Array ? from : Int32Array.from(from),
    to: to instanceof Int32Array ? to : Int32Array.from(to),
    get thread() {
      return thread();
    },
    get node() {
      return node();
    },
    get alternative() {
      return alternative();
    },
    get stands() {
      return stands();
    },
  };
}

function once<Made>(make: () => Made): () => Made {
  let made: { readonly value: Made } | null = null;
  return () => (made ??= { value: make() }).value;
}
