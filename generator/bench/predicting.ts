/** How long it takes to look at a million events for what they could do in another order. */
import { predictAll } from '../../oracles/bench-predict.ts';
import type { Measure } from './row.ts';

const EVENTS = 1e6;
const SECONDS = 10;
const MEGABYTES = 512;

export const predicting: Measure = async say => {
  const { seconds, megabytes } = predictAll(EVENTS);
  say(`predicted from ${EVENTS / 1e6} million events in ${seconds.toFixed(1)} s, heap ${megabytes} MB`);
  return [
    {
      what: 'predicting, a million events',
      ours: `${seconds.toFixed(1)} s`,
      peer: null,
      ratio: null,
      goal: `below ${SECONDS} s`,
      met: seconds < SECONDS,
    },
    {
      what: 'predicting, heap at its largest',
      ours: `${megabytes} MB`,
      peer: null,
      ratio: null,
      goal: `below ${MEGABYTES} MB`,
      met: megabytes < MEGABYTES,
    },
  ];
};
