/** Pieces of source that every search is made of. */
import { wordNames } from './emit-stepper.ts';
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
