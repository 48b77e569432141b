/** What kind of cell a field is in a program, and its largest value. */
import type { FieldType, System } from '../model.ts';
import { usesOf } from './system-uses.ts';

/** A notifier chain is a semaphore with entries, a block one of them. */
export function programKind(kind: FieldType['kind']): string {
  if (kind === 'ordered-work-queue') return 'work-queue';
  return kind === 'notifier-chain' ? 'rwsem' : kind === 'notifier-block' ? 'wait-entry' : kind;
}

export function sizeOf(
  type: FieldType,
  pools: Readonly<Record<string, number>>,
  words: number,
  threads: number,
  waitQueues: number,
): { max: number; to: string | null } {
  switch (type.kind) {
    case 'mutex':
    case 'spinlock':
    case 'rwlock':
    case 'rwsem':
    case 'flag':
    case 'wait-queue':
    case 'notifier-chain':
      return { max: threads, to: null };
    case 'srcu':
    case 'rcu':
    case 'work-queue':
    case 'ordered-work-queue':
      return { max: 0, to: null };
    case 'refcount':
      return { max: 7, to: null };
    case 'work':
    case 'completion':
    case 'boolean':
      return { max: 1, to: null };
    case 'wait-entry':
    case 'notifier-block':
      return { max: waitQueues, to: null };
    case 'set':
      return { max: 2 ** (pools[type.of] ?? 0) - 1, to: type.of };
    case 'pointer':
      return { max: pools[type.to] ?? 0, to: type.to };
    case 'word':
      return { max: words, to: null };
    case 'number':
      return { max: type.max, to: null };
  }
}

/** 1 for pending; more where it is a place in an ordered queue, or 2 while a grace period lasts. */
export function mostOfWork(system: System, work: string, pools: Readonly<Record<string, number>>): number {
  const ordered = Object.entries(usesOf(system).onQueue).find(([queue, works]) => {
    const [type = '', field = ''] = queue.split('.');
    return works.includes(work) && system.objects[type]?.fields.find(({ name }) => name === field)?.type.kind === 'ordered-work-queue';
  });
  const items = (ordered?.[1] ?? []).reduce((sum, one) => sum + (pools[one.split('.')[0] ?? ''] ?? 0), 0);
  const afterGrace = usesOf(system).afterGrace.has(work);
  return Math.max(1, items, afterGrace ? 2 : 1);
}
