/** Flags that are used as locks, in the fast engine: what `judge-flags.ts` does where nothing is wrong. */
import { tags } from '../binary-format.ts';
import type { Core } from './engine.ts';
import { owner, sections } from './layout.ts';
import { deepest } from './memory.ts';
import { flagWords } from './tables.ts';
import type { Taking } from './taking.ts';
import { letGo } from './threads.ts';
import type { Waits } from './waits.ts';

export interface FlagHandlers {
  readonly isWord: (tag: number, other: number) => boolean;
  readonly read: (thread: number, of: number, place: number) => void;
  readonly canWrite: (thread: number, place: number, of: number, word: number) => boolean;
  /** Where it can. */
  readonly write: (thread: number, seq: number, object: number, place: number, of: number, word: number) => void;
}

export function createFlagHandlers(core: Core, waits: Waits, taking: Taking): FlagHandlers {
  const { tables, memory, threads, exercised } = core;
  const touched = core.counter(core.always.neverTouchedAfterFree);
  const whenFree = core.counter(core.always.flagTakenWhenFree);
  const byHolder = core.counter(core.always.releasedByHolder);
  const taken = tables.words.get(flagWords.taken) ?? -1;
  const free = tables.words.get(flagWords.free) ?? -1;
  return {
    isWord: (tag, other) => tag === tags.word && (other === taken || other === free),
    read(thread, of) {
      const read = threads.flags[thread];
      if (!read.includes(of)) read.push(of);
    },
    canWrite(thread, place, of, word) {
      if (word === taken)
        return memory.i[place + owner] === 0 && memory.depth[thread] < deepest && (!taking.any || taking.may(thread, of, true, false));
      return memory.i[place + owner] === thread && (waits.isNested[of] === 0 || waits.leavesNested(thread, of));
    },
    write(thread, seq, object, place, of, word) {
      exercised[touched]++;
      memory.d[place + sections] = seq;
      if (word === taken) {
        if (taking.any) taking.count(thread, of, true);
        exercised[whenFree]++;
        memory.i[place + owner] = thread;
        memory.d[place + owner] = seq;
        waits.hold(thread, object, place, of, seq);
      } else {
        exercised[byHolder]++;
        letGo(memory, thread, place);
        memory.i[place + owner] = 0;
      }
      core.changed(of, object);
    },
  };
}
