/** Makes traces of any length on the fly: so many lives one after another, again and again the same records with other numbers. */
import { benchStart, lifeOf } from './bench-workload.ts';
import { define, object, recordBytes, recordWords } from './binary-format.ts';
import type { Block } from './binary-records.ts';
import { createBinaryWriter } from './write-binary.ts';

export interface Laps {
  /** What comes before the first lap: a life. */
  readonly start: Block;
  /** The next lap, in the same memory as the one before. */
  readonly next: () => Block;
  /** Events of each lap. */
  readonly events: number;
}

/** `lives` of each lap: enough of them take long enough to be timed. */
export function createLaps(signals: number, lives: number): Laps {
  const writer = createBinaryWriter();
  for (const event of benchStart) writer.event(event);
  const first = lifeOf(0, signals, 1);
  for (const event of first) writer.event(event);
  const start = blockOf(writer.take());
  // In the second life all names but those of its objects are known, as in all that follow.
  for (let life = 1; life <= lives; life++) for (const event of lifeOf(life, signals, 1 + life * first.length)) writer.event(event);
  const lap = blockOf(writer.take());
  const events = lives * first.length;
  let laps = 0;
  function next(): Block {
    if (laps++ > 0) renumber(lap, events, lives);
    return lap;
  }
  return { start, next, events };
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
