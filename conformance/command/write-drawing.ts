/** Writes the drawing of a finding. */
import { renameSync, rmSync, writeFileSync } from 'node:fs';
import type { Finding } from '../../oracles/verdict.ts';
import { UsageFault } from '../usage-fault.ts';
import { exampleOf } from './finding-example.ts';

/** Says where it is, or that there is nothing to draw. The file is there whole or not at all. */
export async function writeDrawing(file: string, finding: Finding | null, sentence: string, trace: string): Promise<string> {
  const example = finding === null ? null : exampleOf(finding);
  if (finding === null || example === null) return `There is nothing to draw; ${file} was not written.\n`;
  const { drawCounterexample } = await import('../../generator/verify/draw-svg.ts');
  const draft = `${file}.${process.pid}`;
  const strength = finding.strength === 'observed' ? '' : `, ${finding.strength}`;
  try {
    writeFileSync(
      draft,
      drawCounterexample(example, { rule: finding.rule, sentence, where: `${trace}, event ${finding.event}${strength}` }),
    );
    renameSync(draft, file);
  } catch (fault) {
    rmSync(draft, { force: true });
    throw new UsageFault(`${file} was not written: ${fault instanceof Error ? fault.message : String(fault)}`);
  }
  return `${finding.rule} at event ${finding.event} is drawn in ${file}\n`;
}
