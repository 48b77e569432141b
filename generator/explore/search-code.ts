/** Pieces of source that every search is made of, and how many states a bound of memory has room for. */
import { type StepperSource, wordNames } from './emit-stepper.ts';
import type { Layout } from './layout.ts';

/** Odd numbers with bits all over, one for each word in turn. */
const MULTIPLIERS = [0x9e3779b1, 0x85ebca77, 0xc2b2ae3d, 0x27d4eb2f, 0x165667b1];

/** Statements that leave a hash of the words in `h`. */
export function hashOf(words: readonly string[]): string {
  const mix = words
    .map((word, at) => `h = Math.imul(h ^ ${word}, ${(MULTIPLIERS[at % MULTIPLIERS.length] ?? 1) | 0}); h ^= h >>> 15; `)
    .join('');
  return `let h = 0; ${mix}h = Math.imul(h, ${0x2c1b3c6d}); h ^= h >>> 13;`;
}

/** The words of the state that begins at `at` in `S`, as arguments. */
export function argumentsAt(layout: Layout, at: string): string {
  return wordNames(layout, 'w')
    .map((_, word) => `S[${at} + ${word}]`)
    .join(', ');
}

export function equalAt(names: readonly string[], at: string): string {
  return names.map((name, word) => `S[${at} + ${word}] === ${name}`).join(' && ');
}

export function storeAt(names: readonly string[], array: string, at: string): string {
  return names.map((name, word) => `${array}[${at} + ${word}] = ${name};`).join(' ');
}

export function loadAt(names: readonly string[], array: string, at: string): string {
  return names.map((name, word) => `const ${name} = ${array}[${at} + ${word}];`).join(' ');
}

export const asIntegers = (names: readonly string[]): string => names.map(name => `${name} |= 0;`).join(' ');

/** Judges and expands the state `current` whose words begin at `q`; afterwards `quiet` says whether nobody could take a step. */
export function visitAt(of: StepperSource): string {
  const words = argumentsAt(of.layout, 'q');
  return `const before = transitions, cutBefore = cuts;
      if (untested > 0) exercise(${words});
      judge(${words});
      expand(${words});
      const quiet = transitions === before && cuts === cutBefore;`;
}

/** A large table is at most this full. */
export const FULLEST = 0.8;
/** Array indices stay small integers. */
const MOST_WORDS = 2 ** 31 - 1;

/** States for which a large search has room: its store and a table as full as it may be. */
export function largeCapacity(words: number, maxBytes: number): number {
  return Math.max(1, Math.min(Math.floor(maxBytes / (words * 4 + 4 / FULLEST)), Math.floor(MOST_WORDS / words), 2 ** 30));
}

/** As before, of a small search, which keeps a parent for each state and has two copies while it grows. */
export function smallCapacity(words: number, maxBytes: number): number {
  return Math.max(1, Math.floor(maxBytes / (2 * (words * 4 + 4) + 20)));
}

/** How much a large table grows at a time. The more words a state has, the less room may stay empty beside it. */
export function tableGrowth(words: number): number {
  return words <= 3 ? 2 : words === 4 ? 1.6 : words === 5 ? 1.4 : 1.25;
}
