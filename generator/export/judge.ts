/** What a step is judged by before it does anything: sleeping, guards, lock order, rules at events. Each as what must hold. */
import { releases, takes, waitsFor } from '../interpret/judge-step.ts';
import { fieldOf, indexOf } from '../interpret/program-index.ts';
import type { Rule } from '../model.ts';
import type { Action, Node } from '../program.ts';
import { verbs } from '../read/verbs.ts';
import type { Cells } from './cells.ts';
import { all, any, type Code, compare, has, not } from './code.ts';
import { brokenForSome, condition, holds, instancesOf, type Look } from './predicate.ts';

export interface Must {
  readonly rule: string;
  readonly condition: Code;
}

/** `of` is the object acted on, 0 if there is none. What cannot be broken is left out. */
export function judged(cells: Cells, thread: number, { action, site }: Node, of: Code): readonly Must[] {
  return [
    ...sleep(cells, thread, action),
    ...guards(cells, thread, action, of),
    ...order(cells, thread, action),
    ...nested(cells, thread, action),
    ...innermost(cells, thread, action),
    ...takesOnly(cells, action, site),
    ...events(cells, thread, action, of),
  ].filter(({ condition }) => condition !== 1);
}

/** Does the thread hold a lock, a section or a run of this class? */
function holdsClass(cells: Cells, thread: number, lockClass: string): Code {
  const { work } = cells.program.threads[thread] ?? { work: null };
  if (lockClass.startsWith('run of ')) return work !== null && lockClass === `run of ${work.type}.${work.field}` ? 1 : 0;
  const dot = lockClass.indexOf('.'),
    type = lockClass.slice(0, dot);
  return any(instancesOf(cells, type).map(instance => holds(cells, thread, type, instance, lockClass.slice(dot + 1))));
}

function maySleep(cells: Cells, action: Action): boolean {
  const may =
    action.kind === 'lock'
      ? fieldOf(cells.program, action.target.type, action.target.field).kind === 'mutex'
      : action.kind === 'read-lock'
        ? fieldOf(cells.program, action.target.type, action.target.field).kind === 'rwsem'
        : ['write-lock', 'grace-begin', 'flush-begin', 'cancel-begin', 'flush-queue-begin', 'wait-sleep', 'wait-done'].includes(
            action.kind,
          );
  return may;
}

function sleep(cells: Cells, thread: number, action: Action): readonly Must[] {
  if (!maySleep(cells, action)) return [];
  const atomic = cells.program.types.flatMap(({ name, fields }) =>
    fields
      .filter(({ kind }) => kind === 'spinlock' || kind === 'rwlock' || kind === 'wait-queue' || kind === 'rcu')
      .map(field => holdsClass(cells, thread, `${name}.${field.name}`)),
  );
  const inInterrupt = cells.program.threads[thread]?.context === 'hardirq';
  const prepared = cells.program.waitQueues.map(({ type, instance, field }) => cells.asleep(thread, type, instance, field));
  return [
    { rule: 'always.neverSleepsInAtomic', condition: inInterrupt ? 0 : not(any(atomic)) },
    ...(action.kind === 'wait-sleep' ? [] : [{ rule: 'always.conditionNeverSleeps', condition: not(any(prepared)) }]),
  ];
}

const readers = ['read', 'has', 'next', 'pick'],
  writers = ['write', 'add', 'remove', 'flag-take', 'flag-free'];

function guards(cells: Cells, thread: number, action: Action, of: Code): readonly Must[] {
  const how = readers.includes(action.kind) ? 'read' : writers.includes(action.kind) ? 'write' : null;
  if (how === null || !('target' in action)) return [];
  const look: Look = { cells, thread, variables: new Map([['object', of]]) };
  const sole = cells.sole(action.target.type, of);
  const isSole = sole === 0 ? 0 : compare('==', sole, cells.owner(thread));
  return indexOf(cells.program).guards.flatMap(rule => {
    const guard = rule.type === action.target.type ? rule.fields[action.target.field] : null;
    if (!guard) return [];
    const each = guard[how].map(one => condition(one, look));
    return [{ rule: rule.name, condition: any([isSole, how === 'write' || each.length === 0 ? all(each) : any(each)]) }];
  });
}

function order(cells: Cells, thread: number, action: Action): readonly Must[] {
  const wanted = waitsFor(cells.program, action);
  const { orders, exceptions } = indexOf(cells.program);
  return orders.map(rule => {
    const inside = wanted.flatMap(want => {
      const outside = rule.classes.indexOf(want);
      if (outside < 0) return [];
      return rule.classes
        .slice(outside + 1)
        .filter(held => !exceptions.some(({ outer, inner }) => outer === held && inner === want))
        .map(held => holdsClass(cells, thread, held));
    });
    return { rule: rule.name, condition: not(any(inside)) };
  });
}

/** A release while the thread holds what a nested order puts inside. */
function nested(cells: Cells, thread: number, action: Action): readonly Must[] {
  const gone = releases(action);
  if (gone === null) return [];
  return indexOf(cells.program)
    .orders.filter(({ nested, classes }) => nested && classes.includes(gone))
    .map(({ name, classes }) => ({
      rule: name,
      condition: not(any(classes.slice(classes.indexOf(gone) + 1).map(inside => holdsClass(cells, thread, inside)))),
    }));
}

/** Nothing is taken, and nothing sleeps, while an innermost lock is held. */
function innermost(cells: Cells, thread: number, action: Action): readonly Must[] {
  const takesLock = takes(action) !== null && action.kind !== 'enter';
  if (!takesLock && !maySleep(cells, action)) return [];
  return indexOf(cells.program).innermost.map(({ name, lock }) => ({ rule: name, condition: not(holdsClass(cells, thread, lock)) }));
}

function takesOnly(cells: Cells, action: Action, site: number): readonly Must[] {
  const taken = takes(action);
  const functions = cells.program.sites[site]?.in ?? [];
  return indexOf(cells.program)
    .takesOnly.filter(({ operation, classes }) => taken !== null && functions.includes(operation) && !classes.includes(taken))
    .map(({ name }) => ({ rule: name, condition: 0 }));
}

function events(cells: Cells, thread: number, action: Action, of: Code): readonly Must[] {
  return indexOf(cells.program)
    .atEvery.filter(rule => isEventOf(rule, action))
    .map(rule => {
      const over = rule.over.filter(({ name }) => name !== rule.object);
      const look: Look = { cells, thread, variables: new Map([[rule.object, of]]) };
      return { rule: rule.name, condition: not(brokenForSome(look, over, { busy: null, when: rule.when, then: rule.then })) };
    });
}

/** Rules at the call of a function, its arguments given. Where one that the rule names is null it says nothing. */
export function calledMusts(
  cells: Cells,
  thread: number,
  action: Extract<Action, { kind: 'called' }>,
  given: readonly Code[],
): readonly Must[] {
  return indexOf(cells.program).atEvery.flatMap(rule => {
    if (rule.verb !== 'called' || rule.field !== action.of) return [];
    const variables = new Map((rule.given ?? []).flatMap((name, place) => (name === null ? [] : [[name, given[place] ?? 0] as const])));
    const over = rule.over.filter(({ name }) => !variables.has(name));
    const broken = brokenForSome({ cells, thread, variables }, over, { busy: null, when: rule.when, then: rule.then });
    return [{ rule: rule.name, condition: not(all([...variables.values(), broken])) }];
  });
}

function isEventOf(rule: Extract<Rule, { kind: 'at-every' }>, action: Action): boolean {
  if (action.kind !== rule.verb && action.kind !== verbs[rule.verb]?.event) return false;
  if (action.kind === 'free') return action.type === rule.type;
  return 'target' in action && action.target.type === rule.type && action.target.field === rule.field;
}

/** What keeps an object from being freed, as what must not be. A run of a work item inside shows itself by what it touches later. */
export function busy(cells: Cells, type: string, of: Code): Code {
  const { types, threads } = cells.program;
  const inside = (types.find(({ name }) => name === type)?.fields ?? []).flatMap((field): Code[] => {
    const value = cells.field(type, of, field.name);
    switch (field.kind) {
      case 'mutex':
      case 'spinlock':
      case 'flag':
      case 'work':
      case 'wait-entry':
      case 'refcount':
        return [compare('!=', value, 0)];
      case 'wait-queue':
        return [compare('!=', value, 0), ...entriesOn(cells, type, of, field.name)];
      case 'rwlock':
      case 'rwsem':
      case 'srcu':
      case 'rcu':
        return [
          ...threads.map((_, thread) => holds(cells, thread, type, of, field.name)),
          ...(cells.program.waitQueues.some(queue => queue.type === type && queue.field === field.name)
            ? entriesOn(cells, type, of, field.name)
            : []),
        ];
      default:
        return [];
    }
  });
  return any([...inside, ...setsWith(cells, type, of)]);
}

function entriesOn(cells: Cells, type: string, of: Code, field: string): Code[] {
  return cells.program.types.flatMap(owner =>
    owner.fields
      .filter(({ kind }) => kind === 'wait-entry')
      .flatMap(entry =>
        instancesOf(cells, owner.name).map(instance => {
          const on = cells.field(owner.name, instance, entry.name);
          return on === 0 ? 0 : compare('==', on, cells.queueNumber(type, of, field));
        }),
      ),
  );
}

/** One whose owner is going away, a counter of it being 0, may keep its members. */
function setsWith(cells: Cells, type: string, of: Code): Code[] {
  return cells.program.types.flatMap(owner =>
    owner.fields
      .filter(({ kind, to }) => kind === 'set' && to === type)
      .flatMap(set =>
        instancesOf(cells, owner.name).map(instance => {
          const value = cells.field(owner.name, instance, set.name);
          const counters = owner.fields
            .filter(({ kind }) => kind === 'refcount')
            .map(({ name }) => cells.field(owner.name, instance, name));
          return value === 0 ? 0 : all([has(value, of), ...counters]);
        }),
      ),
  );
}
