/**
 * Judges the lines of a trace in JSON Lines by the fast engine, without an event in between. A program does the same again and again, so most
 * lines differ from one that was met before in their number only: those are not read, but known by their bytes.
 */
import { shapeOf, tags } from '../binary-format.ts';
import { eventFields, isEventKind } from '../event-fields.ts';
import type { Engine } from './engine.ts';
import { createLineReader, literalOf, pairs } from './line-reader.ts';
import { createWholeLines } from './line-whole.ts';
import { createSymbols } from './symbols.ts';
import { createTexts, firstHash, hasZero, mixed } from './texts.ts';

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

/** A kind of events at something inside an object. Names of fields as numbers; -1: none. */
interface Kind {
  /** The engine's number of the kind. */
  readonly code: number;
  readonly place: number;
  readonly value: number;
  /** The value need not be there. */
  readonly isOptional: boolean;
  readonly flag: number;
  readonly otherFlag: number;
  /** Flags that an event must have. */
  readonly flags: number;
}

const newline = 10;
const newlines = 0x0a0a0a0a;
const beforeSeq = literalOf('{"seq":');

/** Lines that are known by their bytes, and how long one may be for that. */
const mostLines = 16_384;
const longestKnown = 512;
// Of each of them: kind, thread, place, value (as symbols, or a word of 32 bits), what the value is, flag.
const wide = 8;
const codeAt = 0;
const threadAt = 1;
const placeAt = 2;
const valueAt = 3;
const tagAt = 4;
const flagAt = 5;

export function createLineLane(engine: Engine): LineLane {
  const { core, codeOf, handlers, settle } = engine;
  const { tables, own } = core;
  // Kinds first: a name that is also a field's stands for both.
  const names = [...new Set([...Object.keys(eventFields), 'site', ...Object.values(eventFields).flatMap(fields => Object.keys(fields))])];
  const irq = names.indexOf('irq');
  const symbols = createSymbols(engine, names);
  const reader = createLineReader(symbols, names.indexOf('site'));
  const whole = createWholeLines(engine, symbols, reader);
  const kinds = names.map((kind): Kind | null => {
    if (!isEventKind(kind) || codeOf(kind) === 0) return null;
    const { place, value, flags } = shapeOf(kind);
    const [flag = -1, otherFlag = -1] = flags.map(one => names.indexOf(one));
    return {
      code: codeOf(kind),
      place: names.indexOf(place ?? ''),
      value: names.indexOf(value ?? ''),
      isOptional: value === 'mode',
      flag,
      otherFlag,
      flags: flags.filter(one => one !== 'irq').length,
    };
  });
  const offsets = Int32Array.from(tables.classes, ({ offset }) => offset);
  const runEnd = codeOf('run-end');
  const known = createTexts(mostLines);
  const lines = new Int32Array(mostLines * wide);
  let lastLine = 0;
  let last = 0;
  let judged = 0;
  let at = 0;
  let view: DataView = new DataView(new ArrayBuffer(0));
  let stopped: 'end' | 'declined' | 'broken' = 'end';

  /** A line that is as one that was met before; it says what that one did. */
  function judgeKnown(line: number, seq: number): boolean {
    const from = line * wide;
    const code = lines[from + codeAt];
    const named = lines[from + placeAt];
    const of = symbols.place(named);
    const thread = symbols.thread(lines[from + threadAt]);
    const value = lines[from + valueAt];
    let tag = lines[from + tagAt];
    let other = value;
    let about = -1;
    const found = symbols.object(named);
    const object = found !== 0 || code !== runEnd ? found : core.runOn(thread, of, symbols.number(named));
    if (object === 0) return false;
    // A string is a name of an object or of something inside one if it has a `#`, and else a word.
    if (tag === tags.word) {
      about = symbols.type(value);
      if (about >= 0) {
        tag = tags.object;
        other = symbols.object(value);
        if (other === 0) return false;
      } else {
        about = symbols.place(value);
        if (about >= 0) {
          const inside = symbols.object(value);
          if (inside === 0) return false;
          tag = tags.place;
          other = inside + offsets[about];
        } else {
          other = symbols.word(value);
          if (other < 0 && symbols.text(value).includes('#')) return false;
        }
      }
    }
    if (!handlers[code](thread, seq, object, object + offsets[of], of, tag, other, about, lines[from + flagAt] === 1)) return false;
    last = thread;
    return true;
  }
  /** What the line that was read says, at this place of the known ones. False: it is not as such a line has to be. */
  function describe(kind: Kind, line: number): boolean {
    const { keys, valueTags, values } = reader;
    let place = -1;
    let value = -1;
    let flag = false;
    let flagsSeen = 0;
    if (reader.inside() !== pairs.none) return false;
    for (let one = 0; one < reader.many(); one++) {
      const key = symbols.name(keys[one]);
      if (key < 0) return false;
      if (key === kind.place && place < 0) place = one;
      else if (key === kind.value && value < 0) value = one;
      else if (valueTags[one] === tags.boolean && (key === kind.flag || key === kind.otherFlag) && isFirst(one)) {
        if (key === kind.flag) flag = values[one] === 1;
        if (key !== irq) flagsSeen++;
      } else return false;
    }
    if (place < 0 || valueTags[place] !== tags.word || flagsSeen !== kind.flags || symbols.place(values[place]) < 0) return false;
    if (value < 0 !== kind.value < 0 && !(kind.isOptional && value < 0)) return false;
    // Larger numbers are rare, and left to the reference.
    if (value >= 0 && values[value] > 0x7fffffff) return false;
    const to = line * wide;
    lines[to + codeAt] = kind.code;
    lines[to + threadAt] = reader.thread();
    lines[to + placeAt] = values[place];
    lines[to + valueAt] = value < 0 ? 0 : values[value];
    lines[to + tagAt] = value < 0 ? tags.absent : valueTags[value];
    lines[to + flagAt] = flag ? 1 : 0;
    return true;
  }
  const isFirst = (one: number): boolean => {
    for (let before = 0; before < one; before++) if (symbols.name(reader.keys[before]) === symbols.name(reader.keys[one])) return false;
    return true;
  };

  /** From behind the number on. It is left `at` the end of the line. */
  function judgeLine(bytes: Uint8Array, from: number, seq: number): boolean {
    const length = known.again(view, from, bytes.length, lastLine, newline);
    if (length >= 0) {
      lastLine = known.last();
      at = from + length;
      return judgeKnown(lastLine, seq);
    }
    let to = from;
    let hash = firstHash;
    const end = Math.min(bytes.length - 4, from + longestKnown);
    while (to <= end) {
      const word = view.getInt32(to, true);
      if (hasZero(word ^ newlines) !== 0) break;
      hash = mixed(hash, word);
      to += 4;
    }
    while (to < bytes.length && to <= end + 4 && bytes[to] !== newline) hash = mixed(hash, bytes[to++]);
    const isShort = bytes[to] === newline;
    const found = isShort ? known.find(view, from, to, hash) : -1;
    if (found >= 0) {
      known.followed(lastLine, found);
      lastLine = found;
      at = to;
      return judgeKnown(found, seq);
    }
    return judgeNew(bytes, from, isShort ? to : -1, hash, seq);
  }
  /** `to`: its end, if it may be known from here on. */
  function judgeNew(bytes: Uint8Array, from: number, to: number, hash: number, seq: number): boolean {
    if (symbols.isFull() || known.many() >= mostLines - 1) {
      symbols.clear();
      known.clear();
      lastLine = 0;
    }
    if (!reader.read(from)) return false;
    at = reader.at();
    const name = symbols.name(reader.kind());
    const kind = name < 0 ? null : kinds[name];
    if (kind === null) {
      last = symbols.thread(reader.thread());
      return whole(last, seq);
    }
    // One more place than there are known ones, so that this one can be looked at before it is known.
    const line = known.many();
    if (!describe(kind, line)) return false;
    if (to >= 0) {
      known.add(bytes, from, to, hash);
      if (line > 0) known.followed(lastLine, line);
      lastLine = line;
    }
    return judgeKnown(line, seq);
  }

  function run(bytes: Uint8Array, from: number, end: number): number {
    judged = 0;
    stopped = 'end';
    view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    reader.begin(bytes, view);
    let begin = from;
    while (begin < end) {
      const seq = reader.isThere(begin, beforeSeq) ? reader.number(begin + beforeSeq.text.length) : -1;
      if (seq <= core.seq || !judgeLine(bytes, reader.at(), seq)) {
        stopped = 'declined';
        return begin;
      }
      core.seq = seq;
      core.events++;
      if ((core.due !== 0 || core.instant || own.length > 0) && !settle()) {
        stopped = 'broken';
        return begin;
      }
      judged++;
      begin = at + 1;
    }
    return begin;
  }
  return { run, stopped: () => stopped, lines: () => judged, thread: () => last, restart: symbols.restart };
}
