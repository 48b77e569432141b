/** From the records of a binary trace to events: its tables of names, and what each record says. Everything that is wrong is a TraceError. */
import {
  define,
  firstEvent,
  firstFlag,
  hasOperands,
  type KindShape,
  lastIndex,
  longestName,
  object,
  operand,
  parseKind,
  recordBytes,
  recordWords,
  secondFlag,
  type Table,
  tables,
  tagMask,
  tags,
} from './binary-format.ts';
import type { Scalar } from './event.ts';
import { isEventKind } from './event-fields.ts';
import { TraceError } from './trace-error.ts';

/** What a handle stands for: `Irqfd#1`. */
export interface Named {
  readonly handle: number;
  readonly name: string;
  readonly type: string;
}
export interface KnownKind {
  readonly kind: string;
  readonly shape: KindShape;
}

/** Records in memory: words and bytes of the same buffer. `at` counts words. */
export interface Block {
  readonly words: Uint32Array;
  readonly bytes: Uint8Array;
  /** Words that are filled. */
  readonly end: number;
}

export interface Records {
  readonly kinds: readonly (KnownKind | undefined)[];
  readonly threads: readonly (string | undefined)[];
  readonly fields: readonly (string | undefined)[];
  readonly words: readonly (string | undefined)[];
  readonly named: (handle: number) => Named | undefined;
  /** Takes in the record at `at` if it is none of an event. How many words it has; 0: the block ends before it does. */
  readonly take: (block: Block, at: number, line: number) => number;
  /** The fields of the event at `at`. `line`: number of the record, for errors. */
  readonly event: (block: Block, at: number, line: number) => Record<string, unknown>;
  readonly forget: (handle: number) => void;
}

/** Operands that one thread may write before their event. */
const mostOperands = 65_536;
/** Objects that were freed and are still known by their handles. */
const mostForgotten = 65_536;

export interface Defined {
  readonly onObject?: (named: Named) => void;
  readonly onThread?: (index: number, name: string) => void;
  readonly onKind?: (index: number, kind: KnownKind) => void;
  readonly onField?: (index: number, name: string) => void;
  readonly onWord?: (index: number, name: string) => void;
}

export function createRecords({ onObject, onThread, onKind, onField, onWord }: Defined = {}): Records {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  const kinds: (KnownKind | undefined)[] = [];
  const names: Record<Table, (string | undefined)[]> = { kind: [], thread: [], type: [], field: [], word: [], site: [] };
  const objects = new Map<number, Named>();
  const forgotten: Named[] = [];
  let nextForgotten = 0;
  /** By thread, what it has written of an event that is not there yet. */
  const pending = new Map<number, { readonly name: string; readonly value: Scalar | undefined }[]>();
  let line = 0;
  const fault = (message: string, field = ''): TraceError => new TraceError(line, field, message);

  function text(block: Block, at: number, length: number): string {
    try {
      return decoder.decode(block.bytes.subarray(at * 4, at * 4 + length));
    } catch {
      throw fault('A name is UTF-8 text, and this is not.');
    }
  }
  function name(table: Table, index: number): string {
    const known = names[table][index];
    if (known === undefined) throw fault(`${table} ${index} is used, but was not defined.`, table);
    return known;
  }
  function objectName(handle: number): string {
    const known = objects.get(handle);
    if (known === undefined) throw fault(`Object ${handle} is used, but was not defined, or was freed long ago.`, 'object');
    return known.name;
  }
  const placeName = (handle: number, field: number): string =>
    field === 0 ? objectName(handle) : `${objectName(handle)}.${name('field', field)}`;

  function defineName(block: Block, at: number): number {
    const { words } = block;
    const table = tableOf(((words[at + 2] ?? 0) >>> 8) & 255);
    const index = words[at + 3] ?? 0;
    const length = words[at + 5] ?? 0;
    if (table === null) throw fault('A name is defined for a table that there is not.', 'table');
    if (index > lastIndex[table]) throw fault(`A ${table} has the index ${index}; there are at most ${lastIndex[table]}.`, table);
    if (length > longestName) throw fault(`A name of ${length} bytes is longer than ${longestName}.`, table);
    const size = recordWords * (1 + Math.ceil(length / recordBytes));
    if (at + size > block.end) return 0;
    const defined = text(block, at + recordWords, length);
    // Indexes count up from 0 or 1; a hostile one must not make a table of holes.
    if (index > names[table].length + 256) throw fault(`${table} ${index} is defined before those below it.`, table);
    names[table][index] = defined;
    if (table === 'kind') defineKind(index, defined);
    else if (table === 'thread') onThread?.(index, defined);
    else if (table === 'field') onField?.(index, defined);
    else if (table === 'word') onWord?.(index, defined);
    return size;
  }
  function defineKind(index: number, defined: string): void {
    const parsed = parseKind(defined);
    if (parsed === null || index < firstEvent || !isEventKind(parsed.kind))
      throw fault(`${JSON.stringify(defined)} at ${index} does not define a kind of events.`, 'kind');
    kinds[index] = parsed;
    onKind?.(index, parsed);
  }
  function defineObject(words: Uint32Array, at: number): void {
    const handle = words[at + 3] ?? 0;
    const places = words[at + 4] ?? 0;
    const type = name('type', places & 255);
    const number = (places >>> 16) * 2 ** 32 + (words[at + 5] ?? 0);
    const named: Named = { handle, name: `${type}#${number}`, type };
    objects.set(handle, named);
    onObject?.(named);
  }
  function takeOperand(words: Uint32Array, at: number): void {
    const head = words[at + 2] ?? 0;
    const thread = head >>> 16;
    const list = pending.get(thread) ?? [];
    if (list.length >= mostOperands) throw fault(`An event has more than ${mostOperands} operands.`);
    pending.set(thread, list);
    list.push({ name: name('word', words[at + 3] ?? 0), value: valueOf((head >>> 8) & tagMask, words, at) });
  }
  function valueOf(tag: number, words: Uint32Array, at: number): Scalar | undefined {
    const value = words[at + 5] ?? 0;
    switch (tag) {
      case tags.absent:
        return undefined;
      case tags.null:
        return null;
      case tags.boolean:
        return value !== 0;
      case tags.number:
        return value;
      case tags.word:
        return name('word', value);
      case tags.json: {
        const number = Number(name('word', value));
        if (Number.isNaN(number)) throw fault(`${name('word', value)} is not a number.`);
        return number;
      }
      default:
        return placeName(value, ((words[at + 4] ?? 0) >>> 8) & 255);
    }
  }

  function take(block: Block, at: number, number: number): number {
    line = number;
    switch ((block.words[at + 2] ?? 0) & 255) {
      case define:
        return defineName(block, at);
      case object:
        defineObject(block.words, at);
        return recordWords;
      case operand:
        takeOperand(block.words, at);
        return recordWords;
      default:
        throw fault(`Kind ${(block.words[at + 2] ?? 0) & 255} is of no record.`, 'kind');
    }
  }

  function event({ words }: Block, at: number, number: number): Record<string, unknown> {
    line = number;
    const head = words[at + 2] ?? 0;
    const known = kinds[head & 255];
    if (known === undefined) throw fault(`Kind ${head & 255} is used, but was not defined.`, 'kind');
    const { kind, shape } = known;
    const flags = (head >>> 8) & 255;
    const thread = head >>> 16;
    const places = words[at + 4] ?? 0;
    const event: Record<string, unknown> = {
      seq: (words[at + 1] ?? 0) * 2 ** 32 + (words[at] ?? 0),
      thread: name('thread', thread),
      ...(places >>> 16 === 0 ? {} : { site: name('site', places >>> 16) }),
      kind,
    };
    if (shape.place !== null) event[shape.place] = placeName(words[at + 3] ?? 0, places & 255);
    const value = valueOf(flags & tagMask, words, at);
    if (shape.value !== null && value !== undefined) event[shape.value] = value;
    const [first, second] = shape.flags;
    if (first !== undefined && flags & firstFlag.present) event[first] = (flags & firstFlag.value) !== 0;
    if (second !== undefined && flags & secondFlag.present) event[second] = (flags & secondFlag.value) !== 0;
    if (flags & hasOperands) addOperands(event, pending.get(thread) ?? []);
    pending.delete(thread);
    // Fields that these kinds always have, so that a recorder need not say that they are empty.
    if (kind === 'alloc') event['fields'] ??= {};
    if (kind === 'call') event['arguments'] ??= [];
    if (kind === 'quiesce') event['stays'] ??= [];
    return event;
  }

  return {
    kinds,
    threads: names.thread,
    fields: names.field,
    words: names.word,
    named: handle => objects.get(handle),
    take,
    event,
    forget(handle) {
      const named = objects.get(handle);
      if (named === undefined) return;
      const oldest = forgotten[nextForgotten];
      forgotten[nextForgotten] = named;
      nextForgotten = (nextForgotten + 1) % mostForgotten;
      // The handle may have been given to another object meanwhile.
      if (oldest !== undefined && objects.get(oldest.handle) === oldest) objects.delete(oldest.handle);
    },
  };
}

function addOperands(
  event: Record<string, unknown>,
  operands: readonly { readonly name: string; readonly value: Scalar | undefined }[],
): void {
  const lists = new Map<string, Scalar[]>();
  const records = new Map<string, [string, Scalar][]>();
  for (const { name, value } of operands) {
    const dot = name.indexOf('.');
    if (name.endsWith('[]')) {
      const list = lists.get(name.slice(0, -2)) ?? [];
      if (value !== undefined) list.push(value);
      lists.set(name.slice(0, -2), list);
    } else if (dot >= 0) {
      const entries = records.get(name.slice(0, dot)) ?? [];
      if (value !== undefined) entries.push([name.slice(dot + 1), value]);
      records.set(name.slice(0, dot), entries);
    } else event[name] = value;
  }
  for (const [field, list] of lists) event[field] = list;
  for (const [field, entries] of records) event[field] = Object.fromEntries(entries);
}

const tableNames = Object.keys(tables).filter((name): name is Table => name in tables);
const tableOf = (code: number): Table | null => tableNames.find(name => tables[name] === code) ?? null;
