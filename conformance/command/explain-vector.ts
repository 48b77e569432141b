/** `holdfast explain VECTOR`: what is done, and everything that a correct implementation may answer. */
import { callText, resultText } from '../moment.ts';
import type { Expected, Vector } from '../vector.ts';
import { colour, paragraph } from './terminal.ts';

export function tellVector(vector: Vector): string[] {
  const { id, title, setup, callers, order, expected, exercises } = vector;
  return [
    `${colour.bold(id)}  vector of scenario ${vector.scenario}`,
    paragraph(title, 2),
    ...setup.map((call, index) => `  ${index === 0 ? 'first' : '     '}  ${call.keep === null ? '' : `${call.keep} = `}${callText(call)}`),
    ...callers.map((calls, caller) => paragraph(`caller ${caller}: ${calls.map(callText).join('; ')}`, 4, 2)),
    order === null
      ? '  All callers run at once.'
      : paragraph(`One after the other: ${order.map(caller => `caller ${caller}`).join(', ')}.`, 2),
    ...expected.flatMap(tellExpected),
    paragraph(`It puts to the test ${exercises.join(', ')}.`, 2),
    `  npx holdfast run --adapter simulator ${id}`,
  ];
}

function tellExpected({ profiles, allowed }: Expected): string[] {
  return [
    `  allowed for ${profiles.join(', ')}:`,
    ...allowed.map((calls, caller) =>
      paragraph(`caller ${caller}: ${calls.map(results => results.map(resultText).join(' or ')).join('; ')}`, 6, 4),
    ),
  ];
}
