/**
 * Deadlocks that could have come true: threads that each wait for what the next one has. First the waits are put together by thread, what is
 * waited for and what is held, which leaves few; then cycles of these are tried, each with the waits at which the threads could have been at once.
 * @source Tunc, Mathur, Pavlogiannis, Viswanathan: Sound dynamic deadlock prediction in linear time, PLDI 2023
 */
import type { Trials } from './admissible.ts';
import { type Budget, createClosure } from './closure.ts';
import type { Told } from './prediction.ts';
import type { Waiting, Window } from './window.ts';
import { classOf, type Held } from './world.ts';

/** Waits of one thread for one thing, with the same things in hand. */
interface Pattern {
  readonly example: Waiting;
  readonly all: Waiting[];
}

const longest = 5;
/** Cycles of which the classes are the same that are tried in vain. */
const mostAlike = 32;
const mostCycles = 20_000;

export function predictDeadlocks(window: Window, told: Told, budget: Budget, trials: Trials): void {
  const tried = new Map<string, number>();
  let cycles = 0;
  for (const cycle of cyclesOf(patternsOf(window.waits))) {
    if (cycles++ > mostCycles) return;
    const same = `deadlock ${cycle
      .map(({ example }) => `${example.kind} ${classOf(example.name)}`)
      .sort()
      .join(', ')}`;
    const before = tried.get(same) ?? 0;
    if (told.has(same) || before >= mostAlike) continue;
    tried.set(same, before + 1);
    const found = atOnce(window, cycle, budget);
    if (found === null) continue;
    const { order, waits } = found;
    const last = waits.map(({ at }) => at);
    const way = { cut: window.first, order: [...order, ...last], free: new Set<number>() };
    if (trials.admitted(way) === null) continue;
    told.add({ ...way, rule: 'everyWaitEnds', last, about: waits.map(({ name }) => name), same });
  }
}

function patternsOf(waits: readonly Waiting[]): readonly Pattern[] {
  const patterns = new Map<string, Pattern>();
  for (const wait of waits) {
    const key = [wait.thread, wait.kind, wait.name, wait.mode, ...wait.held.map(({ kind, name, mode }) => `${kind} ${name} ${mode}`)].join(
      '|',
    );
    const known = patterns.get(key);
    if (known === undefined) patterns.set(key, { example: wait, all: [wait] });
    else known.all.push(wait);
  }
  return [...patterns.values()];
}

const resource = ({ kind, name }: Held | Waiting): string => `${kind} ${name}`;
const offers = (held: Held): readonly string[] => (held.on === null ? [resource(held)] : [resource(held), `run on ${held.on}`]);

/** Cycles of patterns, each once. */
function* cyclesOf(patterns: readonly Pattern[]): Generator<readonly Pattern[]> {
  const holders = new Map<string, number[]>();
  patterns.forEach(({ example }, index) => {
    for (const held of example.held)
      for (const name of offers(held)) {
        const all = holders.get(name) ?? [];
        holders.set(name, all);
        all.push(index);
      }
  });
  const live = inCycles(patterns, holders);
  const path: number[] = [];
  function* extend(first: number): Generator<readonly Pattern[]> {
    const last = patterns[path.at(-1) ?? first];
    if (last === undefined) return;
    for (const next of holders.get(resource(last.example)) ?? []) {
      const pattern = patterns[next];
      if (pattern === undefined || next < first || !live.has(next) || !blocks(pattern.example, last.example)) continue;
      if (next === first) {
        const cycle = path.flatMap(index => patterns[index] ?? []);
        if (cycle.length > 1 && !hasShortcut(cycle)) yield cycle;
        continue;
      }
      if (path.length >= longest || path.includes(next) || !path.every(index => together(patterns[index]?.example, pattern.example)))
        continue;
      path.push(next);
      yield* extend(first);
      path.pop();
    }
  }
  for (const first of live) {
    path.length = 0;
    path.push(first);
    yield* extend(first);
  }
}

/** Fewer of the threads are a cycle by themselves, which is found by itself. */
const hasShortcut = (cycle: readonly Pattern[]): boolean =>
  cycle.some((waiter, at) =>
    cycle.some((holder, other) => other !== at && other !== (at + 1) % cycle.length && blocks(holder.example, waiter.example)),
  );

/** Patterns from which waits lead back to what they hold: all others are taken away, again and again. */
function inCycles(patterns: readonly Pattern[], holders: ReadonlyMap<string, readonly number[]>): ReadonlySet<number> {
  const live = new Set(patterns.keys());
  const wanted = new Map<string, number>();
  for (const { example } of patterns) wanted.set(resource(example), (wanted.get(resource(example)) ?? 0) + 1);
  const held = new Map([...holders].map(([name, all]) => [name, all.length]));
  const waiters = new Map<string, number[]>();
  patterns.forEach(({ example }, index) => {
    const all = waiters.get(resource(example)) ?? [];
    waiters.set(resource(example), all);
    all.push(index);
  });
  const todo = [...live];
  for (let index = todo.pop(); index !== undefined; index = todo.pop()) {
    const pattern = patterns[index];
    if (pattern === undefined || !live.has(index)) continue;
    const wants = resource(pattern.example);
    const names = pattern.example.held.flatMap(offers);
    if ((held.get(wants) ?? 0) > 0 && names.some(name => (wanted.get(name) ?? 0) > 0)) continue;
    live.delete(index);
    wanted.set(wants, (wanted.get(wants) ?? 0) - 1);
    if (wanted.get(wants) === 0) todo.push(...(holders.get(wants) ?? []));
    for (const name of names) {
      held.set(name, (held.get(name) ?? 0) - 1);
      if (held.get(name) === 0) todo.push(...(waiters.get(name) ?? []));
    }
  }
  return live;
}

/** Whether what one holds keeps the other waiting. */
const blocks = (holder: Waiting, waiter: Waiting): boolean =>
  holder.thread !== waiter.thread &&
  holder.held.some(
    held => offers(held).includes(resource(waiter)) && (held.kind !== 'lock' || held.mode === 'alone' || waiter.mode === 'alone'),
  );

/** Different threads, that do not exclude each other by what they hold. */
const together = (one: Waiting | undefined, other: Waiting): boolean =>
  one !== undefined &&
  one.thread !== other.thread &&
  !one.held.some(
    held =>
      held.kind === 'lock' &&
      other.held.some(mine => mine.kind === 'lock' && mine.name === held.name && (mine.mode === 'alone' || held.mode === 'alone')),
  );

/** Waits of the patterns at which all threads can be at once, and what happens before. What is needed only grows, so each wait is tried once. */
function atOnce(window: Window, cycle: readonly Pattern[], budget: Budget): { order: readonly number[]; waits: readonly Waiting[] } | null {
  const closure = createClosure(window, window.first, new Map(), budget);
  const chosen = cycle.map(() => 0);
  for (;;) {
    for (const [index, { all }] of cycle.entries()) {
      const wait = all[chosen[index] ?? 0];
      if (wait === undefined || !closure.addBefore(wait.at)) return null;
    }
    let moved = false;
    for (const [index, { all }] of cycle.entries())
      for (let wait = all[chosen[index] ?? 0]; wait !== undefined && closure.has(wait.at); wait = all[chosen[index] ?? 0]) {
        chosen[index] = (chosen[index] ?? 0) + 1;
        moved = true;
      }
    if (!moved) return { order: closure.order(), waits: cycle.flatMap(({ all }, index) => all[chosen[index] ?? 0] ?? []) };
  }
}
