/** Ghost variables of a running call: what its contract has seen, and what is judged by them at the return. */
import type { Node } from '../program.ts';
import { all, any, type Code, compare, not } from './code.ts';
import { anyLeft, notes } from './left-behind.ts';
import { type Path, type Stand, withChange, withMusts } from './step.ts';

/** A ghost variable of the thread's running call. */
export function ghost(
  { cells, thread }: Pick<Stand, 'cells' | 'thread'>,
  what: 'watches' | 'seen' | 'due' | 'ensured',
  max: number,
): string {
  return cells.single(`${cells.thread(thread)}_${what}`, max, 0);
}

export function seenMax({ cells, thread }: Pick<Stand, 'cells' | 'thread'>): number {
  const calls = cells.program.threads[thread]?.calls ?? [];
  return 2 ** Math.max(0, ...calls.map(({ contract }) => cells.program.contracts[contract]?.fails.length ?? 0)) - 1;
}

/** At the return of a call: whether the contract allows the result, and all ghosts cleared. */
export function returned(stand: Stand, path: Path, node: Node, result: Code): Path {
  const { cells, thread } = stand;
  const call = cells.program.threads[thread]?.calls[node.call];
  const contract = cells.program.contracts[call?.contract ?? -1];
  if (call === undefined || contract === undefined) return path;
  const seen = ghost(stand, 'seen', seenMax(stand)),
    due = ghost(stand, 'due', 1),
    ensured = contract.ensures === null ? 1 : ghost(stand, 'ensured', 1);
  const failures = call.result.word ? contract.fails : [];
  const is = failures.map(({ value }) => compare('==', result, typeof result === 'number' ? value : cells.word(value)));
  const allowed = is.map((one, index) => any([not(one), `((${seen} & ${2 ** index}) != 0)`]));
  const succeeds = any([...is, all([not(due), ensured])]);
  const putBack = contract.mayLeave === undefined ? 1 : any([not(any(is)), not(anyLeft(cells, thread))]);
  const judgedPath = withMusts(path, [{ rule: contract.rule, condition: all([...allowed, succeeds, putBack]) }]);
  const cleared = contract.ensures === null ? judgedPath : withChange(judgedPath, ensured, 0);
  const forgotten = notes(cells, thread).reduce((path, note) => withChange(path, note, 0), cleared);
  return withChange(withChange(forgotten, seen, 0), due, 0);
}
