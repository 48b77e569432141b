/** Makes traces of any length on the fly: so many lives one after another, again and again the same records with other numbers. */
import { type Loop, madeIn, turnOf } from './bench-loops.ts';
import { benchStart, lifeOf } from './bench-workload.ts';
import { define, object, recordBytes, recordWords } from './binary-format.ts';
import type { Block } from './binary-records.ts';
import type { Event } from './event.ts';
import { createBinaryWriter } from './write-binary.ts';

export interface Laps {
  /** What comes before the first lap, and how many events it has. */
  readonly start: Block;
  readonly before: number;
  /** The next lap, in the same memory as the one before. */
  readonly next: () => Block;
  /** Events of each lap. */
  readonly events: number;
}

/** `lives` of each lap: enough of them take long enough to be timed. */
export function createLaps(signals: number, lives: number): Laps {
  const first = lifeOf(0, signals, 1);
  // In the second life all names but those of its objects are known, as in all that follow.
  return lapsOf([...benchStart, ...first], (life, seq) => lifeOf(1 + life, signals, seq), lives, 1);
}
/** Of a part of a trace that can come again and again. */
export function createLoopLaps(loop: Loop, mostEvents: number): Laps {
  const { before, events } = loop;
  const first = turnOf(loop, 0, (before.at(-1)?.seq ?? 0) + 1);
  const turns = Math.max(1, Math.floor(mostEvents / events.length));
  return lapsOf([...before, ...first], (turn, seq) => turnOf(loop, 1 + turn, seq), turns, madeIn(loop));
}
/** `made`: by how much the numbers of what is made in one turn are higher in the next. */
function lapsOf(before: readonly Event[], turnAt: (turn: number, firstSeq: number) => readonly Event[], turns: number, made: number): Laps {
  const writer = createBinaryWriter();
  for (const event of before) writer.event(event);
  const start = blockOf(writer.take());
  let seq = (before.at(-1)?.seq ?? 0) + 1;
  let events = 0;
  for (let turn = 0; turn < turns; turn++) {
    for (const event of turnAt(turn, seq)) {
      writer.event(event);
      seq++;
      events++;
    }
  }
  const lap = blockOf(writer.take());
  let laps = 0;
  function next(): Block {
    if (laps++ > 0) renumber(lap, events, turns * made);
    return lap;
  }
  return { start, before: before.length, next, events };
}

/** Every record gets the sequence that its event has a lap later, and the objects get new numbers. */
function renumber({ words, end }: Block, later: number, numbers: number): void {
  for (let at = 0; at < end; at += recordWords) {
    const kind = (words[at + 2] ?? 0) & 255;
    const seq = words[at] + words[at + 1] * 2 ** 32 + later;
    words[at] = seq % 2 ** 32;
    words[at + 1] = Math.floor(seq / 2 ** 32);
    if (kind === object) words[at + 5] += numbers;
    if (kind === define) at += recordWords * Math.ceil((words[at + 5] ?? 0) / recordBytes);
  }
}

function blockOf(taken: Uint8Array): Block {
  const bytes = taken.slice();
  return { words: new Uint32Array(bytes.buffer), bytes, end: bytes.length / 4 };
}

export interface LineLaps {
  /** What comes before the first lap: a life. */
  readonly start: Uint8Array;
  /** The next lap, in the same memory as the one before. */
  readonly next: () => Uint8Array;
  readonly events: number;
}

/** As wide as they stay, so that they can be written over. */
const firstSeq = 1_000_000_000;
const firstNumber = 100_000;

/** The same in JSON Lines, without the header. */
export function createLineLaps(signals: number, lives: number): LineLaps {
  const length = lifeOf(0, signals, 0).length;
  const linesOf = (life: number): string =>
    lifeOf(firstNumber + life, signals, firstSeq + life * length)
      .map(event => `${JSON.stringify(event)}\n`)
      .join('');
  const encoder = new TextEncoder();
  const start = encoder.encode(`${JSON.stringify(benchStart[0])}\n${linesOf(0)}`);
  const lap = encoder.encode(Array.from({ length: lives }, (_, life) => linesOf(1 + life)).join(''));
  const seqs: number[] = [];
  const numbers: number[] = [];
  for (let at = 0; at < lap.length; at++) {
    if (lap[at] === hash) numbers.push(at + 1);
    if (lap[at] === newline || at === 0) seqs.push(at + (at === 0 ? 0 : 1) + '{"seq":'.length);
  }
  // After the last line there is none.
  seqs.pop();
  let laps = 0;
  function next(): Uint8Array {
    if (laps++ > 0) {
      for (const at of seqs) addTo(lap, at, String(firstSeq).length, lives * length);
      for (const at of numbers) addTo(lap, at, String(firstNumber).length, lives);
    }
    return lap;
  }
  return { start, next, events: lives * length };
}
const hash = 35;
const newline = 10;

/** Adds to a number that is written in so many digits. */
function addTo(bytes: Uint8Array, at: number, digits: number, more: number): void {
  let carry = more;
  for (let one = at + digits - 1; one >= at && carry > 0; one--) {
    const sum = bytes[one] - 48 + (carry % 10);
    bytes[one] = 48 + (sum % 10);
    carry = Math.floor(carry / 10) + (sum >= 10 ? 1 : 0);
  }
}
