/**
 * Which threads can matter to the next step of another. A step may be taken before all that others may yet do if it makes no difference to
 * them, or lets them do no less than they could (to leave a read section, to begin to wait for those that are open now). What a spec that was
 * verified never does is not looked at: to touch freed memory, to raise a counter that may be zero.
 */
import { waysOn } from '../explore/liveness.ts';
import type { Action, Node, Program, Target, Thread, Value } from '../program.ts';

/** How an action uses a field, as far as it matters to others. */
const READ = 1;
const WRITE = 2;
/** Writes what every writer of the field writes. */
const SAME = 4;
const RAISE = 8;
const PUT = 16;
const LOCK = 32;
const READ_LOCK = 64;
const UNLOCK = 128;
/** Goes one way or the other, by whether a lock is free. */
const TRY = 256;
/** Begins to wait for the read sections that are open. */
const BEGIN = 512;
const QUEUE = 1024;
const TAKE = 2048;
const CANCEL = 4096;
/** Begins to wait for the runs that there are. */
const NOTE = 8192;

/** What an action does to a field: `is` matters to others, and to it matters what others do of `minds`. */
interface Use {
  readonly field: string;
  readonly is: number;
  readonly minds: number;
}

/** An object as it is known before a step: a local, or a constant field of one. */
export type Known =
  | { readonly kind: 'constant'; readonly instance: number }
  | { readonly kind: 'slot'; readonly slot: number }
  | { readonly kind: 'field'; readonly of: Known; readonly type: string; readonly field: string };

/** One step that a thread may take next. */
export interface NextStep {
  readonly node: number;
  readonly action: Action;
  /** The object of its target, or the one that is freed; null if it is not known before. */ readonly object: Known | null;
  /** Of one that enters a read section. */ readonly section: Section | null;
  /** What others may do to a field, by its number, that it minds. */ readonly minds: readonly (readonly [field: number, uses: number])[];
}

/** What a thread does inside a read section that it is about to enter; null if it may have to wait in there. */
export interface Section {
  readonly uses: Uint16Array;
  readonly minds: Uint16Array;
}

/** What a thread may do from where it stands until it is seen again, with all that it queues. */
export interface Future {
  /** By number of the field: what it does, and what it minds of others. */ readonly uses: Uint16Array;
  readonly minds: Uint16Array;
  /** Fields through which it gets at other objects, and fields into which it puts objects. */
  readonly follows: ReadonlySet<string>;
  readonly links: ReadonlySet<string>;
}

export interface Dependence {
  /** Fields that are only ever written with one value. */ readonly same: ReadonlySet<string>;
  readonly fields: ReadonlyMap<string, number>;
  /** Whether a future waits for runs of the work, of whatever object. */ readonly notes: (future: Future, field: number) => boolean;
  /** Of a thread at an anchor. */
  readonly next: (thread: number, anchor: number) => readonly NextStep[];
  readonly future: (thread: number, anchor: number) => Future;
  /** Whether it can do something unseen; not if it stands at a call or a return. */ readonly acts: (
    thread: number,
    anchor: number,
  ) => boolean;
  /** Whether it may remove work from a queue. */ readonly cancels: (future: Future, field: string) => boolean;
}

export const isSeen = (action: Action): boolean =>
  action.kind === 'call' || action.kind === 'return' || (action.kind === 'choose' && action.byCaller);

const classOf = ({ type, field }: Target): string => `${type}.${field}`;

export function dependenceIn(program: Program, anchors: readonly (readonly number[])[]): Dependence {
  const fields = new Map(
    program.types.flatMap(({ name, fields }) => fields.map(field => `${name}.${field.name}`)).map((name, at) => [name, at]),
  );
  const numberOf = (name: string): number => fields.get(name) ?? 0;
  const same = writtenTheSame(program);
  const workers = new Map<string, Thread>();
  for (const thread of program.threads) if (thread.work !== null) workers.set(`${thread.work.type}.${thread.work.field}`, thread);
  const futures = new Map<string, readonly Future[]>();
  const futureOf = (thread: Thread, index: number): readonly Future[] => {
    const key = thread.work === null ? 'caller' : `${thread.work.type}.${thread.work.field}`;
    const own =
      futures.get(key) ?? (anchors[index] ?? []).map(node => futureFrom(program, thread, node, workers, numberOf, fields.size, same));
    futures.set(key, own);
    return own;
  };
  const tables = program.threads.map((thread, index) => ({
    next: (anchors[index] ?? []).map(node => nextSteps(program, thread, node, numberOf, same)),
    future: futureOf(thread, index),
  }));
  const shared = new Set(Object.values(program.onQueue).flatMap(works => works.map(numberOf)));
  const none: Future = { uses: new Uint16Array(fields.size), minds: new Uint16Array(fields.size), follows: new Set(), links: new Set() };
  return {
    same,
    fields,
    notes: ({ uses }, field) => shared.has(field) && ((uses[field] ?? 0) & NOTE) !== 0,
    next: (thread, anchor) => tables[thread]?.next[anchor] ?? [],
    future: (thread, anchor) => tables[thread]?.future[anchor] ?? none,
    acts: (thread, anchor) => tables[thread]?.next[anchor]?.some(({ action }) => !isSeen(action)) ?? false,
    cancels: ({ uses }, field) => ((uses[numberOf(field)] ?? 0) & CANCEL) !== 0,
  };
}

function usesOf(program: Program, action: Action, same: ReadonlySet<string>): readonly Use[] {
  const on = (is: number, minds: number): readonly Use[] =>
    'target' in action && action.target !== null ? [{ field: classOf(action.target), is, minds }] : [];
  switch (action.kind) {
    case 'set':
    case 'branch':
    case 'jump':
    case 'read-constant':
    case 'assert-held':
    case 'assert-sole':
    case 'alloc':
    case 'free':
    case 'next-later':
    case 'choose':
    case 'bug':
    case 'call-null':
    case 'call':
    case 'return':
    // Once it can go on, nobody can stop it.
    case 'grace-end':
    case 'flush-end':
    case 'cancel-end':
    case 'flush-queue-end':
    // Entries change under the queue's lock only, which the thread has.
    case 'next-entry':
    // Who waits for it can only go on sooner.
    case 'exit':
    case 'done':
      return [];
    case 'read':
    case 'has':
    case 'next':
    case 'pick':
      return on(READ, WRITE | SAME | RAISE | PUT);
    // The descriptor keeps the file, so what is raised was not zero, and what others put is not the last.
    case 'fget':
      return on(READ, WRITE);
    case 'write':
      return same.has(classOf(action.target)) ? on(SAME, READ | WRITE) : on(WRITE, READ | WRITE | SAME);
    case 'lock':
    case 'write-lock-queued':
      return on(LOCK, LOCK | READ_LOCK | TRY);
    case 'write-lock':
      return on(LOCK | TRY, LOCK | READ_LOCK | UNLOCK | TRY);
    case 'read-lock':
      return on(READ_LOCK, LOCK | TRY);
    case 'try-lock':
      return on(LOCK | TRY, LOCK | READ_LOCK | UNLOCK | TRY);
    case 'unlock':
    case 'read-unlock':
    case 'link':
    case 'unlink':
      return on(UNLOCK, TRY);
    case 'enter':
      return on(0, BEGIN);
    case 'grace-begin':
      return on(BEGIN, 0);
    // Whoever raises knows of a reference that nobody puts meanwhile.
    case 'get':
      return on(RAISE, READ);
    case 'get-unless-zero':
    case 'put':
    case 'put-later':
      return on(PUT, PUT | READ);
    case 'queue':
      return on(QUEUE, QUEUE | TAKE | CANCEL | NOTE);
    case 'take':
      return on(TAKE, QUEUE | CANCEL);
    case 'cancel-begin':
      return on(CANCEL, QUEUE | TAKE | CANCEL);
    case 'flush-begin':
      return on(NOTE, 0);
    case 'flush-queue-begin':
      return (program.onQueue[classOf(action.target)] ?? []).map(field => ({ field, is: NOTE, minds: 0 }));
    default:
      return on(WRITE, READ | WRITE | SAME);
  }
}

/** Fields that are only ever written with one value. */
function writtenTheSame(program: Program): ReadonlySet<string> {
  const values = new Map<string, number | null>();
  for (const thread of program.threads)
    for (const { action } of thread.nodes) {
      if (action.kind !== 'write') continue;
      const field = classOf(action.target);
      const value = action.value.kind === 'constant' ? action.value.value : null;
      values.set(field, values.has(field) && values.get(field) !== value ? null : value);
    }
  return new Set([...values].flatMap(([field, value]) => (value === null ? [] : [field])));
}

/** Nodes from here on, up to where the thread is seen again. */
function nodesFrom(thread: Thread, start: number): readonly Node[] {
  const seen = new Set<number>();
  const left = [start];
  for (let at = left.pop(); at !== undefined; at = left.pop()) {
    const node = thread.nodes[at];
    if (node === undefined || seen.has(at) || isSeen(node.action)) continue;
    seen.add(at);
    for (const way of waysOn(node)) left.push(way.to);
  }
  return [...seen].flatMap(at => thread.nodes[at] ?? []);
}

function futureFrom(
  program: Program,
  from: Thread,
  start: number,
  workers: ReadonlyMap<string, Thread>,
  numberOf: (field: string) => number,
  count: number,
  same: ReadonlySet<string>,
): Future {
  const uses = new Uint16Array(count);
  const minds = new Uint16Array(count);
  const follows = new Set<string>();
  const links = new Set<string>();
  const queued = new Set<string>();
  const gather = (nodes: readonly Node[]): void => {
    for (const { action } of nodes) {
      for (const use of usesOf(program, action, same)) {
        const field = numberOf(use.field);
        uses[field] = (uses[field] ?? 0) | use.is;
        minds[field] = (minds[field] ?? 0) | use.minds;
      }
      switch (action.kind) {
        case 'read':
        case 'read-constant':
        case 'next':
        case 'pick':
        case 'fget':
        case 'close-fd':
          follows.add(classOf(action.target));
          break;
        case 'next-entry':
          follows.add(`${action.entryType}.${action.entryField}`);
          break;
        case 'write':
        case 'add':
          links.add(classOf(action.target));
          break;
        case 'link':
          links.add(classOf(action.entry));
          break;
        case 'queue': {
          const work = classOf(action.target);
          const worker = workers.get(work);
          if (queued.has(work) || worker === undefined) break;
          queued.add(work);
          gather(nodesFrom(worker, worker.start));
          break;
        }
        default:
          break;
      }
    }
  };
  gather(nodesFrom(from, start));
  return { uses, minds, follows, links };
}

/** The next steps, through what is no step of its own. */
function nextSteps(
  program: Program,
  thread: Thread,
  start: number,
  numberOf: (field: string) => number,
  same: ReadonlySet<string>,
): readonly NextStep[] {
  const found = new Map<number, NextStep>();
  const visit = (at: number, locals: ReadonlyMap<number, Known | null>, depth: number): void => {
    const node = thread.nodes[at];
    if (node === undefined || depth > 200) return;
    const { action } = node;
    const known = (value: Value): Known | null => {
      if (value.kind === 'constant') return { kind: 'constant', instance: value.value };
      if (value.kind !== 'slot') return null;
      const given = locals.get(value.slot);
      return given === undefined ? { kind: 'slot', slot: value.slot } : given;
    };
    switch (action.kind) {
      case 'set':
        return visit(node.next, new Map(locals).set(action.slot, known(action.value)), depth + 1);
      case 'read-constant': {
        const of = known(action.target.object);
        const read: Known | null = of === null ? null : { kind: 'field', of, type: action.target.type, field: action.target.field };
        return visit(node.next, action.slot < 0 ? locals : new Map(locals).set(action.slot, read), depth + 1);
      }
      case 'branch':
      case 'jump':
      case 'assert-held':
        for (const way of waysOn(node)) visit(way.to, locals, depth + 1);
        return;
      default: {
        const object =
          'target' in action && action.target !== null ? known(action.target.object) : action.kind === 'free' ? known(action.object) : null;
        const before = found.get(at);
        const isOne = before === undefined || JSON.stringify(before.object) === JSON.stringify(object);
        found.set(at, {
          node: at,
          action,
          object: isOne ? object : null,
          section: action.kind === 'enter' ? sectionFrom(program, thread, node, numberOf, same) : null,
          minds: usesOf(program, action, same).map(({ field, minds }) => [numberOf(field), minds]),
        });
      }
    }
  };
  visit(start, new Map(), 0);
  return [...found.values()];
}

function sectionFrom(
  program: Program,
  thread: Thread,
  enter: Node,
  numberOf: (field: string) => number,
  same: ReadonlySet<string>,
): Section | null {
  const size = program.types.reduce((sum, { fields }) => sum + fields.length, 0);
  const section: Section = { uses: new Uint16Array(size), minds: new Uint16Array(size) };
  const domain = 'target' in enter.action && enter.action.target !== null ? classOf(enter.action.target) : '';
  const seen = new Set<number>();
  const left = waysOn(enter).map(way => way.to);
  for (let at = left.pop(); at !== undefined; at = left.pop()) {
    const node = thread.nodes[at];
    if (node === undefined || seen.has(at)) continue;
    seen.add(at);
    const { action } = node;
    if (action.kind === 'exit' && classOf(action.target) === domain) continue;
    if (isSeen(action) || mayWait(action)) return null;
    for (const use of usesOf(program, action, same)) {
      const field = numberOf(use.field);
      section.uses[field] = (section.uses[field] ?? 0) | use.is;
      section.minds[field] = (section.minds[field] ?? 0) | use.minds;
    }
    for (const way of waysOn(node)) left.push(way.to);
  }
  return section;
}

function mayWait({ kind }: Action): boolean {
  switch (kind) {
    case 'lock':
    case 'read-lock':
    case 'write-lock':
    case 'write-lock-queued':
    case 'grace-begin':
    case 'grace-end':
    case 'flush-begin':
    case 'flush-end':
    case 'cancel-begin':
    case 'cancel-end':
    case 'flush-queue-begin':
    case 'flush-queue-end':
    case 'wait-prepare':
    case 'wait-sleep':
      return true;
    default:
      return false;
  }
}

/** Whether nothing that is done in the section and nothing of the future can tell which came first: then it may as well run as one. */
export function standsAlone(section: Section, future: Future): boolean {
  return section.uses.every(
    (is, field) => (is & (future.minds[field] ?? 0)) === 0 && ((section.minds[field] ?? 0) & (future.uses[field] ?? 0)) === 0,
  );
}
