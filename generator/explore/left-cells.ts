/** Ghosts of what a call has changed and not put back, for contracts that ask. */
import { mustPutBack } from '../interpret/left-behind.ts';
import { fieldOf } from '../interpret/program-index.ts';
import type { Contract, Program, Target } from '../program.ts';
import { fieldCell, leftCell } from './cells.ts';
import { instances } from './changing-cells.ts';
import { cell as cellIn, type Emission, type Path, withCell } from './emission.ts';
import { add, any, type Code, equal, subtract } from './generated-code.ts';

export interface Asked {
  /** Of the field. */ readonly cell: string;
  readonly how: 'field' | 'set' | 'counter';
  readonly type: string;
  readonly instance: number;
  readonly field: string;
}

const changes = ['write', 'add', 'remove', 'get', 'get-unless-zero', 'put', 'put-later', 'close-fd'];

/** Fields that some call of the thread may change whose contract asks for them. */
export function askedOf(program: Program, thread: number): readonly Asked[] {
  const owner = program.threads[thread];
  const found = new Map<string, Asked>();
  const note = (contract: Contract, { type, field, object }: Target): void => {
    const how = mustPutBack(program, contract, type, field);
    if (how === null) return;
    for (const instance of instances(program, type, object)) {
      const name = fieldCell(type, instance, field);
      found.set(name, { cell: name, how, type, instance, field });
    }
  };
  for (const { action, call } of owner?.nodes ?? []) {
    const contract = program.contracts[owner?.calls[call]?.contract ?? -1];
    if (contract?.mayLeave === undefined) continue;
    if (changes.includes(action.kind) && 'target' in action) note(contract, action.target);
    if (action.kind === 'fget') {
      const file = fieldOf(program, action.target.type, action.target.field).to;
      const every: Target | null = file === null ? null : { object: { kind: 'slot', slot: -1 }, type: file, field: 'refs' };
      if (every !== null) note(contract, every);
    }
  }
  return [...found.values()];
}

/** Largest value of the ghost. */
export function mostLeft(program: Program, { how, type, field }: Asked): number {
  return how === 'counter' ? 15 : how === 'set' ? fieldOf(program, type, field).max : fieldOf(program, type, field).max + 1;
}

/** The path's changes noted, and what is said of objects that are gone forgotten. */
export function withLeft(e: Emission, path: Path, step: number): Path {
  const owner = e.program.threads[path.thread];
  const node = owner?.nodes[step];
  const contract = e.program.contracts[owner?.calls[node?.call ?? -1]?.contract ?? -1];
  const read = (name: string): Code => cellIn(e.layout, name);
  let after = path;
  for (const thread of e.program.threads.keys())
    for (const asked of e.layout.left[thread] ?? []) {
      const ghost = leftCell(thread, asked.cell);
      if (path.cells.get(`alive ${asked.type}#${asked.instance}`) === 0) {
        after = withCell(after, ghost, 0);
        continue;
      }
      const value = path.cells.get(asked.cell);
      const isNew = path.cells.get(`alive ${asked.type}#${asked.instance}`) === 1;
      if (thread !== path.thread || value === undefined || isNew || contract?.mayLeave === undefined || node?.action.kind === 'return')
        continue;
      if (mustPutBack(e.program, contract, asked.type, asked.field) === null) continue;
      after = withCell(after, ghost, noted(asked, read(ghost), read(asked.cell), value));
    }
  return node?.action.kind === 'return'
    ? (e.layout.left[path.thread] ?? []).reduce((at, { cell }) => withCell(at, leftCell(path.thread, cell), 0), after)
    : after;
}

function noted({ how }: Asked, known: Code, before: Code, after: Code): Code {
  if (how === 'set') return `(${known} ^ ${before} ^ ${after})`;
  if (how === 'counter') {
    const sum = subtract(add(`(${known} || 8)`, after), before);
    return `((${sum}) === 8 ? 0 : ${sum})`;
  }
  return `(${known} ? (${known} === ${add(after, 1)} ? 0 : ${known}) : ${equal(after, before)} ? 0 : ${add(before, 1)})`;
}

/** Whether the thread's call has left something changed. */
export function anyLeft(e: Emission, thread: number): Code {
  return any((e.layout.left[thread] ?? []).map(({ cell }) => cellIn(e.layout, leftCell(thread, cell))));
}
