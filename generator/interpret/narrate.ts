/** A run of a program as the events of a trace: what was there from the start, the setup, and then each step. */
import type { Event, Scalar } from '../../oracles/event.ts';
import { globalObjects } from '../instantiate/globals.ts';
import { END, type Program, type State, type Step } from '../program.ts';
import { type Happening, happenings } from './act-events.ts';
import { cellName, evaluate, isAlive, membersOf, objectName } from './evaluate.ts';
import { startOf, type Walk, walkAhead, walkThread } from './interpret.ts';
import { fieldOf, nodeAt, siteOf, threadAt } from './program-index.ts';
import { atRest, mayStay } from './quiescence.ts';
import { fieldScalar } from './scalar.ts';

export interface Narration {
  readonly events: Event[];
  /** The state before the first step, and after each; a step that was cut leaves none. */ readonly states: State[];
  /** For each step, the positions in `events` of its events. Those before the first step belong to the setup. */ readonly eventsOf: number[][];
}

/** Thread of everything that happens before the first thread of the scenario. */
const setupName = 'setup';

interface Writer {
  readonly events: Event[];
  readonly add: (thread: string, happening: Happening, site?: string) => void;
}

function createWriter(events: Event[] = [], firstSeq = 0): Writer {
  return {
    events,
    add: (thread, happening, site) =>
      void events.push({ seq: firstSeq + events.length, thread, ...(site === undefined ? {} : { site }), ...happening }),
  };
}

/** Throws if one of the steps cannot be taken where it stands. At rest after the last one, the trace ends with `quiesce`. */
export function narrate(program: Program, steps: readonly Step[]): Narration {
  const writer = createWriter();
  const started = new Set<string>();
  beforeSetup(program.setup?.program ?? program, writer);
  if (program.setup) {
    const setup = program.setup.program;
    let state = startOf(setup);
    for (const step of program.setup.steps) {
      const walk = walkOf(setup, state, step);
      addStep(setup, state, walk, step.thread === 0 ? setupName : threadAt(setup, step.thread).name, writer, started);
      if (walk.state) state = walk.state;
    }
  }
  writer.add(setupName, { kind: 'thread-end' });

  const states = [startOf(program)];
  const eventsOf = steps.map((step, index) => {
    const state = states.at(-1);
    if (!state || states.length <= index) throw new Error(`Step ${index} comes after one that was cut.`);
    const walk = walkOf(program, state, step);
    const first = writer.events.length;
    addStep(program, state, walk, threadAt(program, step.thread).name, writer, started);
    if (walk.state) states.push(walk.state);
    return Array.from({ length: writer.events.length - first }, (_, position) => first + position);
  });
  const last = states.at(-1);
  if (last && states.length > steps.length && atRest(program, last)) writer.add(setupName, { kind: 'quiesce', stays: mayStay(program) });
  return { events: writer.events, states, eventsOf };
}

function walkOf(program: Program, state: State, step: Step): Walk {
  const walk = walkThread(program, state, step.thread).find(
    one => one.step.node === step.node && one.step.alternative === step.alternative,
  );
  if (!walk)
    throw new Error(
      `${threadAt(program, step.thread).name} cannot take alternative ${step.alternative} of ${siteOf(program, step.thread, step.node)} now.`,
    );
  return walk;
}

/** Objects that are there from the start, as if they were made first. */
function beforeSetup(program: Program, writer: Writer): void {
  const process = program.threads[0]?.process;
  const own = process === undefined ? undefined : globalObjects(program.globals).find(name => name === objectName('Process', process));
  writer.add(setupName, { kind: 'thread-start', context: 'task', ...(own === undefined ? {} : { process: own }) });
  const { initial } = program;
  const members: Happening[] = [];
  for (const { name: type, fields } of program.types)
    for (let instance = 1; instance <= (initial.allocated[type] ?? 0); instance++) {
      if (!isAlive(initial, type, instance)) continue;
      const given: Record<string, Scalar> = {};
      for (const { name, kind, to } of fields) {
        const cell = cellName(type, instance, name);
        const value = initial.cells[cell] ?? 0;
        if (value === 0) continue;
        if (kind === 'set' && to !== null)
          for (const member of membersOf(value)) members.push({ kind: 'add', set: cell, member: objectName(to, member) });
        else if (['pointer', 'word', 'boolean', 'number', 'refcount'].includes(kind)) given[name] = fieldScalar(program, type, name, value);
      }
      writer.add(setupName, { kind: 'alloc', object: objectName(type, instance), fields: given });
    }
  for (const one of members) writer.add(setupName, one);
}

function addStep(program: Program, state: State, walk: Walk, name: string, writer: Writer, started: Set<string>): void {
  const { thread: number } = walk.step;
  const { context, process } = threadAt(program, number);
  if (name !== setupName && !started.has(name)) {
    started.add(name);
    writer.add(name, { kind: 'thread-start', context, ...(process === undefined ? {} : { process: objectName('Process', process) }) });
  }
  for (const act of walk.acts) {
    for (const happening of happenings({ program, thread: number, act, state }))
      writer.add(name, happening, siteOf(program, number, act.node));
  }
  if (name !== setupName && walk.state?.threads[number]?.node === END) writer.add(name, { kind: 'thread-end' });
}

/** A `want` for each thread that waits for a lock now: what a trace of a deadlock ends with. */
export function blocked(program: Program, state: State, firstSeq = 0): Event[] {
  const writer = createWriter([], firstSeq);
  program.threads.forEach((thread, number) => {
    if (walkThread(program, state, number).length > 0) return;
    const { node, frame } = walkAhead(program, state, number);
    if (node === END) return;
    const { action } = nodeAt(thread, node);
    if (action.kind !== 'lock' && action.kind !== 'read-lock') return;
    const lock = cellName(action.target.type, evaluate(action.target.object, frame.slots), action.target.field);
    const how =
      action.kind === 'read-lock'
        ? {
            mode:
              fieldOf(program, action.target.type, action.target.field).kind === 'rwsem' ? ('read' as const) : ('recursive-read' as const),
          }
        : action.irq
          ? { irq: true }
          : {};
    writer.add(thread.name, { kind: 'want', lock, ...how }, siteOf(program, number, node));
  });
  return writer.events;
}
