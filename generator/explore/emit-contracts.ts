/** Code that lets the contract of a running call see each new state. */
import type { Predicate } from '../model.ts';
import type { Call, Contract, Thread } from '../program.ts';
import { anchorCell, dueCell, ensuredCell, registerCell, seenCell } from './cells.ts';
import { cell, type Emission, type Reader } from './emission.ts';
import { type Look, predicate } from './emit-predicate.ts';
import { evaluateCode } from './emit-value.ts';
import { any, type Code, not } from './generated-code.ts';

/** A thread with contracts: what its judging looks at, and the code for it, on the words of the new state. */
export interface Judging {
  /** Cells that the contracts look at, ghosts and anchor left out. */ readonly support: ReadonlySet<string>;
  readonly code: string;
}

/** Contract that is seeing states while the thread is at the node, or null. A call has not begun before its own node is taken. */
export function contractRunning(e: Emission, thread: Thread, node: number): { readonly call: Call; readonly contract: Contract } | null {
  const at = thread.nodes[node];
  const call = thread.calls[at?.call ?? -1];
  const contract = e.program.contracts[call?.contract ?? -1];
  return at === undefined || at.action.kind === 'call' || call === undefined || contract === undefined ? null : { call, contract };
}

function isAtAnyTime(when: Predicate | undefined): boolean {
  return when?.kind === 'constant' && when.value === true;
}

function stored(e: Emission, name: string, value: Code, how: 'or' | 'and'): string {
  const at = e.layout.bits.get(name);
  if (at === undefined) return '';
  const shifted = `(${value}) << ${at.shift}`;
  // Only bits that are set stay set under `and`.
  return how === 'or' ? `a${at.word} |= ${shifted}; ` : `a${at.word} &= ~((${not(value)}) << ${at.shift}); `;
}

function instant(e: Emission, thread: number, call: Call, contract: Contract, read: Reader): string {
  const plan = e.layout.threads[thread];
  const variables = new Map(
    contract.parameters.map(({ name }, index): [string, Code] => {
      const argument = call.arguments[index];
      return [
        name,
        argument === undefined
          ? 0
          : evaluateCode(argument.value, slot => {
              const register = plan?.registers.of.get(slot);
              return register === undefined ? 0 : cell(e.layout, registerCell(thread, register), 'a');
            }),
      ];
    }),
  );
  const look: Look = { program: e.program, read, thread, variables };
  const allowed = contract.fails.map(failure => not(not(predicate(failure.when, look))));
  // What the environment may bring about at any time is allowed everywhere, and due nowhere.
  const due = allowed.filter((_, index) => !isAtAnyTime(contract.fails[index]?.when));
  const seen = allowed.flatMap((one, index) => (one === 0 ? [] : [`(${one} << ${index})`]));
  const ensured = contract.ensures === null ? 0 : not(not(predicate(contract.ensures, look)));
  return [
    seen.length === 0 ? '' : stored(e, seenCell(thread), seen.join(' | '), 'or'),
    stored(e, dueCell(thread), any(due), 'and'),
    ensured === 0 ? '' : stored(e, ensuredCell(thread), ensured, 'or'),
  ].join('');
}

/** Null if the thread has no contract. */
export function judging(e: Emission, index: number): Judging | null {
  const thread = e.program.threads[index],
    plan = e.layout.threads[index];
  if (thread === undefined || plan === undefined) return null;
  const support = new Set<string>();
  const read: Reader = name => {
    support.add(name.startsWith('anchor ') ? `run ${name.slice('anchor '.length)}` : name);
    return cell(e.layout, name, 'a');
  };
  const places = new Map<Call, { readonly contract: Contract; readonly anchors: number[] }>();
  for (const [node, anchor] of plan.anchors.number) {
    const running = contractRunning(e, thread, node);
    if (running === null) continue;
    const known = places.get(running.call);
    if (known === undefined) places.set(running.call, { contract: running.contract, anchors: [anchor] });
    else known.anchors.push(anchor);
  }
  if (places.size === 0) return null;
  const ways = [...places].map(
    ([call, { contract, anchors }]) =>
      `${anchors.map(anchor => `case ${anchor}: `).join('')}{ ${instant(e, index, call, contract, read)}break; } `,
  );
  return { support, code: `switch (${cell(e.layout, anchorCell(index), 'a')}) { ${ways.join('')}}` };
}
