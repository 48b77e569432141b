/**
 * Texts as numbers, found by their bytes without making a string of them. There are so many of them at most; then all are forgotten.
 */
export interface Texts {
  /** `view`: the same bytes. The text from `from` to `to` whose hash was computed on the way; -1: it was not met yet. */
  readonly find: (view: DataView, from: number, to: number, hash: number) => number;
  /** The next number, of a text that `find` has not found. */
  readonly add: (bytes: Uint8Array, from: number, to: number, hash: number) => number;
  /** How long the text is that followed this one when it was last met, if the same is there again with this byte behind it; -1 if not. */
  readonly again: (view: DataView, from: number, room: number, before: number, end: number) => number;
  /** The one that `again` has found. */
  readonly last: () => number;
  readonly followed: (before: number, text: number) => void;
  readonly many: () => number;
  readonly clear: () => void;
}

const hashSeed = 0x811c9dc5 | 0;
const hashStep = 0x01000193;
export const firstHash = hashSeed;
/** The hash with four more bytes, or one more. */
export function mixed(hash: number, word: number): number {
  const next = Math.imul(hash ^ word, hashStep);
  return next ^ (next >>> 15);
}
const highBits = 0x80808080 | 0;
/** Not 0: one of the four bytes is 0. */
export const hasZero = (word: number): number => (word - 0x01010101) & ~word & highBits;

export function createTexts(most: number): Texts {
  const slots = 4 * most;
  /** Open addressing: number plus one. */
  const table = new Int32Array(slots);
  const begins = new Int32Array(most + 1);
  const hashes = new Int32Array(most);
  /** Number plus one of the text that followed each when it was last met. */
  const after = new Int32Array(most);
  let many = 0;
  let arena = new Uint8Array(1 << 16);
  let words = new DataView(arena.buffer);
  let end = 0;
  let last = 0;

  const slotOf = (hash: number): number => (hash ^ (hash >>> 15)) & (slots - 1);
  function isThere(text: number, view: DataView, from: number): boolean {
    const all = words;
    const begin = begins[text];
    const length = begins[text + 1] - begin;
    let at = 0;
    for (; at + 4 <= length; at += 4) if (all.getInt32(begin + at, true) !== view.getInt32(from + at, true)) return false;
    for (; at < length; at++) if (all.getUint8(begin + at) !== view.getUint8(from + at)) return false;
    return true;
  }
  return {
    find(view, from, to, hash) {
      const length = to - from;
      for (let slot = slotOf(hash); ; slot = (slot + 1) & (slots - 1)) {
        const text = table[slot] - 1;
        if (text < 0) return -1;
        if (hashes[text] === hash && begins[text + 1] - begins[text] === length && isThere(text, view, from)) return text;
      }
    },
    add(bytes, from, to, hash) {
      const length = to - from;
      if (end + length > arena.length) {
        const larger = new Uint8Array(Math.max(arena.length * 2, end + length));
        larger.set(arena);
        arena = larger;
        words = new DataView(arena.buffer);
      }
      const text = many++;
      arena.set(bytes.subarray(from, to), end);
      begins[text] = end;
      end += length;
      begins[text + 1] = end;
      hashes[text] = hash;
      after[text] = 0;
      let slot = slotOf(hash);
      while (table[slot] !== 0) slot = (slot + 1) & (slots - 1);
      table[slot] = text + 1;
      return text;
    },
    again(view, from, room, before, behind) {
      const text = after[before] - 1;
      if (text < 0) return -1;
      const length = begins[text + 1] - begins[text];
      if (from + length >= room || view.getUint8(from + length) !== behind || !isThere(text, view, from)) return -1;
      last = text;
      return length;
    },
    last: () => last,
    followed: (before, text) => void (after[before] = text + 1),
    many: () => many,
    clear() {
      table.fill(0);
      after.fill(0);
      many = 0;
      end = 0;
    },
  };
}
