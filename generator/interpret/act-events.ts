/** The events of a trace that a node of a program makes. A node cut by a fatal finding gives the event that it attempted. */
import type { Event } from '../../oracles/event.ts';
import type { Program, State, Target, Value } from '../program.ts';
import { cellName, evaluate, isAlive, membersOf, objectName, type Slots } from './evaluate.ts';
import type { Act } from './interpret.ts';
import { type Touch, touchesOf } from './judge-step.ts';
import { fieldOf, nodeAt, threadAt } from './program-index.ts';
import { fieldScalar, typedScalar } from './scalar.ts';

type Bare<One> = One extends unknown ? Omit<One, 'seq' | 'thread' | 'site'> : never;
/** An event without its place in the trace. */
export type Happening = Bare<Event>;

interface Happened {
  readonly program: Program;
  readonly thread: number;
  readonly act: Act /** Before the step. */;
  readonly state: State;
}

export function happenings(at: Happened): Happening[] {
  const { program, thread, act, state } = at;
  const node = nodeAt(threadAt(program, thread), act.node);
  if (act.cut) {
    const broken = touchesOf({ program, state, thread, node, slots: act.before, alternative: act.alternative }).find(
      ({ type, instance }) => !isAlive(state, type, instance),
    );
    if (broken && broken.instance === 0) return [nullFollowed(broken)];
  }
  return happeningsOf(at);
}

function nullFollowed({ type, field }: Touch): Happening {
  return { kind: 'null-followed', field: field ? `${type}.${field}` : type };
}

function happeningsOf({ program, thread, act: { node: number, alternative, before, after, cut }, state }: Happened): Happening[] {
  const { action } = nodeAt(threadAt(program, thread), number);
  const name = (target: Target) => cellName(target.type, evaluate(target.object, before), target.field);
  const target = 'target' in action ? name(action.target) : '';
  const value = state.cells[target] ?? 0;
  const object = (type: string, of: Value) => objectName(type, evaluate(of, before));
  const memberType = (of: Target) => fieldOf(program, of.type, of.field).to ?? of.type;
  const assigned = (slots: Slots, slot: number) => slots[slot] ?? 0;
  switch (action.kind) {
    case 'set':
    case 'branch':
    case 'jump':
    case 'choose':
      return [];
    case 'read-constant':
    case 'read':
      return [
        {
          kind: 'read',
          field: target,
          value: cut ? null : fieldScalar(program, action.target.type, action.target.field, assigned(after, action.slot)),
        },
      ];
    case 'assert-held':
      return [{ kind: 'assert-held', lock: target }];
    case 'write':
      return [
        {
          kind: 'write',
          field: target,
          value: fieldScalar(program, action.target.type, action.target.field, evaluate(action.value, before)),
        },
      ];

    case 'add':
    case 'remove':
      return [{ kind: action.kind, set: target, member: object(memberType(action.target), action.member) }];
    case 'has': {
      const member = evaluate(action.member, before);
      return [
        {
          kind: 'has',
          set: target,
          member: objectName(memberType(action.target), member),
          found: !cut && membersOf(value).includes(member),
        },
      ];
    }
    case 'next':
    case 'pick':
      return [{ kind: 'next', set: target, member: alternative === 0 ? null : objectName(memberType(action.target), alternative) }];

    case 'lock': {
      const irq = action.irq ? { irq: true } : {};
      return cut
        ? [{ kind: 'want', lock: target, ...irq }]
        : [
            { kind: 'want', lock: target, ...irq },
            { kind: 'got', lock: target, ...irq },
          ];
    }
    case 'read-lock': {
      const mode = fieldOf(program, action.target.type, action.target.field).kind === 'rwsem' ? 'read' : 'recursive-read';
      return [{ kind: 'want', lock: target, mode }, ...(cut ? [] : [{ kind: 'got' as const, lock: target, mode } as const])];
    }
    case 'read-unlock': {
      const mode = fieldOf(program, action.target.type, action.target.field).kind === 'rwsem' ? 'read' : 'recursive-read';
      return [{ kind: 'released', lock: target, mode }];
    }
    // Where it has to queue, the lock is got by a step of its own.
    case 'write-lock': {
      const free = value === 0 && state.threads.every(({ readers }) => (readers[target] ?? 0) === 0);
      return [{ kind: 'want', lock: target }, ...(cut || !free ? [] : [{ kind: 'got' as const, lock: target }])];
    }
    case 'write-lock-queued':
      return cut ? [] : [{ kind: 'got', lock: target }];
    case 'flag-take':
    case 'flag-free':
      return [{ kind: 'write', field: target, value: action.kind === 'flag-take' ? 'taken' : 'free' }];
    case 'unlock':
      return [{ kind: 'released', lock: target, ...(action.irq ? { irq: true } : {}) }];
    case 'try-lock':
      return [{ kind: 'tried', lock: target, got: !cut && value === 0 }];
    case 'enter':
    case 'exit':
    case 'grace-begin':
    case 'grace-end':
      return [{ kind: action.kind, domain: target }];
    case 'get':
    case 'put':
      return [{ kind: action.kind, counter: target }];
    case 'put-later':
      return [{ kind: 'put-later', counter: target }];
    // What is released shows itself by what it does.
    case 'next-later':
      return [];
    case 'assert-sole':
      return [{ kind: 'assert-sole', object: object(action.type, action.object) }];
    case 'get-unless-zero':
      return [{ kind: 'get-unless-zero', counter: target, got: !cut && value !== 0 }];

    case 'alloc': {
      const fields = Object.entries(action.fields).map(([field, given]) => [
        field,
        fieldScalar(program, action.type, field, evaluate(given, before)),
      ]);
      return [
        { kind: 'alloc', object: objectName(action.type, (state.allocated[action.type] ?? 0) + 1), fields: Object.fromEntries(fields) },
      ];
    }
    case 'free':
      return [{ kind: 'free', object: object(action.type, action.object) }];

    case 'queue-after-grace':
      return [{ kind: 'queue', work: target, on: null, queued: value === 0 }];
    case 'queue':
      return [{ kind: 'queue', work: target, on: action.on ? name(action.on) : null, queued: value === 0 }];
    case 'take':
      return [{ kind: 'run-begin', work: target }];
    case 'done':
      return [{ kind: 'run-end', work: target }];
    case 'flush-begin':
    case 'flush-end':
    case 'cancel-end':
      return [{ kind: action.kind, work: target }];
    case 'cancel-begin':
      return [{ kind: 'cancel-begin', work: target, removed: !cut && value !== 0 }];
    case 'flush-queue-begin':
    case 'flush-queue-end':
      return [{ kind: action.kind, on: target }];

    case 'link': {
      // A lock of its own step came before it; linking and letting go are one step, and two events.
      const linked =
        cut ||
        !action.exclusive ||
        !Object.keys(state.exclusive).some(entry => state.exclusive[entry] === 1 && state.cells[entry] === queueNumber(program, target));
      const link: Happening = { kind: 'link', queue: target, entry: name(action.entry), exclusive: action.exclusive, linked };
      return cut ? [link] : [link, { kind: 'released', lock: target }];
    }
    case 'unlink': {
      const unlink: Happening = { kind: 'unlink', queue: target, entry: name(action.entry) };
      return cut ? [unlink] : [unlink, { kind: 'released', lock: target }];
    }
    case 'next-entry':
      // Finding no more entries is a step that nothing outside can see.
      return alternative === 0
        ? []
        : [{ kind: 'callback', queue: target, entry: cellName(action.entryType, alternative, action.entryField) }];
    case 'wait-prepare':
    case 'wait-finish':
    case 'wake-all':
      return [{ kind: action.kind, queue: target }];
    case 'complete':
      return [{ kind: 'complete', completion: target }];
    case 'wait-done':
      return [{ kind: 'wait-done', completion: target, result: alternative === 1 ? 'timeout' : 'done' }];
    case 'wait-sleep':
      return [{ kind: 'wait-sleep', queue: target, result: alternative === 1 ? 'timeout' : 'woken' }];

    case 'fget':
    case 'close-fd':
      return [{ kind: action.kind, field: target, file: value === 0 ? null : objectName(memberType(action.target), value) }];
    // No event of a trace shows it.
    case 'called':
      return [];
    case 'bug':
      return [{ kind: 'bug' }];
    case 'call-null':
      return [{ kind: 'null-followed', field: action.field }];
    case 'call': {
      const call = callAt(program, thread, action.call);
      return [
        { kind: 'call', call: call.name, arguments: call.arguments.map(one => typedScalar(program, one, evaluate(one.value, before))) },
      ];
    }
    case 'return': {
      const call = callAt(program, thread, action.call);
      return [{ kind: 'return', call: call.name, result: typedScalar(program, call.result, evaluate(action.result, before)) }];
    }
  }
}

function queueNumber(program: Program, queue: string): number {
  return program.waitQueues.findIndex(({ type, instance, field }) => cellName(type, instance, field) === queue) + 1;
}

function callAt(program: Program, thread: number, number: number) {
  const call = threadAt(program, thread).calls[number];
  if (!call) throw new Error(`${threadAt(program, thread).name} has no call ${number}.`);
  return call;
}
