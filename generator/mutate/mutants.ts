/**
 * Mutants: the system with one small mistake in one of its functions, of the kinds that people make. A rule that finds none of them and no
 * defect is not known to say anything; a mutant that nothing finds shows what no rule or no scenario is about.
 */
import type { Expression, Operation, Place, Statement, System } from '../model.ts';

export interface Mutant {
  /** `assign:228:drop`; with `#2` for the second of that name. Changes with the line, as the mistake does. */
  readonly id: string;
  readonly operation: string;
  readonly at: Place;
  /** What was done to it, in words: ``without `put(file.refs)` ``. */
  readonly what: string;
  readonly system: System;
}

/** A body with one change. */
interface Change {
  readonly kind: 'drop' | 'unlocked' | 'longer' | 'swap' | 'negate' | 'errno';
  readonly at: Place;
  readonly what: string;
  readonly body: readonly Statement[];
}

export function mutantsOf(system: System): Mutant[] {
  const seen = new Map<string, number>();
  return Object.values(system.operations).flatMap(operation =>
    [...withoutLocks(operation.body), ...changesOf(operation.body, operation)].map(({ kind, at, what, body }) => {
      const stem = `${operation.name}:${at.line}:${kind}`;
      const nth = (seen.get(stem) ?? 0) + 1;
      seen.set(stem, nth);
      return {
        id: nth === 1 ? stem : `${stem}#${nth}`,
        operation: operation.name,
        at,
        what,
        system: { ...system, operations: { ...system.operations, [operation.name]: { ...operation, body } } },
      };
    }),
  );
}

/** Every change of one statement, or of two neighbours, at any depth. */
function* changesOf(body: readonly Statement[], of: Operation): Generator<Change> {
  for (const [index, statement] of body.entries()) {
    const replaced = (...by: readonly Statement[]) => [...body.slice(0, index), ...by, ...body.slice(index + 1)];
    if (isDroppable(statement)) yield { kind: 'drop', at: statement.at, what: `without ${quoted(statement)}`, body: replaced() };
    const next = body[index + 1];
    if (next !== undefined && isMovable(statement) && isMovable(next))
      yield {
        kind: 'swap',
        at: statement.at,
        what: `${quoted(next)} before ${quoted(statement)}`,
        body: [...body.slice(0, index), next, statement, ...body.slice(index + 2)],
      };
    const longer = longerHeld(body, index);
    if (longer !== null)
      yield { kind: 'longer', at: statement.at, what: `with ${quoted(statement)} after all that follows it`, body: longer };
    if (statement.kind === 'if')
      yield {
        kind: 'negate',
        at: statement.at,
        what: `with the condition of the if turned round`,
        body: replaced({ ...statement, when: { kind: 'operator', operator: '!', of: [statement.when], at: statement.at } }),
      };
    if (statement.kind === 'return' && statement.value?.kind === 'conditional') {
      const { when, then, otherwise } = statement.value;
      yield {
        kind: 'negate',
        at: statement.at,
        what: 'with its results exchanged',
        body: replaced({ ...statement, value: { ...statement.value, when, then: otherwise, otherwise: then } }),
      };
    }
    if (statement.kind === 'return' && statement.value?.kind === 'constant') {
      const other = otherErrno(statement.value.value, of);
      if (other !== null)
        yield {
          kind: 'errno',
          at: statement.at,
          what: `returning ${other} instead of ${statement.value.value}`,
          body: replaced({ ...statement, value: { kind: 'constant', value: other } }),
        };
    }
    for (const [part, inner] of partsOf(statement))
      for (const change of changesOf(inner, of)) yield { ...change, body: replaced({ ...statement, [part]: change.body } as Statement) };
  }
}

/** A lock released, or a read section left, not here but after the last statement that does not leave the function; null if that changes nothing. */
function longerHeld(body: readonly Statement[], index: number): Statement[] | null {
  const statement = body[index];
  if (statement === undefined || locking[verbOf(statement)?.verb ?? ''] !== 'releases') return null;
  const after = body.slice(index + 1);
  const leaving = after.findIndex(({ kind }) => kind === 'return' || kind === 'break' || kind === 'continue');
  const until = leaving === -1 ? after.length : leaving;
  // By one statement is a swap.
  return until < 2 ? null : [...body.slice(0, index), ...after.slice(0, until), statement, ...after.slice(until)];
}

/** The bodies inside a statement, by the name of the field they are in. */
function partsOf(statement: Statement): (readonly [string, readonly Statement[]])[] {
  switch (statement.kind) {
    case 'if':
      return [
        ['then', statement.then],
        ['otherwise', statement.otherwise],
      ];
    case 'each':
    case 'repeat':
    case 'loop':
    case 'block':
    case 'thread':
      return [['body', statement.body]];
    // What an instruction does in one step is not taken apart.
    default:
      return [];
  }
}

/** What does something: a verb or a write. What only says what must be true is no code; locks are left out in pairs. */
function isDroppable(statement: Statement): boolean {
  return statement.kind === 'write' || (isMovable(statement) && locking[verbOf(statement)?.verb ?? ''] === undefined);
}

function isMovable(statement: Statement): boolean {
  if (statement.kind === 'write') return true;
  const verb = verbOf(statement);
  return verb !== null && !['assertHeld', 'assertSole', 'bug'].includes(verb.verb);
}

function verbOf(statement: Statement): Extract<Expression, { kind: 'verb' }> | null {
  return statement.kind === 'do' && statement.value.kind === 'verb' ? statement.value : null;
}

const quoted = (statement: Statement): string =>
  `\`${statement.kind === 'write' ? statement.text : (verbOf(statement)?.text ?? statement.kind)}\``;

/** Another result that the function can have: the next of its errnos, or success. */
function otherErrno(value: number | boolean | string | null, { errnos }: Operation): string | number | null {
  const [first] = errnos;
  if (first === undefined) return null;
  if (value === 0) return first;
  const at = errnos.indexOf(`${value}`);
  return at === -1 ? null : (errnos[at + 1] ?? 0);
}

const locking: Readonly<Record<string, 'takes' | 'releases'>> = {
  lock: 'takes',
  lockIrq: 'takes',
  readLock: 'takes',
  writeLock: 'takes',
  unlock: 'releases',
  unlockIrq: 'releases',
  readUnlock: 'releases',
  writeUnlock: 'releases',
};

/** The function without one of the locks that it takes, wherever it takes and releases it. */
function* withoutLocks(body: readonly Statement[]): Generator<Change> {
  const taken = new Map<string, Place>();
  const look = (statements: readonly Statement[]): void => {
    for (const statement of statements) {
      const verb = verbOf(statement);
      if (verb !== null && locking[verb.verb] === 'takes' && !taken.has(lockText(verb.text))) taken.set(lockText(verb.text), statement.at);
      if (statement.kind === 'guard') taken.set(lockText(statement.text), statement.at);
      for (const [, inner] of partsOf(statement)) look(inner);
    }
  };
  look(body);
  for (const [lock, at] of taken) yield { kind: 'unlocked', at, what: `without taking ${lock}`, body: without(body, lock) };
}

function without(body: readonly Statement[], lock: string): Statement[] {
  return body.flatMap(statement => {
    const verb = verbOf(statement);
    if (verb !== null && locking[verb.verb] !== undefined && lockText(verb.text) === lock) return [];
    if (statement.kind === 'guard' && lockText(statement.text) === lock) return [];
    const parts = partsOf(statement).map(([part, inner]) => [part, without(inner, lock)] as const);
    return [{ ...statement, ...Object.fromEntries(parts) } as Statement];
  });
}

/** `kvm.lock` of `lock(kvm.lock)`. */
const lockText = (text: string): string => text.replace(/^[^(]*\(/, '').replace(/\).*$/, '');
