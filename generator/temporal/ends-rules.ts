/** Rules that calls end: which of them an obligation that stays open breaks, and which excuse it, because the environment does not do its part. */
import { evaluate, type Look, look } from '../interpret/evaluate.ts';
import type { Rule } from '../model.ts';
import { END, type Program, type State } from '../program.ts';

export type EndsRule = Extract<Rule, { kind: 'ends' }>;

export function endsRules(program: Program): readonly EndsRule[] {
  return program.rules.filter(rule => rule.kind === 'ends');
}

/** Whether the thread stands inside a call of the rule's function. */
export function isInside(program: Program, rule: EndsRule, thread: number, node: number): boolean {
  const site = program.threads[thread]?.nodes[node]?.site;
  return node !== END && site !== undefined && (program.sites[site]?.in.includes(rule.operation) ?? false);
}

/** Whether the environment does its part in this state. Of a call that no scenario makes itself nobody knows the arguments: then it does. */
export function isGiven(program: Program, rule: EndsRule, thread: number, state: State): boolean {
  if (rule.given === null) return true;
  const position = state.threads[thread];
  const owner = program.threads[thread];
  const call = owner?.calls[owner.nodes[position?.node ?? END]?.call ?? -1];
  if (position === undefined || call?.operation !== rule.operation) return true;
  const values = call.arguments.map(({ value }) => evaluate(value, position.slots));
  const at: Look = {
    program,
    state,
    thread,
    variables: Object.fromEntries(rule.parameters.map(({ name }, index) => [name, values[index] ?? 0])),
  };
  return look(rule.given, at) !== 0;
}

/** Nobody can go on, and not all is at rest: the rules that this breaks. */
export function brokenByStuck(program: Program, state: State): readonly string[] {
  const rules = endsRules(program);
  const broken = new Set<string>();
  let excused = 0;
  let waiting = 0;
  state.threads.forEach(({ node }, thread) => {
    const owner = program.threads[thread];
    if (owner === undefined || node === END || (owner.work !== null && node === owner.start)) return;
    waiting++;
    const own = rules.filter(rule => isInside(program, rule, thread, node));
    const due = own.filter(rule => isGiven(program, rule, thread, state));
    for (const { name } of due) broken.add(name);
    if (own.length > due.length) excused++;
  });
  if (excused < waiting || waiting === 0) broken.add('always.everyWaitEnds');
  return [...broken];
}
