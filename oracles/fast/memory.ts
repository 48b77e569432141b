/**
 * The state of a system as numbers: objects are where their words begin, threads count from 1, 0 is none. Null is the object at 0, whose words
 * are all zero, and so are those of an object that was freed: whoever reads them finds nothing there.
 *
 * Words are used again after an object was freed, so it is all as large as what lived at once.
 */
import { alive, firstIn, firstLink, headWords, lastIn, lastLink, listed, pins, serial, typeNumber } from './layout.ts';

/** Locks that one thread may hold; with more, the reference judges. */
export const deepest = 32;

export interface Memory {
  /** Words of objects, and their doubles. */
  i: Int32Array;
  d: Float64Array;
  /** Membership in sets, eight words each. */
  links: Int32Array;
  /** Live objects of each type, and how many. */
  readonly live: Int32Array[];
  readonly lives: Int32Array;
  /** Where the counters of each type are. */
  readonly counters: readonly (readonly number[])[];
  readonly globals: number[];
  // What each thread holds, oldest first, `deepest` places each; a read section once for each time.
  depth: Int32Array;
  heldPlace: Int32Array;
  heldObject: Int32Array;
  heldNode: Int32Array;
  heldSince: Float64Array;
  /** Not 0: while it is held no interrupt comes. */
  heldIrqsOff: Int32Array;
  /** Object of the process on whose behalf each thread runs. */
  process: Int32Array;
}

// Words of a link: a set, its object, the member, and its neighbours in the set and among the sets of the member.
export const linkSet = 0;
export const linkOwner = 1;
export const linkMember = 2;
export const nextMember = 3;
export const previousMember = 4;
export const nextSet = 5;
export const previousSet = 6;
const linkWords = 8;

export interface Store {
  readonly memory: Memory;
  /** The live object of this number; 0 if there is none. */
  readonly known: (type: number, number: number) => number;
  /** A new object, all zero. */
  readonly create: (type: number, number: number) => number;
  /** Its words are zero afterwards, and used again when nothing leads to them. */
  readonly remove: (object: number) => void;
  readonly pin: (object: number) => void;
  readonly unpin: (object: number) => void;
  readonly link: (set: number, owner: number, member: number) => void;
  readonly unlink: (link: number) => void;
  readonly find: (set: number, member: number) => number;
  /** Forgets all. */
  readonly clear: () => void;
  /** Room for this many threads. */
  readonly threads: (most: number) => void;
}

export function createStore(sizes: readonly number[], counters: readonly (readonly number[])[]): Store {
  const firstWord = Math.max(headWords, ...sizes) + 8;
  const memory: Memory = {
    i: new Int32Array(1 << 12),
    d: new Float64Array(1 << 12),
    links: new Int32Array(1 << 9),
    live: sizes.map(() => new Int32Array(16)),
    lives: new Int32Array(sizes.length),
    counters,
    globals: [],
    depth: new Int32Array(0),
    heldPlace: new Int32Array(0),
    heldObject: new Int32Array(0),
    heldNode: new Int32Array(0),
    heldSince: new Float64Array(0),
    heldIrqsOff: new Int32Array(0),
    process: new Int32Array(0),
  };
  let end = firstWord;
  let births = 0;
  const spare: number[][] = sizes.map(() => []);
  const numbers: Map<number, number>[] = sizes.map(() => new Map());
  let linksEnd = linkWords;
  const spareLinks: number[] = [];

  function create(type: number, number: number): number {
    const size = sizes[type];
    let at = spare[type].pop();
    if (at === undefined) {
      if (end + size > memory.i.length) {
        memory.i = larger(memory.i, new Int32Array(memory.i.length * 2));
        memory.d = larger(memory.d, new Float64Array(memory.d.length * 2));
      }
      at = end;
      end += size;
    }
    const { i, d } = memory;
    births++;
    i[at + alive] = 1;
    d[at + alive] = number;
    // Whoever remembers an object by its place and its serial is not misled by the next one there.
    i[at + serial] = (births & 0x3fffffff) + 1;
    d[at + serial] = births;
    i[at + typeNumber] = type;
    let list = memory.live[type];
    const many = memory.lives[type];
    if (many === list.length) list = memory.live[type] = larger(list, new Int32Array(many * 2));
    list[many] = at;
    i[at + listed] = many;
    memory.lives[type] = many + 1;
    numbers[type].set(number, at);
    return at;
  }
  function remove(object: number): void {
    const { i, d } = memory;
    const type = i[object + typeNumber];
    while (i[object + firstIn] !== 0) unlink(i[object + firstIn]);
    const list = memory.live[type];
    const last = --memory.lives[type];
    const place = i[object + listed];
    list[place] = list[last];
    i[list[place] + listed] = place;
    const kept = i[object + pins];
    const number = d[object + alive];
    numbers[type].delete(number);
    i.fill(0, object, object + sizes[type]);
    d.fill(0, object, object + sizes[type]);
    if (kept === 0) spare[type].push(object);
    else {
      i[object + pins] = kept;
      i[object + typeNumber] = type;
      d[object + alive] = number;
    }
  }
  function unpin(object: number): void {
    if (object === 0) return;
    const { i, d } = memory;
    if (--i[object + pins] > 0 || i[object + alive] !== 0) return;
    const type = i[object + typeNumber];
    i[object + typeNumber] = 0;
    d[object + alive] = 0;
    spare[type].push(object);
  }

  function link(set: number, owner: number, member: number): void {
    const { i } = memory;
    let at = spareLinks.pop();
    if (at === undefined) {
      if (linksEnd + linkWords > memory.links.length) memory.links = larger(memory.links, new Int32Array(memory.links.length * 2));
      at = linksEnd;
      linksEnd += linkWords;
    }
    const { links } = memory;
    links[at + linkSet] = set;
    links[at + linkOwner] = owner;
    links[at + linkMember] = member;
    const lastOfSet = i[set + lastLink];
    links[at + previousMember] = lastOfSet;
    links[at + nextMember] = 0;
    if (lastOfSet === 0) i[set + firstLink] = at;
    else links[lastOfSet + nextMember] = at;
    i[set + lastLink] = at;
    const lastOfMember = i[member + lastIn];
    links[at + previousSet] = lastOfMember;
    links[at + nextSet] = 0;
    if (lastOfMember === 0) i[member + firstIn] = at;
    else links[lastOfMember + nextSet] = at;
    i[member + lastIn] = at;
  }
  function unlink(at: number): void {
    const { i, links } = memory;
    const set = links[at + linkSet];
    const member = links[at + linkMember];
    const after = links[at + nextMember];
    const before = links[at + previousMember];
    if (before === 0) i[set + firstLink] = after;
    else links[before + nextMember] = after;
    if (after === 0) i[set + lastLink] = before;
    else links[after + previousMember] = before;
    const later = links[at + nextSet];
    const earlier = links[at + previousSet];
    if (earlier === 0) i[member + firstIn] = later;
    else links[earlier + nextSet] = later;
    if (later === 0) i[member + lastIn] = earlier;
    else links[later + previousSet] = earlier;
    spareLinks.push(at);
  }
  function find(set: number, member: number): number {
    const { i, links } = memory;
    let at = i[member + firstIn];
    while (at !== 0 && links[at + linkSet] !== set) at = links[at + nextSet];
    return at;
  }

  function clear(): void {
    memory.i.fill(0, 0, end);
    memory.d.fill(0, 0, end);
    end = firstWord;
    linksEnd = linkWords;
    spareLinks.length = 0;
    for (const list of spare) list.length = 0;
    for (const known of numbers) known.clear();
    memory.lives.fill(0);
    memory.globals.length = 0;
    memory.depth.fill(0);
  }
  function threads(most: number): void {
    if (most < memory.depth.length) return;
    const room = Math.max(64, most * 2);
    memory.depth = larger(memory.depth, new Int32Array(room));
    memory.heldPlace = larger(memory.heldPlace, new Int32Array(room * deepest));
    memory.heldObject = larger(memory.heldObject, new Int32Array(room * deepest));
    memory.heldNode = larger(memory.heldNode, new Int32Array(room * deepest));
    memory.heldSince = larger(memory.heldSince, new Float64Array(room * deepest));
    memory.heldIrqsOff = larger(memory.heldIrqsOff, new Int32Array(room * deepest));
    memory.process = larger(memory.process, new Int32Array(room));
  }
  return {
    memory,
    known: (type, number) => numbers[type].get(number) ?? 0,
    create,
    remove,
    pin: object => void (object !== 0 && memory.i[object + pins]++),
    unpin,
    link,
    unlink,
    find,
    clear,
    threads,
  };
}

export function larger<Numbers extends Int32Array | Float64Array>(from: Numbers, to: Numbers): Numbers {
  to.set(from);
  return to;
}
