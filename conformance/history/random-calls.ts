/**
 * Calls at random for callers that run at once. What they are made of is what the vectors of the system have: a setup that succeeds, and calls with
 * values that adapters know; which of them, on which handles and in which caller is drawn.
 */
import type { Program } from '../../generator/program.ts';
import { randomFrom } from '../seed.ts';
import type { Argument, Handle, Vector, VectorCall } from '../vector.ts';

export interface CallsAtRandom {
  readonly setup: Vector['setup'];
  readonly callers: readonly (readonly VectorCall[])[];
}

const mostCallers = 4;
const mostCalls = 5;
/** A counter of the model goes to 4, so nobody signals more often than that. */
const mostOfOneCall = 3;

/** What a call of the system looks like: where its arguments are handles, and which of them are gone after it. */
interface Shape {
  readonly types: readonly (string | null)[];
  readonly returnsHandle: string | null;
  readonly ends: readonly boolean[];
}

const isHandle = (argument: Argument): argument is Handle => typeof argument === 'object' && argument !== null;

/** Null if the vectors have no calls that `offered` knows. The same seed gives the same calls. */
export function callsAtRandom(
  program: Program,
  vectors: readonly Vector[],
  offered: (call: string) => boolean,
  seed: number,
): CallsAtRandom | null {
  const shapes = shapesOf(program);
  const random = randomFrom(seed);
  const pick = <One>(all: readonly One[]): One | undefined => all[random(Math.max(1, all.length))];
  const setups = vectors.filter(({ setup }) => setup.some(({ keep }) => keep !== null) && setup.every(({ call }) => offered(call)));
  const kept = (vector: Vector): number => vector.setup.filter(({ keep }) => keep !== null).length;
  // Of two, the one with more to work on.
  const [one, other] = [pick(setups), pick(setups)];
  const from = one === undefined || other === undefined ? undefined : kept(one) < kept(other) ? other : one;
  if (from === undefined) return null;
  const samples = new Map<string, VectorCall[]>();
  for (const { callers } of vectors)
    for (const call of callers.flat())
      if (offered(call.call) && shapes.get(call.call)?.returnsHandle === null)
        samples.set(call.call, [...(samples.get(call.call) ?? []), call]);
  const made = madeFor(vectors);
  const handles = from.setup.flatMap(({ call, keep }) => {
    const type = shapes.get(call)?.returnsHandle ?? null;
    return keep === null || type === null ? [] : [{ name: keep, type, by: call, owner: -1 }];
  });
  const callers = 2 + random(mostCallers - 1);
  // One that a call can end is one caller's own, or everybody's and stays.
  const ending = [...shapes].flatMap(([call, { types, ends }]) => (offered(call) ? types.filter((_, at) => ends[at] === true) : []));
  const owned = handles.map(handle => (ending.includes(handle.type) && random(3) === 0 ? { ...handle, owner: random(callers) } : handle));
  const counts = new Map<string, number>();
  const drawn = (caller: number, isLast: boolean): VectorCall | null => {
    const call = pick([...samples.keys()]) ?? '';
    const sample = pick(samples.get(call) ?? []);
    const shape = shapes.get(call);
    if (sample === undefined || shape === undefined || (counts.get(call) ?? 0) >= mostOfOneCall) return null;
    const given: Argument[] = [];
    for (const [at, argument] of sample.with.entries()) {
      if (!isHandle(argument)) {
        given.push(argument);
        continue;
      }
      const isEnd = shape.ends[at] === true;
      const fit = owned.filter(
        ({ type, by, owner }) =>
          type === shape.types[at] &&
          made.get(`${call} ${at}`)?.has(by) === true &&
          (isEnd ? isLast && owner === caller : owner < 0 || owner === caller),
      );
      const chosen = pick(fit);
      if (chosen === undefined) return null;
      given.push({ handle: chosen.name });
    }
    counts.set(call, (counts.get(call) ?? 0) + 1);
    return { call, with: given };
  };
  const lists = Array.from({ length: callers }, (_, caller) => {
    const length = 2 + random(mostCalls - 1);
    return Array.from({ length }, (_, at) => {
      for (let tried = 0; tried < 20; tried += 1) {
        const call = drawn(caller, at === length - 1);
        if (call !== null) return call;
      }
      return null;
    }).filter(call => call !== null);
  });
  return { setup: from.setup, callers: lists.filter(calls => calls.length > 0) };
}

/** By call and place of the argument: the calls that made what the vectors give there. To read the count of what is no eventfd is nobody's business. */
function madeFor(vectors: readonly Vector[]): ReadonlyMap<string, ReadonlySet<string>> {
  const made = new Map<string, Set<string>>();
  for (const { setup, callers } of vectors) {
    const by = new Map(setup.flatMap(({ call, keep }): [string, string][] => (keep === null ? [] : [[keep, call]])));
    for (const { call, with: given } of callers.flat())
      given.forEach((argument, at) => {
        const maker = isHandle(argument) ? by.get(argument.handle) : undefined;
        if (maker === undefined) return;
        const key = `${call} ${at}`;
        made.set(key, (made.get(key) ?? new Set()).add(maker));
      });
  }
  return made;
}

function shapesOf(program: Program): ReadonlyMap<string, Shape> {
  const thread = program.threads[0];
  const nodes = thread?.nodes ?? [];
  return new Map(
    (thread?.calls ?? []).map((call, index): [string, Shape] => {
      const freed = new Set(nodes.flatMap(({ action, call: own }) => (own === index && action.kind === 'free' ? [action.type] : [])));
      const types = call.arguments.map(({ type }) => type);
      return [
        call.name,
        {
          types,
          returnsHandle: call.result.type,
          ends: types.map(type => type !== null && !type.startsWith('Descriptor') && freed.has(type)),
        },
      ];
    }),
  );
}
