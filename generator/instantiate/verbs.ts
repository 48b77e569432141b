/** Verbs: the steps that each of them takes. */
import type { Expression, FieldOf, FieldType } from '../model.ts';
import type { Action, Target } from '../program.ts';
import { evaluate, targetOf } from './expressions.ts';
import { fold } from './fold.ts';
import { type Building, branch, emit, type Frame, inSlot, slot, type Typed, zero } from './graph.ts';
import { choice, put, writeLock } from './verb-parts.ts';
import { callEntries, waitEvent, waitForDone, waitForTime, wake } from './waits.ts';

export function verb(here: Building, expression: Expression & { kind: 'verb' }, frame: Frame): Typed {
  const { at, text } = expression;
  const field = (part: Expression | FieldOf | undefined): Target => {
    if (part === undefined || 'kind' in part) throw new Error(`${text}: a field is wanted`);
    return targetOf(here, part, frame);
  };
  const value = (part: Expression | FieldOf | undefined): Typed => {
    if (part === undefined || !('kind' in part)) throw new Error(`${text}: a value is wanted`);
    return evaluate(here, part, frame);
  };
  const [first, second] = expression.with;
  if (expression.on === null) return choice(here, expression, frame, value);
  const target = targetOf(here, expression.on, frame);
  const declared = here.shared.system.objects[target.type]?.fields.find(one => one.name === target.field)?.type;
  const step = (action: Action, say = text) => emit(here, action, at, say);
  const flag = () => slot(here, expression.verb, null, { max: 1 });
  switch (expression.verb) {
    case 'lock':
    case 'lockIrq':
      step({ kind: 'lock', target, irq: expression.verb === 'lockIrq' });
      return zero;
    case 'unlock':
    case 'unlockIrq':
      step({ kind: 'unlock', target, irq: expression.verb === 'unlockIrq' });
      return zero;
    case 'tryLock': {
      const got = flag();
      step({ kind: 'try-lock', target, slot: got });
      return inSlot(here, got);
    }
    case 'readLock':
      step({ kind: isReaderWriter(declared) ? 'read-lock' : 'enter', target });
      return zero;
    case 'readUnlock':
      step({ kind: isReaderWriter(declared) ? 'read-unlock' : 'exit', target });
      return zero;
    case 'writeLock': {
      if (declared?.kind === 'rwlock') {
        step({ kind: 'lock', target, irq: false });
        return zero;
      }
      writeLock(here, target, at, text);
      return zero;
    }
    case 'writeUnlock':
      step({ kind: 'unlock', target, irq: false });
      return zero;
    case 'assertHeld':
      step({ kind: 'assert-held', target });
      return zero;
    case 'synchronize':
      step({ kind: 'grace-begin', target });
      step({ kind: 'grace-end', target }, `${text}: the readers have left`);
      return zero;
    case 'get':
      step({ kind: 'get', target });
      return zero;
    case 'getUnlessZero': {
      const got = flag();
      step({ kind: 'get-unless-zero', target, slot: got });
      return inSlot(here, got);
    }
    case 'putLater': {
      // Nothing is put off where the thread is in no call.
      if (here.stack.length === 0) {
        put(here, target, at, text, frame);
        return zero;
      }
      const name = `${target.type}.${target.field}`;
      const mask = here.later.get(name) ?? slot(here, `${name} to release`, null, { mask: target.type });
      here.later.set(name, mask);
      step({ kind: 'put-later', target, later: mask });
      return zero;
    }
    case 'assertSole':
      step({ kind: 'assert-sole', object: target.object, type: target.type });
      return zero;
    case 'put':
    case 'symbolPut':
      put(here, target, at, text, frame);
      return zero;
    case 'symbolGet': {
      const got = flag();
      step({ kind: 'get-unless-zero', target, slot: got });
      // The function where the module was there, else null.
      return { value: fold('&&', [{ kind: 'slot', slot: got }, value(first).value]), type: null, word: true };
    }
    case 'fget': {
      const file = slot(here, 'file', declared?.kind === 'pointer' ? declared.to : null);
      step({ kind: 'fget', target, slot: file });
      return inSlot(here, file);
    }
    case 'closeFd': {
      const type = declared?.kind === 'pointer' ? declared.to : '';
      const file = slot(here, 'file', type);
      step({ kind: 'close-fd', target, slot: file });
      const none = branch(here, inSlot(here, file), at);
      put(here, { object: { kind: 'slot', slot: file }, type, field: 'refs' }, at, `${text}: put its file`, frame);
      here.pending.push(...none);
      return { value: fold('!==', [{ kind: 'slot', slot: file }, zero.value]), type: null, word: false };
    }
    case 'free':
      step({ kind: 'free', object: target.object, type: target.type });
      return zero;
    case 'queue': {
      const done = flag();
      step({ kind: 'queue', target, on: first === undefined ? null : field(first), slot: done });
      return inSlot(here, done);
    }
    case 'queueAfterGrace': {
      const done = flag();
      step({ kind: 'queue-after-grace', target: field(first), domain: target, slot: done });
      return inSlot(here, done);
    }
    case 'flush':
      step({ kind: 'flush-begin', target });
      step({ kind: 'flush-end', target }, `${text}: its runs have ended`);
      return zero;
    case 'cancel': {
      const done = flag();
      step({ kind: 'cancel-begin', target, slot: done });
      step({ kind: 'cancel-end', target }, `${text}: its run has ended`);
      return inSlot(here, done);
    }
    case 'flushQueue':
      step({ kind: 'flush-queue-begin', target });
      step({ kind: 'flush-queue-end', target }, `${text}: all runs have ended`);
      return zero;
    case 'addWaitEntry':
    case 'addWaitEntryExclusive': {
      const entry = field(first);
      const linked = flag();
      step({ kind: 'lock', target, irq: true }, `${text}: the queue's lock`);
      step({ kind: 'link', target, entry, exclusive: expression.verb === 'addWaitEntryExclusive', slot: linked });
      return inSlot(here, linked);
    }
    case 'removeWaitEntry':
      step({ kind: 'lock', target, irq: true }, `${text}: the queue's lock`);
      step({ kind: 'unlink', target, entry: field(first) });
      return zero;
    case 'wake':
      wake(here, target, value(first), at, text);
      return zero;
    case 'complete':
      step({ kind: 'complete', target });
      return zero;
    case 'waitFor':
      step({ kind: 'wait-done', target, timeout: false, slot: -1 }, `${text}: it is done`);
      return zero;
    case 'waitForTimeout': {
      value(first);
      return waitForDone(here, target, at, text);
    }
    case 'register':
    case 'unregister': {
      const entry = field(first);
      writeLock(here, target, at, `${text}: the chain's semaphore`);
      if (expression.verb === 'register') step({ kind: 'link', target, entry, exclusive: false, slot: -1 });
      else step({ kind: 'unlink', target, entry });
      return zero;
    }
    case 'notify': {
      const event = value(first);
      step({ kind: 'read-lock', target }, `${text}: the chain's semaphore`);
      callEntries(here, target, event, at, text);
      step({ kind: 'read-unlock', target }, `${text}: release the chain's semaphore`);
      return zero;
    }
    case 'wakeAll':
      step({ kind: 'wake-all', target });
      return zero;
    case 'waitEvent':
      waitEvent(here, target, first, null, false, at, text, frame);
      return zero;
    case 'waitEventUnlocked':
      waitEvent(here, target, first, field(second), false, at, text, frame);
      return zero;
    case 'waitEventTimeout':
      return waitForTime(here, target, expression, frame);
    case 'anyOf': {
      const one = slot(here, 'one', declared?.kind === 'set' ? declared.of : null);
      step({ kind: 'pick', target, slot: one });
      return inSlot(here, one);
    }
    case 'add':
    case 'remove':
      step({ kind: expression.verb, target, member: value(first).value });
      return zero;
    case 'has': {
      const found = flag();
      step({ kind: 'has', target, member: value(first).value, slot: found });
      return inSlot(here, found);
    }
    default:
      throw new Error(`${expression.verb} has no steps`);
  }
}

export function isReaderWriter(type: FieldType | undefined): boolean {
  return type?.kind === 'rwlock' || type?.kind === 'rwsem';
}
