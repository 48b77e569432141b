/** Which handler judges an event at something inside an object. */
import type { EventKind } from '../event.ts';
import { createCounterHandlers } from './counters.ts';
import type { Core, Handler } from './engine.ts';
import { createFieldHandlers } from './fields.ts';
import { createFlagHandlers } from './flags.ts';
import type { LeftChanges } from './left.ts';
import { createLockHandlers } from './locks.ts';
import { createSectionHandlers } from './sections.ts';
import { createSetHandlers } from './sets.ts';
import { createTaking } from './taking.ts';
import { createWaitQueueHandlers } from './wait-queues.ts';
import { createWaits } from './waits.ts';
import { createWorkHandlers } from './works.ts';

/** Kinds of events at something inside an object, by their numbers from 1. */
const kinds = [
  'read',
  'got',
  'want',
  'released',
  'write',
  'get',
  'put',
  'enter',
  'exit',
  'queue',
  'run-begin',
  'run-end',
  'callback',
  'next',
  'add',
  'remove',
  'has',
  'link',
  'unlink',
  'tried',
  'fget',
  'close-fd',
  'assert-held',
  'get-unless-zero',
  'put-later',
  'grace-begin',
  'grace-end',
  'flush-begin',
  'flush-end',
  'cancel-begin',
  'cancel-end',
  'flush-queue-begin',
  'flush-queue-end',
  'wait-prepare',
  'wait-sleep',
  'wait-finish',
  'wake-all',
  'complete',
  'wait-done',
] as const satisfies readonly EventKind[];
const names: readonly string[] = kinds;
/** Number of a kind; 0: it is none of these. */
export const codeOf = (kind: string): number => names.indexOf(kind) + 1;

/** Handlers by the number of the kind; the first judges nothing. */
export function createHandlers(core: Core, left: LeftChanges): readonly Handler[] {
  const waits = createWaits(core);
  const taking = createTaking(core);
  const counters = createCounterHandlers(core, left);
  const works = createWorkHandlers(core, waits, taking);
  const byKind: Readonly<Record<(typeof kinds)[number], Handler>> = {
    ...createLockHandlers(core, waits, taking),
    ...createSectionHandlers(core, waits, taking),
    ...counters.handlers,
    ...createFieldHandlers(core, createFlagHandlers(core, waits, taking), counters, left),
    ...createSetHandlers(core, left),
    ...works,
    'cancel-end': works['flush-end'],
    'flush-queue-end': works['flush-end'],
    ...createWaitQueueHandlers(core, waits, taking),
  };
  return [() => false, ...kinds.map(kind => byKind[kind])];
}
