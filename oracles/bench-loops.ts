/**
 * Parts of a trace that leave everything as it was: they can come again and again, so a trace of any length can be made of one. They are found by
 * looking at what the oracle knows after each event.
 */
import { isThing } from './bindings.ts';
import type { OracleDefinition } from './definition.ts';
import type { Event } from './event.ts';
import { createOracle } from './oracle.ts';
import { type Cell, identity, type Part } from './thing.ts';
import type { Thread } from './thread.ts';
import type { World } from './world.ts';

export interface Loop {
  /** What comes before it, in order. */
  readonly before: readonly Event[];
  readonly events: readonly Event[];
  /** How many different things it does: kinds of events, each at a class of its own. */
  readonly different: number;
}

/** Loops are looked for between these many events. */
const shortest = 4;
const longest = 400;

/** The loop that does most; null: there is none. */
export function findLoop(definition: OracleDefinition, events: readonly Event[]): Loop | null {
  const oracle = createOracle(definition);
  const seen = new Map<string, number>();
  let best: { readonly from: number; readonly to: number; readonly different: number } | null = null;
  for (const [at, event] of events.entries()) {
    if (oracle.event(event).length > 0) return null;
    if (!oracle.inside.underWay()) continue;
    const state = sayState(oracle.world);
    const from = seen.get(state);
    if (from === undefined) {
      seen.set(state, at + 1);
      continue;
    }
    const different = new Set(events.slice(from, at + 1).map(sayKind)).size;
    if (at + 1 - from >= shortest && at + 1 - from <= longest && different > (best?.different ?? 0)) best = { from, to: at + 1, different };
  }
  if (best === null) return null;
  const loop = { before: events.slice(0, best.from), events: events.slice(best.from, best.to), different: best.different };
  return repeats(definition, loop) ? loop : null;
}

/** The loop for the time `turn`, from 0, with new names for what is made in it. */
export function turnOf({ before, events }: Loop, turn: number, firstSeq: number): Event[] {
  const made = events.flatMap(event => (event.kind === 'alloc' ? [event.object] : []));
  const highest = Math.max(0, ...before.flatMap(event => (event.kind === 'alloc' ? [numberOf(event.object)] : [])));
  const names = new Map(made.map((name, at) => [name, `${name.slice(0, name.indexOf('#'))}#${highest + 1 + turn * made.length + at}`]));
  return events.map((event, at) => ({ ...(renamed(event, names) as Event), seq: firstSeq + at }));
}
/** Numbers that one turn of the loop uses up. */
export const madeIn = ({ events }: Loop): number => events.filter(({ kind }) => kind === 'alloc').length;
const numberOf = (name: string): number => Number(name.slice(name.indexOf('#') + 1));

function renamed(value: unknown, names: ReadonlyMap<string, string>): unknown {
  if (typeof value === 'string') {
    const dot = value.indexOf('.');
    const object = dot < 0 ? value : value.slice(0, dot);
    const name = names.get(object);
    return name === undefined ? value : name + value.slice(object.length);
  }
  if (Array.isArray(value)) return value.map(one => renamed(one, names));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, renamed(one, names)]));
}

/** What the oracle does not show in its state may still forbid it, as a field that a call reads once. */
function repeats(definition: OracleDefinition, loop: Loop): boolean {
  const oracle = createOracle(definition);
  const first = loop.before.at(-1)?.seq ?? 0;
  const turns = [0, 1, 2].flatMap(turn => turnOf(loop, turn, first + 1 + turn * loop.events.length));
  try {
    return [...loop.before, ...turns].every(event => oracle.event(event).length === 0);
  } catch {
    return false;
  }
}

const sayKind = (event: Event): string =>
  `${event.kind} ${Object.values(event)
    .filter(value => typeof value === 'string' && value.includes('#'))
    .map(value => String(value).replace(/#\d+/, ''))
    .join(' ')}`;

/** All that later events depend on. */
function sayState(world: World): string {
  const said: unknown[] = [];
  for (const ofType of world.objects.values()) {
    for (const object of ofType.values()) {
      const { name, slots, parts } = object[identity];
      said.push(
        name,
        slots.map(({ cells, field }) => sayCell(cells[field])),
        parts.map(sayPart),
      );
    }
  }
  for (const thread of world.threads.values()) said.push(sayThread(thread));
  return JSON.stringify(said);
}
function sayCell(cell: Cell): unknown {
  if (cell instanceof Set) return [...cell].map(member => member[identity].name);
  return isThing(cell) ? cell[identity].name : cell;
}
function sayPart(part: Part): unknown {
  switch (part.kind) {
    case 'lock':
    case 'wait-queue':
      return [
        part.owner?.name,
        [...(part.readers ?? [])].map(([{ name }, open]) => [name, open]),
        part.kind === 'lock' ? [] : [...part.entries].map(({ name }) => name),
      ];
    case 'domain':
      return [...part.readers].map(([{ name }, open]) => [name, open]);
    case 'counter':
      return part.count;
    case 'work':
      return [part.pending, part.on, part.running?.name];
    case 'entry':
      return part.queue?.name;
    case 'completion':
      return part.done;
    case 'work-queue':
      return null;
  }
}
const sayThread = ({ name, context, process, held, waits, prepared, flags, calls, releases }: Thread): unknown => [
  name,
  context,
  process?.[identity].name,
  held.map(({ of }) => of.name),
  waits === null ? null : [waits.kind, waits.kind === 'lock' ? waits.lock.name : waits.kind === 'grace' ? waits.domain.name : waits.on],
  prepared,
  flags,
  calls.map(({ call }) => call),
  releases.map(({ object, took }) => [object, [...took.keys()]]),
];
