/**
 * What `make cross-check` does: every scenario and every defect that is not too large is given to SPIN too, which must find the same states,
 * take the same steps, and find the same rules broken. Arguments: systems; `--max-states N` changes what is too large.
 */
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { type CrossCheck, crossCheck } from '../../generator/export/cross-check.ts';
import { spinVersion } from '../../generator/export/spin.ts';
import { instantiate } from '../../generator/instantiate/instantiate.ts';
import { applyVariant } from '../../generator/instantiate/variant.ts';
import type { System } from '../../generator/model.ts';
import type { Program } from '../../generator/program.ts';
import { loadSystem } from '../../generator/read/load-system.ts';
import { exit } from './exit.ts';
import { keptFolder, selectSystems } from './places.ts';
import { progressLine } from './terminal.ts';

interface Job {
  readonly name: string;
  readonly program: Program;
  /** Rules that the defect is known by, as far as exploring finds them. */ readonly breaks: readonly string[];
}

/** Judged without exploring, so no model can break them. */
const judgedWithoutExploring = new Set(['always.noLockCycle', 'always.locksBalance', 'always.lastPutTakesNoHeldLock']);

function jobsOf(system: System): Job[] {
  const job = (variant: string | null, scenario: string, breaks: readonly string[]): Job => {
    const { program } = instantiate(system, variant, scenario);
    const name = `${system.name} ${scenario}${variant === null ? '' : ` (${variant})`}`;
    if (program === null) throw new Error(`${name} cannot be run; \`holdfast verify ${system.name}\` says why`);
    return { name, program, breaks };
  };
  const bases = [null, ...system.variants.filter(({ profile }) => profile !== null)];
  const held = bases.flatMap(variant =>
    applyVariant(system, variant?.name ?? null).scenarios.map(({ name }) => job(variant?.name ?? null, name, [])),
  );
  const defects = system.variants.flatMap(({ name, breaks }) =>
    [...new Set(breaks.map(({ scenario }) => scenario))].map(scenario =>
      job(
        name,
        scenario,
        breaks.filter(one => one.scenario === scenario && !judgedWithoutExploring.has(one.rule)).map(({ rule }) => rule),
      ),
    ),
  );
  return [...held, ...defects];
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

const { values, positionals } = parseArgs({ options: { 'max-states': { type: 'string', default: '100000' } }, allowPositionals: true });
const maxStates = Number(values['max-states']);
const version = await spinVersion();

if (version === null) process.stdout.write('skipped: spin is not installed\n');
else {
  const { folder, systems } = selectSystems(positionals, undefined);
  const line = progressLine();
  process.stdout.write('SPIN compiles a checker for each scenario and each defect; that takes some minutes.\n');
  const jobs: Job[] = [];
  for (const name of systems) {
    const { system, diagnostics } = await loadSystem(folder, name, keptFolder);
    if (system === null || diagnostics.length > 0) throw new Error(`${name} has diagnostics; \`holdfast verify ${name}\` prints them`);
    jobs.push(...jobsOf(system));
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
          const both = await crossCheck(job.program, maxStates);
          if (both.spin === null) {
            leftOut.push(job.name);
            continue;
          }
          states += both.spin.states;
          told = disagreement(both, job.breaks);
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
  for (const name of leftOut) process.stdout.write(`left out ${name}: more than ${maxStates.toLocaleString('en')} states\n`);
  process.stdout.write(
    `${agreed} of ${jobs.length} scenarios and defects are the same to the explorer and to ${version}, ${failed} are not, ${leftOut.length} were left out; ${states.toLocaleString('en')} states counted by both in ${((performance.now() - began) / 1000).toFixed(0)} s\n`,
  );
  exit(failed === 0 ? 0 : 1);
}
