/**
 * Ways to states of a search that keeps the parent of only some of them. States are stored in the order in which their parents are
 * expanded, so the parent of any state lies between those of its neighbours that are known, and is the first there that leads to it.
 */
import type { StepperSource } from './emit-stepper.ts';
import { wordNames } from './emit-stepper.ts';
import { wordsAt } from './found.ts';
import { PARENTS_EVERY } from './search-module.ts';

export interface Stored {
  readonly words: Int32Array;
  /** Of states 0, `PARENTS_EVERY` and so on. */ readonly parents: Int32Array;
  /** States expanded. */ readonly expanded: number;
}

/** The states that were stored on the way to one, the first and it itself among them. */
export function wayBack(of: StepperSource, { words, parents, expanded }: Stored): (index: number) => readonly Int32Array[] {
  const at = (index: number): Int32Array => wordsAt(of, words, index);
  let leadsTo: ReturnType<typeof compileLeading> | null = null;
  const parentOf = (index: number): number => {
    leadsTo ??= compileLeading(of);
    const to = at(index);
    const sample = Math.floor(index / PARENTS_EVERY);
    const last = parents[sample + 1] ?? expanded - 1;
    for (let one = Math.max(0, parents[sample] ?? 0); one <= last; one++) if (leadsTo(at(one), to)) return one;
    throw new Error(`no step leads to state ${index}`);
  };
  return index => {
    const way = [at(index)];
    for (let one = index; one > 0; ) {
      one = parentOf(one);
      way.push(at(one));
    }
    return way.reverse();
  };
}

function compileLeading(of: StepperSource): (from: Int32Array, to: Int32Array) => boolean {
  const w = wordNames(of.layout, 'w'),
    a = wordNames(of.layout, 'a');
  const source = `'use strict';
const taken = [], tested = [];
let untested = 0, leads = false, to = null;
function add(leaf, ${a.join(', ')}) { if (${a.map((name, word) => `to[${word}] === (${name} | 0)`).join(' && ')}) leads = true; }
function note() {}
function cut() {}
function broken() {}
${of.source}
return (from, wanted) => { to = wanted; leads = false; expand(${w.map((_, word) => `from[${word}]`).join(', ')}); return leads; };`;
  return new Function('exceed', source)((text: number): never => {
    throw new Error(of.excesses[text]);
  });
}
