/** Reference counters: what each event can break, and what it changes. */
import type { Judge } from './judge.ts';
import { countChanges } from './judge-left.ts';
import type { PutUnderTaken } from './releases.ts';
import type { Counter } from './thing.ts';

export function get(judge: Judge, name: string): void {
  const counter = judge.find(judge.world.counters, name);
  if (counter === null) return;
  judge.atEvery('get', counter.class, counter.of);
  raise(judge, counter);
}

export function getUnlessZero(judge: Judge, name: string, success: boolean): void {
  const counter = judge.find(judge.world.counters, name);
  if (counter === null) return;
  judge.atEvery('get-unless-zero', counter.class, counter.of);
  if (success) raise(judge, counter);
}

/** One more, unless there are none. */
export function raise(judge: Judge, counter: Counter): void {
  const rule = judge.always.neverResurrected;
  rule.exercised++;
  if (counter.count === 0 && judge.breakOff(rule, `${judge.thread.name} gets ${counter.name}, which is zero.`, about(counter))) return;
  countChanges(judge, counter, 1);
  counter.count++;
  // Only where the rule is not judged: it lives again.
  if (counter.count === 1) judge.changed(counter.of.type, counter.of);
  judge.changed(counter.class, counter.of);
}

/** `later`: what the last one runs comes when the call is over, so what is held now does not matter to it. */
export function put(judge: Judge, name: string, later = false): void {
  const counter = judge.find(judge.world.counters, name);
  if (counter === null) return;
  const { thread, always } = judge;
  judge.atEvery(later ? 'put-later' : 'put', counter.class, counter.of);
  always.referencesBalance.exercised++;
  if (counter.count === 0 && judge.breakOff(always.referencesBalance, `${thread.name} puts ${name}, which is zero.`, about(counter)))
    return;
  if (thread.held.length > 0 && !later) always.lastPutTakesNoHeldLock.exercised++;
  if (!later) reportPuts(judge, judge.releases.puts(thread, counter, judge.seq));
  if (counter.count > 0) {
    countChanges(judge, counter, -1);
    counter.count--;
  }
  if (counter.count === 0) {
    counter.zeroAt = judge.seq;
    if (!later) judge.releases.begins(thread, counter);
    judge.changed(counter.of.type, counter.of);
  }
  judge.changed(counter.class, counter.of);
}

export function reportPuts(judge: Judge, puts: readonly PutUnderTaken[]): void {
  for (const { counter, lock, earlier } of puts) {
    judge.report(judge.always.lastPutTakesNoHeldLock, `${counter} is put under ${lock}, which its last put waits for.`, {
      strength: 'possible',
      earlier,
    });
  }
}

const about = (counter: Counter) => ({ objects: { object: counter.of.name }, earlier: counter.zeroAt > 0 ? counter.zeroAt : null });
