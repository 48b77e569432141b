/**
 * What `make reductions` does: every scenario and every defect is explored whole and reduced, and what a reduction promises to keep must be
 * the same. Arguments: systems; `--max-states N` changes what is too large to be explored whole; `--part 0/2` is what it starts itself with.
 */
import { availableParallelism } from 'node:os';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { execa } from 'execa';
import { instantiate } from '../../generator/instantiate/instantiate.ts';
import { applyVariant } from '../../generator/instantiate/variant.ts';
import { loadSystem } from '../../generator/read/load-system.ts';
import { compareReductions } from '../../generator/verify/compare-reductions.ts';
import { everyScenario, titleOf } from '../../generator/verify/every-scenario.ts';
import { exit } from './exit.ts';
import { keptFolder, selectSystems } from './places.ts';
import { progressLine } from './terminal.ts';

interface Outcome {
  readonly system: string;
  readonly title: string;
  /** 0 if there are more than the limit. */ readonly states: number;
  readonly reduced: number;
  readonly symmetric: boolean;
  readonly differences: readonly string[];
}

const { values, positionals } = parseArgs({
  options: { 'max-states': { type: 'string', default: '5000000' }, part: { type: 'string' } },
  allowPositionals: true,
});
const { folder, systems } = selectSystems(positionals, undefined);

/** Every so many-th scenario, each told as a line of JSON. */
async function explorePart(part: number, parts: number): Promise<void> {
  let number = 0;
  for (const name of systems) {
    const { system, diagnostics } = await loadSystem(folder, name, keptFolder);
    if (system === null || diagnostics.length > 0) throw new Error(`${name} has diagnostics; \`holdfast verify ${name}\` prints them`);
    for (const one of everyScenario(system)) {
      if (number++ % parts !== part) continue;
      const title = titleOf(system, one);
      const { program } = instantiate(system, one.variant, one.scenario);
      if (program === null) throw new Error(`${title} cannot be run; \`holdfast verify ${name}\` says why`);
      const compared = compareReductions(program, {
        modes: [{}],
        maxStates: Number(values['max-states']),
        system: applyVariant(system, one.variant),
      });
      const [reduced] = compared?.reduced ?? [];
      const outcome: Outcome = {
        system: name,
        title,
        states: compared?.states ?? 0,
        reduced: reduced?.states ?? 0,
        symmetric: (reduced?.symmetries ?? 0) > 0,
        differences: compared?.differences ?? [],
      };
      process.stdout.write(`${JSON.stringify(outcome)}\n`);
    }
  }
}

function tell(name: string, of: readonly Outcome[]): string {
  const sum = (which: (one: Outcome) => number): number => of.reduce((all, one) => all + which(one), 0);
  const [all, reduced] = [sum(one => one.states), sum(one => one.reduced)];
  const row = [
    name.padEnd(14),
    `${of.length} scenarios and defects`.padStart(26),
    `${all.toLocaleString('en')} states`.padStart(18),
    `reduced ${reduced.toLocaleString('en')}`.padStart(18),
    `${(all / Math.max(1, reduced)).toFixed(1)} times fewer`.padStart(18),
    `${of.filter(one => one.symmetric).length} symmetric`.padStart(15),
  ];
  return `${row.join('')}\n`;
}

/** So many processes, each for its part of the scenarios, one after the other: what one has used is free again when it ends. */
const PARTS = 32;

async function exploreAll(): Promise<void> {
  const outcomes: Outcome[] = [];
  const died: string[] = [];
  const line = progressLine();
  const waiting = Array.from({ length: PARTS }, (_, part) => part);
  const began = performance.now();
  const startPart = async (part: number): Promise<void> => {
    const given = ['--max-states', values['max-states'], '--part', `${part}/${PARTS}`, ...systems];
    const child = execa(process.execPath, [...process.execArgv, fileURLToPath(import.meta.url), ...given], {
      buffer: { stdout: false },
      reject: false,
    });
    for await (const text of createInterface({ input: child.stdout })) {
      const outcome: Outcome = JSON.parse(text);
      outcomes.push(outcome);
      line.say(`${outcomes.length}: ${outcome.title}`);
      if (outcome.differences.length === 0) continue;
      line.done();
      process.stdout.write(`differs  ${outcome.title}\n${outcome.differences.map(one => `  ${one}\n`).join('')}`);
    }
    const { exitCode, signal, stderr } = await child;
    if (exitCode !== 0) died.push(`part ${part} of ${PARTS} ended by ${signal ?? `status ${exitCode}`}\n${stderr.slice(0, 2000)}`);
  };
  await Promise.all(
    Array.from({ length: Math.min(8, availableParallelism()) }, async () => {
      for (let part = waiting.shift(); part !== undefined; part = waiting.shift()) await startPart(part);
    }),
  );
  line.done();
  const compared = outcomes.filter(({ states }) => states > 0);
  for (const name of systems)
    process.stdout.write(
      tell(
        name,
        compared.filter(({ system }) => system === name),
      ),
    );
  for (const { title } of outcomes.filter(({ states }) => states === 0))
    process.stdout.write(`left out ${title}: more than ${Number(values['max-states']).toLocaleString('en')} states\n`);
  const differing = compared.filter(({ differences }) => differences.length > 0).length;
  process.stdout.write(
    `${compared.length - differing} of ${outcomes.length} scenarios and defects break the same rules reduced, ${differing} do not, ${outcomes.length - compared.length} were left out; ${((performance.now() - began) / 1000).toFixed(0)} s\n`,
  );
  for (const one of died) process.stdout.write(`${one}\n`);
  exit(differing === 0 && died.length === 0 && compared.length > 0 ? 0 : 1);
}

const [part, parts] = (values.part ?? '').split('/').map(Number);
if (part !== undefined && parts !== undefined) await explorePart(part, parts);
else await exploreAll();
