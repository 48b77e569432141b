/** The slow and obvious interpreter of a program. Follows `program.ts` word for word; shares nothing with the generated stepper. */
import { END, type Finding, type Program, type State, type Step } from '../program.ts';
import { seeInstant } from './contract-ghosts.ts';
import { choices, look, objectNames } from './evaluate.ts';
import { alternativesOf, type Frame, perform } from './interpret-action.ts';
import { type Attempt, judge, judgeSole, judgeTouches } from './judge-step.ts';
import { noteChanges } from './left-behind.ts';
import { indexOf, nodeAt, siteOf, threadAt } from './program-index.ts';

export interface Successor {
  readonly step: Step;
  /** Null if a fatal finding cut the path. */ readonly state: State | null;
  readonly findings: readonly Finding[];
}

/** A node that is not pure, as it was performed on the way. */
export interface Act {
  readonly node: number;
  readonly alternative: number;
  readonly before: Readonly<Record<number, number>>;
  readonly after: Readonly<Record<number, number>>;
  /** It has a fatal finding. */ readonly cut: boolean;
}

/** A successor, and how it came about. */
export interface Walk extends Successor {
  readonly acts: readonly Act[];
  /** Slots that were written, dead or not, and their last values. */
  readonly assigned: Readonly<Record<number, number>>;
}

/** All threads in order, all alternatives in order. A thread that has to wait, or has ended, is absent. */
export function successors(program: Program, state: State): Successor[] {
  return walks(program, state).map(({ step, state, findings }) => ({ step, state, findings }));
}

export function walks(program: Program, state: State): Walk[] {
  return program.threads.flatMap((_, thread) => walkThread(program, state, thread));
}

/** The program's first state, with each thread at a node that is not pure. */
export function startOf(program: Program): State {
  const state = copyState(program.initial);
  program.threads.forEach((_, thread) => begin(program, state, thread));
  return state;
}

/** Runs the pure nodes that a thread begins with; gives the slots they write. */
function begin(program: Program, state: State, thread: number): Frame['assigned'] {
  const position = state.threads[thread];
  const frame: Frame = { slots: { ...position?.slots }, assigned: {} };
  const node = runPure(program, state, thread, position?.node ?? END, frame);
  standAt(program, state, thread, node, frame);
  return frame.assigned;
}

/** The steps that one thread can take now. */
export function walkThread(program: Program, state: State, thread: number): Walk[] {
  const lead = walkAhead(program, state, thread);
  const { frame, node, findings, acts } = lead;
  const here = state.threads[thread]?.node ?? END;
  if (here === END) return [];
  if (lead.cut) return [{ step: { thread, node, alternative: 0 }, state: null, findings, acts, assigned: frame.assigned }];
  if (node === END) {
    // Only nodes that touch ahead were left. Going on to the end is a step of its own, named by where it starts.
    return [finish(program, { state: copyState(state), frame, node: END, step: { thread, node: here, alternative: 0 }, findings, acts })];
  }
  const standing = { program, state, thread, node: nodeAt(threadAt(program, thread), node), slots: frame.slots };
  return alternativesOf(standing).map(alternative => take({ ...standing, alternative }, node, lead));
}

interface Lead {
  readonly frame: Frame;
  readonly node: number;
  readonly findings: readonly Finding[];
  readonly acts: readonly Act[];
  readonly cut: boolean;
}

/** Runs a thread's nodes up to its next step node, on a frame of its own; changes no state. */
export function walkAhead(program: Program, state: State, thread: number): Lead {
  const position = state.threads[thread];
  const frame: Frame = { slots: { ...position?.slots }, assigned: {} };
  const findings: Finding[] = [];
  const acts: Act[] = [];
  let number = position?.node ?? END;
  for (let count = 0; number !== END; count++) {
    const node = nodeAt(threadAt(program, thread), number);
    const { kind } = node.action;
    const ahead = kind === 'read-constant' || kind === 'assert-held';
    if (!ahead && !isPure(kind)) break;
    if (count > endless)
      throw new Error(`${threadAt(program, thread).name} never comes to a step after ${siteOf(program, thread, number)}.`);
    const before = { ...frame.slots };
    const at: Attempt = { program, state, thread, node, slots: before, alternative: 0 };
    const fatal = ahead ? judgeTouches(at) : null;
    if (ahead && !fatal) findings.push(...judgeSole(at));
    if (fatal) {
      return {
        frame,
        node: number,
        findings: [...findings, fatal],
        acts: [...acts, { node: number, alternative: 0, before, after: before, cut: true }],
        cut: true,
      };
    }
    const outcome = perform(at, state, frame);
    findings.push(...outcome.findings);
    if (ahead) acts.push({ node: number, alternative: 0, before, after: { ...frame.slots }, cut: false });
    number = outcome.next;
  }
  return { frame, node: number, findings, acts, cut: false };
}

/** More nodes than any path between two steps has. */
const endless = 100_000;

function isPure(kind: string): boolean {
  return kind === 'set' || kind === 'branch' || kind === 'jump';
}

/** One step node, in one alternative, and the pure nodes after it. */
function take(at: Attempt, number: number, lead: Lead): Walk {
  const { program, thread, alternative } = at;
  const step: Step = { thread, node: number, alternative };
  const frame: Frame = { slots: { ...lead.frame.slots }, assigned: { ...lead.frame.assigned } };
  const before = lead.frame.slots;
  const judged = judge(at);
  const draft = copyState(at.state);
  const outcome = judged.some(({ fatal }) => fatal) ? null : perform(at, draft, frame);
  if (outcome) noteChanges(at, draft);
  const findings = [...lead.findings, ...judged, ...(outcome?.findings ?? [])];
  const cut = findings.some(({ fatal }) => fatal);
  const acts = [...lead.acts, { node: number, alternative, before, after: cut ? before : { ...frame.slots }, cut }];
  if (!outcome || cut) return { step, state: null, findings, acts, assigned: frame.assigned };
  const next = runPure(program, draft, thread, outcome.next, frame);
  return finish(program, { state: draft, frame, node: next, step, findings, acts });
}

/** Runs pure nodes from there on; gives the first node that is not. */
function runPure(program: Program, state: State, thread: number, from: number, frame: Frame): number {
  let next = from;
  for (let count = 0; next !== END; count++) {
    const node = nodeAt(threadAt(program, thread), next);
    if (!isPure(node.action.kind)) break;
    if (count > endless) throw new Error(`${threadAt(program, thread).name} never comes to a step after ${siteOf(program, thread, next)}.`);
    next = perform({ program, state, thread, node, slots: frame.slots, alternative: 0 }, state, frame).next;
  }
  return next;
}

interface Unfinished {
  readonly state: State;
  readonly frame: Frame;
  readonly node: number;
  readonly step: Step;
  readonly findings: readonly Finding[];
  readonly acts: readonly Act[];
}

/** Lets the contracts see the new state. */
function finish(program: Program, { state, frame, node, step, findings, acts }: Unfinished): Walk {
  standAt(program, state, step.thread, node, frame);
  seeInstant(program, state);
  return { step, state, findings, acts, assigned: frame.assigned };
}

/** Puts the thread there, with the slots that will still be read. */
function standAt(program: Program, state: State, thread: number, node: number, frame: Frame): void {
  const position = state.threads[thread];
  if (!position) throw new Error(`The state has no thread ${thread}.`);
  const slots: Record<number, number> = {};
  for (const slot of indexOf(program).live[thread]?.[node] ?? []) {
    const value = frame.slots[slot] ?? 0;
    if (value !== 0) slots[slot] = value;
  }
  state.threads[thread] = { ...position, node, slots };
}

/** A copy that shares nothing with the original. */
export function copyState(state: State): State {
  return {
    allocated: { ...state.allocated },
    alive: { ...state.alive },
    cells: { ...state.cells },
    exclusive: { ...state.exclusive },
    ...(state.sole === undefined ? {} : { sole: { ...state.sole } }),
    threads: state.threads.map(thread => ({
      ...thread,
      slots: { ...thread.slots },
      readers: { ...thread.readers },
      grace: { ...thread.grace },
      flush: { ...thread.flush },
      waiting: { ...thread.waiting },
      ...(thread.left === undefined ? {} : { left: { ...thread.left } }),
    })),
  };
}

/** Invariants and settled rules that are false in this state; one finding for each choice of objects. */
export function stateFindings(program: Program, state: State): Finding[] {
  const findings: Finding[] = [];
  for (const rule of indexOf(program).stateRules) {
    for (const variables of choices(program, state, rule.over)) {
      const at = { program, state, thread: null, variables };
      if (rule.kind === 'settled' && look(rule.busy, at) !== 0) continue;
      if (rule.when !== null && look(rule.when, at) === 0) continue;
      if (look(rule.then, at) !== 0) continue;
      const objects = objectNames(rule.over, variables);
      findings.push({
        rule: rule.name,
        detail: Object.entries(objects)
          .map(([name, object]) => `${name} is ${object}`)
          .join(', '),
        fatal: false,
        objects,
      });
    }
  }
  return findings;
}

/**
 * A setup: thread 0 runs whenever it can, otherwise the first worker that can; always the first alternative. Ends when thread 0 has.
 * `slots` are thread 0's as last written, dead or not. Throws if it is stuck, or breaks a rule.
 */
export function runAlone(program: Program): { state: State; steps: Step[]; slots: number[] } {
  const first = copyState(program.initial);
  const begun = program.threads.map((_, thread) => begin(program, first, thread));
  let state: State = first;
  const steps: Step[] = [];
  const slots = threadAt(program, 0).slots.map((_, slot) => begun[0]?.[slot] ?? program.initial.threads[0]?.slots[slot] ?? 0);
  for (;;) {
    const at = state.threads[0]?.node ?? END;
    if (at === END) return { state, steps, slots };
    const walk = firstWalk(program, state);
    if (!walk) throw new Error(`The setup of ${program.scenario} waits for ever at ${siteOf(program, 0, at)}.`);
    const [finding] = walk.findings;
    if (finding || !walk.state) {
      throw new Error(
        `The setup of ${program.scenario} breaks ${finding?.rule ?? 'a rule'} at ${siteOf(program, walk.step.thread, walk.step.node)}: ${finding?.detail ?? ''}.`,
      );
    }
    if (walk.step.thread === 0) for (const [slot, value] of Object.entries(walk.assigned)) slots[Number(slot)] = value;
    steps.push(walk.step);
    state = walk.state;
    if (steps.length > endless) throw new Error(`The setup of ${program.scenario} never ends; it is at ${siteOf(program, 0, at)}.`);
  }
}

function firstWalk(program: Program, state: State): Walk | null {
  for (let thread = 0; thread < program.threads.length; thread++) {
    const [walk] = walkThread(program, state, thread);
    if (walk) return walk;
  }
  return null;
}

/** Equal for two states exactly if the states are equal; an entry that is 0 is the same as none. */
export function canonical(state: State): string {
  const parts = [entries(state.allocated), entries(state.alive), entries(state.cells), entries(state.exclusive), entries(state.sole ?? {})];
  for (const { node, slots, readers, grace, flush, waiting, seen, due, ensured, left } of state.threads) {
    parts.push(`${node},${seen},${due},${ensured}`, entries(slots), entries(readers), entries(grace), entries(flush), entries(waiting));
    parts.push(entries(left ?? {}));
  }
  return parts.join('|');
}

function entries(record: Readonly<Record<string, number>>): string {
  return Object.keys(record)
    .filter(name => record[name] !== 0)
    .sort()
    .map(name => `${name}=${record[name]}`)
    .join(';');
}
