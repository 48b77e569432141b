/** The generated steps of a program, one thread at a time: what an explorer of one path needs, without a search around it. */

import { anchorCell } from '../explore/cells.ts';
import { cell } from '../explore/emission.ts';
import { type StepperSource, wordNames } from '../explore/emit-stepper.ts';
import { END } from '../program.ts';

export interface Moves {
  /** Words of a successor in `buffer`, behind the number of its leaf. */ readonly stride: number;
  /** The successors found last. */ readonly buffer: () => Int32Array;
  /** Node of the step of a leaf. */ readonly nodeOf: (leaf: number) => number;
  /** Findings that cut the last step off. */ readonly cuts: () => readonly number[];
  /** Takes every step that the thread can take; gives how many. Throws an Excess where the program has no room for one. */
  readonly step: (thread: number, states: Int32Array, at: number) => number;
}

/** A step leads to something that the program has no room for. */
export class Excess extends Error {
  /** Of the pool that is too small; null if it is a bound of the spec itself. */
  readonly type: string | null;
  constructor(text: string) {
    super(text);
    this.type = /more than \d+ objects of type (\w+)$/.exec(text)?.[1] ?? null;
  }
}

export function movesOf(source: StepperSource): Moves {
  const { layout } = source;
  const a = wordNames(layout, 'a');
  const w = wordNames(layout, 'w');
  const stride = a.length + 1;
  const threads = layout.threads.map(({ anchors }, thread) => {
    const ways = [...anchors.number]
      .filter(([node]) => node !== END)
      .map(([, number]) => `case ${number}: step${thread}_${number}(${w.join(', ')}); break;\n`);
    return `function thread${thread}(${w.join(', ')}) { switch (${cell(layout, anchorCell(thread))}) {\n${ways.join('')}} }\n`;
  });
  const make = new Function(
    'exceed',
    'nodes',
    `'use strict';
let buffer = new Int32Array(${stride * 64}), count = 0, cutBy = [];
function add(leaf, ${a.join(', ')}) {
  let at = count++ * ${stride};
  if (at + ${stride} > buffer.length) { const more = new Int32Array(buffer.length * 2); more.set(buffer); buffer = more; }
  buffer[at] = leaf;
  ${a.map((word, index) => `buffer[at + ${index + 1}] = ${word};`).join(' ')}
}
function cut(finding, leaf) { cutBy.push(finding); }
function note() {}
function broken() {}
${source.source}
${threads.join('')}
return {
  stride: ${stride}, buffer: () => buffer, cuts: () => cutBy, nodeOf: leaf => nodes[leaf],
  step(thread, S, q) {
    count = 0;
    if (cutBy.length > 0) cutBy = [];
    switch (thread) { ${threads.map((_, thread) => `case ${thread}: thread${thread}(${w.map((_, index) => `S[q + ${index}]`).join(', ')}); break; `).join('')}}
    return count;
  },
};`,
  );
  return make(
    (text: number): never => {
      throw new Excess(source.excesses[text] ?? '');
    },
    source.leaves.map(({ node }) => node),
  );
}
