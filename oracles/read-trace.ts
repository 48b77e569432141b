/** From the bytes of a trace to checked events. Nothing that is wrong gets past it, and nothing makes it grow: lines and depth are bounded. */
import type { OracleDefinition } from './definition.ts';
import type { Event, PlaceKind, TraceHeader } from './event.ts';
import { anyNames, eventFields, isEventKind, namesOf, type Shape } from './event-fields.ts';
import { TraceError } from './trace-error.ts';

/** In UTF-16 units, so at most as many bytes. */
export const longestLine = 1_048_576;
/** An event is an object of plain values, lists of them and one more object. */
const deepest = 4;
/** Shorter lines cannot be deep enough to matter. */
const harmless = 4_096;

/** Lines of the input in batches, without their ends. */
export async function* readLines(input: AsyncIterable<Uint8Array | string>): AsyncGenerator<readonly string[]> {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  let rest = '';
  let line = 1;
  const decode = (chunk?: Uint8Array): string => {
    try {
      return chunk === undefined ? decoder.decode() : decoder.decode(chunk, { stream: true });
    } catch {
      throw new TraceError(line, '', 'A trace is UTF-8 text, and this is not. Decompress it, or convert it, first.');
    }
  };
  for await (const chunk of input) {
    const lines = (rest + (typeof chunk === 'string' ? chunk : decode(chunk))).split('\n');
    rest = lines.pop() ?? '';
    const long = lines.findIndex(one => one.length > longestLine);
    if (long >= 0) throw tooLong(line + long);
    line += lines.length;
    if (rest.length > longestLine) throw tooLong(line);
    if (lines.length > 0) yield lines;
  }
  rest += decode();
  if (rest !== '') yield [rest];
}

/** Lines as they are, in order, as bytes: each call gives some whole ones, with their ends, the last of the trace with one that it may lack. */
export async function* readByteLines(input: AsyncIterable<Uint8Array | string>): AsyncGenerator<Uint8Array> {
  const encoder = new TextEncoder();
  let rest: Uint8Array = new Uint8Array(0);
  let line = 1;
  for await (const chunk of input) {
    const bytes = typeof chunk === 'string' ? encoder.encode(chunk) : chunk;
    const first = bytes.indexOf(newline);
    // A character has at most three bytes for each of its units.
    if (rest.length + (first < 0 ? bytes.length : first) > 3 * longestLine) throw tooLong(line);
    if (first < 0) {
      rest = concat(rest, bytes);
      continue;
    }
    line++;
    const last = bytes.lastIndexOf(newline);
    // Only the line that the chunks have between them is copied.
    if (rest.length > 0) yield concat(rest, bytes.subarray(0, first + 1));
    const from = rest.length > 0 ? first + 1 : 0;
    if (last >= from) yield bytes.subarray(from, last + 1);
    rest = bytes.slice(last + 1);
  }
  if (rest.length > 0) yield concat(rest, Uint8Array.of(newline));
}
const newline = 10;
function concat(one: Uint8Array, other: Uint8Array): Uint8Array<ArrayBuffer> {
  const both = new Uint8Array(one.length + other.length);
  both.set(one);
  both.set(other, one.length);
  return both;
}
const tooLong = (at: number): TraceError =>
  new TraceError(at, '', `The line is longer than ${longestLine} characters. A trace has one event a line.`);

/** The text of a line. */
export function createLineDecoder(): (bytes: Uint8Array, line: number) => string {
  const first = new TextDecoder('utf-8', { fatal: true });
  const others = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  return (bytes, line) => {
    let text: string;
    try {
      // Only the first line may begin with a mark of the byte order.
      text = (line === 1 ? first : others).decode(bytes);
    } catch {
      throw new TraceError(line, '', 'A trace is UTF-8 text, and this is not. Decompress it, or convert it, first.');
    }
    if (text.length > longestLine) throw tooLong(line);
    return text;
  };
}

function parse(text: string, line: number): Record<string, unknown> {
  if (text.length > harmless && depthOf(text) > deepest)
    throw new TraceError(line, '', `The line is nested deeper than ${deepest} levels. An event holds plain values.`);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    const cut = text.trimStart().startsWith('{') && !text.trimEnd().endsWith('}');
    throw new TraceError(
      line,
      '',
      cut
        ? 'The line stops in the middle of an event: the trace was cut off. Drop this line, or write the trace again.'
        : 'The line is not JSON. A trace has one JSON object a line.',
    );
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new TraceError(line, '', 'The line is not a JSON object. A trace has one JSON object a line.');
  return { ...value };
}

function depthOf(text: string): number {
  let depth = 0;
  let most = 0;
  let quoted = false;
  for (let at = 0; at < text.length; at++) {
    const char = text[at];
    if (quoted) {
      if (char === '\\') at++;
      else if (char === '"') quoted = false;
    } else if (char === '"') quoted = true;
    else if (char === '{' || char === '[') most = Math.max(most, ++depth);
    else if (char === '}' || char === ']') depth--;
  }
  return most;
}

const headerShape = '{"holdfast":"trace","version":1,"system":"..."}';

export function readHeader(text: string): TraceHeader {
  const value = parse(text, 1);
  const { holdfast, version, system = null, observes, places, from } = value;
  if (holdfast !== 'trace') throw new TraceError(1, 'holdfast', `The first line is not the header of a trace. Begin with ${headerShape}.`);
  if (version !== 1) throw new TraceError(1, 'version', `This reads version 1 of traces, not ${JSON.stringify(version)}.`);
  if (system !== null && typeof system !== 'string')
    throw new TraceError(1, 'system', `system is the name of a system, or null where a trace is of none. Begin with ${headerShape}.`);
  const extra = Object.keys(value).find(field => !['holdfast', 'version', 'system', 'observes', 'places', 'from'].includes(field));
  if (extra !== undefined)
    throw new TraceError(1, extra, `A header has no field ${extra}. It has holdfast, version, system, observes, places and from.`);
  if (places !== undefined && !isPlaces(places))
    throw new TraceError(1, 'places', `places says for Type.field which of these it is: ${placeKinds.join(', ')}.`);
  const more = { ...(places === undefined ? {} : { places }), ...(typeof from === 'string' ? { from } : {}) };
  if (from !== undefined && typeof from !== 'string') throw new TraceError(1, 'from', 'from says in words how the trace came about.');
  if (observes === undefined) return { holdfast, version, system, ...more };
  const unknown = Array.isArray(observes) ? observes.find(kind => !isEventKind(kind)) : observes;
  if (!Array.isArray(observes) || unknown !== undefined) {
    throw new TraceError(
      1,
      'observes',
      `${JSON.stringify(unknown)} is not an event kind. observes lists some of ${Object.keys(eventFields).join(', ')}.`,
    );
  }
  return { holdfast, version, system, observes: observes.filter(isEventKind), ...more };
}

const placeKinds: readonly PlaceKind[] = ['mutex', 'spinlock', 'wait-queue', 'rw-lock', 'rw-semaphore', 'semaphore', 'rcu', 'srcu'];
const isPlaces = (value: unknown): value is Readonly<Record<string, PlaceKind>> =>
  typeof value === 'object' && value !== null && Object.values(value).every(kind => placeKinds.some(known => known === kind));

/** Reads one line after another. Throws a TraceError at the first that is no event of this system, or of none if that is null. */
export const createEventReader = (definition: OracleDefinition | null): ((text: string, line: number) => Event) =>
  createEventChecker(definition).read;

/** Checks events that come one after another, as text or as records, some of which another reader has checked. */
export interface EventChecker {
  readonly read: (text: string, line: number) => Event;
  readonly check: (value: Record<string, unknown>, line: number) => Event;
  /** `seq` of the last event, -1 before the first. */
  readonly last: () => number;
  /** An event was checked elsewhere. */
  readonly passed: (seq: number) => void;
}
export function createEventChecker(definition: OracleDefinition | null): EventChecker {
  const names = definition === null ? anyNames : namesOf(definition);
  let last = -1;

  function wrong(value: Record<string, unknown>, line: number): TraceError | null {
    const { seq, thread, kind, site } = value;
    if (!Number.isSafeInteger(seq) || Number(seq) < 0)
      return new TraceError(line, 'seq', `seq is ${JSON.stringify(seq) ?? 'missing'}, not a whole number from 0.`);
    if (Number(seq) <= last)
      return new TraceError(
        line,
        'seq',
        `seq is ${Number(seq)} after ${last}. It counts up, in the order in which things happened: sort the trace.`,
      );
    if (typeof thread !== 'string' || thread === '')
      return new TraceError(line, 'thread', 'Every event names the thread that it happens in.');
    if (site !== undefined && typeof site !== 'string') return new TraceError(line, 'site', 'site is a place in words, such as file.c:12.');
    if (!isEventKind(kind))
      return new TraceError(
        line,
        'kind',
        `${JSON.stringify(kind) ?? 'A missing kind'} is not an event kind. Kinds are ${Object.keys(eventFields).join(', ')}.`,
      );
    const shapes: Readonly<Record<string, Shape<unknown>>> = eventFields[kind];
    for (const field in value) {
      if (field === 'seq' || field === 'thread' || field === 'kind' || field === 'site' || Object.hasOwn(shapes, field)) continue;
      const fields = Object.keys(shapes);
      return new TraceError(
        line,
        field,
        `An event ${kind} has no field ${field}. ${fields.length === 0 ? 'It has none of its own.' : `It has ${fields.join(', ')}.`}`,
      );
    }
    for (const field in shapes) {
      const what = shapes[field]?.wrong(value[field], names) ?? null;
      if (what !== null) return new TraceError(line, field, `${field} of ${kind} ${what}.`);
    }
    return wrongValues(value, line);
  }

  /** What a field may hold depends on which field it is. */
  function wrongValues(value: Record<string, unknown>, line: number): TraceError | null {
    if (value.kind === 'alloc' && typeof value.object === 'string' && typeof value.fields === 'object' && value.fields !== null) {
      const type = value.object.slice(0, value.object.indexOf('#'));
      for (const [field, given] of Object.entries(value.fields)) {
        const what = names.wrongValue(type, field, given);
        if (what !== null) return new TraceError(line, `fields.${field}`, `${field} of ${value.object} ${what}.`);
      }
    }
    if ((value.kind === 'read' || value.kind === 'write') && typeof value.field === 'string') {
      const what = names.wrongValue(
        value.field.slice(0, value.field.indexOf('#')),
        value.field.slice(value.field.indexOf('.') + 1),
        value.value,
      );
      if (what !== null) return new TraceError(line, 'value', `value of ${value.field} ${what}.`);
    }
    return null;
  }

  const isEvent = (value: Record<string, unknown>, fault: TraceError | null): value is Record<string, unknown> & Event =>
    fault === null && 'kind' in value;

  function check(value: Record<string, unknown>, line: number): Event {
    const fault = wrong(value, line);
    if (!isEvent(value, fault)) throw fault ?? new TraceError(line, '', 'The line is not an event.');
    last = value.seq;
    return value;
  }
  return { read: (text, line) => check(parse(text, line), line), check, last: () => last, passed: seq => (last = seq) };
}
