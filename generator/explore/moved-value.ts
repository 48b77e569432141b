/** What values become where objects and threads change places. */
import { fieldOf } from '../interpret/program-index.ts';
import type { Program } from '../program.ts';

/** Where each thread and each object goes. */
export interface Symmetry {
  readonly threads: readonly number[];
  /** By type; the place of instance n is n. */ readonly objects: ReadonlyMap<string, readonly number[]>;
}

/** What the value of a field becomes where everything changes places. */
export function movedCell(program: Program, { threads, objects }: Symmetry, type: string, field: string, value: number): number {
  const { kind, to } = fieldOf(program, type, field);
  switch (kind) {
    case 'mutex':
    case 'spinlock':
    case 'rwlock':
    case 'rwsem':
    case 'flag':
    case 'wait-queue':
      return movedThread(threads, value);
    case 'wait-entry':
      return movedQueue(program, objects, value);
    case 'pointer':
      return to === null ? value : (objects.get(to)?.[value] ?? value);
    case 'set':
      return to === null ? value : movedSet(objects.get(to) ?? [], value);
    default:
      return to === null ? value : (objects.get(to)?.[value] ?? value);
  }
}

/** Of 1 and the number of a thread, or 0. */
export function movedThread(threads: readonly number[], value: number): number {
  return value === 0 ? 0 : (threads[value - 1] ?? value - 1) + 1;
}

export function movedSet(objects: readonly number[], mask: number): number {
  let moved = 0;
  for (let rest = mask; rest !== 0; rest &= rest - 1) {
    const member = 32 - Math.clz32(rest & -rest);
    moved |= 1 << ((objects[member] ?? member) - 1);
  }
  return moved;
}

function movedQueue(program: Program, objects: Symmetry['objects'], value: number): number {
  const queue = program.waitQueues[value - 1];
  if (queue === undefined) return 0;
  const to = objects.get(queue.type)?.[queue.instance] ?? queue.instance;
  return 1 + program.waitQueues.findIndex(({ type, instance, field }) => type === queue.type && field === queue.field && instance === to);
}
