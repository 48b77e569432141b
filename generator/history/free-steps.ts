/**
 * Steps of a thread that need no place of their own in a run, because its order can be changed around them without anybody being able to tell
 * (Lipton). What moves to the left may be taken at once, whoever is there and whoever comes later: to let go of a lock, to begin to wait for those
 * that are there now. What moves to the right may be put off until the thread's next step: to take a lock, to enter a read section. What is
 * looked at under the lock that guards it moves both ways.
 *
 * What is guarded by which lock is what the guards of the spec say; that they are kept has been verified.
 */
import type { Predicate, Rule } from '../model.ts';
import type { Action, Program } from '../program.ts';
import { type CellTable, type Place, valueAt } from './cell-table.ts';
import type { Dependence, NextStep } from './dependence.ts';
import type { IdleWork } from './idle-work.ts';
import { objectOf } from './known-object.ts';
import { Excess, type Moves } from './moves.ts';
import { runAlone } from './quiet-work.ts';
import { BEGIN, isSeen, LOCK, READ_LOCK, TRY, usesOf } from './uses.ts';

export type Mover = 'none' | 'left' | 'right' | 'both';

export interface FreeSteps {
  readonly moverOf: (thread: number, anchor: number, step: NextStep, packed: ArrayLike<number>, at: number) => Mover;
  /** Takes all that may be taken at once, in place. `callers`: how many are in a call. */
  readonly take: (state: Int32Array, callers: number) => void;
}

type Guards = Extract<Rule, { kind: 'guards' }>;
type Holds = Extract<Predicate, { kind: 'holds' }>;
interface Freedom {
  readonly moves: Mover;
  /** The lock that the thread has to own for that; null if none. */ readonly under: Holds | null;
}

const mostSteps = 2000;

export function freeSteps(table: CellTable, moves: Moves, dependence: Dependence, idle: IdleWork, rules: readonly Rule[]): FreeSteps {
  const { program, words } = table;
  const freedoms = freedomsIn(program, dependence, rules);
  const isLeft = (thread: number, { node, action }: NextStep): boolean => {
    const moves = isSeen(action) ? 'none' : freedoms[thread]?.get(node)?.moves;
    return moves === 'left' || moves === 'both';
  };
  const hopes = table.threads.map((): (boolean | undefined)[] => []);
  /** Whether any step that may come next may be taken at once. */
  const isHopeful = (thread: number, anchor: number): boolean => {
    const own = hopes[thread] ?? [];
    return (own[anchor] ??= dependence.next(thread, anchor).some(step => isLeft(thread, step)));
  };
  const ownerOf = ({ lock }: Holds, object: number, packed: ArrayLike<number>, at: number): number => {
    const of = objectIn(table, lock.of, lock.type, object, packed, at);
    const place = of < 0 ? null : table.placeOf(`${lock.type}.${lock.field}`, of);
    return place === null ? 0 : valueAt(packed, at, place);
  };
  const moverOf: FreeSteps['moverOf'] = (thread, anchor, step, packed, at) => {
    const freedom = freedoms[thread]?.get(step.node);
    if (freedom === undefined) return 'none';
    if (freedom.under === null) return freedom.moves;
    const own = objectOf(table, step, packed, at, thread, anchor);
    return own >= 0 && ownerOf(freedom.under, own, packed, at) === thread + 1 ? freedom.moves : 'none';
  };
  /** Whether the thread took a step. */
  const takeOne = (state: Int32Array, thread: number, anchor: number): boolean => {
    let steps = 0;
    try {
      steps = moves.step(thread, state, 0);
    } catch (fault) {
      // Whoever takes the step because it matters says that there is no room.
      if (!(fault instanceof Excess)) throw fault;
      return false;
    }
    if (steps !== 1 || moves.cuts().length > 0) return false;
    const buffer = moves.buffer();
    const node = moves.nodeOf(buffer[0] ?? 0);
    const step = dependence.next(thread, anchor).find(one => one.node === node);
    if (step === undefined || !isLeft(thread, step)) return false;
    const moving = moverOf(thread, anchor, step, state, 0);
    if (moving !== 'left' && moving !== 'both') return false;
    for (let word = 0; word < words; word += 1) state[word] = buffer[word + 1] ?? 0;
    return true;
  };
  const nobody: ReadonlySet<number> = new Set();
  const unasked = table.works.flatMap(works => works.filter(({ worker }) => worker >= 0 && idle.isUnasked(worker)));
  /** Work of which nobody can tell whether it has run. */
  const runIdle = (state: Int32Array): boolean => {
    let changed = false;
    for (const { place, worker } of unasked) {
      if (valueAt(state, 0, place) !== 1 || anchorAt(state, table.threads[worker]?.anchor) !== 0 || !idle.isIdle(state, worker)) continue;
      const after = runAlone(table, moves, dependence, state, worker, place, nobody);
      if (after === null) continue;
      state.set(after);
      changed = true;
    }
    return changed;
  };
  const anchorAt = (state: Int32Array, place: Place | null | undefined): number => (place == null ? 0 : valueAt(state, 0, place));
  return {
    moverOf,
    take(state, callers) {
      let left = mostSteps;
      for (let changed = true; changed; ) {
        changed = false;
        for (let thread = 0; thread < table.threads.length; thread += 1) {
          if (thread >= callers && thread < table.callers) continue;
          const place = table.threads[thread]?.anchor;
          for (let anchor = anchorAt(state, place); left > 0 && isHopeful(thread, anchor); anchor = anchorAt(state, place)) {
            if (!takeOne(state, thread, anchor)) break;
            left -= 1;
            changed = true;
          }
        }
        if (runIdle(state)) changed = true;
      }
    },
  };
}

/** By thread and node. */
function freedomsIn(program: Program, dependence: Dependence, rules: readonly Rule[]): readonly ReadonlyMap<number, Freedom>[] {
  const guards = new Map<string, Guards['fields'][string]>();
  for (const rule of rules)
    if (rule.kind === 'guards') for (const [field, guard] of Object.entries(rule.fields)) guards.set(`${rule.type}.${field}`, guard);
  const used = new Map<string, number>();
  for (const thread of program.threads)
    for (const { action } of thread.nodes)
      for (const { field, is } of usesOf(program, action, dependence.same)) used.set(field, (used.get(field) ?? 0) | is);
  const freedomOf = (action: Action): Freedom | null => {
    // What a call has waited for is looked at when it returns, so that step is its own.
    if (isSeen(action) || action.kind === 'flush-queue-end') return null;
    let under: Holds | null = null;
    for (const { field, minds } of usesOf(program, action, dependence.same)) {
      const met = (used.get(field) ?? 0) & minds;
      if (met === 0) continue;
      // Nobody tries the lock, so nobody can tell that it is taken.
      if ((action.kind === 'lock' || action.kind === 'read-lock') && (met & ~(LOCK | READ_LOCK)) === 0)
        return { moves: 'right', under: null };
      if (action.kind === 'enter' && met === BEGIN) return { moves: 'right', under: null };
      const guard = guards.get(field);
      const [lock, ...more] = guard?.write ?? [];
      if (guard == null || lock === undefined || more.length > 0 || lock.kind !== 'holds' || (met & TRY) !== 0) return null;
      const isReadAlike = guard.read.every(one => isSame(one, lock) || isGone(one));
      if (isReadAlike) continue;
      // Somebody may read it without the lock that it is written under.
      if (!looks(action)) return null;
      under = lock;
    }
    return { moves: bothWays(action) ? 'both' : 'left', under };
  };
  const known = new Map<unknown, ReadonlyMap<number, Freedom>>();
  return program.threads.map(({ nodes, work }) => {
    const kind = work === null ? 'caller' : `${work.type}.${work.field}`;
    const found =
      known.get(kind) ??
      new Map(
        nodes.flatMap(({ action }, node): [number, Freedom][] => {
          const freedom = freedomOf(action);
          return freedom === null ? [] : [[node, freedom]];
        }),
      );
    known.set(kind, found);
    return found;
  });
}

const looks = ({ kind }: Action): boolean => kind === 'read' || kind === 'has' || kind === 'next' || kind === 'pick';
const bothWays = (action: Action): boolean =>
  looks(action) || ['write', 'add', 'remove', 'alloc', 'choose', 'next-entry', 'next-later', 'enter'].includes(action.kind);

function isSame(one: Predicate, other: Holds): boolean {
  if (one.kind !== 'holds' || one.lock.type !== other.lock.type || one.lock.field !== other.lock.field) return false;
  const path = pathOf(one.lock.of);
  return path !== null && path === pathOf(other.lock.of);
}
/** Whoever is left when the object is gone is alone with it. */
const isGone = (one: Predicate): boolean => one.kind === 'operator' && one.operator === '!' && one.of[0]?.kind === 'live';

function pathOf(predicate: Predicate): string | null {
  if (predicate.kind === 'variable') return predicate.name;
  if (predicate.kind === 'global') return `global ${predicate.name}`;
  const of = predicate.kind === 'field' ? pathOf(predicate.field.of) : null;
  return predicate.kind !== 'field' || of === null ? null : `${of}.${predicate.field.field}`;
}

/** The object that a path from another leads to; -1 if it is null, or not known. */
function objectIn(table: CellTable, path: Predicate, type: string, object: number, packed: ArrayLike<number>, at: number): number {
  if (path.kind === 'variable') return path.type === null ? -1 : object;
  if (path.kind !== 'field') return -1;
  const { of, type: holder, field } = path.field;
  const from = objectIn(table, of, holder, object, packed, at);
  const place = from < 0 ? null : table.placeOf(`${holder}.${field}`, from);
  const value = place === null ? 0 : valueAt(packed, at, place);
  return value === 0 ? -1 : (table.firstOf[type] ?? 0) + value - 1;
}
