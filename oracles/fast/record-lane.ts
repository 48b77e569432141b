/**
 * Reads the records of a binary trace for the fast engine: numbers of the file become numbers of the engine, without an event in between.
 * What it cannot make out, it declines.
 */
import { firstEvent, firstFlag, hasOperands, isAsMeant, recordWords, shapeOf, tagMask, tags } from '../binary-format.ts';
import type { Block, KnownKind, Named, Records } from '../binary-records.ts';
import type { Scalar } from '../event.ts';
import { isEventKind } from '../event-fields.ts';
import type { Engine } from './engine.ts';
import { serial } from './layout.ts';
import type { Given } from './lifetime.ts';
import { larger } from './memory.ts';
import type { Class } from './tables.ts';

export interface RecordLane {
  readonly onObject: (named: Named) => void;
  readonly onThread: (index: number) => void;
  readonly onKind: (index: number, kind: KnownKind) => void;
  readonly onField: (index: number, name: string) => void;
  readonly onWord: (index: number) => void;
  /** Objects are elsewhere now. */
  readonly restart: () => void;
  /** Keeps an operand until its event comes. False: there are too many. */
  readonly operand: (block: Block, at: number, line: number) => boolean;
  /** Operands that are kept, as records, for whoever reads on; then none are. `again`: also those of the event that was judged last. */
  readonly handOver: (take: (block: Block, at: number, line: number) => void, again: boolean) => void;
  /** Judges events from there on. Where it stopped: at a record that is `elsewhere` (of no event, or not there yet), or at an event. */
  readonly run: (block: Block, from: number) => number;
  readonly stopped: () => 'elsewhere' | 'declined' | 'broken';
  /** Thread and number of the event that was judged last. */
  readonly thread: () => number;
}

// Kinds of records by how they are judged. Above: the number of the kind if it is at a place, whether the record must say a value, and the flag
// that it must have.
const slow = 0;
const atPlace = 1;
const whole = 2;
const wayMask = 3;
const codeShift = 2;
const codeMask = 63;
const valued = 1 << 8;
/** It must say none. */
const bare = 1 << 9;
const flagShift = 10;

/** Handles above it are not looked up in tables. */
const mostHandles = 1 << 22;
const mostOperands = 4_096;

export function createRecordLane({ core, codeOf, handlers, calls, alloc, free, settle }: Engine, records: Records): RecordLane {
  const { tables, memory, store, threads, own } = core;
  const runEnd = handlers[codeOf('run-end')];
  // Of each kind of the file.
  const ways = new Int32Array(256);
  const kinds: string[] = [];
  /** Of each handle four words: the object, its serial if it was alive when it was looked up, its type, and where the type's fields begin in `classOf`. */
  let handles = new Int32Array(4 * 1024).fill(-1);
  let numbers = new Float64Array(1024);
  /** Of each thread of the file two words: the engine's thread, and its serial. */
  const threadWords = new Int32Array(2 * 65_536).fill(-1);
  /** By type and the file's number of a field: class, or -1. */
  const classOf = new Int32Array(tables.types.length * 256).fill(-1);
  const offsets = Int32Array.from(tables.classes, ({ offset }) => offset);
  /** The engine's number of a word; -1: not looked up yet. */
  const wordNumbers: number[] = [];
  const fieldsOf = tables.types.map(
    (_, type) => new Map(tables.classes.flatMap((one): [string, Class][] => (one.type === type ? [[`fields.${one.field}`, one]] : []))),
  );
  /** Operands by the thread of the file: six words and a line each. The same lists again and again. */
  const kept = new Map<number, Kept>();
  /** Thread and number of the event that was judged last and had some. */
  let usedThread = 0;
  let usedSeq = -1;
  let last = 0;
  let stopped: 'elsewhere' | 'declined' | 'broken' = 'elsewhere';

  function onKind(index: number, { kind, shape }: KnownKind): void {
    kinds[index] = kind;
    // Otherwise a flag would be taken for another.
    const isMeant = isEventKind(kind) && isAsMeant(kind, shape);
    const code = codeOf(kind);
    const way = !isMeant ? slow : code > 0 ? atPlace : isWhole(kind) ? whole : slow;
    const flag = shape.flags[0] === undefined || shape.flags[0] === 'irq' ? 0 : firstFlag.present;
    const isValued = isEventKind(kind) && shapeOf(kind).value !== null && !isOptional(kind);
    ways[index] = way | (code << codeShift) | (isValued ? valued : shape.value === null ? bare : 0) | (flag << flagShift);
  }
  function onField(index: number, name: string): void {
    for (let type = 0; type < tables.types.length; type++)
      classOf[type * 256 + index] = tables.classes.find(one => one.type === type && one.field === name)?.number ?? -1;
  }
  function onObject({ handle, name, type }: Named): void {
    if (handle >= mostHandles) return;
    if (handle >= numbers.length) {
      const room = Math.max(numbers.length * 2, handle + 1);
      handles = larger(handles, new Int32Array(4 * room).fill(-1));
      numbers = larger(numbers, new Float64Array(room));
    }
    const number = tables.types.indexOf(type);
    handles[4 * handle + 2] = number;
    handles[4 * handle + 3] = number * 256;
    numbers[handle] = Number(name.slice(name.indexOf('#') + 1));
    look(handle);
  }
  /** The live object of this handle; 0 if it is not known. */
  function look(handle: number): number {
    const type = handle < numbers.length ? handles[4 * handle + 2] : -1;
    if (type < 0) return 0;
    const object = store.known(type, numbers[handle]);
    handles[4 * handle] = object;
    handles[4 * handle + 1] = object === 0 ? -1 : memory.i[object + serial];
    return object;
  }
  function objectAt(handle: number): number {
    if (handle >= numbers.length) return 0;
    const object = handles[4 * handle];
    return object > 0 && memory.i[object + serial] === handles[4 * handle + 1] ? object : look(handle);
  }
  const typeAt = (handle: number): number => (handle < numbers.length ? handles[4 * handle + 2] : -1);
  function threadAt(index: number): number {
    const known = threadWords[2 * index];
    if (known > 0 && threads.serial[known] === threadWords[2 * index + 1]) return known;
    const name = records.threads[index];
    if (name === undefined || name === '') return 0;
    const thread = threads.numbers.get(name) ?? threads.add(name);
    threadWords[2 * index] = thread;
    threadWords[2 * index + 1] = threads.serial[thread];
    return thread;
  }
  function wordAt(index: number): number {
    const known = wordNumbers[index];
    if (known !== undefined && known !== -1) return known;
    const word = records.words[index];
    // A word that is of no field is none that a field is compared with.
    return (wordNumbers[index] = (word === undefined ? undefined : tables.words.get(word)) ?? -2);
  }

  // What the value of the record at hand is, as the engine's handlers take it.
  let other = 0;
  let about = -1;
  /** False: it is none that the engine can take. */
  function value(tag: number, number: number, field: number): boolean {
    switch (tag) {
      case tags.null:
        other = 0;
        return true;
      case tags.boolean:
        other = number === 0 ? 0 : 1;
        return true;
      case tags.number:
        other = number;
        return true;
      case tags.word:
        other = wordAt(number);
        return true;
      case tags.object:
        other = objectAt(number);
        about = other === 0 ? -1 : typeAt(number);
        return other !== 0;
      case tags.place: {
        const object = objectAt(number);
        if (object === 0) return false;
        about = classOf[typeAt(number) * 256 + field];
        if (about < 0) return false;
        other = object + offsets[about];
        return true;
      }
      default:
        return false;
    }
  }

  /** Stops at the first record that is not of an event, was declined, or broke a rule about states. */
  function run({ words, end }: Block, from: number): number {
    const to = end - recordWords;
    let at = from;
    stopped = 'elsewhere';
    for (; at <= to; at += recordWords) {
      if ((words[at + 2] & 255) < firstEvent) break;
      if (!event(words, at)) {
        stopped = 'declined';
        break;
      }
      core.events++;
      if ((core.due !== 0 || core.instant || own.length > 0) && !settle()) {
        stopped = 'broken';
        break;
      }
    }
    return at;
  }
  function event(words: Uint32Array, at: number): boolean {
    const head = words[at + 2];
    const kind = head & 255;
    const way = ways[kind];
    const high = words[at + 1];
    const seq = high === 0 ? words[at] : high * 2 ** 32 + words[at];
    if (seq <= core.seq) return false;
    if ((way & wayMask) !== atPlace) return (way & wayMask) === whole && wholeEvent(words, at, seq);
    const flags = head >>> 8;
    const flag = way >> flagShift;
    if ((flags & (hasOperands | flag)) !== flag) return false;
    const places = words[at + 4];
    const handle = words[at + 3];
    if (handle >= numbers.length) return false;
    const object = objectAt(handle);
    const of = classOf[handles[4 * handle + 3] + (places & 255)];
    if (object === 0) return runEnds(words, at, seq, of);
    const thread = threadAt(head >>> 16);
    if (of < 0 || thread === 0) return false;
    const tag = flags & tagMask;
    other = 0;
    about = -1;
    if (tag === tags.absent ? (way & valued) !== 0 : (way & bare) !== 0 || !value(tag, words[at + 5], (places >>> 8) & 255)) return false;
    const handler = handlers[(way >> codeShift) & codeMask];
    if (!handler(thread, seq, object, object + offsets[of], of, tag, other, about, (flags & firstFlag.value) !== 0)) return false;
    core.seq = seq;
    last = thread;
    return true;
  }
  /** A run may have freed what it ran on. */
  function runEnds(words: Uint32Array, at: number, seq: number, of: number): boolean {
    const head = words[at + 2];
    const thread = threadAt(head >>> 16);
    if (kinds[head & 255] !== 'run-end' || of < 0 || thread === 0) return false;
    const object = core.runOn(thread, of, numbers[words[at + 3]]);
    if (object === 0 || !runEnd(thread, seq, object, object + offsets[of], of, 0, 0, -1, false)) return false;
    core.seq = seq;
    last = thread;
    return true;
  }

  /** Events that are not at something inside an object. */
  function wholeEvent(words: Uint32Array, at: number, seq: number): boolean {
    const head = words[at + 2];
    const flags = (head >>> 8) & 255;
    const thread = threadAt(head >>> 16);
    if (thread === 0 || !judgeWhole(words, at, seq, thread, kinds[head & 255], (flags & hasOperands) !== 0)) return false;
    if ((flags & hasOperands) !== 0) {
      const list = kept.get(head >>> 16);
      if (list !== undefined) list.isUsed = true;
      usedThread = head >>> 16;
      usedSeq = seq;
    }
    core.seq = seq;
    last = thread;
    return true;
  }
  function operandsOf(thread: number): readonly number[] {
    const list = kept.get(thread);
    return list === undefined || list.isUsed ? none : list.words;
  }
  function judgeWhole(words: Uint32Array, at: number, seq: number, thread: number, kind: string, more: boolean): boolean {
    const head = words[at + 2];
    const operands = more ? operandsOf(head >>> 16) : none;
    const handle = words[at + 3];
    const tag = (head >>> 8) & tagMask;
    switch (kind) {
      case 'alloc': {
        const type = typeAt(handle);
        const given = type < 0 || objectAt(handle) !== 0 ? null : givenBy(operands, type);
        return given !== null && alloc(type, numbers[handle], given) !== 0;
      }
      case 'free': {
        const object = objectAt(handle);
        if (object === 0 || more || !free(thread, seq, object)) return false;
        records.forget(handle);
        return true;
      }
      case 'call': {
        const name = tag === tags.word ? records.words[words[at + 5]] : undefined;
        return name !== undefined && argumentsOf(operands) && calls.call(thread, seq, name, [...values], [...of]);
      }
      case 'return': {
        const name = records.words[operands.length === operandWords ? operands[5] : -1];
        if (operands.length !== operandWords || records.words[operands[3]] !== 'call' || name === undefined) return false;
        // An object is no errno, and that is all that is asked.
        const result = tag === tags.object || tag === tags.place ? '' : scalar(tag, words[at + 5]);
        return ((operands[2] >>> 8) & tagMask) === tags.word && result !== undefined && calls.returned(thread, name, result);
      }
      case 'thread-start': {
        const context = tag === tags.word ? contexts.indexOf(records.words[words[at + 5]] ?? '') : -1;
        const process = more ? processBy(operands) : 0;
        if (context < 0 || process < 0) return false;
        threads.begin(thread, context, process);
        return true;
      }
      case 'thread-end':
        return !more && calls.end(thread);
      default:
        return false;
    }
  }
  /** The one operand of a thread that says on whose behalf it runs; -1: it is none. */
  function processBy(operands: readonly number[]): number {
    if (operands.length !== operandWords || records.words[operands[3]] !== 'process') return -1;
    if (((operands[2] >>> 8) & tagMask) !== tags.object) return -1;
    return objectAt(operands[5]) || -1;
  }
  function givenBy(operands: readonly number[], type: number): Given[] | null {
    const given: Given[] = [];
    for (let at = 0; at < operands.length; at += operandWords) {
      const tag = (operands[at + 2] >>> 8) & tagMask;
      const name = records.words[operands[at + 3]];
      if (name === 'fields.' && tag === tags.absent) continue;
      const one = name === undefined ? undefined : fieldsOf[type].get(name);
      about = -1;
      if (one === undefined || tag === tags.absent || !value(tag, operands[at + 5], (operands[at + 4] >>> 8) & 255)) return null;
      given.push({ of: one, tag, other, about });
    }
    return given;
  }
  const values: Scalar[] = [];
  const of: number[] = [];
  function argumentsOf(operands: readonly number[]): boolean {
    values.length = 0;
    of.length = 0;
    for (let at = 0; at < operands.length; at += operandWords) {
      const tag = (operands[at + 2] >>> 8) & tagMask;
      if (records.words[operands[at + 3]] !== 'arguments[]') return false;
      if (tag === tags.absent && operands.length === operandWords) return true;
      const object = tag === tags.object ? objectAt(operands[at + 5]) : 0;
      const plain = tag === tags.object && object !== 0 ? '' : scalar(tag, operands[at + 5]);
      if (plain === undefined) return false;
      values.push(plain);
      of.push(object);
    }
    return operands.length > 0;
  }
  function scalar(tag: number, number: number): Scalar | undefined {
    if (tag === tags.null) return null;
    if (tag === tags.boolean) return number !== 0;
    if (tag === tags.number) return number;
    return tag === tags.word ? records.words[number] : undefined;
  }

  return {
    onObject,
    onThread: index => (threadWords[2 * index] = -1),
    onKind,
    onField,
    onWord: index => (wordNumbers[index] = -1),
    restart() {
      for (let at = 0; at < handles.length; at += 4) handles[at] = 0;
    },
    operand({ words }, at, line) {
      const thread = words[at + 2] >>> 16;
      const list = kept.get(thread) ?? { words: [], isUsed: false };
      if (list.words.length === 0) kept.set(thread, list);
      else if (list.isUsed) list.words.length = 0;
      list.isUsed = false;
      for (let word = 0; word < recordWords; word++) list.words.push(words[at + word]);
      list.words.push(line);
      return list.words.length < mostOperands * operandWords;
    },
    handOver(take, again) {
      for (const [thread, { words: list, isUsed }] of kept) {
        if (isUsed && !(again && usedSeq === core.seq && usedThread === thread)) continue;
        for (let at = 0; at < list.length; at += operandWords) {
          const words = Uint32Array.from(list.slice(at, at + recordWords));
          take({ words, bytes: new Uint8Array(words.buffer), end: recordWords }, 0, list[at + recordWords]);
        }
      }
      kept.clear();
    },
    run,
    stopped: () => stopped,
    thread: () => last,
  };
}

interface Kept {
  readonly words: number[];
  /** Their event has come. */
  isUsed: boolean;
}
const operandWords = recordWords + 1;
const none: readonly number[] = [];
const contexts = ['task', 'hardirq', 'worker'];
/** Kinds with a value that need not be there. */
const isOptional = (kind: string): boolean => ['want', 'got', 'released', 'tried'].includes(kind);
const isWhole = (kind: string): boolean => ['alloc', 'free', 'call', 'return', 'thread-start', 'thread-end'].includes(kind);
