/** Steps that several verbs have in common: choices, the last put, the write side of a semaphore. */
import type { Expression, FieldOf, Place } from '../model.ts';
import type { Target } from '../program.ts';
import { inline } from './calls.ts';
import { type Building, constant, type Edge, emit, type Frame, inSlot, setSlot, slot, type Typed, zero } from './graph.ts';

export function choice(
  here: Building,
  expression: Expression & { kind: 'verb' },
  _frame: Frame,
  value: (part: Expression | FieldOf | undefined) => Typed,
): Typed {
  if (expression.verb === 'bug') {
    emit(here, { kind: 'bug' }, expression.at, expression.text);
    here.pending = [];
    return zero;
  }
  const values = expression.verb === 'maybe' ? [constant(here, false), constant(here, true)] : expression.with.map(value);
  const chosen = slot(here, expression.verb, values[0]?.type ?? null);
  alternatives(
    here,
    false,
    expression.at,
    expression.text,
    values.map(one => () => setSlot(here, chosen, one, expression.at)),
  );
  return inSlot(here, chosen);
}

export function alternatives(here: Building, byCaller: boolean, at: Place, text: string, bodies: readonly (() => void)[]): void {
  const starts: number[] = [];
  emit(here, { kind: 'choose', alternatives: starts, byCaller }, at, text);
  const ends: Edge[] = [];
  here.pending = [];
  for (const body of bodies) {
    // A jump gives every alternative a node to begin at, also one that does nothing.
    starts.push(emit(here, { kind: 'jump' }, at, ''));
    body();
    ends.push(...here.pending);
    here.pending = [];
  }
  here.pending = ends;
}

export function put(here: Building, target: Target, at: Place, text: string, frame: Frame): void {
  const index = emit(here, { kind: 'put', target }, at, text);
  const more = here.pending;
  here.pending = [[index, 'otherwise']];
  const runs = here.shared.system.objects[target.type]?.runs[target.field];
  const operation = runs === undefined ? undefined : here.shared.system.operations[runs];
  if (operation !== undefined) inline(here, operation, [{ value: target.object, type: target.type, word: false }], false);
  here.pending.push(...more);
  void frame;
}

export function writeLock(here: Building, target: Target, at: Place, text: string): void {
  const free = emit(here, { kind: 'write-lock', target }, at, text);
  const taken = here.pending;
  here.pending = [[free, 'otherwise']];
  emit(here, { kind: 'write-lock-queued', target }, at, `${text}: its turn`);
  here.pending.push(...taken);
}
