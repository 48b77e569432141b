/** Which fields an event of each kind has, and what each may be. The compiler holds this table to the type of events. */
import type { FieldKind, OracleDefinition } from './definition.ts';
import type { Event, EventKind, ReadMode, Scalar } from './event.ts';

/** What is wrong with a value, as a sentence without its subject: `is 3, not a boolean`. Null if nothing is. */
export interface Shape<Value> {
  readonly wrong: (value: unknown, names: Names) => string | null;
  /** Of the type only: keeps a shape of one type from standing for another. */
  readonly value?: Value;
}

type EventOf<Kind extends EventKind> = Event extends infer One
  ? One extends { readonly kind: infer K }
    ? Kind extends K
      ? One
      : never
    : never
  : never;
type OwnFields<Kind extends EventKind> = Exclude<keyof EventOf<Kind>, 'kind' | 'seq' | 'thread' | 'site'>;
type EventFields = { readonly [Kind in EventKind]: { readonly [Field in OwnFields<Kind>]-?: Shape<EventOf<Kind>[Field]> } };

/** What a system calls its objects and fields; remembers the names that it has seen to be right. */
export interface Names {
  readonly wrongObject: (name: string) => string | null;
  readonly wrongPlace: (name: string, kinds: readonly FieldKind[]) => string | null;
  readonly wrongClass: (name: string) => string | null;
  /** `kvm` of `Irqfd`: what may be stored there. */
  readonly wrongValue: (type: string, field: string, value: unknown) => string | null;
}

const shown = (value: unknown): string => {
  const text = JSON.stringify(value) ?? 'missing';
  return text.length <= 60 ? text : `${text.slice(0, 57)}...`;
};
const not = (value: unknown, expected: string): string => `is ${shown(value)}, not ${expected}`;

const isScalar = (value: unknown): value is Scalar =>
  value === null || typeof value === 'string' || typeof value === 'boolean' || typeof value === 'number';
const text: Shape<string> = { wrong: value => (typeof value === 'string' && value !== '' ? null : not(value, 'a name')) };
const yesOrNo: Shape<boolean> = { wrong: value => (typeof value === 'boolean' ? null : not(value, 'true or false')) };
const perhapsYesOrNo: Shape<boolean | undefined> = { wrong: (value, names) => (value === undefined ? null : yesOrNo.wrong(value, names)) };
const scalar: Shape<Scalar> = { wrong: value => (isScalar(value) ? null : not(value, 'a string, a number, true, false or null')) };
const scalars: Shape<readonly Scalar[]> = {
  wrong: value => (Array.isArray(value) && value.every(isScalar) ? null : not(value, 'a list of plain values')),
};
const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null && !Array.isArray(value);
const startValues: Shape<Readonly<Record<string, Scalar>>> = {
  wrong: value => (isRecord(value) && Object.values(value).every(isScalar) ? null : not(value, 'an object of plain values')),
};
const object: Shape<string> = {
  wrong: (value, names) => (typeof value === 'string' ? names.wrongObject(value) : not(value, 'the name of an object')),
};
const objects: Shape<readonly string[]> = {
  wrong: (value, names) => {
    if (!Array.isArray(value)) return not(value, 'a list of objects');
    for (const one of value) {
      const wrong = object.wrong(one, names);
      if (wrong !== null) return `has a name that ${wrong}`;
    }
    return null;
  },
};
const perhapsObject: Shape<string | undefined> = { wrong: (value, names) => (value === undefined ? null : object.wrong(value, names)) };
const orNull = (shape: Shape<string>): Shape<string | null> => ({
  wrong: (value, names) => (value === null ? null : shape.wrong(value, names)),
});
const place = (...kinds: readonly FieldKind[]): Shape<string> => ({
  wrong: (value, names) =>
    typeof value === 'string' ? names.wrongPlace(value, kinds) : not(value, 'the name of a field, such as Type#1.field'),
});
const fieldClass: Shape<string> = {
  wrong: (value, names) =>
    typeof value === 'string' ? names.wrongClass(value) : not(value, 'a type, or a field of one, such as Type.field'),
};
const oneOf = <Word extends string>(...words: readonly Word[]): Shape<Word> => ({
  wrong: value => (words.some(word => word === value) ? null : not(value, `one of ${words.join(', ')}`)),
});

const lock = place('mutex', 'spinlock', 'rwlock', 'rwsem', 'wait-queue', 'notifier-chain');
const readMode = oneOf('read', 'recursive-read');
const perhapsReadMode: Shape<ReadMode | undefined> = {
  wrong: (value, names) => (value === undefined ? null : readMode.wrong(value, names)),
};
const domain = place('srcu', 'rcu');
const plain = place('pointer', 'word', 'boolean', 'number', 'flag');
const queue = place('wait-queue');
const entries = place('wait-queue', 'notifier-chain');
const entry = place('wait-entry', 'notifier-block');
const none = {};

export const eventFields = {
  'thread-start': { context: oneOf('task', 'hardirq', 'worker'), process: perhapsObject },
  'thread-end': none,
  fork: { other: text },
  join: { other: text },
  call: { call: text, arguments: scalars },
  return: { call: text, result: scalar },
  alloc: { object, fields: startValues },
  free: { object },
  read: { field: place('pointer', 'word', 'boolean', 'number', 'flag', 'refcount'), value: scalar },
  write: { field: plain, value: scalar },
  'null-followed': { field: fieldClass },
  add: { set: place('set'), member: object },
  remove: { set: place('set'), member: object },
  has: { set: place('set'), member: object, found: yesOrNo },
  next: { set: place('set'), member: orNull(object) },
  want: { lock, irq: perhapsYesOrNo, mode: perhapsReadMode },
  got: { lock, irq: perhapsYesOrNo, mode: perhapsReadMode },
  released: { lock, irq: perhapsYesOrNo, mode: perhapsReadMode },
  tried: { lock, got: yesOrNo, irq: perhapsYesOrNo, mode: perhapsReadMode },
  'assert-held': { lock: place('mutex', 'spinlock', 'rwlock', 'rwsem', 'flag', 'wait-queue', 'notifier-chain', 'srcu', 'rcu') },
  enter: { domain },
  exit: { domain },
  'grace-begin': { domain },
  'grace-end': { domain },
  get: { counter: place('refcount') },
  put: { counter: place('refcount') },
  'put-later': { counter: place('refcount') },
  'assert-sole': { object },
  'get-unless-zero': { counter: place('refcount'), got: yesOrNo },
  queue: { work: place('work'), on: orNull(place('work-queue', 'ordered-work-queue')), queued: yesOrNo },
  'run-begin': { work: place('work') },
  'run-end': { work: place('work') },
  'flush-begin': { work: place('work') },
  'flush-end': { work: place('work') },
  'cancel-end': { work: place('work') },
  'cancel-begin': { work: place('work'), removed: yesOrNo },
  'flush-queue-begin': { on: place('work-queue', 'ordered-work-queue') },
  'flush-queue-end': { on: place('work-queue', 'ordered-work-queue') },
  link: { queue: entries, entry, exclusive: yesOrNo, linked: yesOrNo },
  unlink: { queue: entries, entry },
  callback: { queue: entries, entry },
  'wait-prepare': { queue },
  'wait-finish': { queue },
  'wake-all': { queue },
  'wait-sleep': { queue, result: oneOf('woken', 'timeout') },
  complete: { completion: place('completion') },
  'wait-done': { completion: place('completion'), result: oneOf('done', 'timeout') },
  fget: { field: place('pointer'), file: orNull(object) },
  'close-fd': { field: place('pointer'), file: orNull(object) },
  bug: none,
  quiesce: { stays: objects },
} satisfies EventFields;

export const isEventKind = (kind: unknown): kind is EventKind => typeof kind === 'string' && Object.hasOwn(eventFields, kind);

/** Names of a trace without a system: any that are made as names are. Types and fields are what they are used as. */
export const anyNames: Names = {
  wrongObject: name => (objectName.test(name) ? null : not(name, 'the name of an object, such as Type#1')),
  wrongPlace: name => (placeName.test(name) ? null : not(name, 'the name of a field, such as Type#1.field')),
  wrongClass: name => (className.test(name) ? null : not(name, 'a type, or a field of one, such as Type.field')),
  wrongValue: () => null,
};
const placeName = /^[A-Za-z_$][\w$]*#[1-9]\d{0,14}\.[\w$.]+$/;
const className = /^[A-Za-z_$][\w$]*(\.[\w$.]+)?$/;

const objectName = /^([A-Za-z_$][\w$]*)#([1-9]\d{0,14})$/;
const mostRemembered = 65_536;

export function namesOf(definition: OracleDefinition): Names {
  const remembered = new Map<string, FieldKind | 'object'>();
  const remember = (name: string, kind: FieldKind | 'object'): void => {
    if (remembered.size >= mostRemembered) remembered.clear();
    remembered.set(name, kind);
  };
  const fieldsOf = (type: string) => (Object.hasOwn(definition.types, type) ? definition.types[type]?.fields : undefined);
  const noType = (type: string): string =>
    `${definition.system} has no object type ${type}; it has ${Object.keys(definition.types).join(', ')}`;

  function wrongObject(name: string): string | null {
    if (remembered.get(name) === 'object') return null;
    const type = objectName.exec(name)?.[1];
    if (type === undefined) return not(name, 'the name of an object, such as Type#1');
    if (fieldsOf(type) === undefined) return `is ${shown(name)}, but ${noType(type)}`;
    remember(name, 'object');
    return null;
  }
  function wrongPlace(name: string, kinds: readonly FieldKind[]): string | null {
    const known = remembered.get(name);
    if (known !== undefined && known !== 'object' && kinds.includes(known)) return null;
    const dot = name.indexOf('.');
    if (dot < 0) return not(name, 'the name of a field, such as Type#1.field');
    const wrong = wrongObject(name.slice(0, dot));
    if (wrong !== null) return wrong;
    const type = name.slice(0, name.indexOf('#'));
    return wrongField(type, name.slice(dot + 1), kinds) ?? (remember(name, fieldsOf(type)?.[name.slice(dot + 1)]?.kind ?? 'object'), null);
  }
  function wrongField(type: string, field: string, kinds: readonly FieldKind[] | null): string | null {
    const fields = fieldsOf(type) ?? {};
    const table = Object.hasOwn(fields, field) ? fields[field] : undefined;
    if (table === undefined) return `names the field ${field}, but ${type} has ${Object.keys(fields).join(', ')}`;
    return kinds === null || kinds.includes(table.kind)
      ? null
      : `names ${type}.${field}, a ${table.kind}, where one of these is meant: ${kinds.join(', ')}`;
  }
  function wrongClass(name: string): string | null {
    const [type = '', ...fields] = name.split('.');
    if (fieldsOf(type) === undefined) return `is ${shown(name)}, but ${noType(type)}`;
    return fields.length === 0 ? null : wrongField(type, fields.join('.'), null);
  }
  function wrongValue(type: string, field: string, value: unknown): string | null {
    const table = fieldsOf(type)?.[field];
    if (table === undefined) return wrongField(type, field, null);
    switch (table.kind) {
      case 'pointer': {
        if (value === null) return null;
        if (typeof value !== 'string') return not(value, `the name of a ${table.to ?? 'object'} or null`);
        return wrongObject(value) ?? (value.startsWith(`${table.to ?? ''}#`) ? null : not(value, `a ${table.to ?? ''}`));
      }
      case 'word':
        return value === null || (table.words ?? []).some(word => word === value)
          ? null
          : not(value, `one of ${(table.words ?? []).join(', ')}`);
      case 'boolean':
        return typeof value === 'boolean' ? null : not(value, 'true or false');
      case 'flag':
        return value === 'taken' || value === 'free' ? null : not(value, 'taken or free');
      case 'number':
        return Number.isSafeInteger(value) ? null : not(value, 'a whole number');
      case 'refcount':
        return Number.isSafeInteger(value) && Number(value) >= 0 ? null : not(value, 'a whole number from 0');
      default:
        return `is given for ${type}.${field}, but a ${table.kind} has no value`;
    }
  }
  return { wrongObject, wrongPlace, wrongClass, wrongValue };
}
