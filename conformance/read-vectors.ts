/** Vector files: from text to vectors that the runner can trust to hang together. */
import { checkAgainst } from './schema.ts';
import { UsageFault } from './usage-fault.ts';
import type { Expected, Vector, VectorCall, VectorFile } from './vector.ts';

const check = checkAgainst('vectors.schema.json');

/** Throws a UsageFault that names `file` and the field. */
export function readVectors(text: string, file: string): VectorFile {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new UsageFault(`${file}: This is not JSON: ${error instanceof Error ? error.message : 'no reason given'}.`);
  }
  const checked = check(value);
  if ('problem' in checked) throw new UsageFault(`${file}: ${checked.problem}`);
  for (const vector of checked.value.vectors) {
    const problem = problemOf(vector);
    if (problem !== null) throw new UsageFault(`${file}: ${vector.id}: ${problem}`);
  }
  return checked.value;
}

/** What the schema cannot see; null if nothing is wrong. */
function problemOf(vector: Vector): string | null {
  const handles = new Set<string>();
  for (const call of vector.setup) {
    const unknown = unknownHandle(call, handles);
    if (unknown !== null) return unknown;
    if (call.keep === null) continue;
    if (handles.has(call.keep)) return `Two setup calls keep their result as ${call.keep}.`;
    if (call.result !== null) return `Setup call ${call.call} keeps a handle and has a plain result.`;
    handles.add(call.keep);
  }
  for (const call of vector.callers.flat()) {
    const unknown = unknownHandle(call, handles);
    if (unknown !== null) return unknown;
  }
  const { order } = vector;
  if (order !== null && !vector.callers.every((calls, caller) => order.filter(turn => turn === caller).length === calls.length)) {
    return 'The order does not give each caller as many turns as it has calls.';
  }
  if (order?.some(turn => vector.callers[turn] === undefined)) return 'The order names a caller that does not exist.';
  for (const expected of vector.expected) {
    const problem = problemOfAutomaton(expected);
    if (problem !== null) return problem;
  }
  return null;
}

function unknownHandle(call: VectorCall, handles: ReadonlySet<string>): string | null {
  for (const argument of call.with) {
    if (typeof argument === 'object' && argument !== null && !handles.has(argument.handle)) {
      return `Call ${call.call} uses handle ${argument.handle}, which no earlier setup call keeps.`;
    }
  }
  return null;
}

function problemOfAutomaton(expected: Expected): string | null {
  if (expected.states.length === 0) return 'An automaton has no state to begin in.';
  for (const [state, events] of expected.states.entries()) {
    for (const [event, next] of Object.entries(events)) {
      if (!/^(c\d+|r\d+=.+)$/.test(event)) return `State ${state} has the event ${event}, which is neither a call nor a return.`;
      if (expected.states[next] === undefined) return `State ${state} goes to state ${next} on ${event}, which does not exist.`;
    }
  }
  return null;
}
