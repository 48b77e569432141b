/**
 * Judges the records of a binary trace: those that are plainly in order without building an event, the others by the oracle.
 * It keeps what lives, and of what was freed as much as the oracle itself.
 */
import { firstEvent, firstFlag, hasOperands, operand, recordWords, sayKind, shapeOf, tagMask, tags, unwritten } from './binary-format.ts';
import { type Block, createRecords, type KnownKind, type Named } from './binary-records.ts';
import type { OracleDefinition } from './definition.ts';
import type { Event, EventKind } from './event.ts';
import { isEventKind } from './event-fields.ts';
import { explainFinding } from './explain.ts';
import { createRecordLane, type RecordLane } from './fast/record-lane.ts';
import { createTurns } from './fast/turns.ts';
import { createFastLane, type Handler, type Other } from './fast-lane.ts';
import { createOracle } from './oracle.ts';
import { createEventChecker } from './read-trace.ts';
import { type Cells, type Identity, identity } from './thing.ts';
import type { Thread } from './thread.ts';
import { onLine, TraceError } from './trace-error.ts';
import type { Listener } from './trace-judge.ts';
import type { Finding, Report } from './verdict.ts';
import { classNumbers } from './world.ts';

export interface RecordJudge {
  /** How many words of the block were taken; the rest is the beginning of a record that the next block completes. */
  readonly block: (block: Block) => number;
  readonly end: () => Report;
  /** Events that the fast engine judged. */
  readonly fast: () => number;
}

/** A handle, and the object that it names now. */
interface Reference {
  readonly handle: number;
  readonly named: Named;
  /** Number of the first class of its type. */
  readonly firstClass: number;
  readonly places: readonly number[];
  self: Identity | null;
  cells: Cells | null;
}

/** References are looked up by the low bits of the handle; those that meet there push each other out. */
const cacheSize = 65_536;

export function createRecordJudge(
  definition: OracleDefinition,
  observes: readonly EventKind[] | undefined,
  onFinding: Listener,
  /** Multiplies how long the reference judges before the fast engine does again; for tests. */
  turnLength = 1,
): RecordJudge {
  const oracle = createOracle(definition, { observes });
  const { world, inside } = oracle;
  const lane = createFastLane(oracle);
  const checker = createEventChecker(definition);
  /** Kinds whose records must say a value, or a flag. */
  const valued = new Uint8Array(256);
  const flagged = new Uint8Array(256);
  const lanes: (Handler | null)[] = Array.from({ length: 256 }, () => null);
  const cache: (Reference | undefined)[] = Array.from({ length: cacheSize }, () => undefined);
  const threads: (Thread | undefined)[] = [];
  const firstClasses = classNumbers(definition);
  const fieldIndexes = new Map(Object.entries(definition.types).map(([type, { fields }]) => [type, Object.keys(fields)]));
  /** By type, then by the trace's number of a field: its place among those of the type, or -1. */
  const placesOf = new Map<string, number[]>();
  const records = createRecords({
    onObject(named) {
      onObject(named);
      engineLane?.onObject(named);
    },
    onThread(index) {
      threads[index] = undefined;
      engineLane?.onThread(index);
    },
    onKind(index, kind) {
      onKind(index, kind);
      engineLane?.onKind(index, kind);
    },
    onField(index, name) {
      onField(index, name);
      engineLane?.onField(index, name);
    },
    onWord: index => engineLane?.onWord(index),
  });
  const turns = createTurns(definition, oracle, lane, turnLength);
  const engineLane = turns.engine === null ? null : createRecordLane(turns.engine, records);
  let seq = -1;
  let line = 0;

  function onKind(index: number, { kind, shape }: KnownKind): void {
    const handler = isEventKind(kind) ? lane.handlers[kind] : undefined;
    // Only as this version lays the kind out, or a flag would be taken for another.
    const meant = isEventKind(kind) && sayKind(kind, shape) === sayKind(kind, shapeOf(kind));
    valued[index] = shape.value === null ? 0 : 1;
    flagged[index] = shape.flags[0] === undefined || shape.flags[0] === 'irq' ? 0 : firstFlag.present;
    lanes[index] = handler === undefined || !meant ? null : handler;
  }
  function onField(index: number, name: string): void {
    for (const [type, names] of fieldIndexes) {
      const places = placesOf.get(type) ?? [0];
      while (places.length <= index) places.push(-1);
      places[index] = names.indexOf(name);
      placesOf.set(type, places);
    }
  }
  function onObject(named: Named): void {
    const places = placesOf.get(named.type) ?? [];
    placesOf.set(named.type, places);
    const firstClass = firstClasses.get(named.type) ?? 0;
    cache[named.handle & (cacheSize - 1)] = { handle: named.handle, named, firstClass, places, self: null, cells: null };
  }
  function reference(handle: number): Reference | null {
    const found = cache[handle & (cacheSize - 1)];
    if (found !== undefined && found.handle === handle) return found;
    const named = records.named(handle);
    if (named === undefined) return null;
    onObject(named);
    return cache[handle & (cacheSize - 1)] ?? null;
  }
  /** Whether it is alive now, and then what it is. */
  function resolve(found: Reference): boolean {
    if (found.self?.alive === true) return true;
    found.cells = world.live(found.named.name);
    found.self = found.cells?.[identity] ?? null;
    return found.self !== null;
  }
  function threadAt(index: number): Thread | null {
    const known = threads[index];
    if (known !== undefined && !known.ended) return known;
    const name = records.threads[index];
    if (name === undefined) return null;
    return (threads[index] = world.thread(name));
  }

  const tell = (found: readonly Finding[], event: Event): void => {
    for (const finding of found) onFinding(finding, event, () => explainFinding(finding, definition, world));
  };

  /** False: the oracle has to judge it. */
  function fast(block: Block, at: number, head: number): boolean {
    const { words } = block;
    const handler = lanes[head & 255];
    const flags = (head >>> 8) & 255;
    const flag = flagged[head & 255] ?? 0;
    if (handler === null || handler === undefined || (flags & (hasOperands | flag)) !== flag) return false;
    const high = words[at + 1] ?? 0;
    const low = words[at] ?? 0;
    // Most numbers are small, and small ones need no memory of their own.
    const number = high === 0 ? low : high * 2 ** 32 + low;
    if (number <= seq) return false;
    const places = words[at + 4] ?? 0;
    const found = reference(words[at + 3] ?? 0);
    const thread = threadAt(head >>> 16);
    if (found === null || thread === null || !resolve(found)) return false;
    const index = found.places[places & 255] ?? -1;
    const place = found.self?.places[index];
    const rules = lane.classes[found.firstClass + index];
    if (index < 0 || place === undefined || rules === undefined) return false;
    const value = words[at + 5] ?? 0;
    let other: Other = null;
    switch (flags & tagMask) {
      case tags.absent:
        if (valued[head & 255] === 1) return false;
        break;
      case tags.null:
        break;
      case tags.boolean:
        other = value !== 0;
        break;
      case tags.number:
        other = value;
        break;
      case tags.word:
        other = records.words[value] ?? null;
        break;
      case tags.object:
      case tags.place: {
        const named = reference(value);
        if (named === null || !resolve(named)) return false;
        other = (flags & tagMask) === tags.object ? named.cells : (named.self?.places[named.places[(places >>> 8) & 255] ?? -1] ?? null);
        if (other === null) return false;
        break;
      }
      default:
        return false;
    }
    if (!handler(thread, place, rules, other, (flags & firstFlag.value) !== 0, number)) return false;
    seq = number;
    const broken = lane.settle(thread, number);
    if (broken.length > 0) tell(broken, checker.check(records.event(block, at, line), line));
    return true;
  }

  function slow(block: Block, at: number): void {
    checker.passed(seq);
    const event = checker.check(records.event(block, at, line), line);
    let found: readonly Finding[];
    try {
      found = oracle.event(event);
    } catch (error) {
      throw error instanceof TraceError ? onLine(error, line) : error;
    }
    ({ seq } = event);
    lane.judged(world.threads.get(event.thread) ?? null, event.seq);
    tell(found, event);
    if (event.kind === 'free') records.forget(block.words[at + 3] ?? 0);
  }

  function judgeEvent(block: Block, at: number, head: number): void {
    if (!inside.underWay() || !fast(block, at, head)) slow(block, at);
    if (!turns.isFast() && turns.judged() && turns.engine !== null) {
      turns.engine.core.seq = seq;
      engineLane?.restart();
    }
  }
  /** The fast engine goes as far as it can, and hands over to what is slower where it cannot. The next record to look at. */
  function runFast(block: Block, from: number, engineLane: RecordLane): number {
    const at = engineLane.run(block, from);
    line += (at - from) / recordWords;
    const stopped = engineLane.stopped();
    if (stopped === 'elsewhere') return at;
    if (stopped === 'declined') {
      handOver();
      return at;
    }
    line++;
    settleSlowly(block, at, engineLane);
    return at + recordWords;
  }
  /** From here on the reference judges: what was known of its world is not so any more. */
  function handOver(): void {
    seq = turns.engine?.core.seq ?? seq;
    turns.decline();
    forgetWorld(false);
  }
  /** `again`: the event that was judged last is read once more. */
  function forgetWorld(again: boolean): void {
    threads.length = 0;
    cache.fill(undefined);
    engineLane?.handOver((block, at, its) => records.take(block, at, its), again);
  }
  function settleSlowly(block: Block, at: number, { thread }: RecordLane): void {
    const last = turns.engine?.core.seq ?? seq;
    const found = turns.broken(thread(), last);
    forgetWorld(true);
    checker.passed(last - 1);
    tell(found, checker.check(records.event(block, at, line), line));
    seq = last;
  }

  function judgeBlock(block: Block): number {
    const { words } = block;
    const end = block.end - recordWords;
    let at = 0;
    while (at <= end) {
      if (engineLane !== null && turns.isFast()) {
        at = runFast(block, at, engineLane);
        if (at > end) break;
      }
      const head = words[at + 2];
      const kind = head & 255;
      line++;
      if (kind >= firstEvent) {
        judgeEvent(block, at, head);
        at += recordWords;
      } else if (kind === unwritten) {
        throw new TraceError(line, 'kind', 'The record was never written. The trace was cut off here.');
      } else if (kind === operand && turns.isFast() && engineLane !== null) {
        if (!engineLane.operand(block, at, line)) handOver();
        at += recordWords;
      } else {
        const size = records.take(block, at, line);
        if (size === 0) {
          line--;
          return at;
        }
        at += size;
      }
    }
    return at;
  }

  return {
    block: judgeBlock,
    fast: turns.events,
    end() {
      if (turns.isFast()) handOver();
      const report = oracle.end();
      return { ...report, events: report.events + lane.events() + turns.events() };
    },
  };
}
