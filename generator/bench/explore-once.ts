/**
 * Explores one scenario in a process of its own, so that nothing is warm and the memory is its own.
 * Making the code is not in the time, as SPIN's and gcc's are not in SPIN's; loading it is.
 * Arguments: folder of the spec, system, scenario, number of workers. Prints a `Measured` as JSON.
 */
import { emitStepper } from '../explore/emit-stepper.ts';
import { explore } from '../explore/explore.ts';
import { withSearching } from '../explore/search-module.ts';
import { instantiate } from '../instantiate/instantiate.ts';
import { quiescenceFindings } from '../interpret/quiescence.ts';
import { loadSystem } from '../read/load-system.ts';

export interface Measured {
  readonly states: number;
  readonly transitions: number;
  readonly complete: boolean;
  readonly seconds: number;
  /** Of all arrays of the search. */ readonly bytesPerState: number;
  /** What the process came to have more, from before the search to its end, by state. */ readonly residentPerState: number;
}

if (process.argv[1]?.endsWith('explore-once.ts')) {
  const [folder = '', name = '', scenario = '', workers = '1'] = process.argv.slice(2);
  const { system } = await loadSystem(folder, name, folder);
  if (system === null) throw new Error(`${name} cannot be read`);
  const { program } = instantiate(system, null, scenario);
  if (program === null) throw new Error(`${scenario} cannot be run`);
  const source = withSearching(emitStepper(program));
  const before = process.memoryUsage.rss();
  const { states, transitions, complete, seconds, bytesPerState } = explore(program, {
    source,
    workers: Number(workers),
    quiescence: state => quiescenceFindings(program, state),
  });
  const residentPerState = (process.memoryUsage.rss() - before) / states;
  const measured: Measured = { states, transitions, complete, seconds, bytesPerState, residentPerState };
  process.stdout.write(`${JSON.stringify(measured)}\n`);
}
