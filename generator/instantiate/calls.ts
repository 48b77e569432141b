/** Calls: what is called is written out in the place of the call. */
import type { Expression, Operation, Place, Statement } from '../model.ts';
import type { Value } from '../program.ts';
import { evaluate } from './expressions.ts';
import { readNothingYet } from './fields.ts';
import { fold } from './fold.ts';
import { globalInstance } from './globals.ts';
import {
  type Building,
  branch,
  constant,
  constantOf,
  type Edge,
  emit,
  type Frame,
  inSlot,
  isDead,
  joinTo,
  setSlot,
  slot,
  type Typed,
  zero,
} from './graph.ts';
import { NotRunnable } from './not-runnable.ts';
import { block } from './statements.ts';

export function tellCall(here: Building, of: string, given: readonly Typed[], at: Place, text: string): void {
  const isAsked = here.shared.system.rules.some(rule => rule.kind === 'at-every' && rule.verb === 'called' && rule.field === of);
  if (isAsked) emit(here, { kind: 'called', of, with: given.map(({ value }) => value) }, at, `call ${text}`);
}

export function callOperation(here: Building, name: string, given: readonly Typed[], at: Place, text: string, from: Frame): Typed {
  const operation = here.shared.system.operations[name];
  if (operation === undefined) throw new Error(`${here.shared.system.name} has no function ${name} here`);
  tellCall(here, name, given, at, text);
  const isOutermost = here.stack.length === 0;
  if (isOutermost) readNothingYet(here, at);
  const offered = from.outside ? here.shared.visible.get(name) : undefined;
  if (offered === undefined) {
    const result = inline(here, operation, given, from.outside);
    if (isOutermost) releaseLater(here, at);
    return result;
  }
  const index =
    here.calls.push({
      operation: name,
      name: offered,
      contract: here.shared.contractOf(name),
      ...(here.shared.kept.has(name) ? { kept: true } : {}),
      result: { type: operation.result, word: operation.errnos.length > 0, returns: operation.returns },
      arguments: given.map(({ value, type, word }, place) => ({ value, type: type ?? operation.parameters[place]?.type ?? null, word })),
    }) - 1;
  const outer = here.call;
  here.call = index;
  emit(here, { kind: 'call', call: index }, at, text);
  const result = inline(here, operation, given, false);
  if (isOutermost) releaseLater(here, at);
  if (!isDead(here)) emit(here, { kind: 'return', call: index, result: result.value }, at, text);
  here.call = outer;
  return result;
}

/** The functions that the pointer may be, one after the other; and that it is null, if that is not known to be impossible. */
export function callThrough(
  here: Building,
  { pointer, of, field, with: given, at, text }: Expression & { kind: 'call-through' },
  frame: Frame,
): Typed {
  const chosen = evaluate(here, pointer, frame);
  const arguments_ = given.map(part => evaluate(here, part, frame));
  if (field !== null) tellCall(here, field, arguments_, at, text);
  const known = chosen.value.kind === 'constant' ? chosen.value.value : null;
  const candidates = of.filter(name => known === null || known === constantOf(here, name));
  const result = slot(
    here,
    'result of the call',
    candidates.map(name => here.shared.system.operations[name]?.result ?? null).find(type => type !== null) ?? null,
  );
  const ends: Edge[] = [];
  for (const [index, name] of candidates.entries()) {
    const isSure = known !== null || (field === null && index === candidates.length - 1);
    const other = isSure ? [] : branch(here, { ...chosen, value: fold('===', [chosen.value, constant(here, name).value]) }, at);
    const module = here.shared.system.exports[name];
    if (module !== undefined) {
      const object: Value = { kind: 'constant', value: globalInstance(here.shared.system.globals, module) };
      emit(here, { kind: 'read-constant', target: { object, type: 'Module', field: 'pins' }, slot: -1 }, at, `${text}: in ${module}`);
    }
    const returned = callOperation(here, name, arguments_, at, text, frame);
    if (!isDead(here)) setSlot(here, result, returned, at);
    ends.push(...here.pending);
    here.pending = other;
  }
  if (here.pending.length > 0 || candidates.length === 0) emit(here, { kind: 'call-null', field: field ?? text }, at, text);
  here.pending = ends;
  return inSlot(here, result);
}

/** What was put off, in any order: a release may put off more. */
export function releaseLater(here: Building, at: Place): void {
  for (const [name, mask] of here.later) {
    if (isDead(here)) break;
    const [type = '', field = ''] = name.split('.');
    const one = slot(here, type, type);
    const head = emit(here, { kind: 'jump' }, at, '');
    const done = branch(here, { value: { kind: 'slot', slot: mask }, type: null, word: false }, at);
    emit(here, { kind: 'next-later', type, later: mask, slot: one }, at, `${name}: what was put off`);
    const operation = here.shared.system.operations[here.shared.system.objects[type]?.runs[field] ?? ''];
    if (operation !== undefined) inline(here, operation, [inSlot(here, one)], false);
    joinTo(here, head);
    here.pending = done;
  }
  here.later.clear();
}

export function inline(here: Building, operation: Operation, given: readonly Typed[], outside: boolean): Typed {
  const environment = new Map(
    operation.parameters.map((parameter, index) => {
      const typed = given[index] ?? zero;
      return [parameter.name, { ...typed, type: typed.type ?? parameter.type }] as const;
    }),
  );
  if (here.stack.includes(operation.name))
    throw new NotRunnable({
      at: operation.at,
      name: 'recursion',
      what: `${operation.name} calls itself through a pointer to a function; a thread has no stack that could be explored to an end.`,
      wayOut: 'Write it as a loop over a set, or let the pointer lead elsewhere.',
    });
  const many = countReturns(operation.body) > 1 || !endsWithReturn(operation.body);
  const frame: Frame = {
    operation: operation.name,
    environment,
    returns: [],
    result: many && countReturns(operation.body) > 0 ? slot(here, `result of ${operation.name}`, operation.result) : null,
    only: null,
    loops: [],
    guards: [],
    outside,
  };
  here.stack.push(operation.name);
  block(here, operation.body, frame);
  here.stack.pop();
  here.pending.push(...frame.returns);
  return frame.result === null ? (frame.only ?? zero) : inSlot(here, frame.result);
}

export function countReturns(statements: readonly Statement[]): number {
  return statements.reduce(
    (sum, statement) =>
      sum +
      (statement.kind === 'return'
        ? Number(statement.value !== null)
        : statement.kind === 'if'
          ? countReturns(statement.then) + countReturns(statement.otherwise)
          : 'body' in statement
            ? countReturns(statement.body) * (statement.kind === 'repeat' ? 2 : 1)
            : 0),
    0,
  );
}

export function endsWithReturn(statements: readonly Statement[]): boolean {
  return statements.at(-1)?.kind === 'return';
}
