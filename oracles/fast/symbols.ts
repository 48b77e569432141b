/** The strings of a trace in JSON Lines as numbers. What each one is as a name is looked at once. */
import type { Engine } from './engine.ts';
import { serial } from './layout.ts';
import { createTexts, type Texts } from './texts.ts';

export interface Symbols {
  readonly texts: Texts;
  /** The number of the text from `from` to `to`, whose hash was computed on the way. */
  readonly find: (bytes: Uint8Array, view: DataView, from: number, to: number, hash: number) => number;
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
  /** There may be no room for those of one more line. */
  readonly isFull: () => boolean;
  /** Symbols stand for other texts from here on. */
  readonly clear: () => void;
  /** Objects are elsewhere now. */
  readonly restart: () => void;
}

const most = 65_536;
/** Strings of one line. */
const mostOfLine = 256;
// Of each symbol: its object and that object's serial, class of the place, type of the object, thread and its serial, word, name in the list, and
// whether it is a name of an object and of nothing inside one.
const wide = 16;
const objectAt = 0;
const objectSerial = 1;
const placeAt = 2;
const typeAt = 3;
const threadAt = 4;
const threadSerial = 5;
const wordAt = 6;
const isObject = 7;
const nameAt = 8;

/** `names`: texts that are told apart by their place in the list. */
export function createSymbols({ core }: Engine, names: readonly string[]): Symbols {
  const { tables, memory, store, threads } = core;
  const decoder = new TextDecoder();
  const texts = createTexts(most);
  const said: string[] = [];
  const known = new Int32Array(most * wide);
  const numbers = new Float64Array(most);
  const places = new Map(tables.classes.map(({ name, number }) => [name, number]));

  function find(bytes: Uint8Array, view: DataView, from: number, to: number, hash: number): number {
    const found = texts.find(view, from, to, hash);
    if (found >= 0) return found;
    const symbol = texts.add(bytes, from, to, hash);
    said[symbol] = decoder.decode(bytes.subarray(from, to));
    learn(symbol, said[symbol]);
    return symbol;
  }
  function learn(symbol: number, text: string): void {
    const at = symbol * wide;
    known.fill(0, at, at + wide);
    known[at + nameAt] = names.indexOf(text);
    known[at + placeAt] = -1;
    known[at + typeAt] = -1;
    known[at + wordAt] = tables.words.get(text) ?? -2;
    const parts = placeName.exec(text);
    if (parts === null) return;
    const [, type, number, field] = parts;
    known[at + typeAt] = tables.types.indexOf(type);
    numbers[symbol] = Number(number);
    if (field !== undefined) known[at + placeAt] = places.get(`${type}.${field}`) ?? -1;
    // A name of an object is no name of something inside one, nor the other way round.
    known[at + isObject] = field === undefined ? 1 : 0;
  }
  function object(symbol: number): number {
    const at = symbol * wide;
    const found = known[at + objectAt];
    return found > 0 && memory.i[found + serial] === known[at + objectSerial] ? found : look(symbol);
  }
  function look(symbol: number): number {
    const at = symbol * wide;
    if (known[at + typeAt] < 0) return 0;
    const found = store.known(known[at + typeAt], numbers[symbol]);
    known[at + objectAt] = found;
    known[at + objectSerial] = found === 0 ? -1 : memory.i[found + serial];
    return found;
  }
  function thread(symbol: number): number {
    const at = symbol * wide;
    const found = known[at + threadAt];
    if (found > 0 && threads.serial[found] === known[at + threadSerial]) return found;
    const text = said[symbol];
    const made = threads.numbers.get(text) ?? threads.add(text);
    known[at + threadAt] = made;
    known[at + threadSerial] = threads.serial[made];
    return made;
  }
  return {
    texts,
    find,
    text: symbol => said[symbol],
    thread,
    object,
    place: symbol => known[symbol * wide + placeAt],
    type: symbol => (known[symbol * wide + isObject] === 1 ? known[symbol * wide + typeAt] : -1),
    number: symbol => numbers[symbol],
    name: symbol => known[symbol * wide + nameAt],
    isFull: () => texts.many() >= most - mostOfLine,
    clear: texts.clear,
    word: symbol => known[symbol * wide + wordAt],
    restart() {
      for (let symbol = 0; symbol < texts.many(); symbol++) known[symbol * wide + objectAt] = 0;
    },
  };
}

/** `Irqfd`, 1 and `kvm` of `Irqfd#1.kvm`. */
const placeName = /^([A-Za-z_$][\w$]*)#([1-9]\d{0,14})(?:\.([\w$.]+))?$/;
