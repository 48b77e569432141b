/** Lines that are not about something inside an object, for the fast engine: births and ends of objects and threads, calls and returns. */
import { tags } from '../binary-format.ts';
import type { Scalar } from '../event.ts';
import type { Engine } from './engine.ts';
import type { Given } from './lifetime.ts';
import { type LineReader, pairs } from './line-reader.ts';
import type { Symbols } from './symbols.ts';
import type { Class } from './tables.ts';

/** Judges the line that was read last. False: declined. */
export type WholeLines = (thread: number, seq: number) => boolean;

const contexts = ['task', 'hardirq', 'worker'];

export function createWholeLines({ core, calls, alloc, free }: Engine, symbols: Symbols, reader: LineReader): WholeLines {
  const { tables } = core;
  const { keys, valueTags, values } = reader;
  const fieldsOf = tables.types.map(
    (_, type) => new Map(tables.classes.flatMap((one): [string, Class][] => (one.type === type ? [[one.field, one]] : []))),
  );

  function judge(thread: number, seq: number): boolean {
    const inside = reader.inside();
    switch (symbols.text(reader.kind())) {
      case 'alloc': {
        const named = only('object');
        if (named < 0 || inside !== pairs.fields || symbols.type(named) < 0 || symbols.object(named) !== 0) return false;
        const given = givenBy(symbols.type(named));
        return given !== null && alloc(symbols.type(named), symbols.number(named), given) !== 0;
      }
      case 'free': {
        const named = only('object');
        if (named < 0 || inside !== pairs.none || symbols.type(named) < 0) return false;
        const object = symbols.object(named);
        return object !== 0 && free(thread, seq, object);
      }
      case 'call': {
        const name = only('call');
        return name >= 0 && inside === pairs.arguments && calledWith(thread, seq, symbols.text(name));
      }
      case 'return': {
        if (inside !== pairs.none || reader.many() !== 2 || symbols.text(keys[0]) !== 'call' || symbols.text(keys[1]) !== 'result')
          return false;
        // An object is no errno, and that is all that is asked.
        const result = valueTags[1] === tags.word ? symbols.text(values[1]) : scalar(1);
        return valueTags[0] === tags.word && result !== undefined && calls.returned(thread, symbols.text(values[0]), result);
      }
      case 'thread-start':
        return inside === pairs.none && begins(thread);
      case 'thread-end':
        return reader.many() === 0 && inside === pairs.none && calls.end(thread);
      default:
        return false;
    }
  }
  /** The text of the one field besides those inside, if it has this name; -1 if not. */
  function only(name: string): number {
    const own = reader.inside() === pairs.none ? reader.many() : reader.inner();
    return own === 1 && symbols.text(keys[0]) === name && valueTags[0] === tags.word ? values[0] : -1;
  }
  function begins(thread: number): boolean {
    let context = -1;
    let process = 0;
    for (let one = 0; one < reader.many(); one++) {
      const key = symbols.text(keys[one]);
      if (valueTags[one] !== tags.word) return false;
      if (key === 'context' && context < 0) context = contexts.indexOf(symbols.text(values[one]));
      else if (key === 'process' && process === 0 && symbols.type(values[one]) >= 0) process = symbols.object(values[one]);
      else return false;
      if (key === 'process' && process === 0) return false;
    }
    if (context < 0) return false;
    core.threads.begin(thread, context, process);
    return true;
  }
  /** Undefined: an object, or something inside one. */
  function scalar(place: number): Scalar | undefined {
    switch (valueTags[place]) {
      case tags.null:
        return null;
      case tags.boolean:
        return values[place] === 1;
      case tags.number:
        return values[place];
      default: {
        const text = symbols.text(values[place]);
        return text.includes('#') ? undefined : text;
      }
    }
  }
  function givenBy(type: number): Given[] | null {
    const given: Given[] = [];
    for (let one = reader.inner(); one < reader.many(); one++) {
      const of = fieldsOf[type].get(symbols.text(keys[one]));
      if (of === undefined || given.some(before => before.of === of)) return null;
      const value = values[one];
      if (valueTags[one] !== tags.word) given.push({ of, tag: valueTags[one], other: value, about: -1 });
      else if (symbols.type(value) >= 0) {
        if (symbols.object(value) === 0) return null;
        given.push({ of, tag: tags.object, other: symbols.object(value), about: symbols.type(value) });
      } else if (symbols.text(value).includes('#')) return null;
      else given.push({ of, tag: tags.word, other: symbols.word(value), about: -1 });
    }
    return given;
  }
  function calledWith(thread: number, seq: number, name: string): boolean {
    const plain: Scalar[] = [];
    const objects: number[] = [];
    for (let one = reader.inner(); one < reader.many(); one++) {
      const isObject = valueTags[one] === tags.word && symbols.type(values[one]) >= 0;
      const object = isObject ? symbols.object(values[one]) : 0;
      const given = isObject ? (object === 0 ? undefined : '') : scalar(one);
      if (given === undefined) return false;
      plain.push(given);
      objects.push(object);
    }
    return calls.call(thread, seq, name, plain, objects);
  }
  return judge;
}
