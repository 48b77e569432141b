/** How fast a trace is looked at for what its events could do in another order. */
import { benchStart, lifeOf } from './bench-workload.ts';
import { createPredictor } from './predict/predictor.ts';

const signals = 400;

/** Seconds of processor time, and the heap in megabytes when it was largest. */
export interface PredictionSpeed {
  readonly events: number;
  readonly seconds: number;
  readonly megabytes: number;
}

/** The events are made on the fly; only the prediction is timed. */
export function predictAll(events: number): PredictionSpeed {
  const predictor = createPredictor({});
  if (predictor === null) throw new Error('A trace that shows everything can be predicted from.');
  const length = lifeOf(0, signals, 0).length;
  let spent = 0;
  let most = 0;
  let done = 0;
  const timed = <Result>(work: () => Result): Result => {
    const before = process.cpuUsage();
    const result = work();
    const { user, system } = process.cpuUsage(before);
    spent += user + system;
    most = Math.max(most, process.memoryUsage().heapUsed);
    return result;
  };
  timed(() => benchStart.forEach(predictor.event));
  for (let life = 0; done < events; life++) {
    const made = lifeOf(life, signals, 1 + life * length);
    timed(() => made.forEach(predictor.event));
    done += made.length;
  }
  const { findings } = timed(predictor.end);
  if (findings.length > 0) throw new Error(`Something is predicted of a program that is right: ${findings[0]?.finding.detail}`);
  return { events: done, seconds: spent / 1e6, megabytes: Math.round(most / 1e6) };
}
