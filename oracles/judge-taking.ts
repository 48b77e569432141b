/** Rules about what is taken while something else goes on: locks inside which nothing is taken, calls that take only some locks, fields read once. */
import type { Judge } from './judge.ts';
import type { Slot } from './thing.ts';

/** The thread takes something of this class, or (null) may sleep. `isLock`: no read section. */
export function taking(judge: Judge, what: string | null, isLock: boolean): void {
  const { thread, definition } = judge;
  for (const rule of definition.rules) {
    if (rule.kind === 'innermost' && (what === null || isLock)) {
      const inner = thread.held.find(one => one.class === rule.lock);
      const state = judge.rule(rule.name);
      if (what === rule.lock) state.exercised++;
      if (inner === undefined || judge.found.some(one => one.rule === state.id)) continue;
      judge.report(state, `${thread.name} ${what === null ? 'may sleep' : `takes ${what}`} while it has ${inner.of.name}.`, {
        earlier: inner.since,
      });
    }
    if (rule.kind === 'takes-only' && what !== null) {
      const call = thread.calls.find(one => rule.calls.includes(one.call));
      if (call === undefined) continue;
      const state = judge.rule(rule.name);
      state.exercised++;
      if (!rule.classes.includes(what)) judge.report(state, `${thread.name} takes ${what} during ${call.call}.`, { earlier: call.since });
    }
  }
}

/** The thread reads a field that may change. */
export function readingOnce(judge: Judge, slot: Slot): void {
  const { thread, definition } = judge;
  const outermost = thread.calls[0];
  if (outermost === undefined) return;
  for (const rule of definition.rules) {
    if (rule.kind !== 'read-once' || rule.field !== slot.class) continue;
    const state = judge.rule(rule.name);
    state.exercised++;
    const before = outermost.reads.get(slot.name);
    if (before !== undefined)
      judge.report(state, `${thread.name} reads ${slot.name} a second time during ${outermost.call}.`, { earlier: before });
  }
  outermost.reads.set(slot.name, judge.seq);
}
