/**
 * What the last put of each counter class turned out to take, and under which locks such counters were put: for the rule that a put which may be
 * the last is not made under a lock that its release takes. Both are sets of classes, so they do not grow with the trace.
 */
import type { Counter } from './thing.ts';
import type { Thread } from './thread.ts';

/** Counter class, lock class, and the event that told the other half. */
export interface PutUnderTaken {
  readonly counter: string;
  readonly lock: string;
  readonly earlier: number;
}

export interface Releases {
  /** The put; the classes that are known to be waited for by its release although the thread holds one. */
  readonly puts: (thread: Thread, counter: Counter, event: number) => readonly PutUnderTaken[];
  /** It reached zero: what the thread takes from here until the object is freed belongs to its release. */
  readonly begins: (thread: Thread, counter: Counter) => void;
  readonly takes: (thread: Thread, classes: readonly string[], event: number) => void;
  /** The object is freed, so its release is over: puts made earlier under a lock that it took. */
  readonly ends: (thread: Thread, object: string) => readonly PutUnderTaken[];
  /** The call, the run or the thread is over. What it took is not certain to belong to the release, and is forgotten. */
  readonly abandon: (thread: Thread) => void;
  // Whether it was noted before, so that to note it again says nothing new.
  readonly knowsPut: (counter: string, lock: string) => boolean;
  readonly knowsTaken: (counter: string, lock: string) => boolean;
}

/** Releases of one thread from which on those are forgotten whose object another thread has freed. */
const many = 32;

export function createReleases(isAlive: (object: string) => boolean): Releases {
  const taken = new Map<string, Map<string, number>>();
  const putUnder = new Map<string, Map<string, number>>();
  const told = new Set<string>();
  const firstTime = (counter: string, lock: string): boolean => {
    const pair = `${counter} ${lock}`;
    if (told.has(pair)) return false;
    told.add(pair);
    return true;
  };
  const note = (where: Map<string, Map<string, number>>, counter: string, lock: string, event: number): void => {
    const locks = where.get(counter) ?? new Map<string, number>();
    if (!locks.has(lock)) locks.set(lock, event);
    where.set(counter, locks);
  };
  return {
    puts(thread, counter, event) {
      const wrong: PutUnderTaken[] = [];
      for (const holding of thread.held) {
        note(putUnder, counter.class, holding.class, event);
        const earlier = taken.get(counter.class)?.get(holding.class);
        if (earlier !== undefined && firstTime(counter.class, holding.class))
          wrong.push({ counter: counter.class, lock: holding.class, earlier });
      }
      return wrong;
    },
    begins(thread, counter) {
      const { releases } = thread;
      if (releases.length >= many) releases.splice(0, releases.length, ...releases.filter(({ object }) => isAlive(object)));
      thread.releases.push({ counter: counter.class, object: counter.of.name, took: new Map() });
    },
    takes(thread, classes, event) {
      for (const { took } of thread.releases) for (const one of classes) if (!took.has(one)) took.set(one, event);
    },
    ends(thread, object) {
      const wrong: PutUnderTaken[] = [];
      for (let at = thread.releases.length - 1; at >= 0; at--) {
        const release = thread.releases[at];
        if (release === undefined || release.object !== object) continue;
        thread.releases.splice(at, 1);
        for (const [lock, event] of release.took) {
          note(taken, release.counter, lock, event);
          const earlier = putUnder.get(release.counter)?.get(lock);
          if (earlier !== undefined && firstTime(release.counter, lock)) wrong.push({ counter: release.counter, lock, earlier });
        }
      }
      return wrong;
    },
    abandon(thread) {
      thread.releases.length = 0;
    },
    knowsPut: (counter, lock) => putUnder.get(counter)?.has(lock) === true,
    knowsTaken: (counter, lock) => taken.get(counter)?.has(lock) === true,
  };
}
