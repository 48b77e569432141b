/**
 * Which threads can matter to the next step of another. A step may be taken before all that others may yet do if it makes no difference to
 * them, or lets them do no less than they could (to leave a read section, to begin to wait for those that are open now). What a spec that was
 * verified never does is not looked at: to touch freed memory, to raise a counter that may be zero.
 */
import { waysOn } from '../explore/liveness.ts';
import type { Action, Node, Program, Thread, Value } from '../program.ts';
import { feasibleWays } from './feasible-ways.ts';
import { BEGIN, CANCEL, classOf, isSeen, LAST_BEGIN, NOTE, PUT, usesOf, writtenTheSame } from './uses.ts';

/** An object as it is known before a step: a local, or a constant field of one. */
export type Known =
  | { readonly kind: 'constant'; readonly instance: number }
  | { readonly kind: 'slot'; readonly slot: number }
  | { readonly kind: 'field'; readonly of: Known; readonly type: string; readonly role: string };

/** One step that a thread may take next. */
export interface NextStep {
  readonly node: number;
  readonly action: Action;
  /** The object of its target, or the one that is freed; null if it is not known before. */ readonly object: Known | null;
  /** Type of that object, null if the step has none, and `Type.field` of the target. */ readonly type: string | null;
  readonly role: string;
  /** Of one that enters a read section. */ readonly section: Section | null;
  /** What others may do to a field, by its number, that it minds. */ readonly minds: readonly (readonly [field: number, uses: number])[];
  /** Of one that reads a field that is only ever written with one value, or writes it: that value. */ readonly same: number | null;
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
  /** Types of objects that it makes, and that it frees. */
  readonly makes: ReadonlySet<string>;
  readonly frees: ReadonlySet<string>;
}

export interface Dependence {
  /** Fields that are only ever written with one value. */ readonly same: ReadonlyMap<string, number>;
  readonly fields: ReadonlyMap<string, number>;
  /** Counters, as `Type.field`; by their places the bits of `kept`, those that do not come to zero. */ readonly counters: readonly string[];
  /** Whether a future waits for runs of the work, of whatever object. */ readonly notes: (future: Future, field: number) => boolean;
  /** Of a thread at an anchor. */
  readonly next: (thread: number, anchor: number) => readonly NextStep[];
  readonly future: (thread: number, anchor: number, kept: number) => Future;
  /** Whether it can do something unseen; not if it stands at a call or a return. */ readonly acts: (
    thread: number,
    anchor: number,
  ) => boolean;
  /** Whether it may remove work from a queue. */ readonly cancels: (future: Future, field: string) => boolean;
}

/** What futures are worked out from. */
interface Reading {
  readonly program: Program;
  readonly workers: ReadonlyMap<string, Thread>;
  readonly fields: ReadonlyMap<string, number>;
  readonly same: ReadonlyMap<string, number>;
  /** Ways on of a thread, by its kind. */ readonly feasible: (thread: Thread) => readonly (readonly number[])[];
}

/** No more counters are told apart; others may always come to zero. */
const mostCounters = 30;

export function dependenceIn(program: Program, anchors: readonly (readonly number[])[]): Dependence {
  const fields = new Map(
    program.types.flatMap(({ name, fields }) => fields.map(field => `${name}.${field.name}`)).map((name, at) => [name, at]),
  );
  const counters = program.types
    .flatMap(({ name, fields }) => fields.filter(({ kind }) => kind === 'refcount').map(field => `${name}.${field.name}`))
    .slice(0, mostCounters);
  const same = writtenTheSame(program);
  const workers = new Map<string, Thread>();
  for (const thread of program.threads) if (thread.work !== null) workers.set(`${thread.work.type}.${thread.work.field}`, thread);
  const ways = new Map<string, readonly (readonly number[])[]>();
  const feasible = (thread: Thread): readonly (readonly number[])[] => {
    const known = ways.get(kindOf(thread)) ?? feasibleWays(thread);
    ways.set(kindOf(thread), known);
    return known;
  };
  const reading: Reading = { program, workers, fields, same, feasible };
  // Callers are alike. Workers of one kind of work do the same, each to its own object.
  const futuresOf = new Map<string, Map<number, (Future | undefined)[]>>();
  const callersNext: (readonly NextStep[] | undefined)[] = [];
  const tables = program.threads.map((thread, index) => {
    const kind = kindOf(thread);
    const futures = futuresOf.get(kind) ?? new Map<number, (Future | undefined)[]>();
    futuresOf.set(kind, futures);
    const next: (readonly NextStep[] | undefined)[] = thread.work === null ? callersNext : [];
    return { thread, nodes: anchors[index] ?? [], next, futures };
  });
  const shared = new Set(Object.values(program.onQueue).flatMap(works => works.map(work => fields.get(work) ?? 0)));
  const none: Future = {
    uses: new Uint16Array(fields.size),
    minds: new Uint16Array(fields.size),
    follows: new Set(),
    links: new Set(),
    makes: new Set(),
    frees: new Set(),
  };
  const next: Dependence['next'] = (thread, anchor) => {
    const table = tables[thread];
    if (table === undefined) return [];
    return (table.next[anchor] ??= nextSteps(reading, table.thread, table.nodes[anchor] ?? -1));
  };
  return {
    same,
    fields,
    counters,
    notes: ({ uses }, field) => shared.has(field) && ((uses[field] ?? 0) & NOTE) !== 0,
    next,
    future(thread, anchor, kept) {
      const table = tables[thread];
      if (table === undefined) return none;
      let known = table.futures.get(kept);
      if (known === undefined) {
        known = [];
        table.futures.set(kept, known);
      }
      return (known[anchor] ??= futureFrom(
        reading,
        table.thread,
        table.nodes[anchor] ?? -1,
        new Set(counters.filter((_, at) => (kept & (1 << at)) !== 0)),
      ));
    },
    acts: (thread, anchor) => next(thread, anchor).some(({ action }) => !isSeen(action)),
    cancels: ({ uses }, field) => ((uses[fields.get(field) ?? 0] ?? 0) & CANCEL) !== 0,
  };
}

/** Callers are alike, and workers of one kind of work. */
const kindOf = ({ work }: Thread): string => (work === null ? 'caller' : `${work.type}.${work.field}`);

/** Nodes from here on, up to where the thread is seen again. Counters that are `kept` do not come to zero. */
function nodesFrom(
  thread: Thread,
  feasible: readonly (readonly number[])[],
  start: number,
  kept: ReadonlySet<string>,
): readonly (readonly [at: number, node: Node])[] {
  const seen = new Set<number>();
  const left = [start];
  for (let at = left.pop(); at !== undefined; at = left.pop()) {
    const node = thread.nodes[at];
    if (node === undefined || seen.has(at) || isSeen(node.action)) continue;
    seen.add(at);
    if (node.action.kind === 'put' && kept.has(classOf(node.action.target))) left.push(node.next);
    else left.push(...(feasible[at] ?? []));
  }
  return [...seen].flatMap((at): [number, Node][] => {
    const node = thread.nodes[at];
    return node === undefined ? [] : [[at, node]];
  });
}

function futureFrom({ program, workers, fields, same, feasible }: Reading, from: Thread, start: number, kept: ReadonlySet<string>): Future {
  const uses = new Uint16Array(fields.size);
  const minds = new Uint16Array(fields.size);
  const follows = new Set<string>();
  const links = new Set<string>();
  const makes = new Set<string>();
  const frees = new Set<string>();
  const queued = new Set<string>();
  const doesNothingAfter = (thread: Thread, begun: number): boolean =>
    nodesFrom(thread, feasible(thread), begun, kept).every(
      ([at, { action }]) =>
        at === begun || usesOf(program, action, same).every(({ field, is }) => (is & ~(kept.has(field) ? PUT : 0)) === 0),
    );
  const gather = (thread: Thread, start: number): void => {
    for (const [at, { action }] of nodesFrom(thread, feasible(thread), start, kept)) {
      for (const use of usesOf(program, action, same)) {
        const field = fields.get(use.field) ?? 0;
        const mask = kept.has(use.field) ? ~PUT : ~0;
        const is = use.is === BEGIN && doesNothingAfter(thread, at) ? LAST_BEGIN : use.is;
        uses[field] = (uses[field] ?? 0) | is;
        minds[field] = (minds[field] ?? 0) | (use.minds & mask);
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
        case 'alloc':
          makes.add(action.type);
          break;
        case 'free':
          frees.add(action.type);
          break;
        case 'queue':
        case 'queue-after-grace': {
          const work = classOf(action.target);
          const worker = workers.get(work);
          if (queued.has(work) || worker === undefined) break;
          queued.add(work);
          gather(worker, worker.start);
          break;
        }
        default:
          break;
      }
    }
  };
  gather(from, start);
  return { uses, minds, follows, links, makes, frees };
}

/** The next steps, through what is no step of its own. */
function nextSteps(reading: Reading, thread: Thread, start: number): readonly NextStep[] {
  const { program, fields, same } = reading;
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
        const read: Known | null = of === null ? null : { kind: 'field', of, type: action.target.type, role: classOf(action.target) };
        return visit(node.next, action.slot < 0 ? locals : new Map(locals).set(action.slot, read), depth + 1);
      }
      case 'branch':
      case 'jump':
      case 'assert-held':
        for (const way of waysOn(node)) visit(way.to, locals, depth + 1);
        return;
      default: {
        const target = 'target' in action ? action.target : null;
        const object = target !== null ? known(target.object) : action.kind === 'free' ? known(action.object) : null;
        const before = found.get(at);
        const isOne = before === undefined || JSON.stringify(before.object) === JSON.stringify(object);
        const role = target === null ? '' : classOf(target);
        const isPlain = action.kind === 'read' || action.kind === 'write';
        found.set(at, {
          node: at,
          action,
          object: isOne ? object : null,
          type: target?.type ?? (action.kind === 'free' ? action.type : null),
          role,
          section: action.kind === 'enter' ? sectionFrom(reading, thread, node) : null,
          minds: usesOf(program, action, same).map(({ field, minds }) => [fields.get(field) ?? 0, minds]),
          same: isPlain ? (same.get(role) ?? null) : null,
        });
      }
    }
  };
  visit(start, new Map(), 0);
  return [...found.values()];
}

function sectionFrom({ program, fields, same }: Reading, thread: Thread, enter: Node): Section | null {
  const section: Section = { uses: new Uint16Array(fields.size), minds: new Uint16Array(fields.size) };
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
      const field = fields.get(use.field) ?? 0;
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
    case 'wait-done':
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
