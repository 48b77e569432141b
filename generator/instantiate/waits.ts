/** Waiting on a queue, waking it, and running the callbacks that are on it. */
import type { Expression, FieldOf, Place } from '../model.ts';
import type { Target } from '../program.ts';
import { inline } from './calls.ts';
import { evaluate, targetOf } from './expressions.ts';
import { type Building, branch, constant, emit, type Frame, inSlot, joinTo, setSlot, slot, type Typed, zero } from './graph.ts';

/** How long is read first, as an argument is. */
export function waitForTime(
  here: Building,
  target: Target,
  { with: [condition, atMost, dropped], at, text }: Expression & { kind: 'verb' },
  frame: Frame,
): Typed {
  if (atMost !== undefined && 'kind' in atMost) evaluate(here, atMost, frame);
  const mutex = dropped === undefined || 'kind' in dropped ? null : targetOf(here, dropped, frame);
  return waitEvent(here, target, condition, mutex, true, at, text, frame);
}

export function waitForDone(here: Building, target: Target, at: Place, text: string): Typed {
  const timedOut = slot(here, 'timed out', null, { max: 1 });
  emit(here, { kind: 'wait-done', target, timeout: true, slot: timedOut }, at, `${text}: it is done, or time is up`);
  const result = slot(here, 'how it ended', null, { word: true });
  const done = branch(here, inSlot(here, timedOut), at);
  setSlot(here, result, constant(here, 'timeout'), at);
  const after = here.pending;
  here.pending = done;
  setSlot(here, result, constant(here, 'done'), at);
  here.pending.push(...after);
  return inSlot(here, result);
}

export function waitEvent(
  here: Building,
  target: Target,
  condition: Expression | FieldOf | undefined,
  dropped: Target | null,
  timeout: boolean,
  at: Place,
  text: string,
  frame: Frame,
): Typed {
  if (condition === undefined || !('kind' in condition)) throw new Error(`${text}: a condition is wanted`);
  const timedOut = slot(here, 'timed out', null, { max: 1 });
  const result = timeout ? slot(here, 'how it ended', null, { word: true }) : null;
  const head = emit(here, { kind: 'wait-prepare', target }, at, text);
  here.flagsRead.clear();
  const again = branch(here, evaluate(here, condition, frame), at);
  const flags = [...here.flagsRead];
  emit(here, { kind: 'wait-finish', target }, at, `${text}: it is true`);
  if (result !== null) setSlot(here, result, constant(here, 'woken'), at);
  const exits = here.pending;
  here.pending = again;
  if (dropped !== null) emit(here, { kind: 'unlock', target: dropped, irq: false }, at, `${text}: drop the mutex`);
  emit(here, { kind: 'wait-sleep', target, timeout, slot: timedOut, ...(flags.length === 0 ? {} : { flags }) }, at, `${text}: sleep`);
  if (dropped !== null) emit(here, { kind: 'lock', target: dropped, irq: false }, at, `${text}: take the mutex again`);
  if (result !== null) {
    const woken = branch(here, inSlot(here, timedOut), at);
    // Time is up, but the condition may have come true at the last moment.
    emit(here, { kind: 'wait-prepare', target }, at, `${text}: once more`);
    const late = branch(here, evaluate(here, condition, frame), at);
    emit(here, { kind: 'wait-finish', target }, at, `${text}: it is true at the last moment`);
    setSlot(here, result, constant(here, 'woken'), at);
    exits.push(...here.pending);
    here.pending = late;
    emit(here, { kind: 'wait-finish', target }, at, `${text}: time is up`);
    setSlot(here, result, constant(here, 'timeout'), at);
    exits.push(...here.pending);
    here.pending = woken;
  }
  joinTo(here, head);
  here.pending = exits;
  return result === null ? zero : inSlot(here, result);
}

export function wake(here: Building, target: Target, key: Typed, at: Place, text: string): void {
  emit(here, { kind: 'lock', target, irq: true }, at, `${text}: the queue's lock`);
  callEntries(here, target, key, at, text);
  emit(here, { kind: 'unlock', target, irq: true }, at, `${text}: release the queue's lock`);
}

/** The callbacks of what is on the queue, or the chain. */
export function callEntries(here: Building, target: Target, key: Typed, at: Place, text: string): void {
  for (const [entryType, entryField] of here.shared.entriesOn.get(`${target.type}.${target.field}`) ?? []) {
    const operation = here.shared.system.operations[here.shared.system.objects[entryType]?.runs[entryField] ?? ''];
    if (operation === undefined) continue;
    const visited = slot(here, 'visited', null, { mask: entryType });
    const one = slot(here, entryField, entryType);
    emit(here, { kind: 'set', slot: visited, value: zero.value }, at, '');
    const head = emit(here, { kind: 'next-entry', target, entryType, entryField, visited, slot: one }, at, `${text}: next callback`);
    inline(here, operation, [inSlot(here, one), key], false);
    joinTo(here, head);
    here.pending = [[head, 'otherwise']];
  }
}
