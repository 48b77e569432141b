/** What each action does to a state: which alternatives it has, and what each of them changes. */
import type { Action, Finding, Program, State, Target, ThreadState, Value } from '../program.ts';
import { judgeReturn } from './contract-ghosts.ts';
import { bit, cellName, evaluate, isHeldBy, isRunning, membersOf, objectName } from './evaluate.ts';
import { type Attempt, touchesOf } from './judge-step.ts';
import { forgetObject } from './left-behind.ts';
import { notIdle } from './not-idle.ts';
import { fieldOf, indexOf, threadAt, typeOf } from './program-index.ts';

/** A thread's slots while it runs, and those that were written since its step began. */
export interface Frame {
  readonly slots: Record<number, number>;
  readonly assigned: Record<number, number>;
}

/** Alternatives that are enabled now; none: the thread has to wait. A target behind null is left to be judged. */
export function alternativesOf({ program, state, thread, node: { action }, slots }: Omit<Attempt, 'alternative'>): number[] {
  const enabledIf = (condition: boolean) => (condition ? [0] : []);
  const cell = (target: Target) => state.cells[cellOf(target, slots)] ?? 0;
  const self = state.threads[thread];
  switch (action.kind) {
    case 'lock': {
      const lock = cellOf(action.target, slots);
      return enabledIf(cell(action.target) === thread + 1 || isReadBy(state, lock, thread) || isFree(state, lock));
    }
    case 'read-lock': {
      const lock = cellOf(action.target, slots);
      const twice = cell(action.target) === thread + 1 || (isFair(program, action.target) && isReadBy(state, lock, thread));
      const queued = state.threads.some((one, other) => other !== thread && (one.waiting[lock] ?? 0) > 0);
      return enabledIf(twice || (cell(action.target) === 0 && !queued));
    }
    case 'write-lock-queued':
      return enabledIf(isFree(state, cellOf(action.target, slots)));
    case 'take': {
      const work = cellOf(action.target, slots);
      const waits = cell(action.target) === 2 && Object.values(self?.grace ?? {}).some(sections => sections > 0);
      const others = inOrderWith(program, work);
      const isFirst = others === null || (cell(action.target) === 1 && !others.some(other => isRunning(program, state, other)));
      return enabledIf(cell(action.target) !== 0 && !waits && isFirst);
    }
    case 'grace-end':
      return enabledIf(
        !Object.entries(self?.grace ?? {}).some(([note, sections]) => sections > 0 && note.startsWith(`${cellOf(action.target, slots)} `)),
      );
    case 'flush-end':
    case 'cancel-end':
      return enabledIf((self?.flush[cellOf(action.target, slots)] ?? 0) === 0);
    case 'flush-queue-end':
      return enabledIf(worksOn(program, action.target).every(work => (self?.flush[work] ?? 0) === 0));
    case 'wait-done':
      // Who has nothing to wait on goes wrong at once.
      return evaluate(action.target.object, slots) === 0 || cell(action.target) !== 0 ? [0] : action.timeout ? [1] : [];
    case 'wait-sleep': {
      const woken = (self?.waiting[cellOf(action.target, slots)] ?? 0) === 0;
      return woken ? [0] : action.timeout ? [1] : [];
    }
    case 'next':
      return orZero(unvisited(membersOf(cell(action.target)), slots[action.visited] ?? 0));
    case 'next-later':
      return orZero(membersOf(slots[action.later] ?? 0));
    case 'pick':
      return orZero(membersOf(cell(action.target)));
    case 'next-entry':
      return orZero(unvisited(entriesOn(program, state, action, cellOf(action.target, slots)), slots[action.visited] ?? 0));
    case 'choose':
      return action.alternatives.map((_, number) => number);
    default:
      return [0];
  }
}

/** Of a lock: nobody owns it, and nobody reads it. */
function isFree(state: State, lock: string): boolean {
  return (state.cells[lock] ?? 0) === 0 && state.threads.every(({ readers }) => (readers[lock] ?? 0) === 0);
}

function isReadBy(state: State, lock: string, thread: number): boolean {
  return (state.threads[thread]?.readers[lock] ?? 0) > 0;
}

/** A reader waits behind a writer that is queued. */
function isFair(program: Program, { type, field }: Target): boolean {
  return fieldOf(program, type, field).kind === 'rwsem';
}

function orZero(members: number[]): number[] {
  return members.length > 0 ? members : [0];
}

function unvisited(members: readonly number[], visited: number): number[] {
  const before = membersOf(visited);
  return members.filter(member => !before.includes(member));
}

function cellOf(target: Target, slots: Readonly<Record<number, number>>): string {
  return cellName(target.type, evaluate(target.object, slots), target.field);
}

/** Instances of the entry's type whose entry is on the queue. */
function entriesOn(
  program: Program,
  state: State,
  { entryType, entryField }: Extract<Action, { kind: 'next-entry' }>,
  queue: string,
): number[] {
  const number = indexOf(program).queueNumbers.get(queue);
  const entries: number[] = [];
  for (let instance = 1; instance <= (state.allocated[entryType] ?? 0); instance++) {
    if (state.cells[cellName(entryType, instance, entryField)] === number) entries.push(instance);
  }
  return entries;
}

/** Every work item whose type says that it is queued on this work queue. */
function worksOn(program: Program, queue: Target): string[] {
  const classes = program.onQueue[`${queue.type}.${queue.field}`] ?? [];
  return [...indexOf(program).workers.keys()].filter(work => classes.includes(work.replace(/#\d+/, '')));
}

/** What an action led to: the node that follows, and what was broken. */
export interface Outcome {
  readonly next: number;
  readonly findings: readonly Finding[];
}

/** A number that its field does not hold. */
class OutOfBounds extends Error {}

/** Changes `draft` and `frame` into what they are after the action; with a fatal finding they mean nothing any more. */
export function perform(at: Attempt, draft: State, frame: Frame): Outcome {
  try {
    return act(at, draft, frame);
  } catch (fault) {
    if (!(fault instanceof OutOfBounds)) throw fault;
    return { next: at.node.next, findings: [{ rule: 'always.valuesInBounds', detail: fault.message, fatal: true, objects: {} }] };
  }
}

function act(at: Attempt, draft: State, frame: Frame): Outcome {
  const { program, thread, node, alternative } = at;
  const { action } = node;
  const self = draft.threads[thread];
  if (!self) throw new Error(`The state has no thread ${thread}.`);
  const number = (value: Value) => evaluate(value, frame.slots);
  const target = 'target' in action ? cellOf(action.target, frame.slots) : '';
  const value = draft.cells[target] ?? 0;
  const write = (cell: string, to: number) => writeCell(at, draft, cell, to);
  const assign = (slot: number, to: number) => assignSlot(at, frame, slot, to);
  const done: Outcome = { next: node.next, findings: [] };
  const broken = (rule: string, detail: string): Outcome => ({
    next: node.next,
    findings: [{ rule: `always.${rule}`, detail, fatal: true, objects: {} }],
  });

  switch (action.kind) {
    case 'set':
      assign(action.slot, number(action.value));
      return done;
    case 'branch':
      return number(action.when) !== 0 ? done : { next: node.otherwise, findings: [] };
    case 'jump':
      return done;
    case 'read-constant':
      assign(action.slot, value);
      return done;
    case 'read': {
      const instance = number(action.target.object);
      assign(action.slot, value);
      if (action.once !== undefined) assign(action.once, withMember(frame.slots[action.once] ?? 0, instance));
      return done;
    }
    case 'assert-held': {
      const held = value === thread + 1 || (self.readers[target] ?? 0) > 0;
      return held
        ? done
        : { next: node.next, findings: [{ rule: 'always.heldWhereAsserted', detail: `${target} is not held`, fatal: false, objects: {} }] };
    }
    case 'write':
      write(target, number(action.value));
      return done;

    case 'add':
      write(target, withMember(value, number(action.member)));
      return done;
    case 'remove':
      write(target, withoutMember(value, number(action.member)));
      return done;
    case 'has':
      assign(action.slot, membersOf(value).includes(number(action.member)) ? 1 : 0);
      return done;
    case 'next':
    case 'next-entry':
      if (alternative === 0) return { next: node.otherwise, findings: [] };
      assign(action.slot, alternative);
      assign(action.visited, withMember(frame.slots[action.visited] ?? 0, alternative));
      return done;
    case 'pick':
      assign(action.slot, alternative);
      return done;

    case 'lock':
      if (isHeldBy(at.state, target, thread)) return broken('neverTakenTwice', `${target} is held by the thread that waits for it`);
      setEntry(draft.cells, target, thread + 1);
      return done;
    case 'unlock':
      if (value !== thread + 1) return broken('releasedByHolder', `${target} is not held by the thread that releases it`);
      setEntry(draft.cells, target, 0);
      return done;
    case 'try-lock':
      assign(action.slot, value === 0 ? 1 : 0);
      if (value === 0) setEntry(draft.cells, target, thread + 1);
      return done;

    case 'flag-take':
      if (value !== 0) return broken('flagTakenWhenFree', `${target} is taken already`);
      setEntry(draft.cells, target, thread + 1);
      return done;
    case 'flag-free':
      if (value !== thread + 1) return broken('releasedByHolder', `${target} is not held by the thread that releases it`);
      setEntry(draft.cells, target, 0);
      return done;

    case 'read-lock':
      if (value === thread + 1 || (isFair(program, action.target) && isReadBy(at.state, target, thread)))
        return broken('neverTakenTwice', `${target} is held by the thread that waits for it`);
      setEntry(self.readers, target, (self.readers[target] ?? 0) + 1);
      return done;
    case 'read-unlock': {
      const open = self.readers[target] ?? 0;
      if (open === 0) return broken('releasedByHolder', `${target} is not read by the thread that releases it`);
      setEntry(self.readers, target, open - 1);
      return done;
    }
    case 'write-lock':
      if (isHeldBy(at.state, target, thread)) return broken('neverTakenTwice', `${target} is held by the thread that waits for it`);
      if (isFree(at.state, target)) {
        setEntry(draft.cells, target, thread + 1);
        return done;
      }
      setEntry(self.waiting, target, 1);
      return { next: node.otherwise, findings: [] };
    case 'write-lock-queued':
      setEntry(draft.cells, target, thread + 1);
      setEntry(self.waiting, target, 0);
      return done;

    case 'enter':
      setEntry(self.readers, target, (self.readers[target] ?? 0) + 1);
      return done;
    case 'exit': {
      const open = self.readers[target] ?? 0;
      if (open === 0) return broken('releasedByHolder', `${target} is not held by the thread that releases it`);
      setEntry(self.readers, target, open - 1);
      lowerNotes(draft.threads, ({ grace }) => grace, `${target} ${thread}`, open - 1);
      return done;
    }
    case 'grace-begin':
      if ((self.readers[target] ?? 0) > 0) return broken('everyWaitEnds', `${target} is waited for inside a read section of it`);
      draft.threads.forEach(({ readers }, reader) => setEntry(self.grace, `${target} ${reader}`, readers[target] ?? 0));
      return done;
    case 'grace-end':
      return done;

    case 'get':
      if (value === 0) return broken('neverResurrected', target);
      write(target, value + 1);
      return done;
    case 'get-unless-zero':
      assign(action.slot, value === 0 ? 0 : 1);
      if (value !== 0) write(target, value + 1);
      return done;
    case 'put':
      if (value === 0) return broken('referencesBalance', `${target} is put at 0`);
      write(target, value - 1);
      return value === 1 ? { next: node.otherwise, findings: [] } : done;

    case 'put-later':
      if (value === 0) return broken('referencesBalance', `${target} is put at 0`);
      if (value === 1) assign(action.later, withMember(frame.slots[action.later] ?? 0, number(action.target.object)));
      write(target, value - 1);
      return done;
    case 'next-later':
      if (alternative === 0) return done;
      assign(action.slot, alternative);
      assign(action.later, withoutMember(frame.slots[action.later] ?? 0, alternative));
      return done;
    case 'assert-sole':
      draft.sole = { ...draft.sole, [objectName(action.type, number(action.object))]: thread + 1 };
      return done;

    case 'alloc': {
      const instance = (draft.allocated[action.type] ?? 0) + 1;
      if (instance > typeOf(program, action.type).pool)
        throw new Error(`${where(at)} allocates ${objectName(action.type, instance)}, more than the program has room for.`);
      const fields = Object.entries(action.fields).map(([field, given]): [string, number] => [field, number(given)]);
      setEntry(draft.allocated, action.type, instance);
      setEntry(draft.alive, objectName(action.type, instance), 1);
      for (const [field, given] of fields) write(cellName(action.type, instance, field), given);
      assign(action.slot, instance);
      return done;
    }
    case 'free': {
      const instance = number(action.object);
      const why = notIdle(program, draft, action.type, instance);
      if (why !== null) return broken('freedWhenIdle', `${objectName(action.type, instance)} is freed while ${why}`);
      setEntry(draft.alive, objectName(action.type, instance), 0);
      forgetObject(draft, objectName(action.type, instance));
      if (draft.sole !== undefined) setEntry(draft.sole, objectName(action.type, instance), 0);
      for (const { name } of typeOf(program, action.type).fields) {
        setEntry(draft.cells, cellName(action.type, instance, name), 0);
        setEntry(draft.exclusive, cellName(action.type, instance, name), 0);
      }
      return done;
    }

    case 'queue': {
      assign(action.slot, value === 0 ? 1 : 0);
      const others = inOrderWith(program, target) ?? [];
      if (value === 0) setEntry(draft.cells, target, 1 + others.filter(other => (draft.cells[other] ?? 0) !== 0).length);
      return done;
    }
    case 'queue-after-grace': {
      assign(action.slot, value === 0 ? 1 : 0);
      if (value !== 0) return done;
      setEntry(draft.cells, target, 2);
      const domain = cellOf(action.domain, frame.slots);
      const worker = indexOf(program).workers.get(target) ?? -1;
      const notes = draft.threads[worker]?.grace;
      draft.threads.forEach(({ readers }, reader) => {
        if (notes !== undefined && reader !== worker) setEntry(notes, `${domain} ${reader}`, readers[domain] ?? 0);
      });
      return done;
    }
    case 'take':
      leaveOrder(program, draft, target);
      setEntry(draft.cells, target, 0);
      return done;
    case 'done':
      for (const { flush } of draft.threads) setEntry(flush, target, Math.max(0, (flush[target] ?? 0) - 1));
      return done;
    case 'flush-begin':
      if (runsIn(program, thread) === target) return broken('neverFlushesItself', target);
      setEntry(self.flush, target, runsNow(program, draft, target));
      return done;
    case 'cancel-begin': {
      if (runsIn(program, thread) === target) return broken('neverFlushesItself', target);
      const running = isRunning(program, draft, target) ? 1 : 0;
      assign(action.slot, value === 0 ? 0 : 1);
      // A run that was removed has ended for those who flush it, too.
      if (value !== 0) lowerNotes(draft.threads, ({ flush }) => flush, target, running);
      leaveOrder(program, draft, target);
      const waiting = draft.threads[indexOf(program).workers.get(target) ?? -1]?.grace ?? {};
      for (const note of Object.keys(waiting)) setEntry(waiting, note, 0);
      setEntry(draft.cells, target, 0);
      setEntry(self.flush, target, running);
      return done;
    }
    case 'flush-queue-begin': {
      const works = worksOn(program, action.target);
      const own = runsIn(program, thread);
      if (own !== null && works.includes(own)) return broken('neverFlushesItself', own);
      for (const work of works) setEntry(self.flush, work, runsNow(program, draft, work));
      return done;
    }
    case 'flush-end':
    case 'cancel-end':
    case 'flush-queue-end':
      return done;

    case 'link': {
      const queue = indexOf(program).queueNumbers.get(target) ?? 0;
      const refused =
        action.exclusive && Object.keys(draft.exclusive).some(entry => draft.exclusive[entry] === 1 && draft.cells[entry] === queue);
      assign(action.slot, refused ? 0 : 1);
      if (!refused) {
        setEntry(draft.cells, cellOf(action.entry, frame.slots), queue);
        setEntry(draft.exclusive, cellOf(action.entry, frame.slots), action.exclusive ? 1 : 0);
      }
      setEntry(draft.cells, target, 0);
      return done;
    }
    case 'unlink':
      setEntry(draft.cells, cellOf(action.entry, frame.slots), 0);
      setEntry(draft.exclusive, cellOf(action.entry, frame.slots), 0);
      setEntry(draft.cells, target, 0);
      return done;
    case 'complete':
      setEntry(draft.cells, target, 1);
      return done;
    case 'wait-done':
      assign(action.slot, alternative);
      return done;
    case 'wait-prepare':
      setEntry(self.waiting, target, 1);
      return done;
    case 'wait-sleep':
      assign(action.slot, alternative);
      setEntry(self.waiting, target, 0);
      return done;
    case 'wait-finish':
      setEntry(self.waiting, target, 0);
      return done;
    case 'wake-all':
      for (const { waiting } of draft.threads) setEntry(waiting, target, 0);
      return done;

    case 'fget': {
      const [, file] = touchesOf(at);
      assign(action.slot, value);
      if (!file) return done;
      const refs = cellName(file.type, file.instance, file.field);
      const count = draft.cells[refs] ?? 0;
      if (count === 0) return broken('neverResurrected', refs);
      write(refs, count + 1);
      return done;
    }
    case 'close-fd':
      assign(action.slot, value);
      write(target, 0);
      return done;

    case 'choose':
      return { next: action.alternatives[alternative] ?? node.next, findings: [] };
    case 'bug':
      return broken('bugNeverReached', where(at));
    case 'call-null':
      return broken('nullNeverFollowed', `the function in ${action.field} is null`);
    case 'called':
      return done;
    case 'call':
      if ((threadAt(program, thread).calls[action.call]?.contract ?? -1) >= 0) self.due = 1;
      return done;
    case 'return': {
      const findings = judgeReturn(at, number(action.result));
      self.seen = 0;
      self.due = 0;
      self.ensured = 0;
      if (self.left !== undefined) self.left = {};
      return { next: node.next, findings };
    }
  }
}

function withMember(mask: number, member: number): number {
  return membersOf(mask).includes(member) ? mask : mask + bit(member);
}

function withoutMember(mask: number, member: number): number {
  return membersOf(mask).includes(member) ? mask - bit(member) : mask;
}

/** Absent and 0 are the same; keeping only what is not 0 keeps states small. */
function setEntry(record: Record<string, number>, name: string, to: number): void {
  if (to !== 0) record[name] = to;
  else if (name in record) delete record[name];
}

/** Each thread's note of this name becomes at most `most`. */
function lowerNotes(
  threads: readonly ThreadState[],
  notesOf: (thread: ThreadState) => Record<string, number>,
  name: string,
  most: number,
): void {
  for (const thread of threads) {
    const notes = notesOf(thread);
    setEntry(notes, name, Math.min(notes[name] ?? 0, most));
  }
}

/** The other items of the ordered queue that the work item is on; null if it is on none. */
function inOrderWith(program: Program, work: string): string[] | null {
  const own = work.replace(/#\d+/, '');
  const queue = (program.ordered ?? []).find(one => program.onQueue[one]?.includes(own));
  if (queue === undefined) return null;
  return [...indexOf(program).workers.keys()].filter(
    other => other !== work && program.onQueue[queue]?.includes(other.replace(/#\d+/, '')),
  );
}

/** Those behind the item move up. */
function leaveOrder(program: Program, draft: State, work: string): void {
  const place = draft.cells[work] ?? 0;
  for (const other of inOrderWith(program, work) ?? []) {
    const behind = draft.cells[other] ?? 0;
    if (place > 0 && behind > place) setEntry(draft.cells, other, behind - 1);
  }
}

/** Pending and running runs of a work item. */
function runsNow(program: Program, state: State, work: string): number {
  return ((state.cells[work] ?? 0) !== 0 ? 1 : 0) + (isRunning(program, state, work) ? 1 : 0);
}

/** Work item that this thread is the worker of, or null. */
function runsIn(program: Program, thread: number): string | null {
  const { work } = threadAt(program, thread);
  return work ? cellName(work.type, work.instance, work.field) : null;
}

function writeCell(at: Attempt, draft: State, cell: string, to: number): void {
  const dot = cell.indexOf('.');
  const { max } = fieldOf(at.program, cell.slice(0, cell.indexOf('#')), cell.slice(dot + 1));
  if (to < 0 || to > max) throw new OutOfBounds(`${cell} would be ${to}, and goes from 0 to ${max}`);
  setEntry(draft.cells, cell, to);
}

/** A slot below 0 is none: nobody reads the result. */
function assignSlot(at: Attempt, frame: Frame, slot: number, to: number): void {
  if (slot < 0) return;
  const thread = threadAt(at.program, at.thread);
  const known = thread.slots[slot];
  if (!known) throw new Error(`${thread.name} has no slot ${slot}.`);
  if (to < 0 || to > known.max) throw new Error(`${where(at)} makes ${known.name} ${to}; the program keeps 0 to ${known.max} there.`);
  frame.slots[slot] = to;
  frame.assigned[slot] = to;
}

function where({ program, thread, node }: Attempt): string {
  const at = program.sites[node.site]?.at;
  return at ? `${at.file}:${at.line}` : `${threadAt(program, thread).name} at a node without a site`;
}
