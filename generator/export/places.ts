/** Where a thread can stand between two steps: at a step, at a node that touches ahead of one, or at its end. */
import { END, type Node, type Program, type State } from '../program.ts';

export function isPure({ action: { kind } }: Node): boolean {
  return kind === 'set' || kind === 'branch' || kind === 'jump';
}

export function isAhead({ action: { kind } }: Node): boolean {
  return kind === 'read-constant' || kind === 'assert-held';
}

export function waysOn({ action, next, otherwise }: Node): readonly number[] {
  switch (action.kind) {
    case 'branch':
    case 'put':
    case 'write-lock':
    case 'next':
    case 'next-entry':
      return [next, otherwise];
    case 'choose':
      return action.alternatives;
    case 'bug':
    case 'call-null':
      return [];
    default:
      return [next];
  }
}

/** First where it begins, then as in the graph; END last. */
export function placesOf(program: Program, thread: number, start: State): readonly number[] {
  const nodes = program.threads[thread]?.nodes ?? [];
  const first = start.threads[thread]?.node ?? END;
  const found = new Set<number>([first]);
  const follow = (from: number, stop: (node: Node) => boolean, seen: Set<number>): readonly number[] => {
    const node = nodes[from];
    if (node === undefined) return [END];
    if (seen.has(from)) return [];
    seen.add(from);
    return stop(node) ? [from] : waysOn(node).flatMap(to => follow(to, stop, seen));
  };
  const left = [first];
  for (let from = left.pop(); from !== undefined; from = left.pop()) {
    for (const step of follow(from, node => !isPure(node) && !isAhead(node), new Set())) {
      const node = nodes[step];
      const to = node === undefined ? [END] : waysOn(node).flatMap(next => follow(next, one => !isPure(one), new Set()));
      for (const place of to) {
        if (found.has(place)) continue;
        found.add(place);
        left.push(place);
      }
    }
  }
  const rest = [...found].filter(place => place !== first && place !== END).sort((a, b) => a - b);
  return [first, ...rest, ...(found.has(END) && first !== END ? [END] : [])];
}
