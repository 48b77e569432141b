/** How the contract of a running call looks at every state: what it may answer, what it must, and what it promised. */
import type { Predicate } from '../model.ts';
import type { Call, Contract, Node } from '../program.ts';
import type { Cells } from './cells.ts';
import { all, any, bare, type Code, namesIn, truth } from './code.ts';
import { ghost, seenMax } from './ghosts.ts';
import type { Locals } from './locals.ts';
import { commented } from './names.ts';
import { condition, type Look, valueCode } from './predicate.ts';

/** A contract that may be looking, for calls of one thread with the same arguments. */
export interface Looking {
  /** What `..._watches` is meanwhile. */ readonly number: number;
  readonly name: string;
  /** Definition of the inline of this name. */ readonly text: string;
  /** Variables that it looks at. */ readonly looksAt: ReadonlySet<string>;
}
export interface Watching {
  /** Variable that says which contract is looking, 0 for none. */ readonly variable: string;
  readonly looking: readonly Looking[];
  /** What the variable is while the thread stands at the node. A call has not begun before its own node is taken. */
  readonly at: (node: Node | undefined) => number;
}

/** Null if no call of the thread has a contract. */
export function watching(cells: Cells, thread: number, locals: Locals): Watching | null {
  const calls = cells.program.threads[thread]?.calls ?? [];
  if (calls.every(({ contract }) => contract < 0)) return null;
  const looking: Looking[] = [];
  const numbers = calls.map(call => {
    const contract = cells.program.contracts[call.contract];
    if (contract === undefined) return 0;
    const { lines, looksAt } = looks(cells, thread, locals, call, contract);
    const body = `{ ${commented(contract.rule)}\n${lines.map(line => `  ${line}`).join(';\n')}\n}\n`;
    const same = looking.find(({ text }) => text.endsWith(`() ${body}`));
    if (same !== undefined) return same.number;
    const number = looking.length + 1;
    const name = cells.name(`look ${thread} ${number}`, `look_${number}_of_${cells.thread(thread)}`);
    looking.push({ number, name, looksAt, text: `inline ${name}() ${body}` });
    return number;
  });
  return {
    variable: ghost({ cells, thread }, 'watches', looking.length),
    looking,
    at: node => (node === undefined || node.action.kind === 'call' ? 0 : (numbers[node.call] ?? 0)),
  };
}

function looks(cells: Cells, thread: number, locals: Locals, call: Call, contract: Contract): { lines: string[]; looksAt: Set<string> } {
  const on = { cells, thread };
  const variables = new Map(
    contract.parameters.map(({ name }, at): [string, Code] => {
      const value = call.arguments[at]?.value;
      return [name, value === undefined ? 0 : valueCode(cells, value, slot => locals.of.get(slot)?.name ?? 0)];
    }),
  );
  const look: Look = { cells, thread, variables };
  const holds = contract.fails.map(({ when }) => truth(condition(when, look)));
  // What the environment may bring about at any time is allowed everywhere, and due nowhere.
  const due = any(holds.filter((_, at) => !isAtAnyTime(contract.fails[at]?.when)));
  const ensures = contract.ensures === null ? 0 : condition(contract.ensures, look);
  const seen = holds.flatMap((one, at) => (one === 0 ? [] : [at === 0 ? `${one}` : `(${one} << ${at})`]));
  const lines = [
    ...(seen.length === 0 ? [] : [`${ghost(on, 'seen', seenMax(on))} = ${ghost(on, 'seen', seenMax(on))} | ${seen.join(' | ')}`]),
    `${ghost(on, 'due', 1)} = ${due === 0 ? 0 : bare(all([ghost(on, 'due', 1), due]))}`,
    ...(ensures === 0 ? [] : [`${ghost(on, 'ensured', 1)} = ${bare(any([ghost(on, 'ensured', 1), ensures]))}`]),
  ];
  return { lines, looksAt: new Set([...holds, ensures].flatMap(namesIn)) };
}

function isAtAnyTime(when: Predicate | undefined): boolean {
  return when?.kind === 'constant' && when.value === true;
}

/** What a step lets see that changes these variables: the contract that looks at the thread's own new place, and those of others. */
export function seen(
  { variable, looking }: Watching,
  changed: ReadonlySet<string>,
  own: { readonly number: number; readonly begins: boolean } | null,
): readonly string[] {
  const mayLook = looking.filter(({ looksAt }) => [...looksAt].some(name => changed.has(name)));
  if (own !== null)
    return looking.filter(one => one.number === own.number && (own.begins || mayLook.includes(one))).map(({ name }) => `${name}()`);
  if (mayLook.length === 0) return [];
  return [`if ${mayLook.map(({ number, name }) => `:: ${variable} == ${number} -> ${name}()`).join(' ')} :: else -> skip fi`];
}
