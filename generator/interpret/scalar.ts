/** Numbers of a program's cells and slots as a trace and a person see them: object names, words, booleans. */
import type { Scalar } from '../../oracles/event.ts';
import type { Call, Program } from '../program.ts';
import { objectName } from './evaluate.ts';
import { fieldOf } from './program-index.ts';

/** Value of a field that is no set and no primitive; a counter is a number. */
export function fieldScalar(program: Program, type: string, field: string, value: number): Scalar {
  const { kind, to } = fieldOf(program, type, field);
  switch (kind) {
    case 'pointer':
      return value === 0 || to === null ? null : objectName(to, value);
    case 'word':
      return program.words[value - 1] ?? null;
    case 'boolean':
      return value !== 0;
    case 'flag':
      return value === 0 ? 'free' : 'taken';
    default:
      return value;
  }
}

/** Value of an argument or a result. A result that is no errno is what the call returns when it succeeds: nothing is null. */
export function typedScalar(program: Program, { type, word, returns }: Call['result'], value: number): Scalar {
  if (type !== null) return value === 0 ? null : objectName(type, value);
  const named = word ? program.words[value - 1] : undefined;
  if (named !== undefined) return named;
  return returns === 'nothing' ? null : returns === 'boolean' ? value !== 0 : value;
}
