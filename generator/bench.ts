/** `make bench`: measures what has a goal, beside its peer where there is one, and fails if a goal is missed. `--large` takes minutes more. */
import { explaining } from './bench/explaining.ts';
import { exploring } from './bench/exploring.ts';
import { judging } from './bench/judging.ts';
import { predicting } from './bench/predicting.ts';
import { reducing } from './bench/reducing.ts';
import { regenerating } from './bench/regenerating.ts';
import { type BenchRow, benchTable, type Measure } from './bench/row.ts';
import { simulating } from './bench/simulating.ts';

const measures: readonly Measure[] = [
  exploring(process.argv.includes('--large')),
  reducing(process.argv.includes('--large')),
  judging(process.argv.includes('--large')),
  predicting,
  explaining,
  simulating,
  regenerating,
];

const rows: BenchRow[] = [];
for (const measure of measures) rows.push(...(await measure(text => process.stderr.write(`${text}\n`))));
process.stdout.write(benchTable(rows));
const missed = rows.filter(({ met }) => met === false);
process.stdout.write(missed.length === 0 ? 'No goal was missed.\n' : `Missed: ${missed.map(({ what }) => what).join('; ')}.\n`);
process.exitCode = missed.length === 0 ? 0 : 1;
