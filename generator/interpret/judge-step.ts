/** What every step is judged by before its own action is: the first six checks that `program.ts` lists, in that order. */
import type { Rule } from '../model.ts';
import type { Action, Finding, Node, Program, State, Target } from '../program.ts';
import { verbs } from '../read/verbs.ts';
import { cellName, choices, evaluate, isAlive, isRunning, look, membersOf, objectName, objectNames, type Slots } from './evaluate.ts';
import { fieldOf, indexOf, threadAt } from './program-index.ts';

/** A step that a thread is about to take. */
export interface Attempt {
  readonly program: Program;
  readonly state: State;
  readonly thread: number;
  readonly node: Node;
  readonly slots: Slots;
  readonly alternative: number;
}

/** A place that a step touches; `instance` is 0 for null. */
export interface Touch {
  readonly type: string;
  readonly instance: number;
  readonly field: string;
}

/** Findings up to and including the first fatal one. */
export function judge(at: Attempt): Finding[] {
  const fatal = judgeTouches(at);
  return fatal
    ? [fatal]
    : [...judgeSole(at), ...judgeSleep(at), ...judgeGuards(at), ...judgeOrder(at), ...judgeTaking(at), ...judgeAtEvery(at)];
}

/** Target first, then what else the step touches. A fatal finding of the target hides the others. */
export function judgeTouches(at: Attempt): Finding | null {
  for (const { type, instance, field } of touchesOf(at)) {
    if (instance === 0)
      return {
        rule: 'always.nullNeverFollowed',
        detail: `the pointer to the ${type}${field ? ` whose ${field} is wanted` : ''} is null`,
        fatal: true,
        objects: {},
      };
    const name = objectName(type, instance);
    if (!isAlive(at.state, type, instance))
      return {
        rule: 'always.neverTouchedAfterFree',
        detail: `${name} is freed${field ? `, and its ${field} is touched` : ''}`,
        fatal: true,
        objects: {},
      };
  }
  return null;
}

export function touchesOf({ program, state, node: { action }, slots, alternative }: Attempt): Touch[] {
  const place = (target: Target): Touch => ({ type: target.type, instance: evaluate(target.object, slots), field: target.field });
  const memberType = (type: string, field: string) => fieldOf(program, type, field).to ?? type;
  switch (action.kind) {
    case 'set':
    case 'branch':
    case 'jump':
    case 'alloc':
    case 'choose':
    case 'bug':
    case 'call-null':
    case 'next-later':
    case 'called':
    case 'call':
    case 'return':
      return [];
    // The object may have been freed by the run that is waited for.
    case 'done':
    case 'flush-end':
    case 'cancel-end':
    case 'flush-queue-end':
      return [];
    case 'free':
    case 'assert-sole':
      return [{ type: action.type, instance: evaluate(action.object, slots), field: '' }];
    case 'add':
    case 'remove':
    case 'has':
      return [
        place(action.target),
        { type: memberType(action.target.type, action.target.field), instance: evaluate(action.member, slots), field: '' },
      ];
    case 'next':
    case 'pick':
      return alternative === 0
        ? [place(action.target)]
        : [place(action.target), { type: memberType(action.target.type, action.target.field), instance: alternative, field: '' }];
    case 'next-entry':
      return alternative === 0
        ? [place(action.target)]
        : [place(action.target), { type: action.entryType, instance: alternative, field: action.entryField }];
    case 'queue':
      return action.on ? [place(action.target), place(action.on)] : [place(action.target)];
    case 'queue-after-grace':
      return [place(action.domain), place(action.target)];
    case 'link':
    case 'unlink':
      return [place(action.target), place(action.entry)];
    case 'fget': {
      const descriptor = place(action.target);
      const file = state.cells[cellName(descriptor.type, descriptor.instance, descriptor.field)] ?? 0;
      return file === 0
        ? [descriptor]
        : [descriptor, { type: memberType(descriptor.type, descriptor.field), instance: file, field: 'refs' }];
    }
    default:
      return [place(action.target)];
  }
}

/** Touches of what another thread says is its alone. */
export function judgeSole(at: Attempt): Finding[] {
  if (at.state.sole === undefined) return [];
  return touchesOf(at).flatMap(({ type, instance }): Finding[] => {
    const name = objectName(type, instance);
    const owner = at.state.sole?.[name] ?? 0;
    if (owner === 0 || owner === at.thread + 1) return [];
    const detail = `${name} is touched, which ${threadAt(at.program, owner - 1).name} says nobody else can reach`;
    return [{ rule: 'always.soleWhereAsserted', detail, fatal: false, objects: {} }];
  });
}

function judgeSleep({ program, state, thread, node: { action } }: Attempt): Finding[] {
  if (!maySleep(program, action)) return [];
  const why = atomicContext(program, state, thread);
  const queue = action.kind === 'wait-sleep' ? null : preparedFor(program, state, thread);
  const finding = (rule: string, detail: string): Finding => ({ rule: `always.${rule}`, detail, fatal: false, objects: {} });
  return [
    ...(why === null ? [] : [finding('neverSleepsInAtomic', `may sleep ${why}`)]),
    ...(queue === null ? [] : [finding('conditionNeverSleeps', `may sleep while it is about to sleep on ${queue}`)]),
  ];
}

/** Wait queue that the thread has prepared to sleep on and was not woken from since, or null. */
function preparedFor(program: Program, state: State, thread: number): string | null {
  const waiting = Object.entries(state.threads[thread]?.waiting ?? {});
  const prepared = waiting.find(([cell, is]) => {
    const { type, field } = partsOf(cell);
    return is > 0 && fieldOf(program, type, field).kind === 'wait-queue';
  });
  return prepared?.[0] ?? null;
}

function maySleep(program: Program, action: Action): boolean {
  switch (action.kind) {
    case 'lock':
      return fieldOf(program, action.target.type, action.target.field).kind === 'mutex';
    case 'read-lock':
      return fieldOf(program, action.target.type, action.target.field).kind === 'rwsem';
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

/** Why the thread must not sleep, or null if it may. */
export function atomicContext(program: Program, state: State, thread: number): string | null {
  if (threadAt(program, thread).context === 'hardirq') return 'in a hardware interrupt';
  const held = heldBy(program, state, thread).find(({ kind }) => ['spinlock', 'rwlock', 'wait-queue', 'rcu'].includes(kind));
  return held ? `${held.kind === 'rcu' ? 'in a read section of' : 'holding'} ${held.name}` : null;
}

export interface Held {
  /** `Kvm#1.lock`, or `run of Irqfd#1.shutdown`. */ readonly name: string;
  readonly lockClass: string;
  readonly kind: string;
}

/** Locks owned, read sections open, and for a worker the run itself; sorted by name. */
export function heldBy(program: Program, state: State, thread: number): Held[] {
  const held: Held[] = [];
  const add = (cell: string, kinds: readonly string[]) => {
    const { type, field } = partsOf(cell);
    const { kind } = fieldOf(program, type, field);
    if (kinds.includes(kind)) held.push({ name: cell, lockClass: `${type}.${field}`, kind });
  };
  for (const [cell, owner] of Object.entries(state.cells))
    if (owner === thread + 1) add(cell, ['mutex', 'spinlock', 'rwlock', 'rwsem', 'flag', 'wait-queue']);
  for (const [domain, sections] of Object.entries(state.threads[thread]?.readers ?? {}))
    if (sections > 0) add(domain, ['srcu', 'rcu', 'rwlock', 'rwsem']);
  const { work } = threadAt(program, thread);
  if (work) {
    const cell = cellName(work.type, work.instance, work.field);
    if (isRunning(program, state, cell)) held.push({ name: `run of ${cell}`, lockClass: `run of ${work.type}.${work.field}`, kind: 'run' });
  }
  return held.sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
}

/** Type, instance and field of `Irqfd#1.kvm`. */
export function partsOf(cell: string): { type: string; instance: number; field: string } {
  const hash = cell.indexOf('#');
  const dot = cell.indexOf('.', hash);
  return { type: cell.slice(0, hash), instance: Number(cell.slice(hash + 1, dot)), field: cell.slice(dot + 1) };
}

function judgeGuards(at: Attempt): Finding[] {
  const {
    node: { action },
  } = at;
  switch (action.kind) {
    case 'read':
    case 'has':
    case 'next':
    case 'pick':
      return brokenGuards(at, action.target, 'read');
    case 'write':
    case 'add':
    case 'remove':
    case 'flag-take':
    case 'flag-free':
      return brokenGuards(at, action.target, 'write');
    default:
      return [];
  }
}

function brokenGuards({ program, state, thread, slots }: Attempt, target: Target, how: 'read' | 'write'): Finding[] {
  const instance = evaluate(target.object, slots);
  const at = { program, state, thread, variables: { object: instance } };
  if (state.sole?.[objectName(target.type, instance)] === thread + 1) return [];
  return indexOf(program).guards.flatMap((rule): Finding[] => {
    const guard = rule.type === target.type ? rule.fields[target.field] : null;
    if (!guard) return [];
    const holds =
      how === 'read'
        ? guard.read.length === 0 || guard.read.some(one => look(one, at) !== 0)
        : guard.write.every(one => look(one, at) !== 0);
    const object = objectName(target.type, instance);
    return holds
      ? []
      : [
          {
            rule: rule.name,
            detail: `${how} of ${object}.${target.field} without ${guard[how].map(one => ('text' in one ? one.text : '')).join(how === 'read' ? ' or ' : ' and ')}`,
            fatal: false,
            objects: { object },
          },
        ];
  });
}

/** Lock classes that a step waits for. */
export function waitsFor(program: Program, action: Action): string[] {
  switch (action.kind) {
    case 'lock':
    case 'read-lock':
    case 'write-lock':
    case 'grace-begin':
      return [`${action.target.type}.${action.target.field}`];
    case 'flush-begin':
    case 'cancel-begin':
      return [`run of ${action.target.type}.${action.target.field}`];
    case 'flush-queue-begin':
      return (program.onQueue[`${action.target.type}.${action.target.field}`] ?? []).map(work => `run of ${work}`);
    case 'wait-sleep':
      return [...(action.flags ?? [])];
    default:
      return [];
  }
}

/** One finding for each order rule that is broken. */
function judgeOrder({ program, state, thread, node: { action } }: Attempt): Finding[] {
  const wanted = waitsFor(program, action);
  const { orders, exceptions } = indexOf(program);
  if (wanted.length === 0 || orders.length === 0) return [];
  const held = heldBy(program, state, thread);
  return orders.flatMap((rule): Finding[] => {
    for (const want of wanted) {
      const outside = rule.classes.indexOf(want);
      const inner = held.find(
        ({ lockClass }) =>
          outside >= 0 &&
          rule.classes.indexOf(lockClass) > outside &&
          !exceptions.some(exception => exception.outer === lockClass && exception.inner === want),
      );
      if (inner) return [{ rule: rule.name, detail: `waits for ${want} while holding ${inner.name}`, fatal: false, objects: {} }];
    }
    return [];
  });
}

/** Lock class that a step takes, entering a read section included; null if it takes none. */
export function takes(action: Action): string | null {
  switch (action.kind) {
    case 'lock':
    case 'read-lock':
    case 'write-lock':
    case 'try-lock':
    case 'flag-take':
    case 'enter':
      return `${action.target.type}.${action.target.field}`;
    default:
      return null;
  }
}

/** Lock class that a step releases, or null. */
export function releases(action: Action): string | null {
  switch (action.kind) {
    case 'unlock':
    case 'flag-free':
    case 'read-unlock':
    case 'exit':
    case 'link':
    case 'unlink':
      return `${action.target.type}.${action.target.field}`;
    default:
      return null;
  }
}

/** Nested orders, innermost locks, functions that take only some locks, fields that are read once. */
function judgeTaking({ program, state, thread, node: { action, site }, slots }: Attempt): Finding[] {
  const { orders, innermost, takesOnly, readOnce } = indexOf(program);
  if (orders.length + innermost.length + takesOnly.length + readOnce.length === 0) return [];
  const findings: Finding[] = [];
  const tell = (rule: string, detail: string): void => void findings.push({ rule, detail, fatal: false, objects: {} });
  const held = heldBy(program, state, thread);
  const gone = releases(action);
  for (const rule of orders) {
    const place = gone === null || !rule.nested ? -1 : rule.classes.indexOf(gone);
    const inside = place < 0 ? undefined : held.find(({ lockClass }) => rule.classes.indexOf(lockClass) > place);
    if (inside) tell(rule.name, `releases ${gone} while holding ${inside.name}`);
  }
  const taken = takes(action);
  const takesLock = taken !== null && action.kind !== 'enter';
  for (const rule of innermost) {
    const inner = held.find(({ lockClass }) => lockClass === rule.lock);
    if (inner && (takesLock || maySleep(program, action)))
      tell(rule.name, `${takesLock ? `takes ${taken}` : 'may sleep'} while holding ${inner.name}`);
  }
  const functions = program.sites[site]?.in ?? [];
  for (const rule of takesOnly)
    if (taken !== null && functions.includes(rule.operation) && !rule.classes.includes(taken))
      tell(rule.name, `takes ${taken} inside ${rule.operation}`);
  if (action.kind === 'read' && action.once !== undefined) {
    const instance = evaluate(action.target.object, slots);
    for (const rule of readOnce)
      if (rule.type === action.target.type && rule.field === action.target.field && membersOf(slots[action.once] ?? 0).includes(instance))
        tell(rule.name, `${cellName(rule.type, instance, rule.field)} is read again`);
  }
  return findings;
}

/** One finding for each choice of objects for which a rule is broken. */
function judgeAtEvery({ program, state, thread, node: { action }, slots }: Attempt): Finding[] {
  return indexOf(program).atEvery.flatMap((rule): Finding[] => {
    const bound = boundBy(rule, action, slots);
    if (bound === null) return [];
    const over = rule.over.filter(({ name }) => !(name in bound));
    const findings: Finding[] = [];
    for (const variables of choices(program, state, over, bound)) {
      const at = { program, state, thread, variables };
      if ((rule.when === null || look(rule.when, at) !== 0) && look(rule.then, at) === 0) {
        const acted = rule.verb === 'called' ? [] : [{ name: rule.object, type: rule.type }];
        const objects = objectNames([...acted, ...rule.over.filter(({ name }) => name !== rule.object)], variables);
        const where = rule.verb === 'called' ? rule.field : objectName(rule.type, variables[rule.object] ?? 0);
        findings.push({
          rule: rule.name,
          detail: `${rule.verb === 'called' ? 'call' : rule.verb} of ${where}${rule.field && rule.verb !== 'called' ? `.${rule.field}` : ''}`,
          fatal: false,
          objects,
        });
      }
    }
    return findings;
  });
}

/** Numbers of the objects that the step binds, by variable; null if it is not an event of the rule, or gives null for one of them. */
function boundBy(rule: Extract<Rule, { kind: 'at-every' }>, action: Action, slots: Slots): Record<string, number> | null {
  if (rule.verb !== 'called') {
    const instance = objectActedOn(rule, action, slots);
    return instance === null ? null : { [rule.object]: instance };
  }
  if (action.kind !== 'called' || action.of !== rule.field) return null;
  const given = (rule.given ?? []).flatMap((name, place): [string, number][] => {
    const value = action.with[place];
    return name === null || value === undefined ? [] : [[name, evaluate(value, slots)]];
  });
  return given.some(([, instance]) => instance === 0) ? null : Object.fromEntries(given);
}

/** Number of the object that the rule binds, or null if the step is not an event of the rule. */
export function objectActedOn(rule: Extract<Rule, { kind: 'at-every' }>, action: Action, slots: Slots): number | null {
  if (action.kind !== rule.verb && action.kind !== verbs[rule.verb]?.event) return null;
  if (action.kind === 'free') return action.type === rule.type ? evaluate(action.object, slots) : null;
  if (!('target' in action) || action.target.type !== rule.type || action.target.field !== rule.field) return null;
  return evaluate(action.target.object, slots);
}
