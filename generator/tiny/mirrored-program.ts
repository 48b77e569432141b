/** Programs that mean nothing and in which two objects, with the threads that act on them, can change places. For tests. */
import type * as fc from 'fast-check';
import type { Action, Node, Program, Thread, Value } from '../program.ts';
import { randomProgram } from './random-program.ts';

const other = (instance: number): number => (instance === 1 ? 2 : instance === 2 ? 1 : instance);
const mirroredSet = (mask: number): number => ((mask & 1) << 1) | ((mask >> 1) & 1);
const mirroredValue = (value: Value): Value => (value.kind === 'constant' ? { kind: 'constant', value: other(value.value) } : value);

/** The same done to the other object. */
function mirroredAction(action: Action): Action {
  const copy: Action = structuredClone(action);
  const parts: [string, unknown][] = Object.entries(copy).map(([name, part]): [string, unknown] => {
    if (copy.kind === 'called' && name === 'with') return [name, copy.with.map(mirroredValue)];
    if (typeof part !== 'object' || part === null || Array.isArray(part)) return [name, part];
    if ('object' in part && 'field' in part) return [name, { ...part, object: mirroredValue(part.object) }];
    const isObject = name === 'object' || name === 'member' || (name === 'value' && copy.kind === 'write' && copy.target.field === 'to');
    if (isObject && 'kind' in part) return [name, mirroredValue(part as Value)];
    if (name === 'fields' && copy.kind === 'alloc')
      return [
        name,
        Object.fromEntries(Object.entries(copy.fields).map(([field, value]) => [field, field === 'to' ? mirroredValue(value) : value])),
      ];
    return [name, part];
  });
  return Object.fromEntries(parts) as unknown as Action;
}

function mirroredThread(thread: Thread, name: string): Thread {
  const nodes = thread.nodes.map((node): Node => ({ ...node, action: mirroredAction(node.action) }));
  return { ...thread, name, nodes, work: thread.work === null ? null : { ...thread.work, instance: other(thread.work.instance) } };
}

function mirror(program: Program): Program {
  const [first, , worker] = program.threads;
  const [start, , idle] = program.initial.threads;
  if (first === undefined || worker === undefined || start === undefined || idle === undefined)
    throw new Error('a random program has four threads');
  const cells: Record<string, number> = {};
  for (const [cell, value] of Object.entries(program.initial.cells)) {
    if (!cell.startsWith('Thing#1.')) continue;
    cells[cell] = value;
    const field = cell.slice('Thing#1.'.length);
    cells[`Thing#2.${field}`] = field === 'to' ? other(value) : field === 'set' ? mirroredSet(value) : value;
  }
  const slots = { 0: 1, 1: 2 },
    mirroredSlots = { 0: 2, 1: 1 };
  return {
    ...program,
    types: program.types.map(type => ({ ...type, initial: 2 })),
    threads: [first, mirroredThread(first, 'T2'), worker, mirroredThread(worker, 'worker Thing#2.work')],
    stays: ['Thing#1', 'Thing#2'],
    initial: {
      ...program.initial,
      allocated: { Thing: 2 },
      alive: { 'Thing#1': 1, 'Thing#2': 1 },
      cells,
      threads: [
        { ...start, slots },
        { ...start, slots: mirroredSlots },
        { ...idle, slots },
        { ...idle, slots: mirroredSlots },
      ],
    },
  };
}

export const mirroredProgram: fc.Arbitrary<Program> = randomProgram.map(mirror);
