/**
 * The code of a program, made as it is needed: one function for each place where a thread can stand, once a state is met in which one stands
 * there. A small scenario reaches a tenth of its program, so this takes far less time than the whole source does.
 */
import { END, type Program } from '../program.ts';
import { anchorCell } from './cells.ts';
import { cell, type Emission, type FindingKind, type Leaf, type Path } from './emission.ts';
import { judging } from './emit-contracts.ts';
import { type Emitting, emitShared, stateRuleNames, upToStep, wordNames } from './emit-stepper.ts';
import { type Layout, layout } from './layout.ts';

/** What was made so far; plain, so that it can be kept. It grows. */
export interface CodeSoFar {
  readonly layout: Layout;
  readonly findings: FindingKind[];
  readonly leaves: Leaf[];
  readonly excesses: string[];
  /** State rules, by name. */ readonly tested: readonly string[];
  /** What belongs to no place. */ readonly shared: string;
  /** By thread, the code of each place that was reached, by the number of its anchor. */ readonly steps: readonly Map<number, string>[];
}

/** Who is told what the code finds. */
export interface Sink {
  /** A successor, whose words are in `next` until the following one. */ readonly add: (leaf: number) => void;
  readonly cut: (finding: number, leaf: number) => void;
  readonly note: (finding: number, leaf: number) => void;
  readonly broken: (finding: number) => void;
}

/** The state is the words of `S` from `at` on. */
type OnState<Result> = (S: Int32Array, at: number) => Result;

export interface OnDemand {
  readonly code: CodeSoFar;
  readonly next: Int32Array;
  readonly expand: OnState<void>;
  readonly judge: OnState<void>;
  /** Notes in `tested` the state rules whose condition is true. */ readonly exercise: OnState<void>;
  readonly tested: Uint8Array;
  readonly atRest: OnState<boolean>;
  /** Tells this one from now on, and forgets what was tested. */ readonly tellTo: (sink: Sink) => void;
}

/** What the code of a step may call. */
const callable = ['add', 'judged', 'cut', 'note', 'exceed'];

interface Compiled extends Pick<OnDemand, 'expand' | 'judge' | 'exercise' | 'tested' | 'atRest'> {
  readonly begin: () => void;
  /** As `callable` names it. */ readonly called: readonly unknown[];
}

/** Goes on from what was made before, if it is there. What is at fault in the program throws only when it is reached. */
export function onDemand(program: Program, known: CodeSoFar | null = null): OnDemand {
  const code = known ?? nothingYet(program);
  const { layout } = code;
  let emitting: Emitting | null = null;
  const emit = (thread: number, number: number): string => {
    const before = code.steps[thread]?.get(number);
    if (before !== undefined) return before;
    const from = layout.threads[thread]?.anchors.nodes[number];
    if (from === undefined) throw new Error(`thread ${thread} has no place ${number}`);
    emitting ??= emittingOf(code);
    const start: Path = { thread, from, slots: new Map(), cells: new Map(), notes: [], nodes: [] };
    const text = upToStep(emitting, start, from);
    code.steps[thread]?.set(number, text);
    return text;
  };
  const none = (): never => {
    throw new Error('the code of a program ran before anyone listened');
  };
  let sink: Sink = { add: none, cut: none, note: none, broken: none };
  const next = new Int32Array(layout.words);
  const steps = layout.threads.map(({ anchors }): OnState<void>[] => {
    const own: OnState<void>[] = [];
    const end = anchors.number.get(END);
    if (end !== undefined) own[end] = () => {};
    return own;
  });
  const { called, begin, ...running } = compile(code, {
    next,
    steps,
    missing: (thread: number, number: number): OnState<void> => {
      const step: OnState<void> = new Function(...callable, stepSource(layout, emit(thread, number)))(...called);
      const own = steps[thread];
      if (own !== undefined) own[number] = step;
      return step;
    },
    found: (leaf: number) => sink.add(leaf),
    cut: (finding: number, leaf: number) => sink.cut(finding, leaf),
    note: (finding: number, leaf: number) => sink.note(finding, leaf),
    broken: (finding: number) => sink.broken(finding),
    exceed: (text: number): never => {
      throw new Error(code.excesses[text]);
    },
  });
  return {
    code,
    next,
    ...running,
    tellTo: to => {
      sink = to;
      begin();
    },
  };
}

function nothingYet(program: Program): CodeSoFar {
  const bare = { layout: layout(program), findings: [], leaves: [], excesses: [] };
  return {
    ...bare,
    tested: stateRuleNames(program),
    shared: emitShared(emittingOf(bare)),
    steps: program.threads.map(() => new Map<number, string>()),
  };
}

/** What is emitted joins the arrays of the code. */
function emittingOf({ layout, findings, leaves, excesses }: Pick<CodeSoFar, 'layout' | 'findings' | 'leaves' | 'excesses'>): Emitting {
  const { program } = layout;
  const e: Emission = { program, layout, findings, leaves, excesses, temporaries: 0, onto: 'add' };
  return { e, judgings: program.threads.map((_, thread) => judging(e, thread)) };
}

function loads(layout: Layout): string {
  return wordNames(layout, 'w')
    .map((name, word) => `const ${name} = S[at + ${word}];`)
    .join(' ');
}

function stepSource(layout: Layout, step: string): string {
  return `'use strict'; return (S, at) => { ${loads(layout)} ${step} };`;
}

function compile({ layout, tested, shared }: CodeSoFar, hooks: Readonly<Record<string, unknown>>): Compiled {
  const words = wordNames(layout, 'w'),
    after = wordNames(layout, 'a');
  const expanding = layout.threads.map(
    (_, thread) => `{ const place = ${cell(layout, anchorCell(thread))}; (steps[${thread}][place] ?? missing(${thread}, place))(S, at); }`,
  );
  return new Function(
    'hooks',
    `'use strict';
const { next, steps, missing, found, cut, note, broken, exceed } = hooks;
const tested = new Uint8Array(${tested.length});
let untested = ${tested.length};
function add(leaf, ${after.join(', ')}) { ${after.map((name, word) => `next[${word}] = ${name};`).join(' ')} found(leaf); }
${shared}
return {
  tested,
  called: [${callable.join(', ')}],
  begin: () => { tested.fill(0); untested = ${tested.length}; },
  expand: (S, at) => { ${loads(layout)} ${expanding.join('\n')} },
  judge: (S, at) => { ${loads(layout)} judge(${words.join(', ')}); },
  exercise: (S, at) => { if (untested === 0) return; ${loads(layout)} exercise(${words.join(', ')}); },
  atRest: (S, at) => { ${loads(layout)} return !!atRest(${words.join(', ')}); },
};`,
  )(hooks);
}
