/** Values of plain fields, as the fast engine keeps them. */
import { tags } from '../binary-format.ts';
import type { Core } from './engine.ts';
import { numberValue } from './layout.ts';
import type { Class } from './tables.ts';

export const isPlain = ({ kind }: Class): boolean => kind === 'pointer' || kind === 'boolean' || kind === 'number' || kind === 'word';

/** Whether a field of this kind may be given the value; whoever reads traces says why not. */
export function fits(of: Class, tag: number, other: number, about: number): boolean {
  switch (of.kind) {
    case 'pointer':
      return tag === tags.null || (tag === tags.object && about === of.to);
    case 'word':
      return tag === tags.null || (tag === tags.word && of.words.has(other));
    case 'boolean':
      return tag === tags.boolean;
    case 'number':
      return tag === tags.number && other >= 0 && other <= of.max;
    default:
      return false;
  }
}

export function storeValue({ memory, store }: Core, of: Class, place: number, value: number): void {
  if (of.kind === 'number') {
    memory.d[place + numberValue] = value;
    return;
  }
  if (of.kind === 'pointer') {
    store.pin(value);
    store.unpin(memory.i[place]);
  }
  memory.i[place] = value;
}
