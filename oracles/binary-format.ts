/**
 * The binary trace format, as numbers. TRACE-FORMAT.md beside this file says what they mean, and why.
 *
 * A record is 24 bytes, six little-endian words: sequence (two words), head, object, places, value.
 * The head is kind (8 bits), flags (8), thread (16). Places are field of the object (8 bits), field of the value (8), site (16).
 */
import type { EventKind } from './event.ts';

export const magic = Uint8Array.of(0x89, 0x48, 0x46, 0x54, 0x0d, 0x0a, 0x1a, 0x0a);
export const formatVersion = 1;
/** Bytes of the head of a file, up to the text of its header. */
export const headBytes = 64;
export const recordBytes = 24;
export const recordWords = recordBytes / 4;
/** Flag of a file that several threads wrote at once, each into chunks of its own. */
export const inChunks = 1;

// Kinds of records that are no events. Kinds from `firstEvent` on are what a definition says.
export const unwritten = 0;
export const define = 1;
export const object = 2;
export const operand = 3;
export const chunk = 4;
export const firstEvent = 16;

// Tables that a definition adds to; it says which in its flags.
export const tables = { kind: 0, thread: 1, type: 2, field: 3, word: 4, site: 5 } as const;
export type Table = keyof typeof tables;
/** Highest index of each. Kinds, fields and types begin at 1, so that 0 says: none. */
export const lastIndex: Readonly<Record<Table, number>> = {
  kind: 255,
  thread: 65_535,
  type: 255,
  field: 255,
  word: 16_777_215,
  site: 65_535,
};
/** Bytes of a name. */
export const longestName = 65_536;

// What a value is: the lowest three bits of the flags.
export const tags = { absent: 0, null: 1, boolean: 2, number: 3, word: 4, object: 5, place: 6, json: 7 } as const;
export const tagMask = 7;
/** Two yes-or-no fields of the event: whether it has it, and what it is. */
export const firstFlag = { present: 8, value: 16 } as const;
export const secondFlag = { present: 32, value: 64 } as const;
/** The operands that this thread wrote just before belong to it. */
export const hasOperands = 128;

/** Where the fields of an event are kept; those not named here are operands. */
export interface KindShape {
  /** An object or something inside one. */
  readonly place: string | null;
  readonly value: string | null;
  readonly flags: readonly string[];
}
const shape = (place: string | null = null, value: string | null = null, ...flags: string[]): KindShape => ({ place, value, flags });
const known: Readonly<Partial<Record<EventKind, KindShape>>> = {
  'thread-start': shape(null, 'context'),
  fork: shape(null, 'other'),
  join: shape(null, 'other'),
  call: shape(null, 'call'),
  return: shape(null, 'result'),
  alloc: shape('object'),
  free: shape('object'),
  read: shape('field', 'value'),
  write: shape('field', 'value'),
  'null-followed': shape(null, 'field'),
  add: shape('set', 'member'),
  remove: shape('set', 'member'),
  has: shape('set', 'member', 'found'),
  next: shape('set', 'member'),
  want: shape('lock', 'mode', 'irq'),
  got: shape('lock', 'mode', 'irq'),
  released: shape('lock', 'mode', 'irq'),
  tried: shape('lock', 'mode', 'got'),
  'assert-held': shape('lock'),
  enter: shape('domain'),
  exit: shape('domain'),
  'grace-begin': shape('domain'),
  'grace-end': shape('domain'),
  get: shape('counter'),
  put: shape('counter'),
  'put-later': shape('counter'),
  'get-unless-zero': shape('counter', null, 'got'),
  queue: shape('work', 'on', 'queued'),
  'run-begin': shape('work'),
  'run-end': shape('work'),
  'flush-begin': shape('work'),
  'flush-end': shape('work'),
  'cancel-begin': shape('work', null, 'removed'),
  'cancel-end': shape('work'),
  'flush-queue-begin': shape('on'),
  'flush-queue-end': shape('on'),
  link: shape('queue', 'entry', 'linked', 'exclusive'),
  unlink: shape('queue', 'entry'),
  callback: shape('queue', 'entry'),
  'wait-prepare': shape('queue'),
  'wait-sleep': shape('queue', 'result'),
  'wait-finish': shape('queue'),
  'wake-all': shape('queue'),
  complete: shape('completion'),
  'wait-done': shape('completion', 'result'),
  fget: shape('field', 'file'),
  'close-fd': shape('field', 'file'),
};
/** A file says its own: a kind that is not here keeps all its fields as operands. */
export const shapeOf = (kind: EventKind): KindShape => known[kind] ?? shape();

/** A file lays this kind out as this version does; what is a value here may be an operand there. */
export function isAsMeant(kind: EventKind, { place, value, flags }: KindShape): boolean {
  const meant = shapeOf(kind);
  return place === meant.place && (value === null || value === meant.value) && flags.join(' ') === meant.flags.join(' ');
}

/** `link queue entry linked exclusive`; `-` where there is none. */
export const sayKind = (kind: string, { place, value, flags }: KindShape): string => [kind, place ?? '-', value ?? '-', ...flags].join(' ');
/** Null if it is not the definition of a kind. */
export function parseKind(text: string): { readonly kind: string; readonly shape: KindShape } | null {
  if (!/^[a-z-]+ [\w-]+ [\w-]+( \w+){0,2}$/.test(text)) return null;
  const [kind = '', place = '-', value = '-', ...flags] = text.split(' ');
  return { kind, shape: { place: place === '-' ? null : place, value: value === '-' ? null : value, flags } };
}
