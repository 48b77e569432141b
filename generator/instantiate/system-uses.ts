/** What the functions and scenarios of a system do with work items and wait entries, whoever runs. Looked for once in each system. */
import type { Expression, System } from '../model.ts';

type Verb = Expression & { kind: 'verb' };

export interface SystemUses {
  /** Wait entries by the wait queue or chain they are put on: `Eventfd.wait` to [`Irqfd`, `entry`]. */
  readonly entriesOn: ReadonlyMap<string, readonly (readonly [type: string, field: string])[]>;
  /** Work fields by the work-queue field that their `queue` names. */ readonly onQueue: Readonly<Record<string, readonly string[]>>;
  /** Work fields that something queues. */ readonly queued: ReadonlySet<string>;
  /** Those that become pending when a grace period has ended. */ readonly afterGrace: ReadonlySet<string>;
}

const known = new WeakMap<System, SystemUses>();

export function usesOf(system: System): SystemUses {
  const before = known.get(system);
  if (before !== undefined) return before;
  const uses = look(system);
  known.set(system, uses);
  return uses;
}

function look(system: System): SystemUses {
  const entriesOn = new Map<string, [string, string][]>();
  const onQueue: Record<string, string[]> = {};
  const queued = new Set<string>(),
    afterGrace = new Set<string>();
  for (const {
    verb,
    on,
    with: [first],
  } of verbsOf(system)) {
    if (on === null) continue;
    const acted = `${on.type}.${on.field}`;
    if (verb === 'queue') queued.add(acted);
    if (first === undefined || 'kind' in first) continue;
    const given = `${first.type}.${first.field}`;
    if (verb === 'queueAfterGrace') {
      queued.add(given);
      afterGrace.add(given);
    } else if (verb === 'queue') {
      const works = (onQueue[given] ??= []);
      if (!works.includes(acted)) works.push(acted);
    } else if (verb === 'addWaitEntry' || verb === 'addWaitEntryExclusive' || verb === 'register') {
      const entries = entriesOn.get(acted) ?? [];
      if (!entries.some(([type, field]) => type === first.type && field === first.field)) entries.push([first.type, first.field]);
      entriesOn.set(acted, entries);
    }
  }
  return { entriesOn, onQueue, queued, afterGrace };
}

function verbsOf(system: System): Verb[] {
  const found: Verb[] = [];
  const visit = (part: unknown): void => {
    if (Array.isArray(part)) {
      part.forEach(visit);
      return;
    }
    if (part === null || typeof part !== 'object') return;
    if (isVerb(part)) found.push(part);
    Object.values(part).forEach(visit);
  };
  visit(Object.values(system.operations));
  visit(system.scenarios.map(scenario => scenario.body));
  return found;
}

/** In the tree of a model, whatever says that it is a verb is one. */
function isVerb(part: object): part is Verb {
  return 'kind' in part && part.kind === 'verb';
}
