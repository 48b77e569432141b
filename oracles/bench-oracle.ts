/** How fast traces are judged with all rules of a system on, from each format, beside a monitor written by hand for the same events. */
import { createLaps } from './bench-laps.ts';
import { createHandMonitor, monitorVerbs } from './bench-monitor.ts';
import { benchStart, benchSystem, lifeOf } from './bench-workload.ts';
import { checkTrace } from './check-trace.ts';
import type { OracleDefinition } from './definition.ts';
import type { Event } from './event.ts';
import { createRecordJudge } from './judge-records.ts';

/** Signals in one life: how many events there are to one object made and freed, about 2,000. */
const signals = 400;

/** Events a second of processor time: others use the machine too. `megabytes`: the heap after a collection, where one can be asked for. */
export interface OracleSpeed {
  readonly events: number;
  readonly perSecond: number;
  readonly megabytes: number;
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

/** Binary, made on the fly and so of any length; only the judging is timed. `onProgress`: events and heap, ten times. */
export function judgeBinary(
  definition: OracleDefinition,
  events: number,
  onProgress: (speed: OracleSpeed) => void = () => {},
): OracleSpeed {
  const laps = createLaps(signals);
  const judge = createRecordJudge(definition, undefined, finding => {
    throw new Error(`A trace without a fault has a finding: ${finding.detail}`);
  });
  const { time, perSecond } = timer();
  let done = laps.events;
  judge.block(laps.start);
  let told = 0;
  while (done < events) {
    // Several laps at a time would need memory of their own; one is long enough to be timed.
    const block = laps.next();
    time(() => judge.block(block));
    done += laps.events;
    if (done >= ((told + 1) * events) / 10) {
      told++;
      onProgress({ events: done, perSecond: perSecond(done), megabytes: megabytes() });
    }
  }
  const report = judge.end();
  if (report.findings.length > 0 || report.events < done) throw new Error('The trace was not judged whole.');
  return { events: done, perSecond: perSecond(done), megabytes: megabytes() };
}

export async function judgeJsonLines(definition: OracleDefinition, lives: number): Promise<OracleSpeed> {
  const length = lifeOf(0, signals, 0).length;
  let made = 0;
  let spent = 0;
  async function* text(): AsyncGenerator<string> {
    yield `${JSON.stringify({ holdfast: 'trace', version: 1, system: benchSystem })}\n${linesOf(benchStart)}`;
    for (; made < lives; made++) {
      const lines = linesOf(lifeOf(made, signals, 1 + made * length));
      // The reader comes back for more when it has judged these.
      const before = process.cpuUsage();
      yield lines;
      const { user, system } = process.cpuUsage(before);
      spent += user + system;
    }
  }
  const report = await checkTrace(text(), () => definition);
  if (report.findings.length > 0) throw new Error('A trace without a fault has a finding.');
  return { events: report.events, perSecond: Math.round(report.events / (spent / 1e6)), megabytes: megabytes() };
}
const linesOf = (events: readonly Event[]): string => events.map(event => `${JSON.stringify(event)}\n`).join('');

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
  return { events: done, perSecond: perSecond(done), megabytes: megabytes() };
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
