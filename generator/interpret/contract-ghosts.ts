/** What a call's contract has to remember while the call runs, and what it is judged by at the return. */
import type { Predicate } from '../model.ts';
import { END, type Finding, type Program, type State } from '../program.ts';
import { evaluate, type Look, look, type Slots } from './evaluate.ts';
import type { Attempt } from './judge-step.ts';
import { contractAt, nodeAt, threadAt } from './program-index.ts';

/** Every thread inside a call with a contract sees the state that a step of any thread has led to. */
export function seeInstant(program: Program, state: State): void {
  state.threads.forEach((position, number) => {
    if (position.node === END) return;
    const thread = threadAt(program, number);
    const node = nodeAt(thread, position.node);
    const contract = contractAt(program, thread, node);
    if (!contract || node.action.kind === 'call') return;
    const at: Look = { program, state, thread: number, variables: parametersOf(program, number, node.call, position.slots) };
    let some = false;
    contract.fails.forEach((failure, index) => {
      if (look(failure.when, at) === 0) return;
      position.seen |= 1 << index;
      // What the environment may bring about at any time is allowed everywhere, and due nowhere.
      if (!isAtAnyTime(failure.when)) some = true;
    });
    if (!some) position.due = 0;
    if (contract.ensures && look(contract.ensures, at) !== 0) position.ensured = 1;
  });
}

function isAtAnyTime(when: Predicate): boolean {
  return when.kind === 'constant' && when.value === true;
}

function parametersOf(program: Program, number: number, call: number, slots: Slots): Record<string, number> {
  const thread = threadAt(program, number);
  const contract = program.contracts[thread.calls[call]?.contract ?? -1];
  const values = thread.calls[call]?.arguments.map(({ value }) => evaluate(value, slots)) ?? [];
  return Object.fromEntries(contract?.parameters.map(({ name }, index) => [name, values[index] ?? 0]) ?? []);
}

/** Judges the result against what was true at the instants of the call. */
export function judgeReturn({ program, state, thread: number, node, slots }: Attempt, result: number): Finding[] {
  const thread = threadAt(program, number);
  const contract = contractAt(program, thread, node);
  const call = thread.calls[node.call];
  const position = state.threads[number];
  if (!contract || !call || !position) return [];
  const variables = parametersOf(program, number, node.call, slots);
  const objects = Object.fromEntries(
    contract.parameters.flatMap(({ name, type }) => (type !== null && variables[name] ? [[name, `${type}#${variables[name]}`]] : [])),
  );
  const broken = (detail: string): Finding[] => [{ rule: contract.rule, detail, fatal: false, objects }];
  const failure = call.result.word ? contract.fails.findIndex(({ value }) => value === result) : -1;
  if (failure >= 0) {
    const errno = contract.fails[failure]?.errno ?? '';
    const left = Object.keys(position.left ?? {});
    return [
      ...(position.seen & (1 << failure)
        ? []
        : broken(`${call.name} returns ${errno}, whose condition was true at no instant of the call`)),
      ...(left.length === 0 ? [] : broken(`${call.name} returns ${errno}, and leaves ${left.join(', ')} changed`)),
    ];
  }
  if (position.due === 1) {
    const names = contract.fails.flatMap(({ errno }, index) => (position.seen & (1 << index) ? [errno] : []));
    return broken(`${call.name} succeeds, although at every instant of the call ${names.join(' or ')} was due`);
  }
  return contract.ensures && position.ensured === 0
    ? broken(`${call.name} succeeds, but what it ensures was true at no instant of the call`)
    : [];
}
