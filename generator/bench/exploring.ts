/** How fast and in how little memory scenarios are explored, beside SPIN on the model that is exported from the same program. */
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { promela } from '../export/promela.ts';
import { runSpin, type SpinResult, spinVersion } from '../export/spin.ts';
import { instantiate } from '../instantiate/instantiate.ts';
import { loadSystem } from '../read/load-system.ts';
import type { Measured } from './explore-once.ts';
import { system, withManyIrqfds } from './many-irqfds.ts';
import { type BenchRow, BYTES, type Measure, median } from './row.ts';

const ROUNDS = 3;
const BEFORE_SPIN = 4;
const SECONDS = 0.5;
const DEEPEST = 1_000_000;

async function exploreOnce(folder: string, scenario: string, workers: number): Promise<Measured> {
  const script = fileURLToPath(new URL('explore-once.ts', import.meta.url));
  const { stdout } = await execa('node', ['--import', 'tsx', script, folder, system, scenario, String(workers)]);
  const measured: Measured = JSON.parse(stdout);
  if (!measured.complete) throw new Error(`${scenario} has no room: ${measured.states} states`);
  return measured;
}

async function spinOnce(folder: string, scenario: string, states: number): Promise<SpinResult> {
  const loaded = await loadSystem(folder, system, folder);
  const program = loaded.system === null ? null : instantiate(loaded.system, null, scenario).program;
  if (program === null) throw new Error(`${scenario} cannot be run`);
  // As many places as a table of SPIN's that need not grow.
  const found = await runSpin(promela(program), DEEPEST, ['-O2'], Math.ceil(Math.log2(states)) + 1);
  if (found.states !== states) throw new Error(`${scenario}: SPIN counts ${found.states} states, and here there are ${states}`);
  return found;
}

const rate = (perSecond: number): string => `${(perSecond / 1e6).toFixed(2)} M/s`;

async function besideSpin(folder: string, scenario: string, rounds: number, hasSpin: boolean): Promise<BenchRow[]> {
  const ours: Measured[] = [],
    theirs: SpinResult[] = [];
  for (let round = 0; round < rounds; round++) {
    const one = await exploreOnce(folder, scenario, 1);
    ours.push(one);
    if (hasSpin) theirs.push(await spinOnce(folder, scenario, one.states));
  }
  const states = ours[0]?.states ?? 0;
  const ratio = hasSpin ? median(ours.map(({ seconds }, round) => (theirs[round]?.searchSeconds ?? 0) / seconds)) : null;
  const bytes = Math.max(...ours.map(({ bytesPerState }) => bytesPerState));
  const rows: BenchRow[] = [
    {
      what: `exploring ${states.toLocaleString('en')} states, no reduction`,
      ours: rate(median(ours.map(one => one.states / one.seconds))),
      peer: hasSpin ? rate(median(theirs.map(one => one.states / one.searchSeconds))) : null,
      ratio,
      goal: `${BEFORE_SPIN} times SPIN`,
      met: ratio === null ? null : ratio >= BEFORE_SPIN,
    },
  ];
  rows.push({
    what: `memory of a state, of ${states.toLocaleString('en')}`,
    ours: `${bytes.toFixed(1)} B (process ${Math.max(...ours.map(one => one.residentPerState)).toFixed(1)} B)`,
    peer: null,
    ratio: null,
    goal: `at most ${BYTES} B`,
    met: bytes <= BYTES,
  });
  return rows;
}

async function commandToVerdict(folder: string, scenario: string): Promise<BenchRow> {
  const command = fileURLToPath(new URL('../../conformance/holdfast.js', import.meta.url));
  const once = async (): Promise<{ seconds: number; states: number }> => {
    const began = performance.now();
    const { stdout } = await execa('node', [command, 'verify', system, '--spec', folder, '--scenario', scenario, '--quiet']);
    const seconds = (performance.now() - began) / 1000;
    return { seconds, states: Number(/([\d,]+) states explored/.exec(stdout)?.[1]?.replaceAll(',', '') ?? 0) };
  };
  // The first makes what the others find.
  await once();
  const times = [];
  for (let round = 0; round < 2 * ROUNDS; round++) times.push(await once());
  const seconds = median(times.map(time => time.seconds));
  return {
    what: `command to verdict, ${(times[0]?.states ?? 0).toLocaleString('en')} states`,
    ours: `${seconds.toFixed(2)} s (best ${Math.min(...times.map(time => time.seconds)).toFixed(2)} s)`,
    peer: null,
    ratio: null,
    goal: `under ${SECONDS} s`,
    met: seconds < SECONDS,
  };
}

async function workers(folder: string, scenario: string): Promise<BenchRow> {
  const one = await exploreOnce(folder, scenario, 1),
    two = await exploreOnce(folder, scenario, 2);
  if (one.states !== two.states || one.transitions !== two.transitions) throw new Error(`${scenario}: two workers count other than one`);
  return {
    what: `two workers beside one, ${one.states.toLocaleString('en')} states`,
    ours: rate(two.states / two.seconds),
    peer: `one: ${rate(one.states / one.seconds)}`,
    ratio: one.seconds / two.seconds,
    goal: 'none: the second core may be busy',
    met: null,
  };
}

/** With `large`, also three irqfds that are all closed from both sides: a minute and 1.2 GB here, several and 4 GB for SPIN. */
export const exploring =
  (large: boolean): Measure =>
  say =>
    withManyIrqfds(async folder => {
      const version = await spinVersion();
      say(version === null ? 'SPIN is not installed; nothing is compared with it.' : `Beside ${version}.`);
      const rows: BenchRow[] = [];
      rows.push(await commandToVerdict(folder, 'benchTwo'));
      rows.push(...(await besideSpin(folder, 'benchTwo', ROUNDS, version !== null)));
      rows.push(...(await besideSpin(folder, 'benchMiddle', ROUNDS, version !== null)));
      rows.push(...(await besideSpin(folder, large ? 'benchThree' : 'benchMany', 1, version !== null)));
      rows.push(await workers(folder, 'benchMany'));
      return rows;
    });
