/**
 * The surroundings of a stepper's source that make it walk at random: one state at a time, no store, nothing allocated for a step.
 *
 * A walk picks a thread that can go on, each with the same chance, and then one of its ways, each with the same chance. How readily it leaves a
 * thread is drawn for each walk: what needs many switches and what needs a thread to run far while another stands are both found soon.
 */
import { anchorCell } from '../explore/cells.ts';
import { cell } from '../explore/emission.ts';
import { type StepperSource, wordNames } from '../explore/emit-stepper.ts';
import { END } from '../program.ts';

export interface WalkHooks {
  /** A finding after fewer steps than ever before: those steps are the first `length` of `via`. `leaf` is -1 for a state rule. */
  readonly found: (finding: number, leaf: number, length: number) => void;
  /** Nobody can go on, and nothing was cut: the state is in `now`. */
  readonly terminal: (atRest: boolean, length: number) => void;
  readonly exceed: (text: number) => never;
}

export interface Walker {
  /** One walk from the first state; the same seed gives the same walk. Gives its steps. `seed` is a whole number of 32 bits, not 0. */
  readonly walk: (seed: number) => number;
  /** Leaves of the present walk. */ readonly via: Int32Array;
  readonly now: Int32Array;
  /** How often each finding was found. */ readonly counts: Float64Array;
  /** 1 for each leaf that was taken. */ readonly taken: Uint8Array;
  /** 1 for each state rule whose condition came about. */ readonly tested: Uint8Array;
}

/** A walk leaves its thread at every step that one of these masks leaves no bit of. */
const STAYS = [0, 0, 1, 3, 7, 31];

export function compileWalk(of: StepperSource, initial: Int32Array, depth: number, hooks: WalkHooks): Walker {
  const { layout } = of;
  const threads = layout.threads.length;
  const w = wordNames(layout, 'w'),
    a = wordNames(layout, 'a');
  const words = w.join(', '),
    now = w.map((_, word) => `now[${word}]`).join(', ');
  const ways = layout.threads.map(({ anchors }, thread) => {
    const cases = [...anchors.number]
      .filter(([node]) => node !== END)
      .map(([, number]) => `case ${number}: step${thread}_${number}(${words}); break;`);
    return `case ${thread}: switch (${cell(layout, anchorCell(thread))}) { ${cases.join(' ')} } break;\n`;
  });
  const source = `'use strict';
const { found, terminal, exceed } = hooks;
const first = new Int32Array(${JSON.stringify([...initial])}), now = new Int32Array(${w.length}), after = new Int32Array(${w.length});
const via = new Int32Array(${depth}), stays = new Int32Array(${JSON.stringify(STAYS)});
const counts = new Float64Array(${of.findings.length}), taken = new Uint8Array(${of.leaves.length + 1}), tested = new Uint8Array(${of.tested.length});
const least = new Int32Array(${of.findings.length}).fill(${2 ** 31 - 1});
let r = 1, chosen = -1, ways = 0, cuts = 0, length = 0, untested = ${of.tested.length};
function random() { r ^= r << 13; r ^= r >>> 17; r ^= r << 5; return r & ${2 ** 30 - 1}; }
function add(leaf, ${a.join(', ')}) {
  if (++ways > 1 && random() % ways !== 0) return;
  chosen = leaf; ${a.map((word, at) => `after[${at}] = ${word};`).join(' ')}
}
function note(finding, leaf) { counts[finding]++; if (length < least[finding]) { least[finding] = length; found(finding, leaf, length); } }
function cut(finding, leaf) { cuts++; taken[leaf] = 1; note(finding, leaf); }
function broken(finding) { note(finding, -1); }
${of.source}
function go(thread, ${words}) { switch (thread) {
${ways.join('')}} }
return {
  via, now, counts, taken, tested,
  walk(seed) {
    r = seed | 0; length = 0; now.set(first);
    const stay = stays[random() % ${STAYS.length}];
    let thread = random() % ${Math.max(1, threads)};
    for (;;) {
      if (untested > 0) exercise(${now});
      judge(${now});
      if (length === ${depth}) return length;
      chosen = -1; ways = 0; cuts = 0;
      let tried = 0;
      if ((random() & stay) === 0) thread = random() % ${Math.max(1, threads)};
      for (let left = ${threads}; left > 0; left--) {
        while (tried >>> thread & 1) thread = random() % ${Math.max(1, threads)};
        go(thread, ${now});
        if (chosen >= 0) break;
        tried |= 1 << thread;
      }
      if (chosen < 0) { if (cuts === 0) terminal(!!atRest(${now}), length); return length; }
      taken[chosen] = 1; via[length++] = chosen;
      ${w.map((_, word) => `now[${word}] = after[${word}];`).join(' ')}
    }
  },
};`;
  return new Function('hooks', source)(hooks);
}
