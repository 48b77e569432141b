/** What a call has changed and not put back, where its contract asks for that. */
import type { Contract, Program, State } from '../program.ts';
import { cellName, evaluate, isAlive } from './evaluate.ts';
import type { Attempt } from './judge-step.ts';
import { partsOf } from './judge-step.ts';
import { contractAt, fieldOf, threadAt } from './program-index.ts';

const kept = ['pointer', 'word', 'boolean', 'number'];

/** Whether a change of this field has to be put back when a call of the contract fails. */
export function mustPutBack(program: Program, contract: Contract, type: string, field: string): 'field' | 'set' | 'counter' | null {
  if (contract.mayLeave === undefined || contract.mayLeave.includes(`${type}.${field}`)) return null;
  const { kind } = fieldOf(program, type, field);
  return kept.includes(kind) ? 'field' : kind === 'set' ? 'set' : kind === 'refcount' ? 'counter' : null;
}

/** Notes what a step of the thread has changed: `draft` is after it. */
export function noteChanges({ program, state, thread, node, slots }: Attempt, draft: State): void {
  const contract = contractAt(program, threadAt(program, thread), node);
  const self = draft.threads[thread];
  if (self === undefined || contract?.mayLeave === undefined || node.action.kind === 'call' || node.action.kind === 'return') return;
  const left = { ...self.left };
  // Who writes what is there already has written all the same, and may have put back what it found.
  const { action } = node;
  const written = action.kind === 'write' ? [cellName(action.target.type, evaluate(action.target.object, slots), action.target.field)] : [];
  for (const cell of new Set([...Object.keys(state.cells), ...Object.keys(draft.cells), ...written])) {
    const [before, after] = [state.cells[cell] ?? 0, draft.cells[cell] ?? 0];
    const { type, instance, field } = partsOf(cell);
    // What was not there before is made as it is; what is gone takes nothing with it.
    if ((before === after && !written.includes(cell)) || !isAlive(draft, type, instance) || !isAlive(state, type, instance)) continue;
    const how = mustPutBack(program, contract, type, field);
    const known = left[cell] ?? 0;
    const now =
      how === null
        ? 0
        : how === 'set'
          ? known ^ before ^ after
          : how === 'counter'
            ? (known === 0 ? 8 : known) + after - before
            : known === 0
              ? before === after
                ? 0
                : before + 1
              : known === after + 1
                ? 0
                : known;
    if (now === 0 || (how === 'counter' && now === 8)) delete left[cell];
    else left[cell] = now;
  }
  self.left = left;
}

/** An object is gone, and all notes about it. */
export function forgetObject(draft: State, object: string): void {
  for (const thread of draft.threads)
    if (thread.left !== undefined)
      thread.left = Object.fromEntries(Object.entries(thread.left).filter(([cell]) => !cell.startsWith(`${object}.`)));
}
