/** How fast vectors are run against the embedded simulator and judged: all of the package, again and again, with other seeds. */
import { packagedVectors } from '../../conformance/command/packaged-vectors.ts';
import { runVectors } from '../../conformance/runner.ts';
import { simulator } from '../../conformance/simulator.ts';
import { systemForTests } from '../history/for-tests.ts';
import type { BenchRow, Measure } from './row.ts';

const VECTORS = 20_000;
const PASSES = 10;

export const simulating: Measure = async say => {
  const vectors = packagedVectors();
  const names = [...new Set(vectors.map(({ id }) => id.split('/')[0] ?? ''))];
  const systems = [];
  for (const name of names) systems.push(await systemForTests(name));
  const adapter = simulator(systems);
  const pass = async (seed: number): Promise<number> => {
    const began = process.cpuUsage().user;
    const { verdict, message } = await runVectors(vectors, adapter, { given: 'simulator', seed });
    if (verdict !== 'pass') throw new Error(`the simulator does not conform: ${message}`);
    return (process.cpuUsage().user - began) / 1e6;
  };
  const first = await pass(0);
  say(`ran ${vectors.length} vectors for the first time in ${first.toFixed(1)} s`);
  let seconds = 0;
  for (let seed = 1; seed <= PASSES; seed++) seconds += await pass(seed);
  const row = (what: string, speed: number, goal: number | null): BenchRow => ({
    what: `vectors against the simulator, ${what}`,
    ours: `${Math.round(speed)} vectors/s`,
    peer: null,
    ratio: null,
    goal: goal === null ? 'none: its scenarios are made ready' : `${goal} vectors/s`,
    met: goal === null ? null : speed >= goal,
  });
  return [row('the first time', vectors.length / first, null), row('from then on', (vectors.length * PASSES) / seconds, VECTORS)];
};
