/**
 * Which objects and threads of a program can change places without anything else changing: its automorphisms.
 *
 * One is looked for from each pair of threads or objects that is to change places: what they name changes places too, and so on. What
 * comes of that is checked as a whole, so a guess that was wrong costs time and nothing else. Objects that are made while the program runs
 * may change places where all of them exist; `canonical-state.ts` sees to that.
 */

import { globalObjects } from '../instantiate/globals.ts';
import type { Program } from '../program.ts';
import { fieldCell, objectName } from './cells.ts';
import { matchThreads, type SameObject, type SlotKinds } from './match-threads.ts';
import { movedCell, movedThread, type Symmetry } from './moved-value.ts';
import { isOrdered } from './ordered-rules.ts';
import { kindOfField, slotKinds } from './slot-kinds.ts';

/** More are not worth trying all of them. */
const MOST_SYMMETRIES = 120;
const MOST_OBJECTS = 12;

/** Without the identity; empty if there are none, or it is not clear what is in the slots. */
export function symmetries(program: Program): readonly Symmetry[] {
  const kinds = program.threads.flatMap(thread => slotKinds(program, thread) ?? []);
  if (kinds.length < program.threads.length || isOrdered(program)) return [];
  const found: Symmetry[] = [];
  for (const seed of seeds(program)) {
    const guess = unify(program, kinds, seed);
    if (guess !== null && isSymmetry(program, kinds, guess) && !found.some(one => keyOf(one) === keyOf(guess))) found.push(guess);
  }
  return closed(identity(program), found);
}

const keyOf = ({ threads, objects }: Symmetry): string => JSON.stringify([threads, [...objects]]);

function identity(program: Program): Symmetry {
  return {
    threads: program.threads.map((_, thread) => thread),
    objects: new Map(program.types.map(({ name, pool }) => [name, Array.from({ length: pool + 1 }, (_, at) => at)])),
  };
}

export function after(first: Symmetry, second: Symmetry): Symmetry {
  return {
    threads: first.threads.map(thread => second.threads[thread] ?? thread),
    objects: new Map([...first.objects].map(([type, to]) => [type, to.map(one => second.objects.get(type)?.[one] ?? one)])),
  };
}

/** All products, the identity left out; of too many, those of as many of the first as are not too many. */
function closed(none: Symmetry, of: readonly Symmetry[]): readonly Symmetry[] {
  let all = new Map([[keyOf(none), none]]);
  for (const one of of) {
    const more = new Map(all);
    const generators = [...all.values(), one];
    const left = [one];
    for (let next = left.pop(); next !== undefined && more.size <= MOST_SYMMETRIES; next = left.pop()) {
      if (more.has(keyOf(next))) continue;
      more.set(keyOf(next), next);
      for (const other of generators) left.push(after(next, other), after(other, next));
    }
    if (more.size <= MOST_SYMMETRIES) all = more;
  }
  all.delete(keyOf(none));
  return [...all.values()];
}

type Seed = { readonly thread: readonly [number, number] } | { readonly type: string; readonly object: readonly [number, number] };

function seeds(program: Program): readonly Seed[] {
  const pairs = (count: number, from: number): readonly (readonly [number, number])[] =>
    Array.from({ length: count }, (_, a) => Array.from({ length: count - a - 1 }, (_, b) => [from + a, from + a + b + 1] as const)).flat();
  return [
    ...pairs(program.threads.length, 0)
      .filter(([a, b]) => program.threads[a]?.work === null && program.threads[a]?.nodes.length === program.threads[b]?.nodes.length)
      .map((thread): Seed => ({ thread })),
    ...program.types.flatMap(({ name, pool, initial }) =>
      pool > MOST_OBJECTS
        ? []
        : [...pairs(initial, 1), ...pairs(pool - initial, initial + 1)].map((object): Seed => ({ type: name, object })),
    ),
  ];
}

/** The change of places that comes of the seed, each with its counterpart, or null if there is none. */
function unify(program: Program, kinds: SlotKinds, seed: Seed): Symmetry | null {
  const threads = new Map<number, number>(),
    objects = new Map<string, number>();
  const left: (() => boolean)[] = [];
  const object = (type: string, a: number, b: number): boolean => {
    if (a === 0 || b === 0) return a === b;
    const known = objects.get(`${type} ${a}`),
      back = objects.get(`${type} ${b}`);
    if (known !== undefined || back !== undefined) return known === b && back === a;
    objects.set(`${type} ${a}`, b);
    objects.set(`${type} ${b}`, a);
    if (a !== b) left.push(() => insides(type, a, b));
    return true;
  };
  const thread = (a: number, b: number): boolean => {
    const known = threads.get(a),
      back = threads.get(b);
    if (known !== undefined || back !== undefined) return known === b && back === a;
    threads.set(a, b);
    threads.set(b, a);
    if (a !== b) left.push(() => matchThreads(program, kinds, a, b, object));
    return true;
  };
  const insides = (type: string, a: number, b: number): boolean => {
    const own = program.types.find(({ name }) => name === type);
    if (own === undefined || a > own.initial !== b > own.initial) return false;
    return (
      pointing(type, a, b) &&
      own.fields.every(({ name }) => {
        const kind = kindOfField(program, type, name);
        const [one, other] = [a, b].map(each => program.initial.cells[fieldCell(type, each, name)] ?? 0);
        if (kind.of === 'object' && !object(kind.type, one ?? 0, other ?? 0)) return false;
        const workers = [a, b].map(each =>
          program.threads.findIndex(({ work }) => work?.type === type && work.instance === each && work.field === name),
        );
        const [worker = -1, twin = -1] = workers;
        return worker < 0 || twin < 0 ? worker === twin : thread(worker, twin);
      })
    );
  };
  /** Where one object alone points to each of the two, those change places too. */
  const pointing = (type: string, a: number, b: number): boolean =>
    program.types.every(from =>
      from.fields.every(({ name, kind, to }) => {
        const pointsTo =
          (one: number) =>
          (value: number): boolean => {
            const queue = program.waitQueues[value - 1];
            return kind === 'wait-entry'
              ? queue?.type === type && queue.instance === one
              : kind === 'pointer' && to === type && value === one;
          };
        const [ones = [], others = []] = [a, b].map(one =>
          Array.from({ length: from.initial }, (_, at) => at + 1).filter(each =>
            pointsTo(one)(program.initial.cells[fieldCell(from.name, each, name)] ?? 0),
          ),
        );
        const [first] = ones,
          [second] = others;
        return ones.length !== 1 || others.length !== 1 || first === undefined || second === undefined || object(from.name, first, second);
      }),
    );
  if (!('thread' in seed ? thread(...seed.thread) : object(seed.type, ...seed.object))) return null;
  for (let next = left.pop(); next !== undefined; next = left.pop()) if (!next()) return null;
  return {
    threads: program.threads.map((_, one) => threads.get(one) ?? one),
    objects: new Map(
      program.types.map(({ name, pool }) => [name, Array.from({ length: pool + 1 }, (_, at) => objects.get(`${name} ${at}`) ?? at)]),
    ),
  };
}

/** All of it: threads, what is there at first, what may stay, and what rules name. */
function isSymmetry(program: Program, kinds: SlotKinds, guess: Symmetry): boolean {
  const moved: SameObject = (type, a, b) => (guess.objects.get(type)?.[a] ?? a) === b;
  const fixed = globalObjects(program.globals);
  const name = (object: string): string => {
    const [type = '', instance] = object.split('#');
    return objectName(type, guess.objects.get(type)?.[Number(instance)] ?? Number(instance));
  };
  return (
    program.threads.every((_, thread) => matchThreads(program, kinds, thread, guess.threads[thread] ?? thread, moved)) &&
    fixed.every(object => name(object) === object) &&
    JSON.stringify([...program.stays].sort()) === JSON.stringify(program.stays.map(name).sort()) &&
    program.types.every(type =>
      Array.from({ length: type.pool }, (_, at) => at + 1).every(one => {
        const to = guess.objects.get(type.name)?.[one] ?? one;
        if (one > type.initial !== to > type.initial) return false;
        if ((program.initial.alive[objectName(type.name, one)] ?? 0) !== (program.initial.alive[objectName(type.name, to)] ?? 0))
          return false;
        const [owner, twin] = [one, to].map(each => program.initial.sole?.[objectName(type.name, each)] ?? 0);
        if (movedThread(guess.threads, owner ?? 0) !== twin) return false;
        return type.fields.every(field => {
          const [first, second] = [one, to].map(each => program.initial.exclusive[fieldCell(type.name, each, field.name)] ?? 0);
          if (first !== second) return false;
          const [before, after] = [one, to].map(each => program.initial.cells[fieldCell(type.name, each, field.name)] ?? 0);
          return movedCell(program, guess, type.name, field.name, before ?? 0) === after;
        });
      }),
    )
  );
}
