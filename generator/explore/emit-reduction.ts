/**
 * Code that lets one thread go first where nothing is lost by it (`independence.ts`), and goes on so until somebody has to wait for
 * all: only such states are stored.
 */

import { anchorCell, fieldCell, registerCell } from './cells.ts';
import { cell } from './emission.ts';
import { bitsFor, type Code } from './generated-code.ts';
import type { Ahead, Independence, Prospect } from './independence.ts';
import type { Layout } from './layout.ts';
import type { LocalStates } from './local-states.ts';
import { ANY_NUMBER } from './lowering.ts';

/** Rows of numbers, equal ones once. */
interface Rows {
  readonly number: (row: readonly number[]) => number;
  readonly all: () => readonly number[];
}

function rows(): Rows {
  const known = new Map<string, number>();
  const all: number[] = [];
  return {
    number: row => {
      const key = row.join();
      const at = known.get(key) ?? known.size;
      if (at === known.size) {
        known.set(key, at);
        all.push(...row);
      }
      return at;
    },
    all: () => all,
  };
}

/** Counters that steps need, with the locks that are held then: by that differs what others can lower. */
function countersOf({ classes }: Independence): {
  readonly counters: readonly { readonly cell: string; readonly held: number }[];
  readonly numberOf: (cell: string, held: number) => number;
} {
  const known = new Map<string, { readonly cell: string; readonly held: number }>();
  for (const { held, counters } of classes) for (const { cell } of counters) known.set(`${held} ${cell}`, { cell, held });
  const keys = [...known.keys()];
  return { counters: [...known.values()], numberOf: (cell, held) => keys.indexOf(`${held} ${cell}`) };
}

/** An array, as text in which numbers that repeat are told once: `7*300,1`. */
function array(of: readonly number[]): string {
  const runs: string[] = [];
  for (let from = 0, to = 0; from < of.length; from = to) {
    while (to < of.length && of[to] === of[from]) to++;
    runs.push(to - from === 1 ? `${of[from]}` : `${of[from]}*${to - from}`);
  }
  return `numbersIn(${of.length}, '${runs.join()}')`;
}

const arrayCode = `function numbersIn(length, text) {
  const all = new Int32Array(length); let at = 0;
  if (length > 0) for (const run of text.split(',')) { const star = run.indexOf('*'); if (star < 0) all[at++] = +run; else { const end = at + +run.slice(star + 1); all.fill(+run.slice(0, star), at, end); at = end; } }
  return all;
}
`;

/**
 * Defines `leadFor(words, chain)`: whether one thread was let go alone, and `expand`. Uses `stepFrom(thread, words)` and `gone`, how many
 * successors were made so far. Within a chain only those go whose step has one way on.
 */
export function reductionCode(layout: Layout, locals: LocalStates, of: Independence, names: readonly string[]): string {
  const { program } = layout;
  const words = names.join(', ');
  const count = program.threads.length;
  const { counters, numberOf } = countersOf(of);
  const width = Math.max(1, Math.ceil(of.classes.length / 32));
  // Only tokens that make a difference are looked at.
  const tokens = [...of.tokens].filter(([, gain]) => counters.some(({ cell, held }) => (gain[held]?.get(cell) ?? 0) > 0));
  // Of what is ahead: queues, the tokens it is taking, what it blocks, what it lowers. Of the step: two classes, whether it branches.
  const stride = 2 + width + counters.length;
  const bitOf = new Map(tokens.map(([token], at) => [token, 1 << at]));
  const rowOf = (ahead: Ahead): number[] => {
    const blocks = new Int32Array(width);
    for (const one of ahead.blocks) blocks[one >> 5] = (blocks[one >> 5] ?? 0) | (1 << (one & 31));
    const queues = [...ahead.queues].reduce((bits, worker) => bits | (1 << worker), 0);
    const taking = [...ahead.taking].reduce((bits, token) => bits | (bitOf.get(token) ?? 0), 0);
    return [queues, taking, ...blocks, ...counters.map(({ cell, held }) => ahead.lowers[held]?.get(cell) ?? 0)];
  };
  const aheads = rows(),
    prospects = rows();
  const placeOf = ({ classes: [first = -1, second = -1], branches, ahead: [none, one, any] }: Prospect): number =>
    prospects.number([first, second, branches ? 1 : 0, ...[none, one, any].map(each => aheads.number(rowOf(each)) * stride)]);
  const numbers = of.prospects.map(placeOf);
  // Where nothing is known, everything has to be expected.
  const expected = aheads.number([-1, 0, ...Array.from({ length: width }, () => -1), ...counters.map(() => ANY_NUMBER)]) * stride;
  const unknown = prospects.number([-1, -1, 0, expected, expected, expected]);

  const table: number[] = [];
  const places = layout.threads.map((plan, thread) => {
    const direct: number[] = [],
      ways: string[] = [];
    for (const [node, number] of plan.anchors.number) {
      const told = locals.told(thread, node).map(slot => ({ slot, size: (program.threads[thread]?.slots[slot]?.max ?? 0) + 1 }));
      const find = (values: readonly number[]): number => {
        const at = locals.find(thread, node, slot => values[told.findIndex(one => one.slot === slot)] ?? 0);
        return at === undefined ? unknown : (numbers[at] ?? unknown);
      };
      const size = told.reduce((product, one) => product * one.size, 1);
      if (size === 1) {
        direct[number] = find([]);
        continue;
      }
      direct[number] = unknown;
      if (size > MOST_PLACES) continue;
      const registers = told.map(({ slot }): Code => cell(layout, registerCell(thread, plan.registers.of.get(slot) ?? -1)));
      const index = told.reduce<{ readonly code: string; readonly scale: number }>(
        ({ code, scale }, { size }, at) => ({ code: `${code} + ${registers[at]} * ${scale}`, scale: scale * size }),
        { code: `${table.length}`, scale: 1 },
      );
      for (let at = 0; at < size; at++) {
        let rest = at;
        table.push(
          find(
            told.map(({ size }) => {
              const value = rest % size;
              rest = Math.floor(rest / size);
              return value;
            }),
          ),
        );
      }
      ways.push(`case ${number}: return places[${index.code}]; `);
    }
    const base = table.length;
    const anchors = 2 ** bitsFor(plan.anchors.nodes.length);
    for (let at = 0; at < anchors; at++) table.push(direct[at] ?? unknown);
    const anchor = cell(layout, anchorCell(thread));
    return `function place${thread}(${words}) { switch (${anchor}) { ${ways.join('')}} return places[${base} + ${anchor}]; }\n`;
  });

  const counted = counters.map((counter, at) => `case ${at}: return ${cell(layout, counter.cell)}; `).join('');
  const gaining = tokens
    .map(
      ([token], at) => `if ((taken & ${1 << at}) === 0 && ${cell(layout, token)}) gain += gains[counter * ${tokens.length} + ${at}];\n  `,
    )
    .join('');
  const gains = counters.flatMap(({ cell, held }) => tokens.map(([, gain]) => gain[held]?.get(cell) ?? 0));
  const workers = program.threads.reduce((bits, { work }, thread) => (work === null ? bits : bits | (1 << thread)), 0);
  const starts = [0],
    needs: number[] = [];
  for (const one of of.classes) {
    for (const { cell, more } of one.counters) needs.push(numberOf(cell, one.held), more);
    starts.push(needs.length);
  }
  const runs = program.threads
    .map(({ work }, thread) => (work === null ? '' : `runs[${thread}] = ${pending(layout, thread)} ? 1 : 0; `))
    .join('');
  return `${arrayCode}const places = ${array(table)}, prospects = ${array(prospects.all())}, aheads = ${array(aheads.all())};
const firstNeeds = ${array(starts)}, needs = ${array(needs)}, gains = ${array(gains)};
const standing = new Int32Array(${count}), runs = new Int32Array(${count}), ahead = new Int32Array(${count});
${places.join('')}function countOf(counter, ${words}) { switch (counter) { ${counted}} return 0; }
function gainOf(counter, taken, ${words}) {
  let gain = 0;
  ${gaining}return gain;
}
function mayGo(thread, one, ${words}) {
  let queued = 0;
  for (let other = 0; other < ${count}; other++) {
    ahead[other] = prospects[standing[other] + 3 + runs[other]];
    if (other !== thread) queued |= aheads[ahead[other]];
  }
  // Who may be made to run again may make others run again.
  for (let left = queued & ${workers} & ~(1 << thread), seen = 0; left !== 0; left = queued & ${workers} & ~(1 << thread) & ~seen) {
    const other = 31 - Math.clz32(left & -left); seen |= 1 << other;
    ahead[other] = prospects[standing[other] + 5]; queued |= aheads[ahead[other]];
  }
  const word = 2 + (one >> 5), bit = 1 << (one & 31);
  let taken = aheads[ahead[thread] + 1];
  for (let other = 0; other < ${count}; other++) if (other !== thread) {
    if ((aheads[ahead[other] + word] & bit) !== 0) return false;
    taken |= aheads[ahead[other] + 1];
  }
  for (let need = firstNeeds[one]; need < firstNeeds[one + 1]; need += 2) {
    let lost = needs[need + 1] + gainOf(needs[need], taken, ${words});
    for (let other = 0; other < ${count}; other++) if (other !== thread) lost += aheads[ahead[other] + ${2 + width} + needs[need]];
    if (countOf(needs[need], ${words}) <= lost) return false;
  }
  return true;
}
function leadFor(chain, ${words}) {
  ${program.threads.map((_, thread) => `standing[${thread}] = place${thread}(${words}) * ${PROSPECT};`).join(' ')}
  ${runs}
  tried = 0;
  for (let thread = 0; thread < ${count}; thread++) {
    const first = prospects[standing[thread]], second = prospects[standing[thread] + 1];
    if (first < 0 || chain && prospects[standing[thread] + 2] === 1) continue;
    if (!mayGo(thread, first, ${words}) && (second < 0 || !mayGo(thread, second, ${words}))) continue;
    const before = gone;
    stepOf(thread, ${words});
    if (gone !== before) return true;
    tried |= 1 << thread;
  }
  return false;
}
`;
}

/** Numbers that a prospect takes. */
const PROSPECT = 6;
/** Combinations of values at one place for which there is a table. */
const MOST_PLACES = 1 << 12;

/** Condition that a run of the worker is pending. */
function pending(layout: Layout, thread: number): string {
  const work = layout.program.threads[thread]?.work;
  return work === null || work === undefined ? '0' : `${cell(layout, fieldCell(work.type, work.instance, work.field))} !== 0`;
}
