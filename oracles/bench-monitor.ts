/**
 * What a person writes by hand who wants a few checks and all the speed there is: locks held and their order as bits, reference counts, what is
 * alive. It knows eight verbs and 64 locks, has no rules of a system, no names and no explanations: the peer that the oracles are measured against.
 */
export const monitorVerbs = { lock: 0, unlock: 1, get: 2, put: 3, free: 4, read: 5, write: 6, alloc: 7, other: 8 } as const;

const threads = 64;
const deepest = 16;
const locks = 32;

export interface HandMonitor {
  /** Events of three words: thread, verb, object. Object numbers are at most `objects`; the first 32 are locks. */
  readonly run: (events: Uint32Array, end: number) => void;
  readonly errors: () => number;
}

export function createHandMonitor(objects: number): HandMonitor {
  const held = new Int32Array(threads);
  const depth = new Int32Array(threads);
  const stack = new Int32Array(threads * deepest);
  const edges = new Int32Array(locks);
  const counts = new Int32Array(objects);
  const alive = new Uint8Array(objects);
  let errors = 0;

  function reaches(from: number, to: number): boolean {
    let seen = 0;
    let open = 1 << from;
    while (open !== 0) {
      const node = 31 - Math.clz32(open);
      if (node === to) return true;
      seen |= 1 << node;
      open = (open | (edges[node] ?? 0)) & ~seen;
    }
    return false;
  }
  function lock(thread: number, on: number): void {
    const bit = 1 << on;
    const above = depth[thread] ?? 0;
    if ((held[thread] ?? 0) & bit) errors++;
    for (let at = 0; at < above; at++) {
      const outer = stack[thread * deepest + at] ?? 0;
      if ((edges[outer] ?? 0) & bit) continue;
      edges[outer] = (edges[outer] ?? 0) | bit;
      if (reaches(on, outer)) errors++;
    }
    stack[thread * deepest + above] = on;
    depth[thread] = above + 1;
    held[thread] = (held[thread] ?? 0) | bit;
  }
  function unlock(thread: number, on: number): void {
    const bit = 1 << on;
    if (((held[thread] ?? 0) & bit) === 0) errors++;
    held[thread] = (held[thread] ?? 0) & ~bit;
    const top = (depth[thread] ?? 0) - 1;
    const base = thread * deepest;
    let at = top;
    while (at >= 0 && stack[base + at] !== on) at--;
    for (; at >= 0 && at < top; at++) stack[base + at] = stack[base + at + 1] ?? 0;
    depth[thread] = top;
  }
  function step(thread: number, verb: number, on: number): void {
    switch (verb) {
      case 0:
        return lock(thread, on);
      case 1:
        return unlock(thread, on);
      case 2:
        if (alive[on] === 0) errors++;
        counts[on] = (counts[on] ?? 0) + 1;
        return;
      case 3:
        if (alive[on] === 0 || (counts[on] ?? 0) === 0) errors++;
        counts[on] = (counts[on] ?? 0) - 1;
        return;
      case 4:
        if (alive[on] === 0 || counts[on] !== 0) errors++;
        alive[on] = 0;
        return;
      case 5:
      case 6:
        if (alive[on] === 0) errors++;
        return;
      case 7:
        if (alive[on] !== 0) errors++;
        alive[on] = 1;
        counts[on] = 1;
        return;
    }
  }
  return {
    run(events, end) {
      for (let at = 0; at < end; at += 3) step(events[at] ?? 0, events[at + 1] ?? 0, events[at + 2] ?? 0);
    },
    errors: () => errors,
  };
}
