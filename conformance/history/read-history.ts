/** From the lines of a trace to the calls and returns in it. What is wrong with a line is said with its number. */
import type { Scalar } from '../../oracles/event.ts';
import { isEventKind } from '../../oracles/event-fields.ts';
import { longestLine, readHeader, readLines } from '../../oracles/read-trace.ts';
import { TraceError } from '../../oracles/trace-error.ts';

export interface SeenMoment {
  readonly line: number;
  readonly seq: number;
  readonly thread: string;
  readonly at: 'call' | 'return';
  readonly call: string;
  /** Of a call. */ readonly arguments: readonly Scalar[];
  /** Of a return. */ readonly result: Scalar;
}

const mostArguments = 64;

/** Calls `onSystem` with the name in the header first. Throws a TraceError at the first line that is wrong. */
export async function* readHistory(
  input: AsyncIterable<Uint8Array | string>,
  onSystem: (name: string) => Promise<void>,
): AsyncGenerator<SeenMoment> {
  let line = 0;
  let last = -1;
  for await (const texts of readLines(input)) {
    for (const text of texts) {
      line += 1;
      if (line === 1) {
        const { system } = readHeader(text);
        if (system === null) throw new TraceError(1, 'system', 'A history is judged by a spec, so its header names a system.');
        await onSystem(system);
        continue;
      }
      const moment = momentIn(text, line, last);
      last = moment.seq;
      if (moment.at !== null) yield { ...moment, at: moment.at };
    }
  }
  if (line === 0)
    throw new TraceError(1, '', 'The history is empty. Its first line is a header: {"holdfast":"trace","version":1,"system":"..."}.');
}

/** `at` is null for what happened inside: it is not looked at. */
function momentIn(text: string, line: number, last: number): Omit<SeenMoment, 'at'> & { readonly at: SeenMoment['at'] | null } {
  const wrong = (field: string, message: string): TraceError => new TraceError(line, field, message);
  if (text.length > longestLine) throw wrong('', 'The line is too long.');
  const value = objectIn(text, line);
  const { seq, thread, kind, call, arguments: given, result } = value;
  if (typeof seq !== 'number' || !Number.isSafeInteger(seq) || seq <= last)
    throw wrong(
      'seq',
      `seq is ${JSON.stringify(seq) ?? 'missing'}; it is a whole number that counts up, in the order in which things happened.`,
    );
  if (typeof thread !== 'string' || thread === '') throw wrong('thread', 'Every event names the thread that it happens in.');
  if (!isEventKind(kind))
    throw wrong('kind', `${JSON.stringify(kind) ?? 'A missing kind'} is not an event kind. A history has call and return.`);
  const moment = { line, seq, thread, call: '', arguments: [], result: null };
  if (kind !== 'call' && kind !== 'return') return { ...moment, at: null };
  if (typeof call !== 'string') throw wrong('call', 'call is the name of a call of the interface.');
  if (kind === 'return') {
    if (!isScalar(result)) throw wrong('result', 'result of return is a string, a number, true, false or null.');
    return { ...moment, at: 'return', call, result };
  }
  if (!Array.isArray(given) || given.length > mostArguments || !given.every(isScalar))
    throw wrong('arguments', 'arguments of call is a list of strings, numbers, true, false and null.');
  return { ...moment, at: 'call', call, arguments: given };
}

function objectIn(text: string, line: number): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new TraceError(line, '', 'The line is not JSON, or it is cut off. A history has one JSON object a line.');
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new TraceError(line, '', 'The line is not a JSON object. A history has one JSON object a line.');
  return { ...value };
}

function isScalar(value: unknown): value is Scalar {
  return value === null || typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean';
}
