/**
 * Statements to a control-flow graph of atomic steps: calls are inlined, counted loops unrolled, constants folded.
 * One builder makes the graph of one thread.
 */
import { firstProcess } from '../../oracles/thread.ts';
import type { Statement } from '../model.ts';
import { type Action, END, type Target } from '../program.ts';
import { callOperation, inline, releaseLater } from './calls.ts';
import { readNothingYet } from './fields.ts';
import { globalInstance } from './globals.ts';
import {
  branch,
  type Environment,
  emit,
  type Frame,
  type Graph,
  inSlot,
  joinTo,
  newBuilding,
  type Shared,
  setSlot,
  slot,
  type Typed,
  zero,
} from './graph.ts';
import { block } from './statements.ts';
import { alternatives } from './verb-parts.ts';

export interface Inliner {
  /** Statements of a scenario, from its environment; gives the environment after them. */
  body(statements: readonly Statement[], environment: Environment): Environment;
  /** A worker's round: take, the function on the instance, done, and again. */
  worker(operation: string, target: Target): void;
  /**
   * A caller's round: one of these operations as a call of the interface, what it returned in slot 0, and again. Whoever runs the program
   * lets it stand at a call with the arguments in their slots, which are 0 otherwise. `largest` bounds plain values.
   */
  caller(operations: readonly string[], largest: number): void;
  finish(): Graph;
}

/** `process`: the instance on whose behalf the thread runs. */
export function createInliner(shared: Shared, process = globalInstance(shared.system.globals, firstProcess)): Inliner {
  const here = newBuilding(shared, process);
  return {
    body(statements, environment) {
      const frame = scenarioFrame(environment);
      block(here, statements, frame);
      here.pending.push(...frame.returns);
      return frame.environment;
    },
    worker(name, target) {
      const operation = here.shared.system.operations[name];
      if (operation === undefined) throw new Error(`${here.shared.system.name} has no function ${name}`);
      const text = `run ${target.type}.${target.field}`;
      const head = emit(here, { kind: 'take', target }, operation.at, text);
      readNothingYet(here, operation.at);
      inline(here, operation, [{ value: target.object, type: target.type, word: false }], false);
      releaseLater(here, operation.at);
      emit(here, { kind: 'done', target }, operation.at, `${text}: done`);
      joinTo(here, head);
    },
    caller(names, largest) {
      const offered = names.flatMap(name => here.shared.system.operations[name] ?? []);
      const returned = slot(here, 'returned', null, { max: largest });
      const frame = scenarioFrame(new Map());
      const at = offered[0]?.at ?? { file: '', line: 0, column: 0 };
      const head = here.nodes.length;
      alternatives(
        here,
        true,
        at,
        'the next call',
        offered.map(operation => () => {
          // Read here, so that it is kept until here; whoever begins a call has had it.
          here.pending.push(...branch(here, inSlot(here, returned), at));
          setSlot(here, returned, zero, at);
          const given = operation.parameters.map(({ name, type }): Typed => {
            const into = slot(here, name, type, type === null ? { max: largest } : {});
            setSlot(here, into, zero, at);
            return inSlot(here, into);
          });
          setSlot(here, returned, callOperation(here, operation.name, given, operation.at, operation.name, frame), at);
        }),
      );
      joinTo(here, head);
    },
    finish() {
      here.pending = [];
      let start = 0;
      // Nothing is live yet, so a slot set to 0 is what it is anyway.
      while (here.nodes[start] !== undefined && isIdle(here.nodes[start]?.action)) start = here.nodes[start]?.next ?? END;
      const { nodes, slots, calls } = here;
      return { nodes, start: nodes.length === 0 ? END : start, slots, calls };
    },
  };
}

function scenarioFrame(environment: Environment): Frame {
  return {
    operation: 'scenario',
    environment: new Map(environment),
    returns: [],
    result: null,
    only: null,
    loops: [],
    guards: [],
    outside: true,
  };
}

function isIdle(action: Action | undefined): boolean {
  return action?.kind === 'jump' || (action?.kind === 'set' && action.value.kind === 'constant' && action.value.value === 0);
}
