/** The largest value of each local of a thread. */
import type { Slot, Value } from '../program.ts';
import type { OpenSlot } from './graph.ts';

/** Sizes of slots: what a pool allows, or the largest value that ever gets there. */
export function closeSlots(open: readonly OpenSlot[], pools: Readonly<Record<string, number>>, words: number, threads: number): Slot[] {
  const max = open.map(({ type, mask, owner, max: own, from }) =>
    owner
      ? threads
      : mask !== null
        ? 2 ** (pools[mask] ?? 0) - 1
        : type !== null
          ? (pools[type] ?? 0)
          : from.reduce((most, value) => (value.kind === 'constant' ? Math.max(most, value.value) : most), own),
  );
  const word = open.map(slot => slot.word);
  for (let changed = true; changed; ) {
    changed = false;
    open.forEach(({ from }, index) => {
      for (const value of from) {
        const bound = boundOf(value, max);
        if (bound > (max[index] ?? 0)) {
          max[index] = bound;
          changed = true;
        }
        if (value.kind === 'slot' && word[value.slot] === true && word[index] !== true) {
          word[index] = true;
          changed = true;
        }
      }
    });
  }
  return open.map(({ name, type }, index) => ({
    name,
    type,
    word: word[index] ?? false,
    max: word[index] === true ? Math.max(words, max[index] ?? 0) : (max[index] ?? 0),
  }));
}

function boundOf(value: Value, max: readonly number[]): number {
  if (value.kind === 'constant') return value.value;
  if (value.kind === 'slot') return max[value.slot] ?? 0;
  if (value.operator === '+')
    return Math.min(
      15,
      value.of.reduce((sum, part) => sum + boundOf(part, max), 0),
    );
  if (value.operator === '-' || value.operator === '&&' || value.operator === '||')
    return Math.max(...value.of.map(part => boundOf(part, max)));
  return 1;
}
