/** What steps on one primitive or field of one object have in common. */
import type { Action, Node, Target } from '../program.ts';
import type { Code } from './code.ts';
import { judged } from './judge.ts';
import { allTouched, type Path, type Stand, type Then, touchTarget, valueOf, type Way, withMusts } from './step.ts';

export interface OnTarget {
  readonly stand: Stand;
  readonly path: Path;
  readonly node: Node;
  readonly go: Then;
  /** The object. */ readonly of: Code;
  /** What is in the field. */ readonly value: Code;
  /** The thread as owner of a lock. */ readonly me: string;
  /** All threads. */ readonly threads: readonly number[];
  /** On to the node that follows. */ readonly then: (path: Path) => readonly Way[];
  readonly judge: (path: Path) => Path;
  /** On, if the object is there, and judged. */
  readonly touched: (path: Path, next: (path: Path) => readonly Way[]) => readonly Way[];
}

export function onTarget(stand: Stand, path: Path, node: Node, { target }: Extract<Action, { target: Target }>, go: Then): OnTarget {
  const { cells, thread } = stand;
  const of = valueOf(stand, path, target.object);
  const judge = (path: Path): Path => withMusts(allTouched(path), judged(cells, thread, node, of));
  return {
    stand,
    path,
    node,
    go,
    of,
    value: cells.field(target.type, of, target.field),
    me: cells.owner(thread),
    threads: cells.program.threads.map((_, index) => index),
    then: path => go(path, node.next),
    judge,
    touched: (path, next) => touchTarget(stand, path, target, path => next(judge(path))),
  };
}
