/** Threads that no scenario writes: the workers of the work items, one for each item that there can be. */
import { type DraftThread, type Frame, ofFirst } from './frame.ts';
import type { Shared } from './graph.ts';
import { createInliner } from './inline.ts';
import { NotRunnable } from './not-runnable.ts';
import { allocationsOf } from './pools.ts';
import { usesOf } from './system-uses.ts';

export function workersOf(frame: Frame, shared: Shared, pools: Readonly<Record<string, number>>): DraftThread[] {
  const { system } = frame;
  const { queued } = usesOf(system);
  return Object.values(system.objects).flatMap(object =>
    object.fields.flatMap(field => {
      const operation = object.runs[field.name];
      if (field.type.kind !== 'work' || operation === undefined || !queued.has(`${object.name}.${field.name}`)) return [];
      return Array.from({ length: pools[object.name] ?? 0 }, (_, index): DraftThread => {
        const inliner = createInliner(shared);
        inliner.worker(operation, { object: { kind: 'constant', value: index + 1 }, type: object.name, field: field.name });
        const graph = inliner.finish();
        const { most } = allocationsOf(graph);
        const type = Object.keys(most)[0];
        if (type !== undefined) {
          const at = system.operations[operation]?.at ?? frame.scenario.at;
          throw new NotRunnable({
            at,
            name: 'alloc-in-loop',
            what: `The work ${object.name}.${field.name} allocates a ${type}, and it may run any number of times.`,
            wayOut: 'Allocate where the work is queued, and hand the object over in a field.',
          });
        }
        return {
          name: `worker ${object.name}#${index + 1}.${field.name}`,
          text: operation,
          context: 'worker',
          ...ofFirst(frame),
          work: { type: object.name, instance: index + 1, field: field.name },
          graph,
        };
      });
    }),
  );
}
