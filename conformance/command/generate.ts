/** `holdfast generate`: oracles, vectors, rule books and schemas from the spec. */

import { join } from 'node:path';
import { driftOf, outputsOf, write } from '../../generator/emit/outputs.ts';
import type { System } from '../../generator/model.ts';
import { printDiagnostic } from '../../generator/read/diagnostic.ts';
import { loadSystem } from '../../generator/read/load-system.ts';
import { systemNames } from '../../generator/read/spec-folder.ts';
import { UsageFault } from '../usage-fault.ts';
import { keptFolder, packageFolder, selectSystems, steppersFolder } from './places.ts';
import { counted, progressLine } from './terminal.ts';

export async function generate(names: readonly string[], options: { check?: boolean; spec?: string }): Promise<number> {
  const { folder, systems } = selectSystems(names, options.spec);
  const whole = systems.length === systemNames(folder).length;
  const line = progressLine();
  const loaded: System[] = [];
  const hashes = new Map<string, string>();
  let faults = 0;
  for (const name of systems) {
    line.say(`${name}: reading the spec`);
    const { system, diagnostics, hash } = await loadSystem(folder, name, keptFolder);
    line.done();
    for (const one of diagnostics) process.stdout.write(printDiagnostic(one));
    faults += diagnostics.length;
    if (system !== null) loaded.push(system);
    hashes.set(name, hash);
  }
  if (faults > 0) {
    process.stdout.write(`${counted(faults, 'diagnostic')}; nothing was written.\n`);
    return 1;
  }
  // What is generated goes into the package; another spec's would take the place of the package's own.
  if (folder !== join(packageFolder, 'spec'))
    throw new UsageFault('generate writes into this package, so it takes only the spec of this package. Nothing was written.');
  const outputs = await outputsOf(
    loaded,
    whole,
    what => line.say(what),
    name => ({ folder: steppersFolder, specHash: hashes.get(name) ?? '' }),
  );
  line.done();
  const drift = driftOf(packageFolder, outputs, whole);
  if (options.check) {
    for (const { file, how } of drift) process.stdout.write(`${how.padEnd(9)}  ${file}\n`);
    process.stdout.write(
      drift.length === 0
        ? `${outputs.size} files are as the spec says.\n`
        : `${drift.length} of ${outputs.size} files are not as the spec says. Run \`npx holdfast generate\`, then read the diff.\n`,
    );
    return drift.length === 0 ? 0 : 1;
  }
  write(packageFolder, outputs, drift);
  for (const { file, how } of drift) process.stdout.write(`${how === 'stale' ? 'removed' : 'wrote'}  ${file}\n`);
  const removed = drift.filter(({ how }) => how === 'stale').length;
  process.stdout.write(
    `${drift.length - removed} of ${outputs.size} files written, the others were up to date${removed === 0 ? '' : `; ${counted(removed, 'stale file')} removed`}.\n`,
  );
  return 0;
}
