/** What threads really hold where they stand, in all states that were explored. */
import { anchorCell, fieldCell, readersCell } from '../explore/cells.ts';
import type { Exploration } from '../explore/explore.ts';
import { timing } from '../explore/liveness.ts';
import { successorsOf } from '../instantiate/pools.ts';
import { END, type Program } from '../program.ts';
import type { MayHold } from './held.ts';

/** States up to which all are looked at. */
const mostStates = 2_000_000;

/** What a path holds that was not explored is known only if all paths take it. So it is with too many states to look at. */
export function seenHeld(program: Program, exploration: Exploration): MayHold {
  let seen: ReadonlySet<string> | null = null;
  return ({ thread, node, lockClass, from, taken }) => {
    if (!exploration.complete || exploration.states > mostStates) return taken;
    if (!exploration.covered(thread, node) || (from !== null && from >= 0 && !exploration.covered(thread, from))) return taken;
    seen ??= look(program, exploration);
    return seen.has(`${thread} ${node} ${lockClass}`);
  };
}

/** Where not all states can be asked: what some paths hold and others do not counts if all took it. */
export const takenByAll: MayHold = ({ taken }) => taken;

/** States are many, so they are looked at as they are stored. */
function look(program: Program, { states, layout, packed }: Exploration): Set<string> {
  const classes: string[] = [];
  const classOf = (name: string): number => (classes.includes(name) ? classes.indexOf(name) : classes.push(name) - 1);
  const valueOf = (cell: string): ((words: Int32Array) => number) | null => {
    const at = layout.bits.get(cell);
    if (at !== undefined) return words => ((words[at.word] ?? 0) >>> at.shift) & (2 ** at.width - 1);
    const constant = layout.constants.get(cell) ?? 0;
    return constant === 0 ? null : () => constant;
  };
  /** Cells that say who has something, and those that say how often one thread does. */
  const owned: { readonly value: (words: Int32Array) => number; readonly lockClass: number }[] = [];
  const counted: { readonly value: (words: Int32Array) => number; readonly lockClass: number; readonly thread: number }[] = [];
  for (const { name: type, pool, fields } of program.types)
    for (const { name: field, kind } of fields)
      for (let instance = 1; instance <= pool; instance++) {
        const cell = fieldCell(type, instance, field),
          lockClass = classOf(`${type}.${field}`);
        const owner = owners.includes(kind) ? valueOf(cell) : null;
        if (owner !== null) owned.push({ value: owner, lockClass });
        if (!readable.includes(kind)) continue;
        program.threads.forEach((_, thread) => {
          const count = valueOf(readersCell(thread, cell));
          if (count !== null) counted.push({ value: count, lockClass, thread });
        });
      }
  const anchors = layout.threads.map((_, thread) => valueOf(anchorCell(thread)) ?? (() => 0));
  program.threads.forEach(({ work }, thread) => {
    // A worker that stands at its first anchor runs nothing.
    if (work !== null)
      counted.push({ value: anchors[thread] ?? (() => 0), lockClass: classOf(`run of ${work.type}.${work.field}`), thread });
  });
  /** By thread, anchor and class, in one number. */
  const seen = new Set<number>();
  const most = 1 + Math.max(...layout.threads.map(one => one.anchors.nodes.length));
  for (let index = 0; index < states; index++) {
    const words = packed(index);
    const note = (thread: number, lockClass: number): void => {
      seen.add((thread * most + (anchors[thread]?.(words) ?? 0)) * classes.length + lockClass);
    };
    for (const { value, lockClass } of owned) {
      const owner = value(words);
      if (owner !== 0) note(owner - 1, lockClass);
    }
    for (const { value, lockClass, thread } of counted) if (value(words) !== 0) note(thread, lockClass);
  }
  const found = new Set<string>();
  for (const key of seen) {
    const place = Math.floor(key / classes.length),
      thread = Math.floor(place / most);
    const node = layout.threads[thread]?.anchors.nodes[place % most] ?? END;
    for (const at of aheadOf(program, thread, node)) found.add(`${thread} ${at} ${classes[key % classes.length]}`);
  }
  return found;
}

/** Kinds of fields whose cell names a thread. */
const owners = ['mutex', 'spinlock', 'rwlock', 'rwsem', 'flag', 'wait-queue'];
/** Kinds of fields that threads read, or have sections of open. */
const readable = ['srcu', 'rcu', 'rwlock', 'rwsem'];

/** Nodes that a thread which stands there may come to up to its next step, that one included. */
function aheadOf(program: Program, thread: number, node: number): readonly number[] {
  const nodes = program.threads[thread]?.nodes ?? [];
  const found = new Set<number>();
  const stack = [node];
  for (let at = stack.pop(); at !== undefined; at = stack.pop()) {
    const one = nodes[at];
    if (one === undefined || found.has(at)) continue;
    found.add(at);
    if (timing(one.action) !== 'step') stack.push(...successorsOf(one));
  }
  return [...found];
}
