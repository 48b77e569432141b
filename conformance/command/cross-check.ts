/**
 * What `make cross-check` does: every scenario and every defect that is not too large is given to SPIN too, which must find the same states,
 * take the same steps, and find the same rules broken. Arguments: systems; `--max-states N` and `--max-nodes N` change what is too large: the
 * first to be explored twice, the second, nodes of all threads, for the compiler of what SPIN writes. Three of each system are never too large.
 */
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { type CrossCheck, crossCheck } from '../../generator/export/cross-check.ts';
import { spinVersion } from '../../generator/export/spin.ts';
import { instantiate } from '../../generator/instantiate/instantiate.ts';
import type { System } from '../../generator/model.ts';
import type { Program } from '../../generator/program.ts';
import { loadSystem } from '../../generator/read/load-system.ts';
import { mayRunForEver } from '../../generator/temporal/may-run-for-ever.ts';
import { everyScenario, titleOf } from '../../generator/verify/every-scenario.ts';
import { exit } from './exit.ts';
import { keptFolder, selectSystems } from './places.ts';
import { progressLine } from './terminal.ts';

interface Job {
  readonly name: string;
  readonly program: () => Program | null;
  /** Rules that the defect is known by, as far as exploring finds them. */ readonly breaks: readonly string[];
}

/** Judged without exploring, so no model can break them. */
const judgedWithoutExploring = new Set([
  'always.noLockCycle',
  'always.locksBalance',
  'always.lastPutTakesNoHeldLock',
  'always.irqLocksKeepIrqsOff',
]);

/** So many of each system are looked at however large they are. */
const FEWEST = 3;

const nodesOf = ({ threads }: Program): number => threads.reduce((sum, { nodes }) => sum + nodes.length, 0);

/** Those that are not too large for SPIN's compiler, and the names of those that are. */
function jobsOf(system: System, maxNodes: number): { readonly jobs: readonly Job[]; readonly tooLarge: readonly string[] } {
  const sized = everyScenario(system)
    .map(one => {
      const name = titleOf(system, one);
      const { program } = instantiate(system, one.variant, one.scenario);
      if (program === null) throw new Error(`${name} cannot be run; \`holdfast verify ${system.name}\` says why`);
      return { one, name, nodes: nodesOf(program) };
    })
    .sort((a, b) => a.nodes - b.nodes);
  // Judged by ways round, which SPIN is not asked for.
  const all = [
    ...system.rules,
    ...system.variants.flatMap(({ rules, also }) => [...Object.values(rules).flatMap(rule => rule ?? []), ...also]),
  ];
  const ends = new Set(all.filter(({ kind }) => kind === 'ends').map(({ name }) => name));
  const isSmall = ({ nodes }: { readonly nodes: number }, at: number): boolean => at < FEWEST || nodes <= maxNodes;
  return {
    jobs: sized.filter(isSmall).map(
      ({ one, name }): Job => ({
        name,
        // Made again when it is its turn, because all of them together take much memory.
        program: () => instantiate(system, one.variant, one.scenario).program,
        breaks: one.breaks.filter(rule => !judgedWithoutExploring.has(rule) && !ends.has(rule)),
      }),
    ),
    tooLarge: sized.filter((one, at) => !isSmall(one, at)).map(({ name }) => name),
  };
}

/** Null if both agree, else what each says. */
function disagreement({ explorer, spin, differs }: CrossCheck, breaks: readonly string[]): string | null {
  if (spin === null) return null;
  const missed = breaks.filter(rule => !spin.broken.includes(rule));
  if (differs.length === 0 && missed.length === 0) return null;
  const tell = ({ states, transitions, broken }: CrossCheck['explorer']) =>
    `${states} states, ${transitions} steps, ${broken.length === 0 ? 'nothing broken' : `broken: ${broken.join(', ')}`}`;
  return `  holdfast  ${tell(explorer)}\n  spin      ${tell(spin)}\n${missed.length === 0 ? '' : `  not found by spin: ${missed.join(', ')}\n`}`;
}

const { values, positionals } = parseArgs({
  options: { 'max-states': { type: 'string', default: '100000' }, 'max-nodes': { type: 'string', default: '400' } },
  allowPositionals: true,
});
const maxStates = Number(values['max-states']),
  maxNodes = Number(values['max-nodes']);
const version = await spinVersion();

if (version === null) process.stdout.write('skipped: spin is not installed\n');
else {
  const { folder, systems } = selectSystems(positionals, undefined);
  const line = progressLine();
  process.stdout.write('SPIN compiles a checker for each scenario and each defect; that takes some minutes.\n');
  const jobs: Job[] = [],
    tooLarge: string[] = [];
  for (const name of systems) {
    const { system, diagnostics } = await loadSystem(folder, name, keptFolder);
    if (system === null || diagnostics.length > 0) throw new Error(`${name} has diagnostics; \`holdfast verify ${name}\` prints them`);
    const of = jobsOf(system, maxNodes);
    jobs.push(...of.jobs);
    tooLarge.push(...of.tooLarge);
  }
  const waiting = [...jobs];
  const leftOut: string[] = [];
  let agreed = 0,
    states = 0,
    failed = 0;
  const began = performance.now();
  await Promise.all(
    Array.from({ length: Math.min(4, availableParallelism()) }, async () => {
      for (let job = waiting.shift(); job !== undefined; job = waiting.shift()) {
        line.say(`${jobs.length - waiting.length} of ${jobs.length}: ${job.name}`);
        let told: string | null;
        try {
          const program = job.program();
          if (program === null) throw new Error('it cannot be run any more: the spec has changed meanwhile');
          const both = await crossCheck(program, maxStates);
          if (both.spin === null) {
            leftOut.push(job.name);
            continue;
          }
          states += both.spin.states;
          // A wait that never ends because others go round is no state; SPIN is not asked for it.
          const breaks = mayRunForEver(program)
            ? job.breaks.filter(rule => rule !== 'always.everyWaitEnds' || both.explorer.broken.includes(rule))
            : job.breaks;
          told = disagreement(both, breaks);
        } catch (fault) {
          told = `  ${fault instanceof Error ? fault.message : String(fault)}\n`;
        }
        line.done();
        if (told === null) agreed++;
        else {
          failed++;
          process.stdout.write(`differs  ${job.name}\n${told}`);
        }
      }
    }),
  );
  line.done();
  for (const name of systems) {
    const large = tooLarge.filter(one => one.startsWith(`${name} `)).length;
    if (large > 0)
      process.stdout.write(
        `left out ${large} of ${name}: their code has more than ${maxNodes.toLocaleString('en')} nodes, which takes SPIN's compiler too long\n`,
      );
  }
  for (const name of leftOut) process.stdout.write(`left out ${name}: more than ${maxStates.toLocaleString('en')} states\n`);
  process.stdout.write(
    `${agreed} of ${jobs.length + tooLarge.length} scenarios and defects are the same to the explorer and to ${version}, ${failed} are not, ${leftOut.length + tooLarge.length} were left out; ${states.toLocaleString('en')} states counted by both in ${((performance.now() - began) / 1000).toFixed(0)} s\n`,
  );
  exit(failed === 0 ? 0 : 1);
}
