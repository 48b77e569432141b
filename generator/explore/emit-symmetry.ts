/**
 * Code that stores one state for all that differ only in which of several equal objects and threads is which: of all that come of one
 * another, the one whose anchors, and then whose words, come first.
 */
import { anchorCell } from './cells.ts';
import type { Bits, Layout } from './layout.ts';
import type { Move, StateSymmetry } from './moved-state.ts';

const MOST_KEY_BITS = 31;

const look = ({ word, shift, width }: Bits): string =>
  shift + width === 32 ? `(w${word} >>> ${shift})` : `(w${word} >>> ${shift} & ${2 ** width - 1})`;

/** Tables that are equal are written once. */
interface Tables {
  readonly name: (of: readonly number[]) => string;
  readonly code: () => string;
}

function tables(): Tables {
  const names = new Map<string, string>();
  return {
    name: of => {
      const text = of.join();
      const known = names.get(text) ?? `moved${names.size}`;
      names.set(text, known);
      return known;
    },
    code: () => (names.size === 0 ? '' : `const ${[...names].map(([text, name]) => `${name} = Int32Array.of(${text})`).join(', ')};\n`),
  };
}

/** Defines `storeOne(leaf, ...words)`, which adds the state that stands for all of them. */
export function symmetryCode(layout: Layout, of: readonly StateSymmetry[], names: readonly string[]): string {
  const words = names.join(', ');
  if (of.length === 0) return `function storeOne(leaf, ${words}) { add(leaf, ${words}); }\n`;
  const known = tables();
  const keyed = keyThreads(layout, of);
  const keyOf = (source: (thread: number) => number): string =>
    keyed
      .map(({ thread, at }) => `${look(layout.bits.get(anchorCell(source(thread))) ?? { word: 0, shift: 0, width: 0 })} << ${at}`)
      .join(' | ') || '0';
  const ways = of.map((one, number) => {
    const back = new Map(one.symmetry.threads.map((to, from) => [to, from]));
    const valid = one.made.map(({ allocated, least }) => `${look(allocated)} >= ${least}`).join(' && ');
    const key = keyOf(thread => back.get(thread) ?? thread);
    const after = movedWords(one.moves, names.length, known);
    return {
      key: `const key${number} = ${valid === '' ? key : `${valid} ? ${key} : ${2 ** 31 - 1}`}; if (key${number} < least) least = key${number};`,
      move:
        `if (key${number} === least) { ${after.map((code, word) => `const b${word} = ${code};`).join(' ')} ` +
        `if (!found || ${lessThan(names.length)}) { ${names.map((_, word) => `c${word} = b${word};`).join(' ')} found = true; } }`,
    };
  });
  return `${known.code()}function storeOne(leaf, ${words}) {
  ${names.map(name => `${name} |= 0;`).join(' ')} ${names.map((name, word) => `let c${word} = ${name};`).join(' ')}
  const key = ${keyOf(thread => thread)}; let least = key;
  ${ways.map(({ key }) => key).join('\n  ')}
  let found = key === least;
  ${ways.map(({ move }) => move).join('\n  ')}
  add(leaf, ${names.map((_, word) => `c${word}`).join(', ')});
}
`;
}

/** Threads that change places, as many as a key has room for, and the place of their anchors in it. */
function keyThreads(layout: Layout, of: readonly StateSymmetry[]): readonly { readonly thread: number; readonly at: number }[] {
  const keyed: { readonly thread: number; readonly at: number }[] = [];
  let used = 0;
  // Threads that come from one another are in the key together or not at all.
  const orbits = new Map<string, number[]>();
  layout.threads.forEach((_, thread) => {
    const orbit = [...new Set([thread, ...of.map(({ symmetry }) => symmetry.threads[thread] ?? thread)])].sort((a, b) => a - b);
    if (orbit.length > 1) orbits.set(orbit.join(), orbit);
  });
  for (const orbit of orbits.values()) {
    const widths = orbit.map(thread => layout.bits.get(anchorCell(thread))?.width ?? 0);
    const width = Math.max(...widths);
    if (width === 0 || used + width * orbit.length >= MOST_KEY_BITS) continue;
    for (const thread of orbit) {
      keyed.push({ thread, at: used });
      used += width;
    }
  }
  return keyed;
}

function movedWords(moves: readonly Move[], count: number, known: Tables): readonly string[] {
  const masks = new Map<string, { readonly from: number; readonly to: number; readonly by: number; mask: number }>();
  const parts: string[][] = Array.from({ length: count }, () => []);
  for (const { from, to, tables, at } of moves) {
    const [first, ...others] = tables;
    if (first === undefined) {
      const by = to.shift - from.shift;
      const key = `${from.word} ${to.word} ${by}`;
      const group = masks.get(key) ?? { from: from.word, to: to.word, by, mask: 0 };
      group.mask |= (2 ** from.width - 1) << from.shift;
      masks.set(key, group);
      continue;
    }
    const table = known.name(tables.flat());
    const offset =
      at === null || others.length === 0 ? '' : `${known.name(at.which.map(which => which * first.length))}[${look(at.anchor)}] + `;
    parts[to.word]?.push(`${table}[${offset}${look(from)}] << ${to.shift}`);
  }
  for (const { from, to, by, mask } of masks.values())
    parts[to]?.push(
      by === 0 ? `w${from} & ${mask | 0}` : by > 0 ? `(w${from} & ${mask | 0}) << ${by}` : `(w${from} & ${mask | 0}) >>> ${-by}`,
    );
  return parts.map(terms => (terms.length === 0 ? '0' : terms.join(' | ')));
}

/** Whether `b` comes before `c`, word by word. */
function lessThan(count: number): string {
  let code = 'false';
  for (let word = count - 1; word >= 0; word--) code = `(b${word} < c${word} || b${word} === c${word} && ${code})`;
  return code;
}
