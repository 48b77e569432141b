/** What a call has changed and not put back, for contracts that ask: an array of notes for each thread and field. */
import { mustPutBack } from '../interpret/left-behind.ts';
import { fieldOf } from '../interpret/program-index.ts';
import type { Contract, Node, Program, Target } from '../program.ts';
import type { Cells } from './cells.ts';
import { any, type Code, compare, either, minus, plus } from './code.ts';
import { instancesOf } from './predicate.ts';
import { type Path, type Stand, withChange } from './step.ts';

/** Gets less puts are counted from here, so that 0 says that nothing was changed. */
const MIDDLE = 8;

export interface Asked {
  readonly type: string;
  readonly field: string;
  readonly how: 'field' | 'set' | 'counter';
  /** Largest note. */ readonly max: number;
}

/** By thread: fields that a call may change whose contract asks for them. */
export function askedBy(program: Program): readonly (readonly Asked[])[] {
  return program.threads.map(({ nodes, calls }) => {
    const found = new Map<string, Asked>();
    for (const { action, call } of nodes) {
      const contract = program.contracts[calls[call]?.contract ?? -1];
      if (contract?.mayLeave === undefined || !('target' in action) || !changes.includes(action.kind)) continue;
      const { type, field } = changedIn(program, action.kind, action.target);
      const how = mustPutBack(program, contract, type, field);
      if (how === null) continue;
      const { max } = fieldOf(program, type, field);
      found.set(`${type}.${field}`, { type, field, how, max: how === 'counter' ? 2 * MIDDLE - 1 : how === 'set' ? max : max + 1 });
    }
    return [...found.values()];
  });
}

const changes: readonly string[] = ['write', 'add', 'remove', 'get', 'get-unless-zero', 'put', 'put-later', 'close-fd', 'fget'];

function changedIn(program: Program, kind: string, { type, field }: Target): { readonly type: string; readonly field: string } {
  return kind === 'fget' ? { type: fieldOf(program, type, field).to ?? type, field: 'refs' } : { type, field };
}

/** The field changes, and that is noted if the running call may have to put it back. */
export function withField(stand: Stand, node: Node, path: Path, type: string, of: Code, field: string, value: Code): Path {
  const { cells, thread } = stand;
  const before = cells.field(type, of, field);
  const changed = withChange(path, before, value);
  const contract: Contract | undefined = cells.program.contracts[cells.program.threads[thread]?.calls[node.call]?.contract ?? -1];
  const asked = cells.left[thread]?.find(one => one.type === type && one.field === field);
  if (contract?.mayLeave === undefined || asked === undefined || mustPutBack(cells.program, contract, type, field) === null) return changed;
  const note = cells.note(thread, asked, of);
  return withChange(changed, note, after(asked, note, before, value));
}

function after({ how }: Asked, note: string, before: Code, value: Code): Code {
  switch (how) {
    case 'set':
      return `(${note} ^ ${before} ^ ${value})`;
    case 'counter': {
      const sum = (value === plus(before, 1) ? plus : minus)(`(${note} == 0 -> ${MIDDLE} : ${note})`, 1);
      return either(compare('==', sum, MIDDLE), 0, sum);
    }
    case 'field': {
      const isBack = compare('==', note, plus(value, 1));
      return either(compare('!=', note, 0), either(isBack, 0, note), either(compare('==', before, value), 0, plus(before, 1)));
    }
  }
}

/** The object is gone, and all notes about it with it. */
export function withoutNotes({ cells }: Stand, path: Path, type: string, of: Code): Path {
  return cells.program.threads.reduce<Path>(
    (path, _, thread) =>
      (cells.left[thread] ?? [])
        .filter(asked => asked.type === type)
        .reduce((path, asked) => withChange(path, cells.note(thread, asked, of), 0), path),
    path,
  );
}

/** All notes of the thread. */
export function notes(cells: Cells, thread: number): readonly string[] {
  return (cells.left[thread] ?? []).flatMap(asked => instancesOf(cells, asked.type).map(one => cells.note(thread, asked, one)));
}

/** Whether the thread's call has left anything changed. */
export function anyLeft(cells: Cells, thread: number): Code {
  return any(notes(cells, thread).map(note => compare('!=', note, 0)));
}
