/**
 * Reads the lines of a trace in JSON Lines for the fast engine, byte by byte, without an event or a string in between. It takes lines as everybody
 * writes them: seq, thread, site if there is one, kind, and then the fields of the kind in any order; no spaces, no escapes, ASCII only. What is
 * written otherwise, or what it cannot make out, it declines.
 */
import { shapeOf, tags } from '../binary-format.ts';
import type { EventKind, Scalar } from '../event.ts';
import { eventFields, isEventKind } from '../event-fields.ts';
import type { Engine, Handler } from './engine.ts';
import type { Given } from './lifetime.ts';
import { createSymbols, hashSeed, hashStep } from './symbols.ts';
import type { Class } from './tables.ts';

export interface LineLane {
  /** Judges whole lines from there on. Where it stopped: at `end`, or at the beginning of a line that was declined, or broke a rule about states. */
  readonly run: (bytes: Uint8Array, from: number, end: number) => number;
  readonly stopped: () => 'end' | 'declined' | 'broken';
  /** Lines that were judged in the last run. */
  readonly lines: () => number;
  /** Thread of the event that was judged last. */
  readonly thread: () => number;
  /** Objects are elsewhere now. */
  readonly restart: () => void;
}

interface Kind {
  readonly kind: EventKind;
  readonly handlers: readonly (Handler | null)[] | null;
  // Names of its fields, as numbers; -1: none.
  readonly place: number;
  readonly value: number;
  readonly flag: number;
  readonly otherFlag: number;
  /** Flags that an event must have. */
  readonly flags: number;
}

const quote = 34;
const comma = 44;
const colon = 58;
const zero = 48;
const nine = 57;
const braceOpen = 123;
const braceClose = 125;
const bracketOpen = 91;
const bracketClose = 93;
const backslash = 92;
const newline = 10;
const letterN = 110;
const letterT = 116;
const letterS = 115;

// The same characters four times, and the bits that say what a word of four has.
const quotes = 0x22222222;
const backslashes = 0x5c5c5c5c;
const spaces = 0x20202020;
const highBits = 0x80808080 | 0;
/** Not 0: one of the four bytes is 0. */
const hasByte = (word: number): number => (word - 0x01010101) & ~word & highBits;
const mixed = (hash: number, word: number): number => {
  const next = Math.imul(hash ^ word, hashStep);
  return next ^ (next >>> 15);
};

interface Literal {
  readonly text: Uint8Array;
  /** Four bytes each; the last four are the last of the text. */
  readonly words: Int32Array;
}
function bytesOf(said: string): Literal {
  const text = new TextEncoder().encode(said);
  const view = new DataView(text.buffer);
  const many = text.length < 4 ? 0 : Math.ceil(text.length / 4);
  return { text, words: Int32Array.from({ length: many }, (_, at) => view.getInt32(at === many - 1 ? text.length - 4 : 4 * at, true)) };
}
const beforeSeq = bytesOf('{"seq":');
const beforeThread = bytesOf(',"thread":"');
const beforeSite = bytesOf(',"site":"');
const beforeKind = bytesOf(',"kind":"');
const sayTrue = bytesOf('true');
const sayFalse = bytesOf('false');
const sayNull = bytesOf('null');
/** Fields, arguments and start values of one event; with more it is declined. */
const mostFields = 64;
/** Digits of a number that is exact for certain. */
const mostDigits = 15;

const pairs = { none: 0, arguments: 1, fields: 2 } as const;

export function createLineLane(engine: Engine): LineLane {
  const { core, handlers, calls, alloc, free, settle } = engine;
  const { tables } = core;
  // Kinds first: a name that is also a field's stands for both.
  const names = [...new Set([...Object.keys(eventFields), ...Object.values(eventFields).flatMap(fields => Object.keys(fields))])];
  const irq = names.indexOf('irq');
  const symbols = createSymbols(engine, names);
  const kinds = names.map((kind): Kind | null => {
    if (!isEventKind(kind)) return null;
    const { place, value, flags } = shapeOf(kind);
    const [flag = -1, otherFlag = -1] = flags.map(one => names.indexOf(one));
    return {
      kind,
      handlers: handlers[kind] ?? null,
      place: names.indexOf(place ?? ''),
      value: names.indexOf(value ?? ''),
      flag,
      otherFlag,
      flags: flags.filter(one => one !== 'irq').length,
    };
  });
  const fieldsOf = tables.types.map(
    (_, type) => new Map(tables.classes.flatMap((one): [string, Class][] => (one.type === type ? [[one.field, one]] : []))),
  );
  // The line at hand: its fields, and those of the list or the object among them.
  const keys = new Int32Array(mostFields);
  const valueTags = new Int32Array(mostFields);
  const values = new Float64Array(mostFields);
  let many = 0;
  let inner = 0;
  let inside: number = pairs.none;
  /** The bytes as words, and how many there are. */
  let view: DataView = new DataView(new ArrayBuffer(0));
  let room = 0;
  let at = 0;
  let symbol = 0;
  let last = 0;
  let judged = 0;
  let stopped: 'end' | 'declined' | 'broken' = 'end';

  function literal(bytes: Uint8Array, { text, words }: Literal): boolean {
    const { length } = text;
    const from = at;
    at = from + length;
    if (from + length > room || length < 4) {
      for (let one = 0; one < length; one++) if (bytes[from + one] !== text[one]) return false;
      return true;
    }
    const last = words.length - 1;
    for (let one = 0; one < last; one++) if (view.getInt32(from + 4 * one, true) !== words[one]) return false;
    // The last word ends with the text, so it may overlap the one before.
    return view.getInt32(from + length - 4, true) === words[last];
  }
  /** A string up to its closing quote, whose beginning is behind. False: it has an escape, or something that is not ASCII. */
  function string(bytes: Uint8Array): boolean {
    const from = at;
    const length = symbols.again(view, from, room, symbol);
    if (length > 0) {
      symbol = symbols.last();
      at = from + length + 1;
      return true;
    }
    // Not the variable of the whole reader: that is far slower to change.
    let to = from;
    let hash = hashSeed;
    const last = room - 4;
    // Four characters at a time, as long as none of them is a quote.
    while (to <= last) {
      const word = view.getInt32(to, true);
      if (hasByte(word ^ quotes) !== 0) break;
      if (((word | (word - spaces) | hasByte(word ^ backslashes)) & highBits) !== 0) return false;
      hash = mixed(hash, word);
      to += 4;
    }
    let byte = bytes[to];
    while (byte !== quote) {
      if (byte < 32 || byte > 126 || byte === backslash) return false;
      hash = Math.imul(hash ^ byte, hashStep);
      byte = bytes[++to];
    }
    const found = symbols.find(bytes, view, from, to, hash);
    symbols.followed(symbol, found);
    symbol = found;
    at = to + 1;
    return true;
  }
  function skipString(bytes: Uint8Array): boolean {
    let to = at;
    let byte = bytes[to];
    while (byte !== quote) {
      if (byte < 32 || byte > 126 || byte === backslash) return false;
      byte = bytes[++to];
    }
    at = to + 1;
    return true;
  }
  /** A whole number from 0; -1: it is none, or too large. */
  function number(bytes: Uint8Array): number {
    const from = at;
    let to = from;
    let value = 0;
    let byte = bytes[to];
    while (byte >= zero && byte <= nine) {
      value = value * 10 + (byte - zero);
      byte = bytes[++to];
    }
    at = to;
    const digits = to - from;
    return digits === 0 || digits > mostDigits || (digits > 1 && bytes[from] === zero) ? -1 : value;
  }
  /** A value, into the fields of the line under this key. */
  function value(bytes: Uint8Array, key: number): boolean {
    if (many === mostFields) return false;
    const place = many++;
    keys[place] = key;
    const byte = bytes[at];
    if (byte === quote) {
      at++;
      if (!string(bytes)) return false;
      valueTags[place] = tags.word;
      values[place] = symbol;
      return true;
    }
    if (byte >= zero && byte <= nine) {
      valueTags[place] = tags.number;
      values[place] = number(bytes);
      return values[place] >= 0;
    }
    valueTags[place] = byte === letterN ? tags.null : tags.boolean;
    values[place] = byte === letterT ? 1 : 0;
    return literal(bytes, byte === letterT ? sayTrue : byte === letterN ? sayNull : sayFalse);
  }
  /** Fields up to the closing brace, the first without a comma before it if `first`. */
  function fields(bytes: Uint8Array, first: boolean, isInner: boolean): boolean {
    for (let begin = first; ; begin = false) {
      if (bytes[at] === braceClose) {
        at++;
        return true;
      }
      if (!begin && bytes[at++] !== comma) return false;
      if (bytes[at++] !== quote || !string(bytes) || bytes[at++] !== colon) return false;
      const key = symbol;
      if (bytes[at] === bracketOpen || bytes[at] === braceOpen) {
        if (isInner || inside !== pairs.none || !nested(bytes)) return false;
        continue;
      }
      if (!value(bytes, key)) return false;
    }
  }
  /** `arguments` or `fields`, whichever is meant: nothing comes after it but the end, as everybody writes it. */
  function nested(bytes: Uint8Array): boolean {
    const isList = bytes[at++] === bracketOpen;
    const name = symbols.text(symbol);
    if (name !== (isList ? 'arguments' : 'fields')) return false;
    inside = isList ? pairs.arguments : pairs.fields;
    inner = many;
    if (!isList) {
      if (!fields(bytes, true, true)) return false;
    } else {
      for (let begin = true; bytes[at] !== bracketClose; begin = false) {
        if (!begin && bytes[at++] !== comma) return false;
        if (!value(bytes, -1)) return false;
      }
      at++;
    }
    return bytes[at] === braceClose;
  }

  // The value that a handler takes.
  let tag = 0;
  let other = 0;
  let about = -1;
  /** A string is a name of an object or of something inside one if it has a `#`, and else a word. */
  function meaning(place: number): boolean {
    tag = valueTags[place];
    about = -1;
    other = values[place];
    if (tag !== tags.word) return true;
    const named = values[place];
    if (symbols.type(named) >= 0) {
      other = symbols.object(named);
      tag = tags.object;
      about = symbols.type(named);
      return other !== 0;
    }
    if (symbols.place(named) >= 0) {
      const object = symbols.object(named);
      tag = tags.place;
      about = symbols.place(named);
      other = object + tables.classes[about].offset;
      return object !== 0;
    }
    other = symbols.word(named);
    return !symbols.text(named).includes('#');
  }

  function line(bytes: Uint8Array): boolean {
    many = 0;
    inside = pairs.none;
    if (symbols.room()) symbol = 0;
    if (!literal(bytes, beforeSeq)) return false;
    const seq = number(bytes);
    if (seq <= core.seq || !literal(bytes, beforeThread) || bytes[at] === quote || !string(bytes)) return false;
    const threadSymbol = symbol;
    if (bytes[at + 2] === letterS && (!literal(bytes, beforeSite) || !skipString(bytes))) return false;
    if (!literal(bytes, beforeKind) || !string(bytes)) return false;
    const name = symbols.name(symbol);
    const kind = name < 0 ? null : kinds[name];
    if (kind === null || !fields(bytes, false, false) || bytes[at] !== newline) return false;
    if (kind.handlers === null ? !whole(kind, threadSymbol, seq) : !atPlace(kind, kind.handlers, threadSymbol, seq)) return false;
    core.seq = seq;
    return true;
  }
  function atPlace(kind: Kind, of: readonly (Handler | null)[], threadSymbol: number, seq: number): boolean {
    let place = -1;
    let valueAt = -1;
    let flag = false;
    let flagsSeen = 0;
    if (inside !== pairs.none) return false;
    for (let one = 0; one < many; one++) {
      const key = symbols.name(keys[one]);
      if (key < 0) return false;
      if (key === kind.place && place < 0) place = one;
      else if (key === kind.value && valueAt < 0) valueAt = one;
      else if (valueTags[one] === tags.boolean && (key === kind.flag || key === kind.otherFlag) && isFirst(one)) {
        if (key === kind.flag) flag = values[one] === 1;
        if (key !== irq) flagsSeen++;
      } else return false;
    }
    if (place < 0 || valueTags[place] !== tags.word || flagsSeen !== kind.flags) return false;
    if (valueAt < 0 !== kind.value < 0) return false;
    const named = values[place];
    const number = symbols.place(named);
    const handler = number < 0 ? null : of[number];
    if (handler === null) return false;
    const thread = symbols.thread(threadSymbol);
    const found = symbols.object(named);
    const object = found !== 0 || kind.kind !== 'run-end' ? found : core.runOn(thread, number, symbols.number(named));
    if (object === 0) return false;
    tag = tags.absent;
    other = 0;
    about = -1;
    if (valueAt >= 0 && !meaning(valueAt)) return false;
    if (!handler(thread, seq, object, object + tables.classes[number].offset, tag, other, about, flag)) return false;
    last = thread;
    return true;
  }
  const isFirst = (one: number): boolean => {
    for (let before = 0; before < one; before++) if (symbols.name(keys[before]) === symbols.name(keys[one])) return false;
    return true;
  };

  /** Events that are not at something inside an object. */
  function whole({ kind }: Kind, threadSymbol: number, seq: number): boolean {
    const own = inside === pairs.none ? many : inner;
    const thread = symbols.thread(threadSymbol);
    last = thread;
    switch (kind) {
      case 'alloc': {
        const named = only('object', own);
        if (named < 0 || inside !== pairs.fields || symbols.type(named) < 0 || symbols.object(named) !== 0) return false;
        const given = givenBy(symbols.type(named));
        return given !== null && alloc(symbols.type(named), symbols.number(named), given) !== 0;
      }
      case 'free': {
        const named = only('object', own);
        if (named < 0 || inside !== pairs.none || symbols.type(named) < 0) return false;
        const object = symbols.object(named);
        return object !== 0 && free(thread, seq, object);
      }
      case 'call': {
        const name = only('call', own);
        return name >= 0 && inside === pairs.arguments && calledWith(thread, seq, symbols.text(name));
      }
      case 'return': {
        if (inside !== pairs.none || many !== 2 || symbols.text(keys[0]) !== 'call' || symbols.text(keys[1]) !== 'result') return false;
        // An object is no errno, and that is all that is asked.
        const result = valueTags[1] === tags.word ? symbols.text(values[1]) : scalar(1);
        return valueTags[0] === tags.word && result !== undefined && calls.returned(thread, symbols.text(values[0]), result);
      }
      case 'thread-start': {
        const context = inside === pairs.none ? contexts.indexOf(symbols.text(Math.max(0, only('context', own)))) : -1;
        if (context < 0) return false;
        core.threads.begin(thread, context);
        return true;
      }
      case 'thread-end':
        return many === 0 && inside === pairs.none && calls.end(thread);
      default:
        return false;
    }
  }
  /** The text of the one field besides those inside, if it has this name; -1 if not. */
  const only = (name: string, own: number): number =>
    own === 1 && symbols.text(keys[0]) === name && valueTags[0] === tags.word ? values[0] : -1;
  function scalar(place: number): Scalar | undefined {
    switch (valueTags[place]) {
      case tags.null:
        return null;
      case tags.boolean:
        return values[place] === 1;
      case tags.number:
        return values[place];
      default: {
        const text = symbols.text(values[place]);
        return text.includes('#') ? undefined : text;
      }
    }
  }
  function givenBy(type: number): Given[] | null {
    const given: Given[] = [];
    for (let one = inner; one < many; one++) {
      const of = fieldsOf[type].get(symbols.text(keys[one]));
      if (of === undefined || !meaning(one)) return null;
      if (given.some(before => before.of === of)) return null;
      given.push({ of, tag, other, about });
    }
    return given;
  }
  function calledWith(thread: number, seq: number, name: string): boolean {
    const plain: Scalar[] = [];
    const objects: number[] = [];
    for (let one = inner; one < many; one++) {
      const isObject = valueTags[one] === tags.word && symbols.type(values[one]) >= 0;
      const object = isObject ? symbols.object(values[one]) : 0;
      const given = isObject ? (object === 0 ? undefined : '') : scalar(one);
      if (given === undefined) return false;
      plain.push(given);
      objects.push(object);
    }
    return calls.call(thread, seq, name, plain, objects);
  }

  function run(bytes: Uint8Array, from: number, end: number): number {
    judged = 0;
    stopped = 'end';
    view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    room = bytes.byteLength;
    at = from;
    let begin = from;
    while (begin < end) {
      if (!line(bytes)) {
        stopped = 'declined';
        return begin;
      }
      core.events++;
      if ((core.due !== 0 || core.instant || core.own.length > 0) && !settle()) {
        stopped = 'broken';
        return begin;
      }
      judged++;
      begin = ++at;
    }
    return begin;
  }
  return { run, stopped: () => stopped, lines: () => judged, thread: () => last, restart: symbols.restart };
}

const contexts = ['task', 'hardirq', 'worker'];
