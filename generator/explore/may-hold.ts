/** How many locks and read sections of each class a thread may have when it is at a node: an upper bound, without running it. */

import type { Action, Target, Thread } from '../program.ts';
import { waysOn } from './liveness.ts';

/** Sections that nest deeper are not told apart. */
export const DEEPEST = 7;

export type MayHold = readonly ReadonlyMap<string, number>[];

export function classOf(target: Target): string {
  return `${target.type}.${target.field}`;
}

function change(action: Action): { readonly of: string; readonly by: number } | null {
  switch (action.kind) {
    case 'lock':
    case 'read-lock':
    // Where it has to queue first it is counted twice: an upper bound.
    case 'write-lock':
    case 'write-lock-queued':
    case 'try-lock':
    case 'flag-take':
    case 'enter':
      return { of: classOf(action.target), by: 1 };
    // These go on only if the thread had it, so what is left is exact on each path. `link` and `unlink` release without asking.
    case 'unlock':
    case 'flag-free':
    case 'read-unlock':
    case 'exit':
      return { of: classOf(action.target), by: -1 };
    default:
      return null;
  }
}

export function mayHold(thread: Thread): MayHold {
  const held = thread.nodes.map(() => new Map<string, number>());
  const left = [thread.start];
  const visited = new Set<number>();
  for (let at = left.pop(); at !== undefined; at = left.pop()) {
    const node = thread.nodes[at],
      here = held[at];
    if (node === undefined || here === undefined) continue;
    visited.add(at);
    const after = new Map(here);
    const by = change(node.action);
    if (by !== null) after.set(by.of, Math.min(DEEPEST + 1, Math.max(0, (here.get(by.of) ?? 0) + by.by)));
    for (const way of waysOn(node)) {
      const there = held[way.to];
      if (there === undefined) continue;
      let more = !visited.has(way.to);
      for (const [name, count] of after)
        if (count > (there.get(name) ?? 0)) {
          there.set(name, count);
          more = true;
        }
      if (more) left.push(way.to);
    }
  }
  return held;
}

/** Read sections of a domain that the thread may have open at once, by `Type.field`. */
export function deepest(thread: Thread, held: MayHold, domain: string): number {
  return Math.min(
    DEEPEST,
    Math.max(
      0,
      ...thread.nodes.map(({ action }, at) =>
        (action.kind === 'enter' || action.kind === 'read-lock') && classOf(action.target) === domain
          ? (held[at]?.get(domain) ?? 0) + 1
          : 0,
      ),
    ),
  );
}
