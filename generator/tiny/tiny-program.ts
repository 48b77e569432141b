/** Makes small programs by hand: a node is an action, and goes on to the one below it unless it says otherwise. For tests. */
import type { Predicate, Rule, SeenField } from '../model.ts';
import {
  type Action,
  type Call,
  type Contract,
  END,
  type Node,
  type Program,
  type ProgramField,
  type ProgramType,
  type Site,
  type Slot,
  type State,
  type Target,
  type Thread,
  type Value,
} from '../program.ts';

/** An action, or one that does not go on to the node below it. */
export type TinyNode = Action | { readonly action: Action; readonly next?: number; readonly otherwise?: number; readonly call?: number };
export interface TinyThread {
  readonly nodes: readonly TinyNode[];
  readonly slots?: readonly Slot[];
  readonly calls?: readonly Call[];
  readonly context?: Thread['context'];
  readonly work?: Thread['work'];
}
export interface Tiny {
  readonly name: string;
  readonly types: readonly ProgramType[];
  readonly threads: readonly TinyThread[];
  readonly cells?: Readonly<Record<string, number>>;
  readonly rules?: readonly Rule[];
  readonly contracts?: readonly Contract[];
  readonly words?: readonly string[];
  readonly waitQueues?: Program['waitQueues'];
  readonly onQueue?: Program['onQueue'];
  readonly globals?: Program['globals'];
  readonly stays?: readonly string[];
}

export const constant = (value: number): Value => ({ kind: 'constant', value });
export const slot = (number: number): Value => ({ kind: 'slot', slot: number });
/** A field of instance 1, or of the instance that a value gives. */
export const at = (type: string, field: string, object: Value = constant(1)): Target => ({ object, type, field });

export const field = (name: string, kind: string, max = 7, to: string | null = null, isConstant = false): ProgramField => ({
  name,
  kind,
  max,
  constant: isConstant,
  to,
});
export const objectType = (
  name: string,
  fields: readonly ProgramField[],
  initial = 1,
  pool = 1,
  owns: ProgramType['owns'] = {},
): ProgramType => ({ name, pool, initial, fields, runs: {}, owns });
export const pointerSlot = (name: string, type: string, max = 1): Slot => ({ name, max, type, word: false });
export const plainSlot = (name: string, max = 1): Slot => ({ name, max, type: null, word: false });
const place = (line: number) => ({ file: 'tiny.ts', line, column: 1 });

export function tiny(what: Tiny): Program {
  const sites: Site[] = [];
  const threads = what.threads.map((thread, number): Thread => {
    const nodes = thread.nodes.map((given, index): Node => {
      const { action, ...edges } = 'action' in given ? given : { action: given };
      const inside = thread.calls?.[edges.call ?? -1]?.operation;
      sites.push({ at: place(sites.length + 1), text: action.kind, in: inside === undefined ? [] : [inside], label: null });
      const below = index + 1 < thread.nodes.length ? index + 1 : END;
      return { action, next: below, otherwise: below, call: -1, ...edges, site: sites.length - 1 };
    });
    const work = thread.work ?? null;
    const name = work ? `worker ${work.type}#${work.instance}.${work.field}` : `T${number + 1}`;
    return {
      name,
      text: name,
      context: thread.context ?? (work ? 'worker' : 'task'),
      work,
      nodes,
      start: nodes.length > 0 ? 0 : END,
      slots: thread.slots ?? [],
      calls: thread.calls ?? [],
    };
  });
  const existing = what.types.flatMap(({ name, initial }) => Array.from({ length: initial }, (_, index) => `${name}#${index + 1}`));
  const initial: State = {
    allocated: Object.fromEntries(what.types.flatMap(({ name, initial: count }) => (count > 0 ? [[name, count]] : []))),
    alive: Object.fromEntries(existing.map(name => [name, 1])),
    cells: { ...what.cells },
    exclusive: {},
    threads: threads.map(({ start }) => ({
      node: start,
      slots: {},
      readers: {},
      grace: {},
      flush: {},
      waiting: {},
      seen: 0,
      due: 0,
      ensured: 0,
    })),
  };
  return {
    system: 'tiny',
    variant: null,
    scenario: what.name,
    types: what.types,
    globals: what.globals ?? {},
    words: what.words ?? [],
    waitQueues: what.waitQueues ?? [],
    onQueue: what.onQueue ?? {},
    threads,
    sites,
    contracts: what.contracts ?? [],
    rules: what.rules ?? [],
    initial,
    stays: what.stays ?? existing,
    setup: null,
  };
}

export const lock = (target: Target): Action => ({ kind: 'lock', target, irq: false });
export const unlock = (target: Target): Action => ({ kind: 'unlock', target, irq: false });
export const write = (target: Target, value: number): Action => ({ kind: 'write', target, value: constant(value) });
export const head = (name: string) => ({ name, doc: `${name}.`, source: null, at: place(1) });
export const variable = (name: string, type: string | null): Predicate => ({ kind: 'variable', name, type });
export const seen = (name: string, type: string, fieldName: string): SeenField => ({ of: variable(name, type), type, field: fieldName });
