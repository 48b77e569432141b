/**
 * Reads a line of a trace in JSON Lines byte by byte, without a string in between. It takes lines as everybody writes them: seq, thread, kind,
 * and then the fields of the kind in any order, with the site among them or before the kind; no spaces, no escapes, ASCII only. What is written otherwise it does not read.
 */
import { tags } from '../binary-format.ts';
import type { Symbols } from './symbols.ts';
import { firstHash, hasZero, mixed } from './texts.ts';

/** What follows the fields is a list of arguments, or an object of start values. */
export const pairs = { none: 0, arguments: 1, fields: 2 } as const;

/** The line that was read last. Its fields, and after them those of the list or object among them, are at the same places of three arrays. */
export interface LineReader {
  /** Symbols of the names; of an entry of a list -1. */
  readonly keys: Int32Array;
  readonly valueTags: Int32Array;
  /** Symbols, numbers, 0 and 1. */
  readonly values: Float64Array;
  /** How many there are, where those inside begin, and what these are. */
  readonly many: () => number;
  readonly inner: () => number;
  readonly inside: () => number;
  /** Symbols. */
  readonly thread: () => number;
  readonly kind: () => number;
  /** Other bytes. */
  readonly begin: (bytes: Uint8Array, view: DataView) => void;
  /** A whole number that begins there; -1: it is none, or too large. */
  readonly number: (from: number) => number;
  /** Behind what was read last. */
  readonly at: () => number;
  /** Whether this is what begins there. */
  readonly isThere: (from: number, text: Literal) => boolean;
  /** The line from its thread on, up to its end. */
  readonly read: (from: number) => boolean;
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

export interface Literal {
  readonly text: Uint8Array;
  /** Four bytes each; the last four are the last of the text. */
  readonly words: Int32Array;
}
export function literalOf(said: string): Literal {
  const text = new TextEncoder().encode(said);
  const view = new DataView(text.buffer);
  const many = text.length < 4 ? 0 : Math.ceil(text.length / 4);
  return { text, words: Int32Array.from({ length: many }, (_, at) => view.getInt32(at === many - 1 ? text.length - 4 : 4 * at, true)) };
}
const beforeThread = literalOf(',"thread":"');
const beforeSite = literalOf(',"site":"');
const beforeKind = literalOf(',"kind":"');
const sayTrue = literalOf('true');
const sayFalse = literalOf('false');
const sayNull = literalOf('null');
/** Fields, arguments and start values of one event; with more it is not read. */
const mostFields = 64;
/** Digits of a number that is exact for certain. */
const mostDigits = 15;

/** `site`: number of this name among those of the symbols. It says where in the source, which is of no use here. */
export function createLineReader(symbols: Symbols, site: number): LineReader {
  const { texts } = symbols;
  const keys = new Int32Array(mostFields);
  const valueTags = new Int32Array(mostFields);
  const values = new Float64Array(mostFields);
  let many = 0;
  let inner = 0;
  let inside: number = pairs.none;
  let bytes: Uint8Array = new Uint8Array(0);
  /** The same, as words, and how many bytes there are. */
  let view: DataView = new DataView(bytes.buffer);
  let room = 0;
  let at = 0;
  let symbol = 0;
  let thread = 0;
  let kind = 0;

  function isThere(from: number, { text, words }: Literal): boolean {
    const { length } = text;
    if (from + length > room || length < 4) {
      for (let one = 0; one < length; one++) if (bytes[from + one] !== text[one]) return false;
      return true;
    }
    const last = words.length - 1;
    for (let one = 0; one < last; one++) if (view.getInt32(from + 4 * one, true) !== words[one]) return false;
    // The last word ends with the text, so it may overlap the one before.
    return view.getInt32(from + length - 4, true) === words[last];
  }
  function literal(one: Literal): boolean {
    const from = at;
    at += one.text.length;
    return isThere(from, one);
  }
  /** A string up to its closing quote, whose beginning is behind. False: it has an escape, or something that is not ASCII. */
  function string(): boolean {
    const from = at;
    const length = texts.again(view, from, room, symbol, quote);
    if (length >= 0) {
      symbol = texts.last();
      at = from + length + 1;
      return true;
    }
    // Not the variable of the whole reader: that is far slower to change.
    let to = from;
    let hash = firstHash;
    const last = room - 4;
    // Four characters at a time, as long as none of them is a quote.
    while (to <= last) {
      const word = view.getInt32(to, true);
      if (hasZero(word ^ quotes) !== 0) break;
      if (((word | (word - spaces) | hasZero(word ^ backslashes)) & highBits) !== 0) return false;
      hash = mixed(hash, word);
      to += 4;
    }
    let byte = bytes[to];
    while (byte !== quote) {
      // Beyond the end there is nothing, which is none of these.
      if (!(byte >= 32 && byte <= 126) || byte === backslash) return false;
      hash = mixed(hash, byte);
      byte = bytes[++to];
    }
    const found = symbols.find(bytes, view, from, to, hash);
    texts.followed(symbol, found);
    symbol = found;
    at = to + 1;
    return true;
  }
  function skipString(): boolean {
    let to = at;
    let byte = bytes[to];
    while (byte !== quote) {
      if (!(byte >= 32 && byte <= 126) || byte === backslash) return false;
      byte = bytes[++to];
    }
    at = to + 1;
    return true;
  }
  function number(from: number): number {
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
  function value(key: number): boolean {
    if (many === mostFields) return false;
    const place = many++;
    keys[place] = key;
    const byte = bytes[at];
    if (byte === quote) {
      at++;
      if (!string()) return false;
      valueTags[place] = tags.word;
      values[place] = symbol;
      return true;
    }
    if (byte >= zero && byte <= nine) {
      valueTags[place] = tags.number;
      values[place] = number(at);
      return values[place] >= 0;
    }
    valueTags[place] = byte === letterN ? tags.null : tags.boolean;
    values[place] = byte === letterT ? 1 : 0;
    return literal(byte === letterT ? sayTrue : byte === letterN ? sayNull : sayFalse);
  }
  /** Fields up to the closing brace, the first without a comma before it if `first`. */
  function fields(first: boolean, isInner: boolean): boolean {
    for (let begin = first; ; begin = false) {
      if (bytes[at] === braceClose) {
        at++;
        return true;
      }
      if (!begin && bytes[at++] !== comma) return false;
      if (bytes[at++] !== quote || !string() || bytes[at++] !== colon) return false;
      const key = symbol;
      if (!isInner && symbols.name(key) === site) {
        if (bytes[at++] !== quote || !skipString()) return false;
        continue;
      }
      if (bytes[at] === bracketOpen || bytes[at] === braceOpen) {
        if (isInner || inside !== pairs.none || !nested()) return false;
        continue;
      }
      if (!value(key)) return false;
    }
  }
  /** `arguments` or `fields`, whichever is meant: nothing comes after it but the end, as everybody writes it. */
  function nested(): boolean {
    const isList = bytes[at++] === bracketOpen;
    const name = symbols.text(symbol);
    if (name !== (isList ? 'arguments' : 'fields')) return false;
    inside = isList ? pairs.arguments : pairs.fields;
    inner = many;
    if (!isList) {
      if (!fields(true, true)) return false;
    } else {
      for (let begin = true; bytes[at] !== bracketClose; begin = false) {
        if (!begin && bytes[at++] !== comma) return false;
        if (!value(-1)) return false;
      }
      at++;
    }
    return bytes[at] === braceClose;
  }
  function read(from: number): boolean {
    many = 0;
    inside = pairs.none;
    if (texts.many() === 0) symbol = 0;
    at = from;
    if (!literal(beforeThread) || bytes[at] === quote || !string()) return false;
    thread = symbol;
    if (bytes[at + 2] === letterS && (!literal(beforeSite) || !skipString())) return false;
    if (!literal(beforeKind) || !string()) return false;
    kind = symbol;
    return fields(false, false) && bytes[at] === newline;
  }
  return {
    keys,
    valueTags,
    values,
    many: () => many,
    inner: () => inner,
    inside: () => inside,
    thread: () => thread,
    kind: () => kind,
    begin(other, words) {
      bytes = other;
      view = words;
      room = other.byteLength;
    },
    number,
    at: () => at,
    isThere,
    read,
  };
}
