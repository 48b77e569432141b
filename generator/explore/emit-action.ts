/** Code for each action that is a step: what `program.ts` says it means, as one way on for each alternative. */
import type { Action, Node } from '../program.ts';
import { dueCell, ensuredCell, seenCell } from './cells.ts';
import { cell, type Emission, finding, type Path, withCell, within, withNotes, withSlot } from './emission.ts';
import { notesOn } from './emit-checks.ts';
import { emitLifetime } from './emit-lifetime.ts';
import { emitLocking } from './emit-locks.ts';
import { emitMembers } from './emit-members.ts';
import { assign, mostOf, slotIn, valueOf } from './emit-value.ts';
import { emitWaiting } from './emit-waits.ts';
import { emitWork } from './emit-work.ts';
import { any, both, type Code, either, equal, hasMember, not } from './generated-code.ts';
import { anyLeft } from './left-cells.ts';
import { type GoOn, type Taking, takingOf } from './taking.ts';

export function emitStep(e: Emission, path: Path, number: number, node: Node, go: GoOn): string {
  const taking = takingOf(e, path, number, node, go),
    { next, self, on, most, broken } = taking;
  const { action } = node;
  switch (action.kind) {
    case 'lock':
    case 'read-lock':
    case 'read-unlock':
    case 'write-lock':
    case 'write-lock-queued':
    case 'unlock':
    case 'flag-free':
    case 'try-lock':
    case 'flag-take':
    case 'enter':
    case 'exit':
    case 'grace-begin':
    case 'grace-end':
      return emitLocking(taking, action);
    case 'get':
    case 'get-unless-zero':
    case 'put':
    case 'put-later':
    case 'next-later':
    case 'assert-sole':
    case 'alloc':
    case 'free':
    case 'fget':
    case 'close-fd':
      return emitLifetime(taking, action);
    case 'queue':
    case 'queue-after-grace':
    case 'take':
    case 'done':
    case 'flush-begin':
    case 'cancel-begin':
    case 'flush-queue-begin':
    case 'flush-end':
    case 'cancel-end':
    case 'flush-queue-end':
      return emitWork(taking, action);
    case 'link':
    case 'unlink':
    case 'wait-prepare':
    case 'wait-sleep':
    case 'complete':
    case 'wait-done':
    case 'wait-finish':
    case 'wake-all':
      return emitWaiting(taking, action);
    case 'add':
    case 'remove':
    case 'has':
    case 'next':
    case 'pick':
    case 'next-entry':
      return emitMembers(taking, action);
    case 'read':
      return on(action.target, (_, value, at, instance) => {
        const { once } = action;
        if (once === undefined) return assign(e, at, number, action.slot, value, most(action.target), next);
        const before = slotIn(e, at, once),
          bit = 2 ** (instance - 1);
        const after = typeof before === 'number' ? before | bit : `(${before} | ${bit})`;
        return assign(e, at, number, action.slot, value, most(action.target), path => next(withSlot(path, once, after)));
      });
    case 'write':
      return on(action.target, (name, _, at) => {
        // Of a type that has no instance here there is only null.
        if (most(action.target) === 0) return next(at);
        const value = valueOf(e, at, action.value);
        return within(e, at, number, value, mostOf(e, at, action.value), most(action.target), () => next(withCell(at, name, value)));
      });
    case 'choose':
      return action.alternatives.map((to, alternative) => `{ ${go(to, path, alternative)}} `).join('');
    case 'bug':
      return broken(path, 'bugNeverReached');
    case 'call-null':
      return broken(path, 'nullNeverFollowed');
    case 'called':
      return next(withNotes(path, notesOn(e, path, number, node, 0)));
    case 'call':
      return next(
        (e.program.threads[self]?.calls[action.call]?.contract ?? -1) < 0 || !e.layout.bits.has(dueCell(self))
          ? path
          : withCell(path, dueCell(self), 1),
      );
    case 'return':
      return next(
        [seenCell(self), dueCell(self), ensuredCell(self)].reduce(
          (at, ghost) => withCell(at, ghost, 0),
          withNotes(path, returnNotes(taking, path, action)),
        ),
      );
    case 'set':
    case 'branch':
    case 'jump':
    case 'read-constant':
    case 'assert-held':
      throw new Error(`${action.kind} is no step`);
  }
}

function returnNotes(
  { e, node }: Taking,
  path: Path,
  action: Extract<Action, { kind: 'return' }>,
): readonly { readonly when: Code; readonly finding: number }[] {
  const call = e.program.threads[path.thread]?.calls[node.call];
  const contract = e.program.contracts[call?.contract ?? -1];
  if (call === undefined || contract === undefined) return [];
  const read = (name: string): Code => cell(e.layout, name);
  const result = valueOf(e, path, action.result);
  const failures = call.result.word ? contract.fails : [];
  const is = failures.map(({ value }) => equal(result, value));
  const undue = is.map((one, index) => both(one, not(hasMember(read(seenCell(path.thread)), index + 1))));
  const success = both(
    not(any(is)),
    either(equal(read(dueCell(path.thread)), 1), contract.ensures === null ? 0 : not(read(ensuredCell(path.thread)))),
  );
  const left = contract.mayLeave === undefined ? 0 : both(any(is), anyLeft(e, path.thread));
  const when = any([...undue, success, left]);
  return when === 0 ? [] : [{ when, finding: finding(e, contract.rule, false, 'step') }];
}
