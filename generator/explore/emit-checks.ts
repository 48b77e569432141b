/** Code for what every step is judged by before its own action is: sleeping, guards, lock order, rules at events; and when an object is idle. */

import { releases, takes, waitsFor } from '../interpret/judge-step.ts';
import { fieldOf, indexOf, typeOf } from '../interpret/program-index.ts';
import type { Rule } from '../model.ts';
import type { Action, Node } from '../program.ts';
import { verbs } from '../read/verbs.ts';
import { fieldCell, soleCell, waitingCell } from './cells.ts';
import { cell, type Emission, finding, known, type Note, ownCell, type Path, seenField } from './emission.ts';
import { brokenForSome, heldBy, type Look, predicate } from './emit-predicate.ts';
import { slotIn, valueOf } from './emit-value.ts';
import { all, any, type Code, either, equal, hasMember, not } from './generated-code.ts';

/** Notes on a step at the instance that it acts on; 0 if it acts on none. */
export function notesOn(e: Emission, path: Path, number: number, node: Node, instance: number): readonly Note[] {
  return [
    ...sleepNotes(e, path, number, node.action),
    ...guardNotes(e, path, node.action, instance),
    ...orderNotes(e, path, number, node.action),
    ...takingNotes(e, path, number, node, instance),
    ...eventNotes(e, path, node.action, instance),
  ];
}

function lookOf(e: Emission, path: Path, object: string, instance: number): Look {
  return {
    program: e.program,
    read: name => cell(e.layout, name),
    own: name => ownCell(e.layout, name),
    thread: path.thread,
    variables: new Map([[object, instance]]),
  };
}

/** Whether the thread has a lock or read section of the class, at a node. */
function holdsClass(e: Emission, path: Path, number: number, lockClass: string): Code {
  const { work } = e.program.threads[path.thread] ?? { work: null };
  if (work !== null && lockClass === `run of ${work.type}.${work.field}`) return 1;
  // What it cannot hold here at all needs no look.
  if ((e.layout.threads[path.thread]?.held[number]?.get(lockClass) ?? 0) === 0) return 0;
  const dot = lockClass.indexOf('.');
  const type = lockClass.slice(0, dot),
    field = lockClass.slice(dot + 1);
  return any(
    Array.from({ length: typeOf(e.program, type).pool }, (_, at) =>
      heldBy(e.program, name => ownCell(e.layout, name), path.thread, type, at + 1, field),
    ),
  );
}

function maySleep(e: Emission, action: Action): boolean {
  switch (action.kind) {
    case 'lock':
      return fieldOf(e.program, action.target.type, action.target.field).kind === 'mutex';
    case 'read-lock':
      return fieldOf(e.program, action.target.type, action.target.field).kind === 'rwsem';
    case 'write-lock':
    case 'grace-begin':
    case 'flush-begin':
    case 'cancel-begin':
    case 'flush-queue-begin':
    case 'wait-sleep':
    case 'wait-done':
      return true;
    default:
      return false;
  }
}

function sleepNotes(e: Emission, path: Path, number: number, action: Action): readonly Note[] {
  if (!maySleep(e, action)) return [];
  const atomic =
    e.program.threads[path.thread]?.context === 'hardirq'
      ? 1
      : any(
          e.program.types.flatMap(type =>
            type.fields
              .filter(field => ['spinlock', 'rwlock', 'wait-queue', 'rcu'].includes(field.kind))
              .map(field => holdsClass(e, path, number, `${type.name}.${field.name}`)),
          ),
        );
  return [
    ...note(e, 'always.neverSleepsInAtomic', atomic),
    ...(action.kind === 'wait-sleep' ? [] : note(e, 'always.conditionNeverSleeps', isPrepared(e, path.thread))),
  ];
}

/** The thread has prepared to sleep on some wait queue, and was not woken since. Who is queued to write a notifier chain has not. */
function isPrepared(e: Emission, thread: number): Code {
  const queues = e.program.waitQueues
    .filter(({ type, field }) => fieldOf(e.program, type, field).kind === 'wait-queue')
    .map(({ type, instance, field }) => fieldCell(type, instance, field))
    .filter(queue => e.layout.changing.sleepers.get(queue)?.includes(thread));
  return any(queues.map(queue => cell(e.layout, waitingCell(thread, queue))));
}

function note(e: Emission, rule: string, when: Code): readonly Note[] {
  return when === 0 ? [] : [{ when, finding: finding(e, rule, false, 'step') }];
}

function guardNotes(e: Emission, path: Path, action: Action, instance: number): readonly Note[] {
  const how = (() => {
    switch (action.kind) {
      case 'read':
      case 'has':
      case 'next':
      case 'pick':
        return 'read';
      case 'write':
      case 'add':
      case 'remove':
      case 'flag-take':
      case 'flag-free':
        return 'write';
      default:
        return null;
    }
  })();
  if (how === null || !('target' in action)) return [];
  const look = lookOf(e, path, 'object', instance);
  return indexOf(e.program).guards.flatMap(rule => {
    const guard = rule.type === action.target.type ? rule.fields[action.target.field] : null;
    if (guard === null || guard === undefined) return [];
    const held = guard[how].map(one => predicate(one, look));
    const sole = soleCell(action.target.type, instance);
    const isMine = e.layout.bits.has(sole) ? equal(cell(e.layout, sole), path.thread + 1) : 0;
    return note(e, rule.name, not(either(isMine, how === 'write' || held.length === 0 ? all(held) : any(held))));
  });
}

function orderNotes(e: Emission, path: Path, number: number, action: Action): readonly Note[] {
  const wanted = waitsFor(e.program, action);
  const { orders, exceptions } = indexOf(e.program);
  return orders.flatMap(rule =>
    note(
      e,
      rule.name,
      any(
        wanted.flatMap(want => {
          const outside = rule.classes.indexOf(want);
          if (outside < 0) return [];
          return rule.classes
            .filter(held => rule.classes.indexOf(held) > outside && !exceptions.some(one => one.outer === held && one.inner === want))
            .map(held => holdsClass(e, path, number, held));
        }),
      ),
    ),
  );
}

function takingNotes(e: Emission, path: Path, number: number, { action, site }: Node, instance: number): readonly Note[] {
  const { orders, innermost, takesOnly, readOnce } = indexOf(e.program);
  const gone = releases(action),
    taken = takes(action);
  const functions = e.program.sites[site]?.in ?? [];
  const holds = (lockClass: string): Code => holdsClass(e, path, number, lockClass);
  return [
    ...orders.flatMap(rule => {
      const place = gone === null || !rule.nested ? -1 : rule.classes.indexOf(gone);
      return place < 0 ? [] : note(e, rule.name, any(rule.classes.slice(place + 1).map(holds)));
    }),
    ...innermost.flatMap(rule =>
      (taken !== null && action.kind !== 'enter') || maySleep(e, action) ? note(e, rule.name, holds(rule.lock)) : [],
    ),
    ...takesOnly.flatMap(rule =>
      taken !== null && functions.includes(rule.operation) && !rule.classes.includes(taken) ? note(e, rule.name, 1) : [],
    ),
    ...readOnce.flatMap(rule => {
      if (action.kind !== 'read' || action.once === undefined) return [];
      if (rule.type !== action.target.type || rule.field !== action.target.field) return [];
      return note(e, rule.name, hasMember(slotIn(e, path, action.once), instance));
    }),
  ];
}

function isEventOf(rule: Extract<Rule, { kind: 'at-every' }>, action: Action): boolean {
  if (action.kind === 'called') return rule.verb === 'called' && rule.field === action.of;
  if (action.kind !== rule.verb && action.kind !== verbs[rule.verb]?.event) return false;
  if (action.kind === 'free') return action.type === rule.type;
  return 'target' in action && action.target !== null && action.target.type === rule.type && action.target.field === rule.field;
}

function eventNotes(e: Emission, path: Path, action: Action, instance: number): readonly Note[] {
  return indexOf(e.program)
    .atEvery.filter(rule => isEventOf(rule, action))
    .flatMap(rule => {
      if (action.kind === 'called') return callNotes(e, path, rule, action);
      const over = rule.over.filter(({ name }) => name !== rule.object);
      return note(e, rule.name, brokenForSome(lookOf(e, path, rule.object, instance), over, null, rule.when, rule.then));
    });
}

/** The variables stand for arguments; where one is null the rule says nothing. */
function callNotes(
  e: Emission,
  path: Path,
  rule: Extract<Rule, { kind: 'at-every' }>,
  action: Extract<Action, { kind: 'called' }>,
): readonly Note[] {
  const variables = new Map(
    (rule.given ?? []).flatMap((name, place): [string, Code][] => {
      const value = action.with[place];
      return name === null || value === undefined ? [] : [[name, valueOf(e, path, value)]];
    }),
  );
  const look: Look = { program: e.program, read: name => cell(e.layout, name), thread: path.thread, variables };
  const over = rule.over.filter(({ name }) => !variables.has(name));
  return note(e, rule.name, all([...variables.values(), brokenForSome(look, over, null, rule.when, rule.then)]));
}

/** Whether anything keeps the object from being freed. A run of a work item inside shows itself by what it touches later. */
export function isBusy(e: Emission, type: string, instance: number): Code {
  const { program } = e;
  const read = (name: string): Code => cell(e.layout, name);
  const inside = typeOf(program, type).fields.map((field): Code => {
    const name = fieldCell(type, instance, field.name);
    switch (field.kind) {
      case 'mutex':
      case 'spinlock':
      case 'flag':
      case 'work':
      case 'wait-entry':
      case 'refcount':
        return read(name);
      case 'wait-queue':
        return either(read(name), any(entriesOn(e, name)));
      case 'srcu':
      case 'rcu':
      case 'rwlock':
      case 'rwsem':
        return any([
          ...program.threads.map((_, thread) => heldBy(program, read, thread, type, instance, field.name)),
          ...entriesOn(e, name),
        ]);
      default:
        return 0;
    }
  });
  return any([...inside, ...setsWith(e, type, instance)]);
}

/** For each wait entry, whether it is on the queue. */
function entriesOn(e: Emission, queue: string): readonly Code[] {
  const number = indexOf(e.program).queueNumbers.get(queue);
  if (number === undefined) return [];
  return e.program.types.flatMap(type =>
    type.fields
      .filter(field => field.kind === 'wait-entry')
      .flatMap(field =>
        Array.from({ length: type.pool }, (_, at) =>
          known(e, () =>
            equal(
              seenField(name => cell(e.layout, name), type.name, at + 1, field.name),
              number,
            ),
          ),
        ),
      ),
  );
}

/** For each set that may have the object, whether it has. One whose owner is going away, a counter of it being 0, may keep its members. */
function setsWith(e: Emission, type: string, instance: number): readonly Code[] {
  const read = (name: string): Code => cell(e.layout, name);
  return e.program.types.flatMap(owner =>
    owner.fields
      .filter(field => field.kind === 'set' && field.to === type)
      .flatMap(field =>
        Array.from({ length: owner.pool }, (_, at) => {
          const counters = owner.fields.filter(one => one.kind === 'refcount').map(one => seenField(read, owner.name, at + 1, one.name));
          return all([hasMember(seenField(read, owner.name, at + 1, field.name), instance), ...counters]);
        }),
      ),
  );
}
