/** Writes the drawing of a counterexample, or of a finding in a trace. */
import type { Counterexample } from '../../generator/verify/counterexample.ts';
import { writeWhole } from '../../generator/write-whole.ts';
import type { Finding } from '../../oracles/verdict.ts';
import { UsageFault } from '../usage-fault.ts';
import { exampleOf } from './finding-example.ts';

/** Throws a UsageFault if the file cannot be written. */
export async function drawInto(
  file: string,
  example: Counterexample,
  about: { readonly rule: string; readonly sentence: string; readonly where: string },
): Promise<void> {
  const { drawCounterexample } = await import('../../generator/verify/draw-svg.ts');
  const picture = drawCounterexample(example, about);
  try {
    writeWhole(file, picture);
  } catch (fault) {
    throw new UsageFault(`${file} was not written: ${fault instanceof Error ? fault.message : String(fault)}`);
  }
}

/** Says where it is, or that there is nothing to draw. */
export async function writeDrawing(file: string, finding: Finding | null, sentence: string, trace: string): Promise<string> {
  const example = finding === null ? null : exampleOf(finding);
  if (finding === null || example === null) return `There is nothing to draw; ${file} was not written.\n`;
  const strength = finding.strength === 'observed' ? '' : `, ${finding.strength}`;
  await drawInto(file, example, { rule: finding.rule, sentence, where: `${trace}, event ${finding.event}${strength}` });
  return `${finding.rule} at event ${finding.event} is drawn in ${file}\n`;
}
