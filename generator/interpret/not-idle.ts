/** When an object must not be freed: something inside it, or around it, is in use. */
import type { Program, State } from '../program.ts';
import { bit, cellName, isHeldBy } from './evaluate.ts';
import { indexOf } from './program-index.ts';

/** Why an object must not be freed now, or null if it is idle. A run of a work item inside shows itself by what it touches later. */
export function notIdle(program: Program, state: State, type: string, instance: number): string | null {
  const index = indexOf(program);
  for (const { name, kind } of index.types.get(type)?.fields ?? []) {
    const cell = cellName(type, instance, name);
    const value = state.cells[cell] ?? 0;
    switch (kind) {
      case 'mutex':
      case 'spinlock':
      case 'flag':
      case 'wait-queue':
        if (value !== 0) return `${cell} is held`;
        break;
      case 'rwlock':
      case 'rwsem':
        if (state.threads.some((_, other) => isHeldBy(state, cell, other))) return `${cell} is held`;
        break;
      case 'work':
        if (value !== 0) return `${cell} is pending`;
        break;
      case 'wait-entry':
        if (value !== 0) return `${cell} is on a wait queue`;
        break;
      case 'srcu':
      case 'rcu':
        if (state.threads.some((_, other) => isHeldBy(state, cell, other))) return `a read section of ${cell} is open`;
        break;
      case 'refcount':
        if (value !== 0) return `${cell} is ${value}`;
        break;
    }
    if (index.queueNumbers.has(cell)) {
      const linked = entryOn(program, state, index.queueNumbers.get(cell) ?? -1);
      if (linked !== null) return `${linked} is on ${cell}`;
    }
  }
  return setWith(program, state, type, instance);
}

function entryOn(program: Program, state: State, queue: number): string | null {
  for (const type of program.types)
    for (const field of type.fields)
      if (field.kind === 'wait-entry') {
        for (let instance = 1; instance <= type.pool; instance++) {
          const cell = cellName(type.name, instance, field.name);
          if (state.cells[cell] === queue) return cell;
        }
      }
  return null;
}

/** A set of an object whose counters are not 0; a set of one that is going away may keep its members. */
function setWith(program: Program, state: State, type: string, instance: number): string | null {
  for (const owner of program.types)
    for (const field of owner.fields)
      if (field.kind === 'set' && field.to === type) {
        for (let number = 1; number <= owner.pool; number++) {
          const mask = state.cells[cellName(owner.name, number, field.name)] ?? 0;
          const counters = owner.fields.filter(({ kind }) => kind === 'refcount');
          const going = counters.some(counter => (state.cells[cellName(owner.name, number, counter.name)] ?? 0) === 0);
          if (Math.floor(mask / bit(instance)) % 2 === 1 && !going) return `it is in ${cellName(owner.name, number, field.name)}`;
        }
      }
  return null;
}
