/** Flags that are used as locks: writing one takes or releases it, and who sleeps until one is free waits for it. */
import type { Scalar } from './event.ts';
import type { Judge } from './judge.ts';
import { about, releasedInReverse, take } from './judge-locks.ts';
import { taking } from './judge-taking.ts';
import type { Slot } from './thing.ts';
import { letGo } from './thread.ts';

/** Between `wait-prepare` and `wait-sleep` the condition of a wait is read. */
export function flagRead(judge: Judge, slot: Slot): void {
  if (!judge.thread.flags.includes(slot.class)) judge.thread.flags.push(slot.class);
}

export function flagWritten(judge: Judge, slot: Slot, value: Scalar): void {
  const { thread, always } = judge;
  const flag = judge.find(judge.world.locks, slot.name);
  if (flag === null) return;
  if (value === 'taken') {
    taking(judge, flag.class, true);
    always.flagTakenWhenFree.exercised++;
    const { owner, since } = flag;
    if (owner !== null) {
      if (judge.breakOff(always.flagTakenWhenFree, `${thread.name} takes ${flag.name}, which ${owner.name} has.`, about(flag, since)))
        return;
      letGo(owner, flag.name);
    }
    flag.depth = 0;
    take(judge, flag, undefined, false);
    return;
  }
  always.releasedByHolder.exercised++;
  if (flag.owner !== thread) {
    const holder = flag.owner === null ? 'nobody holds' : `${flag.owner.name} holds`;
    judge.breakOff(
      always.releasedByHolder,
      `${thread.name} releases ${flag.name}, which ${holder}.`,
      about(flag, flag.owner === null ? null : flag.since),
    );
    if (flag.owner !== null) letGo(flag.owner, flag.name);
  } else letGo(thread, flag.name);
  flag.depth = 0;
  flag.owner = null;
  judge.changed(flag.class, flag.of);
  releasedInReverse(judge, flag);
}
