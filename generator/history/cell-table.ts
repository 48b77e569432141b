/**
 * Every cell of a packed state with the objects and threads that it belongs to, so that a state can be copied into another with objects and
 * threads renamed, added or left out. The other may be of a program with more room.
 */
import {
  aliveCell,
  allocatedCell,
  anchorCell,
  exclusiveCell,
  fieldCell,
  flushCell,
  graceCell,
  readersCell,
  registerCell,
  soleCell,
  waitingCell,
} from '../explore/cells.ts';
import type { Layout } from '../explore/layout.ts';
import { END, type Program } from '../program.ts';
import { kindOfField, kindsOfSlots, type ValueKind } from './value-kinds.ts';

export interface Place {
  readonly word: number;
  readonly shift: number;
  readonly mask: number;
}
const nowhere = -1;

/** A cell; object and threads by index, or -1. */
interface Cell extends Place {
  /** What it is, without whose: the same in every program of the system. */ readonly role: string;
  readonly object: number;
  readonly thread: number;
  readonly other: number;
  readonly value: ValueKind;
}

/** A pointer or set of an object, as a place to read. `constant`: it has no bits. */
export interface Edge extends Place {
  readonly kind: 'pointer' | 'mask' | 'entry';
  /** `Irqfd.kvm`. */ readonly role: string;
  /** Index of the first object of its type. */ readonly first: number;
}

interface ThreadTable {
  readonly anchor: Place | null;
  /** Node by anchor, and the other way round. */ readonly nodes: readonly number[];
  readonly numbers: ReadonlyMap<number, number>;
  /** By anchor: the slots that are live there, where they are and what they hold. */
  readonly live: readonly (readonly (Place & { readonly slot: number; readonly value: ValueKind })[])[];
}

export interface CellTable {
  readonly program: Program;
  readonly words: number;
  /** Objects of all types, one type after the other. */ readonly objects: readonly { readonly type: string; readonly instance: number }[];
  readonly firstOf: Readonly<Record<string, number>>;
  /** Declared objects: each is the same everywhere. */ readonly declared: readonly boolean[];
  readonly alive: readonly Place[];
  readonly edges: readonly (readonly Edge[])[];
  /** By wait queue, its object. */ readonly queueObjects: readonly number[];
  /** Of each object: pending cells of its work, and the threads that run it. */
  readonly works: readonly (readonly { readonly place: Place; readonly worker: number; readonly role: string }[])[];
  /** Of each object, what tells it from others of its type: cells whose value is plain. */
  readonly plain: readonly (readonly Place[])[];
  readonly counters: Readonly<Record<string, Place | null>>;
  readonly threads: readonly ThreadTable[];
  /** Callers come before workers. */ readonly callers: number;
  readonly cells: readonly Cell[];
  readonly byName: ReadonlyMap<string, Place>;
  /** A field of an object, and what a thread has of one; null where it has no bits. */
  readonly placeOf: (role: string, object: number) => Place | null;
  readonly threadPlaceOf: (role: string, object: number, thread: number, other?: number) => Place | null;
  readonly queueNumber: ReadonlyMap<string, number>;
}

export const valueAt = (packed: ArrayLike<number>, at: number, { word, shift, mask }: Place): number =>
  ((packed[at + word] ?? 0) >>> shift) & mask;

const nameOf = (role: string, object: number, thread: number, other: number): string => `${role} ${object} ${thread} ${other}`;

export function cellTable(layout: Layout): CellTable {
  const { program, bits } = layout;
  const objects = program.types.flatMap(({ name, pool }) => Array.from({ length: pool }, (_, at) => ({ type: name, instance: at + 1 })));
  const firstOf: Record<string, number> = {};
  objects.forEach(({ type }, index) => (firstOf[type] ??= index));
  const indexOf = (type: string, instance: number): number => (firstOf[type] ?? 0) + instance - 1;
  const cells: Cell[] = [];
  const place = (name: string): Place | null => {
    const at = bits.get(name);
    return at === undefined ? null : { word: at.word, shift: at.shift, mask: 2 ** at.width - 1 };
  };
  const plain: ValueKind = { kind: 'plain' };
  const add = (name: string, role: string, object: number, value: ValueKind, thread = nowhere, other = nowhere): Place | null => {
    const at = place(name);
    if (at !== null) cells.push({ ...at, role, object, thread, other, value });
    return at;
  };
  const alive: Place[] = [];
  const edges: Edge[][] = objects.map(() => []);
  const works: { place: Place; worker: number; role: string }[][] = objects.map(() => []);
  const plainOf: Place[][] = objects.map(() => []);
  const always: Place = { word: 0, shift: 0, mask: 0 };
  for (const type of program.types) {
    for (let instance = 1; instance <= type.pool; instance += 1) {
      const object = indexOf(type.name, instance);
      alive[object] = add(aliveCell(type.name, instance), `alive ${type.name}`, object, plain) ?? always;
      add(soleCell(type.name, instance), `sole ${type.name}`, object, { kind: 'owner' });
      for (const field of type.fields) {
        const name = fieldCell(type.name, instance, field.name);
        const value = kindOfField(field);
        const role = `${type.name}.${field.name}`;
        const at = add(name, role, object, value);
        const linked = add(exclusiveCell(name), `exclusive ${role}`, object, plain);
        if (linked !== null) plainOf[object]?.push(linked);
        if (at === null) continue;
        if (value.kind === 'pointer' || value.kind === 'mask')
          edges[object]?.push({ ...at, kind: value.kind, role, first: firstOf[value.type] ?? 0 });
        else if (value.kind === 'wait-queue') edges[object]?.push({ ...at, kind: 'entry', role, first: 0 });
        else if (value.kind === 'plain') plainOf[object]?.push(at);
        if (field.kind === 'work') {
          const worker = program.threads.findIndex(
            ({ work }) => work?.type === type.name && work.instance === instance && work.field === field.name,
          );
          works[object]?.push({ place: at, worker, role });
        }
      }
    }
  }
  const counters = Object.fromEntries(program.types.map(({ name }) => [name, place(allocatedCell(name))]));
  const threads = program.threads.map((thread, index): ThreadTable => {
    const own = layout.threads[index];
    const kinds = kindsOfSlots(program, thread);
    for (const type of program.types)
      for (const field of type.fields)
        for (let instance = 1; instance <= type.pool; instance += 1) {
          const name = fieldCell(type.name, instance, field.name);
          const object = indexOf(type.name, instance);
          const role = `${type.name}.${field.name}`;
          add(readersCell(index, name), `readers ${role}`, object, plain, index);
          add(flushCell(index, name), `flush ${role}`, object, plain, index);
          add(waitingCell(index, name), `waiting ${role}`, object, plain, index);
          for (let reader = 0; reader < program.threads.length; reader += 1)
            add(graceCell(index, name, reader), `grace ${role}`, object, plain, index, reader);
        }
    const nodes = own?.anchors.nodes ?? [];
    const live = nodes.map(node =>
      node === END
        ? []
        : [...(own?.live[node] ?? [])].flatMap(slot => {
            const register = own?.registers.of.get(slot);
            const at = register === undefined ? null : place(registerCell(index, register));
            return at === null ? [] : [{ ...at, slot, value: kinds[slot] ?? plain }];
          }),
    );
    return { anchor: place(anchorCell(index)), nodes, numbers: own?.anchors.number ?? new Map(), live };
  });
  const byName = new Map(
    cells.map(({ role, object, thread, other, word, shift, mask }) => [nameOf(role, object, thread, other), { word, shift, mask }]),
  );
  // Asked for at every step, and made of few parts.
  const fieldPlaces = new Map<string, (Place | null)[]>();
  return {
    program,
    words: layout.words,
    objects,
    firstOf,
    declared: objects.map(({ type, instance }) => instance <= (program.types.find(({ name }) => name === type)?.initial ?? 0)),
    alive,
    edges,
    queueObjects: program.waitQueues.map(({ type, instance }) => indexOf(type, instance)),
    works,
    plain: plainOf,
    counters,
    threads,
    callers: program.threads.filter(({ context }) => context !== 'worker').length,
    cells,
    byName,
    placeOf(role, object) {
      let places = fieldPlaces.get(role);
      if (places === undefined) {
        places = objects.map((_, index) => byName.get(nameOf(role, index, nowhere, nowhere)) ?? null);
        fieldPlaces.set(role, places);
      }
      return places[object] ?? null;
    },
    threadPlaceOf: (role, object, thread, other = nowhere) => byName.get(nameOf(role, object, thread, other)) ?? null,
    queueNumber: new Map(program.waitQueues.map(({ type, instance, field }, at) => [`${indexOf(type, instance)} ${field}`, at + 1])),
  };
}

export interface Renaming {
  /** By object of the one state its index in the other, or -1 if it is left out. */ readonly objects: Int32Array;
  /** By caller. Workers go with their objects. */ readonly callers: Int32Array;
}

export type Transfer = (packed: ArrayLike<number>, at: number, renaming: Renaming, into: Int32Array) => void;

/** Copies what is renamed from a state of one program into a state of another, which may have been copied into before. Counters of allocations are not set. */
export function transferBetween(from: CellTable, to: CellTable): Transfer {
  const workerOf = new Map<string, number>();
  to.works.forEach((works, object) => {
    for (const { role, worker } of works) workerOf.set(`${object} ${role}`, worker);
  });
  const workers: { thread: number; object: number; role: string }[] = from.works.flatMap((works, object) =>
    works.filter(({ worker }) => worker >= 0).map(({ role, worker }) => ({ thread: worker, object, role })),
  );
  const threadMap = new Int32Array(from.threads.length);
  // Places that were looked up before: by role, then by where it belongs.
  const roles = [...new Set(from.cells.map(({ role }) => role))];
  const roleOf = new Map(roles.map((role, at) => [role, at]));
  const byWord = [...new Set(from.cells.map(({ word }) => word))].map(word => ({
    word,
    cells: from.cells
      .filter(cell => cell.word === word)
      .map(({ role, ...cell }) => ({ ...cell, role: roleOf.get(role) ?? 0, isPlain: cell.value.kind === 'plain' })),
  }));
  const places = roles.map(() => new Map<number, Place | null>());
  const reach = Math.max(to.objects.length, 1) + 1;
  const across = to.threads.length + 1;
  const placeOf = (role: number, object: number, thread: number, other: number): Place | null => {
    const key = ((other + 1) * across + thread + 1) * reach + object + 1;
    const known = places[role]?.get(key);
    if (known !== undefined) return known;
    const found = to.byName.get(nameOf(roles[role] ?? '', object, thread, other)) ?? null;
    places[role]?.set(key, found);
    return found;
  };
  const queueTo = new Map<string, number>();
  const renamed = (value: number, kind: ValueKind, objects: Int32Array): number => {
    switch (kind.kind) {
      case 'plain':
        return value;
      case 'pointer': {
        const target = objects[(from.firstOf[kind.type] ?? 0) + value - 1] ?? nowhere;
        return target < 0 ? 0 : target - (to.firstOf[kind.type] ?? 0) + 1;
      }
      case 'mask': {
        let mask = 0;
        for (let rest = value; rest !== 0; rest &= rest - 1) {
          const target = objects[(from.firstOf[kind.type] ?? 0) + 31 - Math.clz32(rest & -rest)] ?? nowhere;
          if (target >= 0) mask |= 1 << (target - (to.firstOf[kind.type] ?? 0));
        }
        return mask;
      }
      case 'owner': {
        const thread = threadMap[value - 1] ?? nowhere;
        return thread < 0 ? 0 : thread + 1;
      }
      case 'wait-queue': {
        const queue = from.program.waitQueues[value - 1];
        const owner = objects[from.queueObjects[value - 1] ?? 0] ?? nowhere;
        if (queue === undefined || owner < 0) return 0;
        const key = `${owner} ${queue.field}`;
        const known = queueTo.get(key) ?? to.queueNumber.get(key) ?? 0;
        queueTo.set(key, known);
        return known;
      }
    }
  };
  const put = (place: Place | null, value: number, into: Int32Array): void => {
    if (value === 0) return;
    if (place === null || value > place.mask) throw new Error('a state has something that another of the same system has no place for');
    into[place.word] = (into[place.word] ?? 0) | (value << place.shift);
  };
  return (packed, at, { objects, callers }, into) => {
    for (let caller = 0; caller < from.callers; caller += 1) threadMap[caller] = callers[caller] ?? nowhere;
    for (const { thread, object, role } of workers) {
      const target = objects[object] ?? nowhere;
      threadMap[thread] = target < 0 ? nowhere : (workerOf.get(`${target} ${role}`) ?? nowhere);
    }
    for (const { word, cells } of byWord) {
      if ((packed[at + word] ?? 0) === 0) continue;
      for (const cell of cells) {
        const value = valueAt(packed, at, cell);
        if (value === 0) continue;
        const object = cell.object < 0 ? nowhere : (objects[cell.object] ?? nowhere);
        if (cell.object >= 0 && object < 0) continue;
        const thread = cell.thread < 0 ? nowhere : (threadMap[cell.thread] ?? nowhere);
        if (cell.thread >= 0 && thread < 0) continue;
        const other = cell.other < 0 ? nowhere : (threadMap[cell.other] ?? nowhere);
        if (cell.other >= 0 && other < 0) continue;
        put(placeOf(cell.role, object, thread, other), cell.isPlain ? value : renamed(value, cell.value, objects), into);
      }
    }
    for (let index = 0; index < from.threads.length; index += 1) {
      const target = threadMap[index] ?? nowhere;
      const own = from.threads[index];
      const other = to.threads[target];
      if (target < 0 || own === undefined || other === undefined || own.anchor === null) continue;
      const anchor = valueAt(packed, at, own.anchor);
      const number = other.numbers.get(own.nodes[anchor] ?? END) ?? 0;
      put(other.anchor, number, into);
      const places = other.live[number] ?? [];
      for (const live of own.live[anchor] ?? []) {
        const value = valueAt(packed, at, live);
        if (value !== 0) put(places.find(({ slot }) => slot === live.slot) ?? null, renamed(value, live.value, objects), into);
      }
    }
  };
}
