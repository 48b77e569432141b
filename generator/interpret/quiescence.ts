/** States in which all has ended: what may remain, and what every counter must be. */
import { globalObjects, ownedCounter } from '../instantiate/globals.ts';
import { END, type Finding, type Program, type State } from '../program.ts';
import { cellName, isAlive, membersOf, objectName } from './evaluate.ts';
import { heldBy } from './judge-step.ts';
import { indexOf, nodeAt, threadAt, typeOf } from './program-index.ts';

/** All threads have ended, all workers are idle, and no work is pending. */
export function atRest(program: Program, state: State): boolean {
  return state.threads.every(({ node }, number) => {
    const thread = threadAt(program, number);
    if (!thread.work) return node === END;
    const { type, instance, field } = thread.work;
    return nodeAt(thread, node).action.kind === 'take' && (state.cells[cellName(type, instance, field)] ?? 0) === 0;
  });
}

/** What is wrong with a state at rest: what is left behind, and counters that do not equal their owners. */
export function quiescenceFindings(program: Program, state: State): Finding[] {
  const stay = reachable(program, state);
  return [...leftBehind(program, state, stay), ...unbalanced(program, state, stay)];
}

/** Objects that stay, and all that their pointers and sets lead to. */
export function reachable(program: Program, state: State): Set<string> {
  const found = new Set<string>();
  const visit = (type: string, instance: number) => {
    const name = objectName(type, instance);
    if (found.has(name) || !isAlive(state, type, instance)) return;
    found.add(name);
    for (const { to, kind, name: field } of typeOf(program, type).fields) {
      const value = state.cells[cellName(type, instance, field)] ?? 0;
      if (to === null || value === 0) continue;
      for (const one of kind === 'set' ? membersOf(value) : [value]) visit(to, one);
    }
  };
  for (const root of mayStay(program)) {
    const [type = '', instance] = root.split('#');
    visit(type, Number(instance));
  }
  return found;
}

/** Declared objects and what the scenario says stays. */
export function mayStay(program: Program): string[] {
  return [...new Set([...globalObjects(program.globals), ...program.stays])];
}

function leftBehind(program: Program, state: State, stay: ReadonlySet<string>): Finding[] {
  const wrong = (detail: string): Finding => ({ rule: 'always.quietAtTheEnd', detail, fatal: false, objects: {} });
  const findings: Finding[] = [];
  for (const { name } of aliveObjects(program, state)) if (!stay.has(name)) findings.push(wrong(`${name} was not freed`));
  for (const { name, type, instance } of aliveObjects(program, state))
    for (const field of typeOf(program, type).fields) {
      const cell = cellName(type, instance, field.name);
      if (field.kind === 'wait-entry' && !stay.has(name) && (state.cells[cell] ?? 0) !== 0)
        findings.push(wrong(`${cell} is on a wait queue`));
    }
  program.threads.forEach((thread, number) => {
    for (const { name, kind } of heldBy(program, state, number)) {
      findings.push(
        wrong(kind === 'srcu' || kind === 'rcu' ? `${thread.name} is in a read section of ${name}` : `${thread.name} holds ${name}`),
      );
    }
  });
  return findings;
}

function unbalanced(program: Program, state: State, stay: ReadonlySet<string>): Finding[] {
  const findings: Finding[] = [];
  for (const { name, type, instance } of aliveObjects(program, state)) {
    if (!stay.has(name)) continue;
    for (const { name: counter, kind } of typeOf(program, type).fields) {
      if (kind !== 'refcount' || !canBeOwned(program, type, counter)) continue;
      const cell = cellName(type, instance, counter);
      const owners = ownersOf(program, state, type, instance, counter);
      const before = isAlive(program.initial, type, instance)
        ? (program.initial.cells[cell] ?? 0) - ownersOf(program, program.initial, type, instance, counter).length
        : 0;
      const count = state.cells[cell] ?? 0;
      if (count - owners.length === before) continue;
      const listed = owners.length === 0 ? 'nobody owns it' : `owned by ${owners.join(', ')}`;
      const expected = before + owners.length;
      const handles = before === 0 ? '' : `, and ${before} held by the scenario`;
      findings.push({
        rule: 'always.referencesBalance',
        detail: `${cell} is ${count} and should be ${expected}: ${listed}${handles}`,
        fatal: false,
        objects: {},
      });
    }
  }
  return findings;
}

function canBeOwned(program: Program, type: string, counter: string): boolean {
  return program.types.some(({ owns, fields }) =>
    fields.some(({ name, to }) => {
      const owned = ownedCounter(program.globals, to, owns[name]);
      return owned?.type === type && owned.counter === counter;
    }),
  );
}

/** Fields of objects that exist which own a reference on this counter: `Irqfd#1.kvm`. */
function ownersOf(program: Program, state: State, type: string, instance: number, counter: string): string[] {
  return aliveObjects(program, state).flatMap(owner => {
    const { owns, fields } = typeOf(program, owner.type);
    return fields.flatMap(({ name, kind, to }) => {
      const cell = cellName(owner.type, owner.instance, name);
      const value = state.cells[cell] ?? 0;
      const owned = ownedCounter(program.globals, to, owns[name]);
      if (owned?.type !== type || owned.counter !== counter) return [];
      const pointsHere = kind === 'set' ? membersOf(value).includes(instance) : value === instance;
      return (owned.instance === null ? pointsHere : value !== 0 && owned.instance === instance) ? [cell] : [];
    });
  });
}

function aliveObjects(program: Program, state: State): { name: string; type: string; instance: number }[] {
  return [...indexOf(program).types.keys()]
    .flatMap(type =>
      Array.from({ length: state.allocated[type] ?? 0 }, (_, index) => ({ name: objectName(type, index + 1), type, instance: index + 1 })),
    )
    .filter(({ type, instance }) => isAlive(state, type, instance));
}
