/** A scenario of a system, made ready to run: its setup is run, what that leaves is the initial state, and every thread gets its graph. */

import { firstProcess } from '../../oracles/thread.ts';
import { runAlone } from '../interpret/interpret.ts';
import type { Expression, FieldType, Operation, Rule, Scenario, Statement, System } from '../model.ts';
import {
  type Contract,
  END,
  type Program,
  type ProgramType,
  type Site,
  type Slot,
  type State,
  type Thread,
  type Value,
} from '../program.ts';
import type { Diagnostic } from '../read/diagnostic.ts';
import { globalCounts, globalInstance, globalObjects } from './globals.ts';
import { createInliner, type Environment, type Graph, type OpenSlot, type Shared, type Typed } from './inline.ts';
import { NotRunnable } from './not-runnable.ts';
import { allocationsOf } from './pools.ts';
import { applyVariant } from './variant.ts';
import { wordsOf } from './words.ts';

export interface Instantiation {
  readonly program: Program | null;
  readonly diagnostics: readonly Diagnostic[];
}

/** What every thread of the scenario shares, setup included. */
export interface Frame {
  readonly system: System;
  readonly scenario: Scenario;
  readonly variant: string | null;
  readonly words: readonly string[];
  readonly contracts: readonly Contract[];
}

export interface DraftThread {
  readonly name: string;
  readonly text: string;
  readonly context: Thread['context'];
  readonly process?: number;
  readonly work: Thread['work'];
  readonly graph: Graph;
}

export function instantiate(base: System, variant: string | null, scenarioName: string): Instantiation {
  const system = applyVariant(base, variant);
  const scenario = system.scenarios.find(one => one.name === scenarioName);
  if (scenario === undefined) throw new Error(`${base.name}${variant === null ? '' : ` ${variant}`} has no scenario ${scenarioName}`);
  const diagnostics: Diagnostic[] = [];
  const words = wordsOf(system);
  const frame: Frame = { system, scenario, variant, words, contracts: contractsOf(system, words) };
  try {
    return { program: withThreads(frame), diagnostics };
  } catch (fault) {
    if (!(fault instanceof NotRunnable)) throw fault;
    diagnostics.push(fault.diagnostic);
    return { program: null, diagnostics };
  }
}

function withThreads(frame: Frame): Program {
  const { scenario } = frame;
  const firstThread = scenario.body.findIndex(statement => statement.kind === 'thread');
  const own = (statement: Statement) => statement.kind !== 'thread' && statement.kind !== 'stays';
  const setupBody = scenario.body.slice(0, firstThread < 0 ? undefined : firstThread).filter(own);
  const late = firstThread < 0 ? undefined : scenario.body.slice(firstThread).find(own);
  if (late !== undefined) {
    throw new NotRunnable({
      at: late.at,
      name: 'setup-after-thread',
      what: `${scenario.name} does something between its threads; it would run before them, which is not what it reads like.`,
      wayOut: 'Move it above the first thread, or into a thread.',
    });
  }
  if (firstThread < 0)
    throw new NotRunnable({
      at: scenario.at,
      name: 'scenario-without-thread',
      what: `${scenario.name} has no thread, so nothing happens in it.`,
      wayOut: 'Add `thread(() => ...)`.',
    });

  const setup = runSetup(frame, setupBody);
  const sites: Site[] = [];
  const shared = sharedWith(frame, sites, (type, instance, field) =>
    instance <= (setup.state.allocated[type] ?? 0) ? (setup.state.cells[`${type}#${instance}.${field}`] ?? 0) : undefined,
  );
  const first = globalInstance(frame.system.globals, firstProcess);
  const drafts: DraftThread[] = scenario.body
    .filter(statement => statement.kind === 'thread')
    .map((statement, index) => {
      const process = statement.process === undefined ? first : processOf(frame, statement.process, setup.environment);
      const inliner = createInliner(shared, process);
      inliner.body(statement.body, setup.environment);
      return {
        name: `T${index + 1}`,
        text: statement.text,
        context: statement.context,
        ...(process === 0 ? {} : { process }),
        work: null,
        graph: inliner.finish(),
      };
    });
  const pools = poolsOf(frame, drafts, sites, setup.state.allocated);
  drafts.push(...workersOf(frame, shared, pools));
  const processes = Array.from({ length: setup.state.allocated['Process'] ?? 0 }, (_, index) => `Process#${index + 1}`);
  const stays = [
    ...scenario.body.flatMap(statement => (statement.kind === 'stays' ? statement.what : [])).flatMap(what => staysOf(frame, what, setup)),
    ...processes.filter(name => (setup.state.alive[name] ?? 0) !== 0),
  ];
  const program = assemble(frame, drafts, sites, pools, setup.state.allocated, stays, { program: setup.program, steps: setup.steps });
  return {
    ...program,
    names: namesIn(setup.environment),
    initial: { ...translate(setup, program), threads: program.threads.map(atStart) },
  };
}

interface Setup {
  readonly program: Program;
  readonly steps: ReturnType<typeof runAlone>['steps'];
  readonly state: State;
  readonly environment: Environment;
}

function runSetup(frame: Frame, body: readonly Statement[]): Setup {
  const sites: Site[] = [];
  // The setup is not judged: what it does wrong would be the scenario's fault, not the system's.
  const shared = sharedWith({ ...frame, contracts: [] }, sites, () => undefined);
  const inliner = createInliner(shared);
  const environment = inliner.body(body, new Map());
  const globals = globalCounts(frame.system.globals);
  const drafts: DraftThread[] = [
    { name: 'setup', text: frame.scenario.name, context: 'task', ...ofFirst(frame), work: null, graph: inliner.finish() },
  ];
  const pools = poolsOf(frame, drafts, sites, globals);
  drafts.push(...workersOf(frame, shared, pools));
  const open = assemble(frame, drafts, sites, pools, globals, [], null);
  const program: Program = {
    ...open,
    initial: {
      allocated: globals,
      alive: Object.fromEntries(globalObjects(frame.system.globals).map(object => [object, 1])),
      cells: givenCells(frame),
      exclusive: {},
      threads: open.threads.map(atStart),
    },
  };
  try {
    const { state, steps, slots } = runAlone(program);
    const settled = new Map(
      [...environment].map(([name, typed]): [string, Typed] => [
        name,
        { ...typed, value: { kind: 'constant', value: valueIn(typed.value, slots) } },
      ]),
    );
    return { program, steps, state, environment: settled };
  } catch (fault) {
    throw new NotRunnable({
      at: frame.scenario.at,
      name: 'setup-fails',
      what: `What ${frame.scenario.name} does before its first thread goes wrong: ${fault instanceof Error ? fault.message : String(fault)}`,
      wayOut: 'Do it in a thread, where it can be explored, or mend it.',
    });
  }
}

export function sharedWith(frame: Frame, sites: Site[], known: Shared['known']): Shared {
  const { system } = frame;
  const offered = new Map(Object.entries(system.interface).map(([name, operation]) => [operation, name]));
  for (const { operation } of frame.contracts) if (!offered.has(operation)) offered.set(operation, operation);
  const asked = system.rules.flatMap(rule => (rule.kind === 'ends' && rule.given !== null ? [rule.operation] : []));
  for (const operation of asked) if (!offered.has(operation)) offered.set(operation, operation);
  return {
    system,
    words: frame.words,
    known,
    entriesOn: entriesOn(system),
    visible: offered,
    kept: new Set(asked),
    sites,
    contractOf: operation => frame.contracts.findIndex(contract => contract.operation === operation),
  };
}

// ---- What the whole system says, whoever runs it

type Verb = Expression & { kind: 'verb' };

function verbsOf(system: System): Verb[] {
  const found: Verb[] = [];
  const visit = (part: unknown): void => {
    if (Array.isArray(part)) {
      part.forEach(visit);
      return;
    }
    if (part === null || typeof part !== 'object') return;
    if ('kind' in part && part.kind === 'verb') found.push(part as Verb);
    Object.values(part).forEach(visit);
  };
  visit(Object.values(system.operations));
  visit(system.scenarios.map(scenario => scenario.body));
  return found;
}

function entriesOn(system: System): Map<string, [string, string][]> {
  const found = new Map<string, [string, string][]>();
  for (const {
    verb,
    on,
    with: [entry],
  } of verbsOf(system)) {
    if (!['addWaitEntry', 'addWaitEntryExclusive', 'register'].includes(verb) || on === null || entry === undefined || 'kind' in entry)
      continue;
    const key = `${on.type}.${on.field}`;
    const entries = found.get(key) ?? [];
    if (!entries.some(([type, field]) => type === entry.type && field === entry.field)) entries.push([entry.type, entry.field]);
    found.set(key, entries);
  }
  return found;
}

function onQueue(system: System): Record<string, string[]> {
  const found: Record<string, string[]> = {};
  for (const {
    verb,
    on,
    with: [queue],
  } of verbsOf(system)) {
    if (verb !== 'queue' || on === null || queue === undefined || 'kind' in queue) continue;
    const works = (found[`${queue.type}.${queue.field}`] ??= []);
    if (!works.includes(`${on.type}.${on.field}`)) works.push(`${on.type}.${on.field}`);
  }
  return found;
}

export function contractsOf(system: System, words: readonly string[]): Contract[] {
  return system.rules.flatMap(rule =>
    rule.kind !== 'contract'
      ? []
      : [
          {
            rule: rule.name,
            operation: rule.operation,
            parameters: rule.parameters,
            ensures: rule.ensures,
            ...(rule.mayLeave === undefined ? {} : { mayLeave: rule.mayLeave }),
            fails: rule.fails.map(({ errno, when }) => ({ errno, value: 1 + words.indexOf(errno), when })),
          },
        ],
  );
}

// ---- Pools and workers

function poolsOf(
  frame: Frame,
  drafts: readonly DraftThread[],
  sites: readonly Site[],
  before: Readonly<Record<string, number>>,
): Record<string, number> {
  const pools: Record<string, number> = { ...before };
  for (const { graph } of drafts) {
    const { most, repeated } = allocationsOf(graph);
    if (repeated !== null) {
      throw new NotRunnable({
        at: sites[repeated]?.at ?? frame.scenario.at,
        name: 'alloc-in-loop',
        what: `${frame.scenario.name} may allocate here any number of times, and an object is never the same twice.`,
        wayOut: 'Allocate outside the loop, or count the rounds: `for (let i = 0; i < 3; i += 1)`.',
      });
    }
    for (const [type, count] of Object.entries(most)) pools[type] = (pools[type] ?? 0) + count;
  }
  const large = Object.entries(pools).find(([, count]) => count > 30);
  if (large !== undefined)
    throw new NotRunnable({
      at: frame.scenario.at,
      name: 'too-many-objects',
      what: `${frame.scenario.name} may allocate ${large[1]} ${large[0]}; a set holds at most 30.`,
      wayOut: 'Use fewer, a scenario should be the smallest that shows something.',
    });
  return pools;
}

export function workersOf(frame: Frame, shared: Shared, pools: Readonly<Record<string, number>>): DraftThread[] {
  const { system } = frame;
  const queued = new Set(
    verbsOf(system).flatMap(({ verb, on, with: [work] }) => {
      if (verb === 'queue' && on !== null) return [`${on.type}.${on.field}`];
      return verb === 'queueAfterGrace' && work !== undefined && !('kind' in work) ? [`${work.type}.${work.field}`] : [];
    }),
  );
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
          const at = (system.operations[operation] as Operation).at;
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

// ---- Putting it together

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
  const rules = setup === null ? [] : system.rules.filter((rule: Rule) => rule.kind !== 'contract');
  return {
    system: system.name,
    variant: frame.variant,
    scenario: frame.scenario.name,
    types,
    globals: system.globals,
    words: frame.words,
    waitQueues,
    onQueue: onQueue(system),
    ...(orderedQueues(frame, pools).length === 0 ? {} : { ordered: orderedQueues(frame, pools) }),
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
  const used = onQueue(system);
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

/** 1 for pending; more where it is a place in an ordered queue, or 2 while a grace period lasts. */
function mostOfWork(system: System, work: string, pools: Readonly<Record<string, number>>): number {
  const ordered = Object.entries(onQueue(system)).find(([queue, works]) => {
    const [type = '', field = ''] = queue.split('.');
    return works.includes(work) && system.objects[type]?.fields.find(({ name }) => name === field)?.type.kind === 'ordered-work-queue';
  });
  const items = (ordered?.[1] ?? []).reduce((sum, one) => sum + (pools[one.split('.')[0] ?? ''] ?? 0), 0);
  const afterGrace = verbsOf(system).some(
    ({ verb, with: [on] }) => verb === 'queueAfterGrace' && on !== undefined && !('kind' in on) && `${on.type}.${on.field}` === work,
  );
  return Math.max(1, items, afterGrace ? 2 : 1);
}

/** A notifier chain is a semaphore with entries, a block one of them. */
function programKind(kind: FieldType['kind']): string {
  if (kind === 'ordered-work-queue') return 'work-queue';
  return kind === 'notifier-chain' ? 'rwsem' : kind === 'notifier-block' ? 'wait-entry' : kind;
}

function sizeOf(
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

/** Sizes of slots: what a pool allows, or the largest value that ever gets there. */
function closeSlots(open: readonly OpenSlot[], pools: Readonly<Record<string, number>>, words: number, threads: number): Slot[] {
  const max = open.map(({ type, mask, owner, max: own, from }) =>
    owner
      ? threads
      : mask !== null
        ? 2 ** (pools[mask] ?? 0) - 1
        : type !== null
          ? (pools[type] ?? 0)
          : from.reduce((most, value) => (value.kind === 'constant' ? Math.max(most, value.value) : most), own),
  );
  const word = open.map(slot => slot.word);
  for (let changed = true; changed; ) {
    changed = false;
    open.forEach(({ from }, index) => {
      for (const value of from) {
        const bound = boundOf(value, max);
        if (bound > (max[index] ?? 0)) {
          max[index] = bound;
          changed = true;
        }
        if (value.kind === 'slot' && word[value.slot] === true && word[index] !== true) {
          word[index] = true;
          changed = true;
        }
      }
    });
  }
  return open.map(({ name, type }, index) => ({
    name,
    type,
    word: word[index] ?? false,
    max: word[index] === true ? Math.max(words, max[index] ?? 0) : (max[index] ?? 0),
  }));
}

function boundOf(value: Value, max: readonly number[]): number {
  if (value.kind === 'constant') return value.value;
  if (value.kind === 'slot') return max[value.slot] ?? 0;
  if (value.operator === '+')
    return Math.min(
      15,
      value.of.reduce((sum, part) => sum + boundOf(part, max), 0),
    );
  if (value.operator === '-' || value.operator === '&&' || value.operator === '||')
    return Math.max(...value.of.map(part => boundOf(part, max)));
  return 1;
}

function valueIn(value: Value, slots: readonly number[]): number {
  if (value.kind === 'constant') return value.value;
  if (value.kind === 'slot') return slots[value.slot] ?? 0;
  throw new Error('a computed local of the setup is used by a thread');
}

/** What nobody else does is done by the first process. */
function ofFirst(frame: Frame): { process?: number } {
  const process = globalInstance(frame.system.globals, firstProcess);
  return process === 0 ? {} : { process };
}

function processOf(frame: Frame, process: Expression, environment: Environment): number {
  const typed = process.kind === 'local' ? environment.get(process.name) : undefined;
  if (typed?.type === 'Process' && typed.value.kind === 'constant') return typed.value.value;
  throw new NotRunnable({
    at: frame.scenario.at,
    name: 'user-without-process',
    what: `${frame.scenario.name} has a user that is not a process of its setup.`,
    wayOut: 'Write `const one = process();` above, and `user(one, () => ...)`.',
  });
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

/** The setup's state in the numbers of the program: only wait queues are counted differently, because there are more of them. */
function translate(setup: Setup, program: Program): Omit<State, 'threads'> {
  const { allocated, alive, cells, exclusive } = setup.state;
  const translated: Record<string, number> = {};
  for (const [name, value] of Object.entries(cells)) {
    const [, type = '', field = ''] = /^(.*)#\d+\.(.*)$/.exec(name) ?? [];
    const kind = program.types.find(one => one.name === type)?.fields.find(one => one.name === field)?.kind;
    if (kind !== 'wait-entry' || value === 0) {
      translated[name] = value;
      continue;
    }
    const queue = setup.program.waitQueues[value - 1];
    translated[name] =
      1 + program.waitQueues.findIndex(one => one.type === queue?.type && one.instance === queue.instance && one.field === queue.field);
  }
  return { allocated, alive, cells: translated, exclusive };
}

function namesIn(environment: Environment): Record<string, string> {
  const names: Record<string, string> = {};
  for (const [local, { type, value }] of environment)
    if (type !== null && value.kind === 'constant' && value.value > 0) names[`${type}#${value.value}`] ??= local.split('@')[0] ?? local;
  return names;
}

/** Fields that declared objects have from the beginning, by cell. A module is loaded, which is a reference of its own. */
export function givenCells({ system, words }: Frame): Record<string, number> {
  const cells: Record<string, number> = {};
  for (const [name, type] of Object.entries(system.globals)) {
    const object = `${type}#${globalInstance(system.globals, name)}`;
    if (type === 'Module') cells[`${object}.pins`] = 1;
    if (name === firstProcess) Object.assign(cells, { [`${object}.users`]: 1, [`${object}.admin`]: 1 });
    for (const [field, value] of Object.entries(system.given[name] ?? {}))
      cells[`${object}.${field}`] = typeof value === 'string' ? 1 + words.indexOf(value) : Number(value ?? 0);
  }
  return cells;
}

/** Objects that an expression names when the first thread begins: a local, a declared object, what a field of one leads to. */
function staysOf(frame: Frame, what: Expression, setup: Setup): string[] {
  const found = instancesIn(frame, what, setup);
  if (found !== null && found.instances.length > 0) return found.instances.map(instance => `${found.type}#${instance}`);
  throw new NotRunnable({
    at: 'at' in what ? what.at : frame.scenario.at,
    name: 'stays-without-object',
    what: `${frame.scenario.name} names something in stays that is no object when the first thread begins.`,
    wayOut: 'Name locals that hold objects, or fields of theirs: `stays(vm, device.set)`.',
  });
}

function instancesIn(
  frame: Frame,
  what: Expression,
  setup: Setup,
): { readonly type: string; readonly instances: readonly number[] } | null {
  switch (what.kind) {
    case 'global':
      return { type: what.type, instances: [globalInstance(frame.system.globals, what.name)] };
    case 'local': {
      const typed = setup.environment.get(what.name);
      if (typed?.type == null || typed.value.kind !== 'constant') return null;
      return { type: typed.type, instances: typed.value.value === 0 ? [] : [typed.value.value] };
    }
    case 'read': {
      const owner = instancesIn(frame, what.field.of, setup);
      const type = frame.system.objects[what.field.type]?.fields.find(({ name }) => name === what.field.field)?.type;
      if (owner === null || type?.kind !== 'pointer') return null;
      const values = owner.instances.map(one => setup.state.cells[`${owner.type}#${one}.${what.field.field}`] ?? 0);
      return { type: type.to, instances: values.filter(value => value !== 0) };
    }
    default:
      return null;
  }
}
