/**
 * A program as JavaScript source: one function for each place where a thread can stand, which gives every successor of a state.
 *
 * The source is a function body without its surroundings. It calls `add(leaf, ...words)` for a successor, `cut(finding, leaf)`
 * and `note(finding, leaf)` for what is wrong with a step, `broken(finding)` for a state rule, `exceed(text)` where a bound of the program
 * is too small. Whoever compiles it defines these: the search to store states, the simulator to collect them. Who calls `exercise` also
 * defines `tested`, a byte for each name in `tested`, and `untested`, how many of them are 0.
 */

import { fieldOf, indexOf } from '../interpret/program-index.ts';
import { END, type Node, type Program } from '../program.ts';
import { place } from './anchors.ts';
import { anchorCell, fieldCell, registerCell, runCell } from './cells.ts';
import { cell, type Emission, type FindingKind, finding, type Leaf, type Path, successor, withNotes, withSlot } from './emission.ts';
import { emitStep } from './emit-action.ts';
import { contractRunning, type Judging, judging } from './emit-contracts.ts';
import { arisesForSome, brokenForSome, heldBy } from './emit-predicate.ts';
import { assign, mostOf, valueOf } from './emit-value.ts';
import { type Code, equal, fork, not } from './generated-code.ts';
import { type Layout, layout } from './layout.ts';
import { withLeft } from './left-cells.ts';
import { timing } from './liveness.ts';
import type { SearchModule } from './search-module.ts';
import { touched } from './taking.ts';

export interface StepperSource {
  readonly layout: Layout;
  readonly findings: readonly FindingKind[];
  readonly leaves: readonly Leaf[];
  readonly excesses: readonly string[];
  /** State rules, by name: `exercise` notes the first state in which the condition of each is true. */ readonly tested: readonly string[];
  /** Defines `expand(...words)`, `judge(...words)`, `exercise(...words)` and `atRest(...words)`. */ readonly source: string;
  /** The search of it, where it was made already. */ readonly searching?: SearchModule;
}

export function wordNames(layout: Layout, prefix: 'w' | 'a'): readonly string[] {
  return Array.from({ length: layout.words }, (_, word) => `${prefix}${word}`);
}

/** A node met more often than this on the way through one step is in a loop that has none. */
const OFTEN = 256;

export interface Emitting {
  readonly e: Emission;
  readonly judgings: readonly (Judging | null)[];
}

function onTheWay(e: Emission, path: Path, number: number, node: Node): Path {
  if (path.nodes.filter(one => one === number).length >= OFTEN)
    throw new Error(`${place(e.program.sites[node.site])}: the loop around this has no step in it`);
  return { ...path, nodes: [...path.nodes, number] };
}

/** From where a thread stands up to and including its next step. */
export function upToStep(to: Emitting, path: Path, number: number): string {
  const { e } = to;
  const node = e.program.threads[path.thread]?.nodes[number];
  // Only nodes that touch ahead were left. Going on to the end is a step of its own, named by where it starts.
  if (node === undefined) return arrive(to, path, END, path.from, 0);
  const at = onTheWay(e, path, number, node);
  const { action } = node;
  switch (action.kind) {
    case 'read-constant':
      return touched(e, at, number, action.target, (instance, at) =>
        assign(
          e,
          at,
          number,
          action.slot,
          cell(e.layout, fieldCell(action.target.type, instance, action.target.field)),
          fieldOf(e.program, action.target.type, action.target.field).max,
          path => upToStep(to, path, node.next),
        ),
      );
    case 'assert-held':
      return touched(e, at, number, action.target, (instance, at) => {
        const missing = not(
          heldBy(e.program, name => cell(e.layout, name), path.thread, action.target.type, instance, action.target.field),
        );
        return upToStep(
          to,
          withNotes(at, missing === 0 ? [] : [{ when: missing, finding: finding(e, 'always.heldWhereAsserted', false, 'step') }]),
          node.next,
        );
      });
    case 'set':
    case 'branch':
    case 'jump':
      return pure(e, at, number, node, (path, next) => upToStep(to, path, next));
    default:
      return emitStep(e, at, number, node, (next, path, alternative) => afterStep(to, path, next, number, alternative));
  }
}

/** From a step on through what is pure. */
function afterStep(to: Emitting, path: Path, number: number, step: number, alternative: number): string {
  const node = to.e.program.threads[path.thread]?.nodes[number];
  if (node === undefined || timing(node.action) !== 'pure') return arrive(to, path, node === undefined ? END : number, step, alternative);
  return pure(to.e, onTheWay(to.e, path, number, node), number, node, (path, next) => afterStep(to, path, next, step, alternative));
}

function pure(e: Emission, path: Path, number: number, node: Node, then: (path: Path, next: number) => string): string {
  const { action } = node;
  switch (action.kind) {
    case 'set':
      return assign(e, path, number, action.slot, valueOf(e, path, action.value), mostOf(e, path, action.value), at => then(at, node.next));
    case 'branch': {
      const { when } = action;
      // Where the branch is on a slot alone, it is known to be 0 on the way that is taken then.
      const zero = when.kind === 'slot' ? withSlot(path, when.slot, 0) : path;
      return fork(
        valueOf(e, path, when),
        () => then(path, node.next),
        () => then(zero, node.otherwise),
      );
    }
    default:
      return then(path, node.next);
  }
}

/** The thread stands at its next place: the words of the state it leads to. */
function arrive({ e, judgings }: Emitting, taken: Path, to: number, step: number, alternative: number): string {
  const path = withLeft(e, taken, step);
  const { layout } = e,
    { thread } = path,
    plan = layout.threads[thread],
    program = e.program.threads[thread];
  if (plan === undefined || program === undefined) throw new Error(`there is no thread ${thread}`);
  if (e.watch !== undefined) {
    e.watch.arrived(path, step, to, judges({ e, judgings }, path, to, step));
    return '';
  }
  const number = plan.anchors.number.get(to);
  if (number === undefined) throw new Error(`${program.name} cannot stand at node ${to}`);
  const cells = new Map(path.cells).set(anchorCell(thread), number);
  const before = plan.live[path.from] ?? new Set<number>(),
    after = plan.live[to] ?? new Set<number>();
  const left = new Set([...before].flatMap(slot => plan.registers.of.get(slot) ?? []));
  for (const slot of after) {
    const register = plan.registers.of.get(slot);
    // Of a pointer to a type that has no instance here there is only null.
    if (register === undefined || plan.registers.widths[register] === 0) continue;
    left.delete(register);
    const value = path.slots.get(slot) ?? (before.has(slot) ? null : 0);
    if (value !== null) cells.set(registerCell(thread, register), value);
  }
  for (const register of left) cells.set(registerCell(thread, register), 0);
  return successor(e, path, step, alternative, to, changedWords(layout, cells), judges({ e, judgings }, path, to, step));
}

function changedWords(layout: Layout, cells: ReadonlyMap<string, Code>): readonly string[] {
  const cleared = new Map<number, number>(),
    parts = new Map<number, string[]>(),
    fixed = new Map<number, number>();
  for (const [name, value] of cells) {
    const at = layout.bits.get(name);
    if (value === cell(layout, name)) continue;
    if (at === undefined) throw new Error(`${name} changes to ${value}, but has no place in the layout`);
    cleared.set(at.word, (cleared.get(at.word) ?? 0) | ((2 ** at.width - 1) << at.shift));
    if (typeof value === 'number') fixed.set(at.word, (fixed.get(at.word) ?? 0) | (value << at.shift));
    else parts.set(at.word, [...(parts.get(at.word) ?? []), at.shift === 0 ? value : `${value} << ${at.shift}`]);
  }
  return wordNames(layout, 'w').map((name, word) => {
    const mask = cleared.get(word);
    if (mask === undefined) return name;
    const set = fixed.get(word) ?? 0;
    return [`${name} & ${~mask}`, ...(set === 0 ? [] : [`${set}`]), ...(parts.get(word) ?? [])].join(' | ');
  });
}

/** Threads, as bits, whose contracts can see something new in the state that a step leads to. */
function judges({ e, judgings }: Emitting, path: Path, to: number, step: number): number {
  const kind = e.program.threads[path.thread]?.nodes[step]?.action.kind;
  const changed = [...path.cells.keys(), ...(kind === 'take' || kind === 'done' ? [runCell(path.thread)] : [])];
  return judgings.reduce((bits, judging, index) => {
    if (judging === null) return bits;
    const thread = e.program.threads[index];
    const itself = index === path.thread;
    if (itself && (thread === undefined || to === END || contractRunning(e, thread, to) === null)) return bits;
    return (itself && kind === 'call') || changed.some(name => judging.support.has(name)) ? bits | (1 << index) : bits;
  }, 0);
}

function stateRules(e: Emission): string {
  const look = { program: e.program, read: (name: string): Code => cell(e.layout, name), thread: null, variables: new Map<string, Code>() };
  return indexOf(e.program)
    .stateRules.map(rule => {
      const when = brokenForSome(look, rule.over, rule.kind === 'settled' ? rule.busy : null, rule.when, rule.then);
      return when === 0 ? '' : `if (${when}) broken(${finding(e, rule.name, false, 'state')});\n`;
    })
    .join('');
}

/** Whether conditions of state rules come about: a rule whose condition never does is not put to the test. */
function exercising(e: Emission): string {
  const look = { program: e.program, read: (name: string): Code => cell(e.layout, name), thread: null, variables: new Map<string, Code>() };
  return indexOf(e.program)
    .stateRules.map((rule, at) => {
      const when = arisesForSome(look, rule.over, rule.kind === 'settled' ? rule.busy : null, rule.when);
      return when === 0 ? '' : `if (tested[${at}] === 0${when === 1 ? '' : ` && ${when}`}) { tested[${at}] = 1; untested--; }\n`;
    })
    .join('');
}

function resting(layout: Layout): string {
  return (
    layout.threads
      .map(({ anchors }, index) => {
        const worker = layout.program.threads[index]?.context === 'worker';
        const number = worker ? 0 : anchors.number.get(END);
        return number === undefined ? 0 : equal(cell(layout, anchorCell(index)), number);
      })
      .map(code => `${code}`)
      .join(' && ') || '1'
  );
}

/** What a reduction adds: how states are expanded, and what becomes of a successor. */
export interface Reduction {
  /** Defines `expand(...words)` and `go(leaf, ...words)`; calls `stepOf(thread, ...words)`, and `add` for what is stored. */
  readonly code: (layout: Layout, words: readonly string[]) => string;
}

export function emitStepper(program: Program, reduction: Reduction | null = null): StepperSource {
  const of = layout(program);
  const e: Emission = {
    program,
    layout: of,
    findings: [],
    leaves: [],
    excesses: [],
    temporaries: 0,
    onto: reduction === null ? 'add' : 'go',
  };
  const judgings = program.threads.map((_, index) => judging(e, index));
  const to: Emitting = { e, judgings };
  const words = wordNames(of, 'w').join(', ');
  const functions: string[] = [];
  const calls = of.threads.map(({ anchors }, thread) => {
    const ways = [...anchors.number]
      .filter(([node]) => node !== END)
      .map(([node, number]) => {
        const start: Path = { thread, from: node, slots: new Map(), cells: new Map(), notes: [], nodes: [] };
        functions.push(`function step${thread}_${number}(${words}) { ${upToStep(to, start, node)}}\n`);
        return `case ${number}: step${thread}_${number}(${words}); break;\n`;
      });
    return `switch (${cell(of, anchorCell(thread))}) {\n${ways.join('')}}\n`;
  });
  const expanding =
    reduction === null
      ? `function expand(${words}) {\n${calls.join('')}}\n`
      : `function stepOf(thread, ${words}) { switch (thread) {\n${calls.map((call, thread) => `case ${thread}: ${call}break;\n`).join('')}} }\n${reduction.code(of, wordNames(of, 'w'))}`;
  return {
    layout: of,
    findings: e.findings,
    leaves: e.leaves,
    excesses: e.excesses,
    tested: stateRuleNames(program),
    source: `${functions.join('')}${expanding}${emitShared(to)}`,
  };
}

export function stateRuleNames(program: Program): readonly string[] {
  return indexOf(program).stateRules.map(rule => rule.name);
}

/** What belongs to no thread's place: contracts that see a new state, state rules, their conditions, and whether all has ended. */
export function emitShared({ e, judgings }: Emitting): string {
  const words = wordNames(e.layout, 'w').join(', '),
    after = wordNames(e.layout, 'a').join(', ');
  const seeing = judgings.flatMap((judging, index) => (judging === null ? [] : [`if (who & ${1 << index}) { ${judging.code}}\n`]));
  return (
    `function judged(who, leaf, ${after}) {\n${seeing.join('')}${e.onto}(leaf, ${after});\n}\n` +
    `function judge(${words}) {\n${stateRules(e)}}\n` +
    `function exercise(${words}) {\n${exercising(e)}}\nfunction atRest(${words}) { return ${resting(e.layout)}; }\n`
  );
}
