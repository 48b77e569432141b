/** How fast traces are judged with all rules of a system on, from each format, beside a monitor written by hand for the same events. */
import { createLaps, createLineLaps, createLoopLaps, type Laps } from './bench-laps.ts';
import type { Loop } from './bench-loops.ts';
import { createHandMonitor, monitorVerbs } from './bench-monitor.ts';
import { lifeOf } from './bench-workload.ts';
import type { OracleDefinition } from './definition.ts';
import type { Event } from './event.ts';
import { createLineJudge } from './judge-lines.ts';
import { createRecordJudge } from './judge-records.ts';

/** Signals in one life: how many events there are to one object made and freed, about 2,000. */
const signals = 400;
/** Lives that are timed at once: to ask for the time takes a while itself. */
const livesOfLap = 16;
/** Events of a lap that is no life. */
const eventsOfLap = 160_000;
/** Laps before the time counts: about a million events, in which the code is compiled. */
const warmUp = 6;

/**
 * Events a second of processor time: others use the machine too. `megabytes`: the heap as it is, with garbage; `peak`: the most memory that the
 * process had until then, also in megabytes.
 */
export interface OracleSpeed {
  readonly events: number;
  readonly perSecond: number;
  readonly megabytes: number;
  readonly peak: number;
  /** Which part of the events the fast engine judged. */
  readonly fast: number;
}

function timer() {
  let spent = 0;
  return {
    time<Result>(work: () => Result): Result {
      const before = process.cpuUsage();
      const result = work();
      const { user, system } = process.cpuUsage(before);
      spent += user + system;
      return result;
    },
    perSecond: (events: number): number => Math.round(events / (spent / 1e6)),
  };
}
const megabytes = (): number => Math.round(process.memoryUsage().heapUsed / 1e5) / 10;
const peak = (): number => Math.round(process.resourceUsage().maxRSS / 1e3);

/** Binary, made on the fly and so of any length; only the judging is timed. `onProgress`: events and heap, ten times. */
export const judgeBinary = (definition: OracleDefinition, events: number, onProgress?: (speed: OracleSpeed) => void): OracleSpeed =>
  judgeLaps(definition, createLaps(signals, livesOfLap), events, onProgress);

/** The same of a part of a trace that comes again and again. */
export function judgeLoop(definition: OracleDefinition, loop: Loop, events: number): OracleSpeed {
  return judgeLaps(definition, createLoopLaps(loop, eventsOfLap), events);
}

function judgeLaps(
  definition: OracleDefinition,
  laps: Laps,
  events: number,
  onProgress: (speed: OracleSpeed) => void = () => {},
): OracleSpeed {
  const judge = createRecordJudge(definition, undefined, finding => {
    throw new Error(`A trace without a fault has a finding: ${finding.detail}`);
  });
  const { time, perSecond } = timer();
  let done = laps.before;
  judge.block(laps.start);
  for (let lap = 0; lap < warmUp; lap++, done += laps.events) judge.block(laps.next());
  const before = done;
  let told = 0;
  while (done < events) {
    const block = laps.next();
    time(() => judge.block(block));
    done += laps.events;
    if (done >= ((told + 1) * events) / 10) {
      told++;
      onProgress({ events: done, perSecond: perSecond(done - before), megabytes: megabytes(), peak: peak(), fast: judge.fast() / done });
    }
  }
  const report = judge.end();
  if (report.findings.length > 0 || report.events < done) throw new Error('The trace was not judged whole.');
  return { events: done, perSecond: perSecond(done - before), megabytes: megabytes(), peak: peak(), fast: judge.fast() / done };
}

/** JSON Lines, made on the fly; only the judging is timed. */
export function judgeJsonLines(definition: OracleDefinition, events: number): OracleSpeed {
  const laps = createLineLaps(signals, livesOfLap);
  const judge = createLineJudge(definition, undefined, finding => {
    throw new Error(`A trace without a fault has a finding: ${finding.detail}`);
  });
  const { time, perSecond } = timer();
  let line = judge.lines(laps.start, 0, laps.start.length, 2);
  let done = 0;
  function judgeLap(bytes: Uint8Array): void {
    line = judge.lines(bytes, 0, bytes.length, line);
    done += laps.events;
  }
  while (done < warmUp * laps.events) judgeLap(laps.next());
  const before = done;
  while (done < events) {
    const bytes = laps.next();
    time(() => judgeLap(bytes));
  }
  const report = judge.end();
  if (report.findings.length > 0 || report.events < done) throw new Error('The trace was not judged whole.');
  return { events: done, perSecond: perSecond(done - before), megabytes: megabytes(), peak: peak(), fast: judge.fast() / done };
}

/** The same lives, as the monitor written by hand wants them. */
export function monitorByHand(events: number): OracleSpeed {
  const life = lifeOf(0, signals, 1);
  const numbers = new Map<string, number>();
  const numberOf = (name: string, first: number): number => {
    const key = `${first} ${name}`;
    const known = numbers.get(key) ?? first + numbers.size;
    numbers.set(key, known);
    return known;
  };
  const threadNumbers = new Map([...new Set(life.map(({ thread }) => thread))].map((thread, at) => [thread, at]));
  const words = new Uint32Array(life.flatMap(event => [threadNumbers.get(event.thread) ?? 0, ...verbOf(event, numberOf)]));
  const monitor = createHandMonitor(256);
  const { time, perSecond } = timer();
  let done = 0;
  while (done < events) {
    time(() => {
      // As long as it takes for the clock to see it.
      for (let lap = 0; lap < 20; lap++) monitor.run(words, words.length);
    });
    done += 20 * life.length;
  }
  if (monitor.errors() > 0) throw new Error('The monitor written by hand found something in a trace without a fault.');
  return { events: done, perSecond: perSecond(done), megabytes: megabytes(), peak: peak(), fast: 1 };
}
function verbOf(event: Event, numberOf: (name: string, first: number) => number): readonly [number, number] {
  const objectOf = (place: string): number => numberOf(place.split('.')[0] ?? '', 64);
  switch (event.kind) {
    case 'want':
      return [monitorVerbs.lock, numberOf(event.lock, 0)];
    case 'released':
      return [monitorVerbs.unlock, numberOf(event.lock, 0)];
    case 'read':
    case 'write':
      return [monitorVerbs[event.kind], objectOf(event.field)];
    case 'get':
    case 'put':
      return [monitorVerbs[event.kind], objectOf(event.counter)];
    case 'fget':
      return [monitorVerbs.get, numberOf(event.file ?? '', 64)];
    case 'alloc':
    case 'free':
      // It takes every object to have a counter, which a descriptor has not.
      return event.object.startsWith('Descriptor') ? [monitorVerbs.other, 0] : [monitorVerbs[event.kind], objectOf(event.object)];
    default:
      return [monitorVerbs.other, 0];
  }
}
