/**
 * Judges the lines of a trace in JSON Lines: those that look as most do, and are plainly in order, without parsing them as JSON; the others
 * are read and judged as ever.
 */
import { type KindShape, shapeOf } from './binary-format.ts';
import type { ClassRules } from './class-rules.ts';
import type { OracleDefinition } from './definition.ts';
import type { Event, EventKind } from './event.ts';
import { isEventKind } from './event-fields.ts';
import { explainFinding } from './explain.ts';
import { createFastLane, type Handler, type Other, type Place } from './fast-lane.ts';
import { createOracle } from './oracle.ts';
import { createEventChecker } from './read-trace.ts';
import { type Cells, type Identity, identity } from './thing.ts';
import { onLine, TraceError } from './trace-error.ts';
import type { Listener } from './trace-judge.ts';
import type { Finding, Report } from './verdict.ts';
import { objectOf } from './world.ts';

export interface LineJudge {
  /** Throws a TraceError if it is no event, or one that cannot have happened. */
  readonly line: (text: string, line: number) => void;
  readonly end: () => Report;
}

/** seq, thread, kind, place, and up to two more fields: name, text, plain value. As everybody writes them, without spaces and escapes. */
const usual =
  /^\{"seq":(0|[1-9]\d{0,14}),"thread":"([^"\\\x00-\x1f]+)"(?:,"site":"[^"\\\x00-\x1f]*")?,"kind":"([a-z-]+)","(\w+)":"([^"\\\x00-\x1f]+)"(?:,"(\w+)":(?:"([^"\\\x00-\x1f]*)"|(true|false|null|0|[1-9]\d{0,14})))?(?:,"(\w+)":(?:"([^"\\\x00-\x1f]*)"|(true|false|null|0|[1-9]\d{0,14})))?\}$/;

/** What a name of the trace leads to. Good while the object lives. */
interface Known {
  readonly self: Identity;
  readonly cells: Cells;
  readonly place: Place | null;
  readonly rules: ClassRules | null;
}
const mostKnown = 65_536;

export function createLineJudge(definition: OracleDefinition, observes: readonly EventKind[] | undefined, onFinding: Listener): LineJudge {
  const oracle = createOracle(definition, { observes });
  const { world, inside } = oracle;
  const lane = createFastLane(oracle);
  const checker = createEventChecker(definition);
  const lanes = new Map<string, { readonly handler: Handler; readonly shape: KindShape }>();
  for (const [kind, handler] of Object.entries(lane.handlers)) if (isEventKind(kind)) lanes.set(kind, { handler, shape: shapeOf(kind) });
  const names = new Map<string, Known>();

  function known(name: string): Known | null {
    const found = names.get(name);
    if (found?.self.alive === true) return found;
    const cells = world.live(objectOf(name));
    if (cells === null) return null;
    const self = cells[identity];
    const place = self.places.find(one => one.name === name) ?? null;
    if (place === null && name !== self.name) return null;
    const made: Known = { self, cells, place, rules: place === null ? null : (lane.classes[place.number] ?? null) };
    if (names.size >= mostKnown) names.clear();
    names.set(name, made);
    return made;
  }
  /** Undefined: it has to be looked at as an event. */
  function valueOf(text: string | undefined, plain: string | undefined): Other | undefined {
    if (text === undefined)
      return plain === 'null' || plain === undefined ? null : plain === 'true' || (plain === 'false' ? false : Number(plain));
    if (!text.includes('#')) return text;
    const found = known(text);
    return found === null ? undefined : (found.place ?? found.cells);
  }

  function fast(text: string): readonly Finding[] | null {
    const match = usual.exec(text);
    if (match === null) return null;
    const [, number, threadName = '', kind = '', field, name = ''] = match;
    const entry = lanes.get(kind);
    if (entry === undefined) return null;
    const { handler, shape } = entry;
    const seq = Number(number);
    const found = known(name);
    if (shape.place !== field || seq <= checker.last() || found === null) return null;
    if (found.place === null || found.rules === null) return null;
    let other: Other = null;
    let flag: boolean | null = null;
    let valued = shape.value === null;
    for (let at = 6; at <= 9; at += 3) {
      const extra = match[at];
      if (extra === undefined) break;
      const value = valueOf(match[at + 1], match[at + 2]);
      if (value === undefined) return null;
      if (extra === shape.value && !valued) {
        other = value;
        valued = true;
      } else if (extra === shape.flags[0] && flag === null && typeof value === 'boolean') flag = value;
      else return null;
    }
    if (!valued || (flag === null && shape.flags[0] !== undefined && shape.flags[0] !== 'irq')) return null;
    const thread = world.thread(threadName);
    if (!handler(thread, found.place, found.rules, other, flag === true, seq)) return null;
    checker.passed(seq);
    return lane.settle(thread, seq);
  }

  const tell = (found: readonly Finding[], event: Event): void => {
    for (const finding of found) onFinding(finding, event, () => explainFinding(finding, definition, world));
  };
  function judge(text: string, line: number): void {
    const last = checker.last();
    const found = inside.underWay() ? fast(text) : null;
    if (found === null) return slow(text, line);
    if (found.length === 0) return;
    checker.passed(last);
    tell(found, checker.read(text, line));
  }
  function slow(text: string, line: number): void {
    const event = checker.read(text, line);
    let found: readonly Finding[];
    try {
      found = oracle.event(event);
    } catch (error) {
      throw error instanceof TraceError ? onLine(error, line) : error;
    }
    lane.judged(world.threads.get(event.thread) ?? null);
    tell(found, event);
  }
  return {
    line: judge,
    end() {
      const report = oracle.end();
      return { ...report, events: report.events + lane.events() };
    },
  };
}
