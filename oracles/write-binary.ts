/** Writes events as a binary trace, in the order given. Names are defined where they first occur. */
import {
  define,
  firstEvent,
  firstFlag,
  formatVersion,
  hasOperands,
  headBytes,
  type KindShape,
  lastIndex,
  longestName,
  magic,
  object,
  operand,
  recordBytes,
  sayKind,
  secondFlag,
  shapeOf,
  type Table,
  tables,
  tags,
} from './binary-format.ts';
import type { Event, EventKind, TraceHeader } from './event.ts';

export interface BinaryWriter {
  readonly event: (event: Event) => void;
  /** What was written since it was last taken. The bytes are good until the next event. */
  readonly take: () => Uint8Array;
}

/** What the file begins with. */
export function binaryHead(header: TraceHeader): Uint8Array {
  const text = new TextEncoder().encode(JSON.stringify(header));
  const start = Math.ceil((headBytes + text.length) / 8) * 8;
  const head = new Uint8Array(start);
  const view = new DataView(head.buffer);
  head.set(magic);
  view.setUint32(8, formatVersion, true);
  view.setUint32(12, start, true);
  view.setUint32(24, text.length, true);
  head.set(text, headBytes);
  return head;
}

/** `Irqfd`, 1 and `kvm` of `Irqfd#1.kvm`. */
const placeName = /^([\w$]+)#([1-9]\d{0,14})(?:\.([\w$]+))?$/;
/** More words than these are not remembered from one event to the next. */
const manyWords = 65_536;
/** Highest number of an object that fits. */
const highestNumber = 2 ** 48 - 1;

export function createBinaryWriter(): BinaryWriter {
  let bytes = new Uint8Array(1 << 16);
  let view = new DataView(bytes.buffer);
  let end = 0;
  const indexes = Object.fromEntries(Object.keys(tables).map(table => [table, new Map<string, number>()]));
  const shapes = new Map<EventKind, { readonly code: number; readonly shape: KindShape }>();
  const objects = new Map<string, number>();
  const freeHandles: number[] = [];
  let nextHandle = 0;
  const freeThreads: number[] = [];
  let seq = 0;

  function room(needed: number): void {
    if (end + needed <= bytes.length) return;
    const larger = new Uint8Array(Math.max(bytes.length * 2, end + needed));
    larger.set(bytes);
    bytes = larger;
    view = new DataView(bytes.buffer);
  }
  function record(head: number, handle: number, places: number, value: number): void {
    room(recordBytes);
    view.setUint32(end, seq % 2 ** 32, true);
    view.setUint32(end + 4, Math.floor(seq / 2 ** 32), true);
    view.setUint32(end + 8, head >>> 0, true);
    view.setUint32(end + 12, handle, true);
    view.setUint32(end + 16, places >>> 0, true);
    view.setUint32(end + 20, value, true);
    end += recordBytes;
  }
  function definition(table: Table, index: number, text: string): number {
    const encoded = new TextEncoder().encode(text);
    if (index > lastIndex[table]) throw new RangeError(`A binary trace has at most ${lastIndex[table]} names of its ${table}s.`);
    if (encoded.length > longestName) throw new RangeError(`A name in a binary trace has at most ${longestName} bytes.`);
    record(define | (tables[table] << 8), index, 0, encoded.length);
    const payload = Math.ceil(encoded.length / recordBytes) * recordBytes;
    room(payload);
    bytes.fill(0, end, end + payload);
    bytes.set(encoded, end);
    end += payload;
    return index;
  }
  function indexOf(table: Table, text: string): number {
    const known = indexes[table] ?? new Map<string, number>();
    const index = known.get(text);
    if (index !== undefined) return index;
    // Sites may be many; then their table begins anew, and what is still needed is defined again.
    if (table === 'site' && known.size >= lastIndex.site) known.clear();
    const next = table === 'thread' ? (freeThreads.pop() ?? known.size) : known.size + 1;
    known.set(text, next);
    return definition(table, next, text);
  }
  function handleOf(name: string): number {
    const known = objects.get(name);
    if (known !== undefined) return known;
    const [, type = '', digits = ''] = placeName.exec(name) ?? [];
    const number = Number(digits);
    if (number > highestNumber) throw new RangeError(`${name} has a higher number than ${highestNumber}.`);
    const typeIndex = indexOf('type', type);
    const handle = freeHandles.pop() ?? nextHandle++;
    objects.set(name, handle);
    record(object, handle, typeIndex | (Math.floor(number / 2 ** 32) << 16), number % 2 ** 32);
    return handle;
  }

  /** An object or a place: its handle, and the index of its field. */
  function placeOf(text: string): { readonly handle: number; readonly field: number } {
    const dot = text.indexOf('.');
    return dot < 0
      ? { handle: handleOf(text), field: 0 }
      : { handle: handleOf(text.slice(0, dot)), field: indexOf('field', text.slice(dot + 1)) };
  }
  function encode(value: unknown): { readonly tag: number; readonly value: number; readonly field: number } {
    const plain = (tag: number, number: number) => ({ tag, value: number, field: 0 });
    switch (typeof value) {
      case 'undefined':
        return plain(tags.absent, 0);
      case 'boolean':
        return plain(tags.boolean, value ? 1 : 0);
      case 'number':
        return Number.isInteger(value) && value >= 0 && value < 2 ** 32 && !Object.is(value, -0)
          ? plain(tags.number, value)
          : plain(tags.json, indexOf('word', JSON.stringify(value)));
      case 'string': {
        if (!placeName.test(value)) return plain(tags.word, indexOf('word', value));
        const { handle, field } = placeOf(value);
        return { tag: field === 0 ? tags.object : tags.place, value: handle, field };
      }
      default:
        return plain(tags.null, 0);
    }
  }
  /** `fields.kvm` for an entry of an object, `arguments[]` for one of a list; with no value, an empty one. */
  function operands(event: Readonly<Record<string, unknown>>, { place, value, flags }: KindShape, thread: number): boolean {
    let any = false;
    const add = (name: string, one: unknown): void => {
      const encoded = encode(one);
      record(operand | (encoded.tag << 8) | (thread << 16), indexOf('word', name), encoded.field << 8, encoded.value);
      any = true;
    };
    for (const [field, one] of Object.entries(event)) {
      if (['seq', 'thread', 'kind', 'site', place, value, ...flags].includes(field)) continue;
      if (Array.isArray(one)) {
        if (one.length === 0) add(`${field}[]`, undefined);
        for (const member of one) add(`${field}[]`, member);
      } else if (typeof one === 'object' && one !== null) {
        const entries = Object.entries(one);
        if (entries.length === 0) add(`${field}.`, undefined);
        for (const [key, entry] of entries) add(`${field}.${key}`, entry);
      } else add(field, one);
    }
    return any;
  }

  function write(event: Event): void {
    ({ seq } = event);
    const words = indexes['word'];
    if (words !== undefined && words.size > manyWords) words.clear();
    const { kind, site } = event;
    let known = shapes.get(kind);
    if (known === undefined) {
      const shape = shapeOf(kind);
      known = { code: firstEvent + shapes.size, shape };
      definition('kind', known.code, sayKind(kind, shape));
      shapes.set(kind, known);
    }
    const { code, shape } = known;
    const fields: Readonly<Record<string, unknown>> = { ...event };
    const thread = indexOf('thread', event.thread);
    const siteIndex = site === undefined ? 0 : indexOf('site', site);
    const acted = shape.place === null ? undefined : fields[shape.place];
    const { handle, field } = typeof acted === 'string' ? placeOf(acted) : { handle: 0, field: 0 };
    const value = encode(shape.value === null ? undefined : fields[shape.value]);
    let flags = value.tag;
    for (const [at, bits] of [firstFlag, secondFlag].entries()) {
      const flag = fields[shape.flags[at] ?? ''];
      if (typeof flag === 'boolean') flags |= bits.present | (flag ? bits.value : 0);
    }
    if (operands(fields, shape, thread)) flags |= hasOperands;
    record(code | (flags << 8) | (thread << 16), handle, field | (value.field << 8) | (siteIndex << 16), value.value);
    if (kind === 'free') forget(objects, event.object, freeHandles);
    if (kind === 'thread-end') forget(indexes['thread'] ?? new Map(), event.thread, freeThreads);
  }
  /** A later mention defines the name again; so the tables are as large as what lives. */
  function forget(known: Map<string, number>, name: string, free: number[]): void {
    const index = known.get(name);
    if (index === undefined) return;
    known.delete(name);
    free.push(index);
  }

  return {
    event: write,
    take() {
      const taken = bytes.subarray(0, end);
      end = 0;
      return taken;
    },
  };
}
