/** Graphs, pools and what a system says, put together to a program. Its initial state is still empty. */
import type { Rule } from '../model.ts';
import { END, type Program, type ProgramType, type Site, type State, type Thread } from '../program.ts';
import { mostOfWork, programKind, sizeOf } from './field-sizes.ts';
import type { DraftThread, Frame } from './frame.ts';
import { NotRunnable } from './not-runnable.ts';
import { closeSlots } from './slot-sizes.ts';
import { usesOf } from './system-uses.ts';

export function assemble(
  frame: Frame,
  drafts: readonly DraftThread[],
  sites: readonly Site[],
  pools: Readonly<Record<string, number>>,
  allocated: Readonly<Record<string, number>>,
  stays: readonly string[],
  setup: Program['setup'],
): Program {
  const { system } = frame;
  const threads = drafts.map(
    ({ graph, ...head }): Thread => ({
      ...head,
      nodes: graph.nodes,
      start: graph.start,
      slots: closeSlots(graph.slots, pools, frame.words.length, drafts.length),
      calls: graph.calls,
    }),
  );
  const waitQueues = Object.values(system.objects).flatMap(object =>
    object.fields
      .filter(field => field.type.kind === 'wait-queue' || field.type.kind === 'notifier-chain')
      .flatMap(field =>
        Array.from({ length: pools[object.name] ?? 0 }, (_, index) => ({ type: object.name, instance: index + 1, field: field.name })),
      ),
  );
  const types = Object.values(system.objects).map(
    (object): ProgramType => ({
      name: object.name,
      pool: pools[object.name] ?? 0,
      initial: allocated[object.name] ?? 0,
      runs: object.runs,
      owns: object.owns,
      fields: object.fields.map(field => ({
        name: field.name,
        kind: programKind(field.type.kind),
        constant: field.constant,
        ...(field.type.kind === 'work'
          ? { max: mostOfWork(system, `${object.name}.${field.name}`, pools), to: null }
          : sizeOf(field.type, pools, frame.words.length, drafts.length, waitQueues.length)),
      })),
    }),
  );
  const ordered = orderedQueues(frame, pools);
  const rules = setup === null ? [] : system.rules.filter((rule: Rule) => rule.kind !== 'contract');
  return {
    system: system.name,
    variant: frame.variant,
    scenario: frame.scenario.name,
    types,
    globals: system.globals,
    words: frame.words,
    waitQueues,
    onQueue: usesOf(system).onQueue,
    ...(ordered.length === 0 ? {} : { ordered }),
    threads,
    sites,
    contracts: setup === null ? [] : frame.contracts,
    rules,
    stays,
    setup,
    initial: { allocated: {}, alive: {}, cells: {}, exclusive: {}, threads: [] },
  };
}

/** Queues that run one item at a time. There is one of each, or a place in it would say too little. */
function orderedQueues({ system, scenario }: Frame, pools: Readonly<Record<string, number>>): string[] {
  const used = usesOf(system).onQueue;
  const own = Object.values(system.objects).flatMap(object =>
    object.fields.filter(({ type }) => type.kind === 'ordered-work-queue').map(field => ({ object, name: `${object.name}.${field.name}` })),
  );
  for (const { object, name } of own) {
    const shared = (used[name] ?? []).some(work => Object.entries(used).some(([queue, works]) => queue !== name && works.includes(work)));
    if ((pools[object.name] ?? 0) > 1 || shared)
      throw new NotRunnable({
        at: scenario.at,
        name: 'several-ordered-queues',
        what: shared
          ? `An item of ${name} is queued elsewhere too, so its place in the order says nothing.`
          : `${scenario.name} has several ${object.name}, and each has an ordered queue; the model keeps one.`,
        wayOut: 'Let every item have one ordered queue, and let a declared object have it.',
      });
  }
  return own.map(({ name }) => name);
}

export function atStart(thread: Thread): State['threads'][number] {
  return {
    node: thread.start === END ? END : thread.start,
    slots: {},
    readers: {},
    grace: {},
    flush: {},
    waiting: {},
    seen: 0,
    due: 0,
    ensured: 0,
  };
}
