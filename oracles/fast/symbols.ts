/**
 * The strings of a trace in JSON Lines as numbers, found by their bytes without making a string of them. What each one is as a name is looked at
 * once. There are so many of them at most; then all are forgotten.
 */
import type { Engine } from './engine.ts';
import { serial } from './layout.ts';

export interface Symbols {
  /** `view`: the same bytes. The symbol of the text from `from` to `to` whose hash was computed on the way. */
  readonly find: (bytes: Uint8Array, view: DataView, from: number, to: number, hash: number) => number;
  /** How long the text is that followed this symbol when it was last met, if the same text is there again; 0 if not. `last` has it then. */
  readonly again: (view: DataView, from: number, room: number, before: number) => number;
  readonly followed: (before: number, symbol: number) => void;
  readonly last: () => number;
  readonly text: (symbol: number) => string;
  /** The engine's thread of this name. */
  readonly thread: (symbol: number) => number;
  /** The live object that the text names, or the object of the place that it names; 0 if it is none that is known to live. */
  readonly object: (symbol: number) => number;
  /** Class of the place that it names; -1: it names none. */
  readonly place: (symbol: number) => number;
  /** Type of the object that it names, also if that is not alive; -1: it is no name of an object. */
  readonly type: (symbol: number) => number;
  readonly number: (symbol: number) => number;
  /** As fields of words are compared. */
  readonly word: (symbol: number) => number;
  /** Where the text is in the list of names; -1: nowhere. */
  readonly name: (symbol: number) => number;
  /** Makes room for one more line; symbols stand for other texts if it has to. True: they do. */
  readonly room: () => boolean;
  /** Objects are elsewhere now. */
  readonly restart: () => void;
}

const most = 65_536;
/** Strings of one line. */
const mostOfLine = 256;
/** Words for each symbol. */
const wide = 16;
const slots = 4 * most;
const quote = 34;
export const hashSeed = 0x811c9dc5;
export const hashStep = 0x01000193;

/** `names`: texts that are told apart by their place in the list. */
export function createSymbols({ core }: Engine, names: readonly string[]): Symbols {
  const { tables, memory, store, threads } = core;
  const decoder = new TextDecoder();
  /** Open addressing: symbol plus one. */
  const table = new Int32Array(slots);
  let many = 0;
  let arena = new Uint8Array(1 << 20);
  let arenaWords = new DataView(arena.buffer);
  let end = 0;
  const begins = new Int32Array(most + 1);
  const hashes = new Int32Array(most);
  const texts: string[] = [];
  /** Symbol plus one that followed each when it was last met. */
  const after = new Int32Array(most);
  let found = 0;
  /** Of each: object and its serial, class of the place, type of the object, thread and its serial, word, whether it is an object, name. */
  const known = new Int32Array(most * wide);
  const numbers = new Float64Array(most);
  const places = new Map(tables.classes.map(({ name, number }) => [name, number]));

  function find(bytes: Uint8Array, view: DataView, from: number, to: number, hash: number): number {
    const length = to - from;
    const all = arena;
    const words = arenaWords;
    for (let slot = (hash ^ (hash >>> 15)) & (slots - 1); ; slot = (slot + 1) & (slots - 1)) {
      const symbol = table[slot] - 1;
      if (symbol < 0) return add(bytes, from, to, hash, slot);
      if (hashes[symbol] !== hash) continue;
      const begin = begins[symbol];
      if (begins[symbol + 1] - begin !== length) continue;
      let at = 0;
      while (at + 4 <= length && words.getInt32(begin + at, true) === view.getInt32(from + at, true)) at += 4;
      while (at < length && all[begin + at] === bytes[from + at]) at++;
      if (at === length) return symbol;
    }
  }
  function again(view: DataView, from: number, room: number, before: number): number {
    const symbol = after[before] - 1;
    if (symbol < 0) return 0;
    const begin = begins[symbol];
    const length = begins[symbol + 1] - begin;
    if (from + length >= room || view.getUint8(from + length) !== quote) return 0;
    const words = arenaWords;
    let at = 0;
    while (at + 4 <= length && words.getInt32(begin + at, true) === view.getInt32(from + at, true)) at += 4;
    while (at < length && words.getUint8(begin + at) === view.getUint8(from + at)) at++;
    if (at < length) return 0;
    found = symbol;
    return length;
  }
  function add(bytes: Uint8Array, from: number, to: number, hash: number, slot: number): number {
    const length = to - from;
    if (end + length > arena.length) {
      const larger = new Uint8Array(Math.max(arena.length * 2, end + length));
      larger.set(arena);
      arena = larger;
      arenaWords = new DataView(arena.buffer);
    }
    const symbol = many++;
    arena.set(bytes.subarray(from, to), end);
    begins[symbol] = end;
    end += length;
    begins[symbol + 1] = end;
    hashes[symbol] = hash;
    table[slot] = symbol + 1;
    const text = decoder.decode(bytes.subarray(from, to));
    texts[symbol] = text;
    learn(symbol, text);
    return symbol;
  }
  function learn(symbol: number, text: string): void {
    const at = symbol * wide;
    known.fill(0, at, at + wide);
    known[at + 8] = names.indexOf(text);
    known[at + 2] = -1;
    known[at + 3] = -1;
    known[at + 6] = tables.words.get(text) ?? -2;
    const parts = placeName.exec(text);
    if (parts === null) return;
    const [, type, number, field] = parts;
    known[at + 3] = tables.types.indexOf(type);
    numbers[symbol] = Number(number);
    if (field !== undefined) known[at + 2] = places.get(`${type}.${field}`) ?? -1;
    // A name of an object is no name of something inside one, nor the other way round.
    known[at + 7] = field === undefined ? 1 : 0;
  }
  function object(symbol: number): number {
    const at = symbol * wide;
    const found = known[at];
    return found > 0 && memory.i[found + serial] === known[at + 1] ? found : look(symbol);
  }
  function look(symbol: number): number {
    const at = symbol * wide;
    if (known[at + 3] < 0) return 0;
    const found = store.known(known[at + 3], numbers[symbol]);
    known[at] = found;
    known[at + 1] = found === 0 ? -1 : memory.i[found + serial];
    return found;
  }
  function thread(symbol: number): number {
    const at = symbol * wide;
    const found = known[at + 4];
    if (found > 0 && threads.serial[found] === known[at + 5]) return found;
    const text = texts[symbol];
    const made = threads.numbers.get(text) ?? threads.add(text);
    known[at + 4] = made;
    known[at + 5] = threads.serial[made];
    return made;
  }
  return {
    find,
    again,
    followed: (before, symbol) => void (after[before] = symbol + 1),
    last: () => found,
    text: symbol => texts[symbol],
    thread,
    object,
    place: symbol => known[symbol * wide + 2],
    type: symbol => (known[symbol * wide + 7] === 1 ? known[symbol * wide + 3] : -1),
    number: symbol => numbers[symbol],
    name: symbol => known[symbol * wide + 8],
    room() {
      if (many < most - mostOfLine) return false;
      table.fill(0);
      after.fill(0);
      many = 0;
      end = 0;
      return true;
    },
    word: symbol => known[symbol * wide + 6],
    restart() {
      for (let symbol = 0; symbol < many; symbol++) known[symbol * wide] = 0;
    },
  };
}

/** `Irqfd`, 1 and `kvm` of `Irqfd#1.kvm`. */
const placeName = /^([A-Za-z_$][\w$]*)#([1-9]\d{0,14})(?:\.([\w$.]+))?$/;
