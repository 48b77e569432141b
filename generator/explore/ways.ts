/**
 * What one way through a step looks at and changes, as far as others can notice: what decides whether steps of two threads commute.
 *
 * A thread's own anchor and registers are nobody else's, so they are left out. In their place stand `run 3` for whether worker 3 is running,
 * and `ghost 3` for what the contract of the call that thread 3 is in has seen.
 */
import { fieldOf } from '../interpret/program-index.ts';
import type { Action, Node } from '../program.ts';
import { cell, type Emission, type Path } from './emission.ts';
import { contractRunning, type Judging } from './emit-contracts.ts';
import type { Code } from './generated-code.ts';

export interface Way {
  /** Local state that it leads to; null if it is fatal. */ readonly to: number | null;
  readonly kind: Action['kind'];
  readonly reads: ReadonlySet<string>;
  /** Cells, and what is written. */ readonly writes: ReadonlyMap<string, Code>;
  /** Counter that it raises or lowers by one, and that does not become 0 by it; not among `reads` and `writes` then. */
  readonly counts: { readonly cell: string; readonly by: 1 | -1 } | null;
  /** Counter that it makes 0; among `writes` too. */ readonly zeroes: string | null;
  /** Counter that has to be 0 for it. */ readonly atZero: string | null;
  /** Cells that have these values before it, as far as that is known. */ readonly assumes: ReadonlyMap<string, number>;
  /** Lock that it takes: it can be gone only while no other thread owns the lock. */ readonly takes: string | null;
}

const COUNTING = ['get', 'get-unless-zero', 'put', 'put-later', 'fget'];

/** Names as others see them; null for what is the thread's own. */
function seenByOthers(name: string, thread: number): string | null {
  const [what = '', owner] = name.split(' ', 2);
  switch (what) {
    case 'anchor':
      return Number(owner) === thread ? null : `run ${owner}`;
    case 'register':
      return Number(owner) === thread ? null : `ghost ${owner}`;
    case 'seen':
    case 'due':
    case 'ensured':
      return `ghost ${owner}`;
    default:
      return name;
  }
}

/** What a fatal way looks at before it ends, given all that the step may look at. */
export function readsOf(kind: Action['kind'] | null, rule: string, looked: ReadonlySet<string>): ReadonlySet<string> {
  const plain = kind !== 'next' && kind !== 'pick' && kind !== 'next-entry' && kind !== 'fget';
  switch (rule) {
    case 'always.nullNeverFollowed':
      return plain ? new Set() : looked;
    // Whether the thread itself has a lock is nobody else's to change.
    case 'always.neverTouchedAfterFree':
    case 'always.neverTakenTwice':
      return plain ? new Set([...looked].filter(name => name.startsWith('alive '))) : looked;
    default:
      return looked;
  }
}

const BROKEN_AT_ZERO = ['always.neverResurrected', 'always.referencesBalance'];

/** `rule`: of a fatal way, what it breaks. */
export function wayOf(
  e: Emission,
  judgings: readonly (Judging | null)[],
  path: Path,
  node: number,
  to: number,
  judges: number,
  looked: ReadonlySet<string>,
  rule: string | null,
): Way {
  const { thread } = path;
  const program = e.program.threads[thread];
  const action = program?.nodes[node]?.action;
  const kind = action?.kind ?? 'jump';
  const reads = new Set<string>(),
    writes = new Map<string, Code>();
  for (const name of looked) {
    const seen = seenByOthers(name, thread);
    if (seen !== null) reads.add(seen);
  }
  for (const [name, value] of path.cells) {
    const seen = seenByOthers(name, thread);
    if (seen !== null && value !== cell(e.layout, name)) writes.set(seen, value);
  }
  if (program?.context === 'worker' && (path.from === program.start) !== (to === program.start)) {
    writes.set(`run ${thread}`, path.from === program.start ? 1 : 0);
  }
  judgings.forEach((judging, index) => {
    if (judging === null || (judges & (1 << index)) === 0) return;
    for (const name of judging.support) {
      const seen = seenByOthers(name, thread);
      if (seen !== null) reads.add(seen);
    }
    reads.add(`ghost ${index}`);
    writes.set(`ghost ${index}`, '?');
  });
  if (program !== undefined && callAt(e, thread, path.from) !== callAt(e, thread, to)) writes.set(`ghost ${thread}`, '?');
  const counted = COUNTING.includes(kind) ? [...writes.keys()].find(name => isCounter(e, name)) : undefined;
  const lowered = counted !== undefined && (kind === 'put' || kind === 'put-later');
  const zero = lowered && writes.get(counted) === 0;
  const assumes = path.assumed ?? new Map<string, number>();
  if (counted === undefined || zero) {
    const counters = [...reads].filter(name => isCounter(e, name));
    const isAtZero = rule === null ? kind === 'get-unless-zero' : BROKEN_AT_ZERO.includes(rule);
    return {
      to: null,
      kind,
      assumes,
      reads,
      writes,
      counts: null,
      zeroes: zero ? counted : null,
      // A rule that is judged with the step may ask for other counters too.
      atZero: isAtZero && counters.length === 1 ? (counters[0] ?? null) : null,
      takes: taken(e, path, action),
    };
  }
  // What else the step looks at may be the counter too.
  const code = String(cell(e.layout, counted));
  writes.delete(counted);
  const isAsked =
    path.notes.some(note => String(note.when).includes(code)) ||
    [...path.cells].some(([name, value]) => name !== counted && String(value).includes(code));
  if (!isAsked) reads.delete(counted);
  return {
    to: null,
    kind,
    assumes,
    reads,
    writes,
    counts: { cell: counted, by: lowered ? -1 : 1 },
    zeroes: null,
    atZero: null,
    takes: null,
  };
}

function callAt(e: Emission, thread: number, node: number): unknown {
  const of = e.program.threads[thread];
  return of === undefined ? null : (contractRunning(e, of, node)?.call ?? null);
}

function isCounter(e: Emission, name: string): boolean {
  const hash = name.indexOf('#'),
    dot = name.indexOf('.', hash);
  if (hash < 0 || dot < 0 || name.includes(' ')) return false;
  return fieldOf(e.program, name.slice(0, hash), name.slice(dot + 1)).kind === 'refcount';
}

function taken(e: Emission, path: Path, action: Node['action'] | undefined): string | null {
  switch (action?.kind) {
    case 'lock':
    case 'try-lock':
    case 'write-lock':
    case 'write-lock-queued':
      return [...path.cells].find(([name, value]) => value === path.thread + 1 && isLock(e, name))?.[0] ?? null;
    case 'read-lock': {
      const own = `readers ${path.thread} `;
      return [...path.cells.keys()].find(name => name.startsWith(own))?.slice(own.length) ?? null;
    }
    default:
      return null;
  }
}

function isLock(e: Emission, name: string): boolean {
  const hash = name.indexOf('#'),
    dot = name.indexOf('.', hash);
  if (hash < 0 || dot < 0 || name.includes(' ')) return false;
  return ['mutex', 'spinlock', 'rwlock', 'rwsem', 'wait-queue'].includes(fieldOf(e.program, name.slice(0, hash), name.slice(dot + 1)).kind);
}
