/**
 * Which steps a thread may take before all others do, without losing anything: nothing that the others can do before it moves depends on the
 * step, no rule about states can tell, and no round is gone in which the others never get their turn. Why that is right is in REDUCTION.md.
 *
 * Everything that is asked while exploring is worked out here for local states, so that it takes a look at a few tables.
 */
import type { Layout } from './layout.ts';
import type { LocalStates } from './local-states.ts';
import { gains, type Lowering, lockSets, lowering } from './lowering.ts';
import { meetings } from './may-meet.ts';
import { mustHold } from './must-hold.ts';
import { withoutRounds } from './rounds.ts';
import { byRuns, queueing } from './runs.ts';
import { seenByRules } from './seen-by-rules.ts';
import { alternativesOf, type StepAlone } from './step-alone.ts';
import { tokensIn } from './tokens.ts';
import type { Way } from './ways.ts';

/** What a step, or several that are alike, needs to be taken alone. */
export interface StepClass {
  readonly thread: number;
  /** Locks that the thread has, as a number; what others can lower depends on it. */ readonly held: number;
  /** Counters, by their cells, that must be above what all others together can take away, and so much more. */
  readonly counters: readonly { readonly cell: string; readonly more: number }[];
}

/** What is known of a thread in a local state. */
export interface Prospect {
  /** Classes of which the step may be one, the first that fits; empty if it is not to be taken alone. */ readonly classes: readonly number[];
  /** The step may have several ways on in one state. */ readonly branches: boolean;
  /** If it begins no more runs, if it begins one, if it may begin any number. Of a thread that is no worker all are the same. */
  readonly ahead: readonly [Ahead, Ahead, Ahead];
}

/** What a thread may do from where it is. */
export interface Ahead {
  /** Classes, as numbers, that have to wait for what the thread may do from here on. */ readonly blocks: ReadonlySet<number>;
  /** Tokens that the thread has found to be there and has not taken yet, so that nobody else can. */ readonly taking: ReadonlySet<string>;
  /** By how much, by counter, the thread may lower it at most from here on without finding a token; `ANY_NUMBER` stands for any. By locks held. */
  readonly lowers: readonly Lowering[];
  /** Workers whose work it may make pending. */ readonly queues: ReadonlySet<number>;
}

export interface Independence {
  /** By cell, and by locks held: how much more of each counter may be taken away by whoever finds the token there. */
  readonly tokens: ReadonlyMap<string, readonly Lowering[]>;
  readonly classes: readonly StepClass[];
  /** By number of local state. */ readonly prospects: readonly Prospect[];
}

const BRANCHING = ['choose', 'next', 'next-entry', 'next-later', 'pick', 'wait-sleep'];

/** Threads of one number in `alike` have the same nodes. */
export function independence(layout: Layout, locals: LocalStates, alike: readonly number[]): Independence {
  const { held: heldOnce, stolen } = mustHold(layout.program, locals.states);
  const once = locals.states.map(one => ({ ...one, ways: one.ways.map(way => withoutOwn(way, stolen)) }));
  const { states, copies } = byRuns(layout, once);
  const held = states.map((_, at) => heldOnce[at % once.length] ?? new Set<string>());
  const meeting = meetings(states);
  const rules = seenByRules(layout);
  const drafts: StepAlone[] = [],
    numbers = new Map<string, number>();
  const draftNumber = (draft: StepAlone): number => {
    const key = JSON.stringify(
      [draft.thread, draft.reads, draft.writes, draft.counter, draft.held].map(part => (part instanceof Set ? [...part].sort() : part)),
    );
    const known = numbers.get(key) ?? drafts.push(draft) - 1;
    numbers.set(key, known);
    return known;
  };
  const mayGoFirst = withoutRounds(once, alike, (one, at) =>
    alternativesOf(one, held[at] ?? new Set()).some(draft => draft.ways.every(rules.leaves)),
  );
  const own = once.map((one, at) =>
    mayGoFirst[at] === true
      ? alternativesOf(one, new Set([...(held[at] ?? [])].filter(lock => !stolen.has(lock))))
          .filter(draft => draft.ways.every(rules.leaves))
          .map(draftNumber)
      : [],
  );
  const blocks = states.map(() => new Set<number>());
  const locks = lockSets();
  const classes = drafts.map((draft, number): StepClass => {
    const counters = new Map<string, number>();
    if (draft.counter !== null) counters.set(draft.counter.cell, draft.counter.by < 0 ? 1 : 0);
    const { early, late } = meeting(draft);
    for (const at of early) blocks[at]?.add(number);
    for (const counter of late) if (!counters.has(counter)) counters.set(counter, 0);
    return { thread: draft.thread, held: locks.number(draft.held), counters: [...counters].map(([cell, more]) => ({ cell, more })) };
  });
  const tokens = tokensIn(states, held, stolen);
  const loweringWhere = lowering(states, tokens.finds);
  const lowers = locks.all.map(held => loweringWhere(way => way.takes === null || !held.has(way.takes)));
  const gain = locks.all.map((_, number) => gains(states, tokens.finds, lowers[number] ?? []));
  const queues = queueing(layout, states);
  const aheadOf = (at: number): Ahead => ({
    blocks: blocks[at] ?? new Set(),
    taking: tokens.taking[at] ?? new Set(),
    lowers: lowers.map(one => one[at] ?? new Map()),
    queues: queues[at] ?? new Set(),
  });
  return {
    classes,
    tokens: new Map(tokens.all.map(token => [token, gain.map(one => one.get(token) ?? new Map())])),
    prospects: once.map((one, at) => ({
      classes: own[at] ?? [],
      branches: one.ways.some(way => BRANCHING.includes(way.kind)),
      ahead: [aheadOf(copies(at, 0)), aheadOf(copies(at, 1)), aheadOf(at)],
    })),
  };
}

/** Whether a thread has a lock is its own affair, but where others may take the lock from it. */
function withoutOwn(way: Way, stolen: ReadonlySet<string>): Way {
  const reads = new Set<string>();
  for (const name of way.reads) {
    if (!name.startsWith('own ')) reads.add(name);
    else if (stolen.has(name.slice('own '.length))) reads.add(name.slice('own '.length));
  }
  return { ...way, reads };
}
