/** Expressions of operations: what is known is folded, every read and verb becomes a step. */
import type { Expression, FieldOf, Operator, Place } from '../model.ts';
import type { Target, Value } from '../program.ts';
import { callOperation, callThrough } from './calls.ts';
import { readField } from './fields.ts';
import { fold } from './fold.ts';
import { globalInstance } from './globals.ts';
import { type Building, branch, constant, emit, type Frame, inSlot, joinTo, setSlot, slot, type Typed, zero } from './graph.ts';
import { verb } from './verbs.ts';

export function evaluate(here: Building, expression: Expression, frame: Frame): Typed {
  switch (expression.kind) {
    case 'constant':
      return constant(here, expression.value);
    case 'local': {
      const found = frame.environment.get(expression.name);
      if (found === undefined) throw new Error(`${expression.name} is not bound in ${frame.operation}`);
      return found;
    }
    case 'global':
      return {
        value: { kind: 'constant', value: globalInstance(here.shared.system.globals, expression.name) },
        type: expression.type,
        word: false,
      };
    case 'current':
      return { value: { kind: 'constant', value: here.process }, type: 'Process', word: false };
    case 'operator':
      return evaluateOperator(here, expression.operator, expression.of, expression.at, frame);
    case 'conditional': {
      const when = evaluate(here, expression.when, frame);
      const types = slot(here, '?', null);
      const other = branch(here, when, expression.at);
      setSlot(here, types, evaluate(here, expression.then, frame), expression.at);
      const after = here.pending;
      here.pending = other;
      const otherwise = evaluate(here, expression.otherwise, frame);
      setSlot(here, types, otherwise, expression.at);
      here.pending.push(...after);
      const type = otherwise.type;
      return { ...inSlot(here, types), type };
    }
    case 'read':
      return readField(here, expression.field, expression.at, expression.text, frame);
    case 'call':
      return callOperation(
        here,
        expression.of,
        expression.with.map(part => evaluate(here, part, frame)),
        expression.at,
        expression.text,
        frame,
      );
    case 'quantified':
      return quantified(here, expression, frame);
    case 'call-through':
      return callThrough(here, expression, frame);
    case 'record':
      return {
        ...zero,
        parts: Object.fromEntries(Object.entries(expression.parts).map(([name, part]) => [name, evaluate(here, part, frame)])),
      };
    case 'part': {
      const part = evaluate(here, expression.record, frame).parts?.[expression.name];
      if (part === undefined)
        throw new Error(`${frame.operation} takes ${expression.name} from something that does not have it on every path`);
      return part;
    }
    case 'alloc': {
      const fields: Record<string, Value> = {};
      for (const [name, value] of Object.entries(expression.fields)) fields[name] = evaluate(here, value, frame).value;
      const made = slot(here, expression.type, expression.type);
      emit(here, { kind: 'alloc', type: expression.type, fields, slot: made }, expression.at, expression.text);
      return inSlot(here, made);
    }
    case 'verb':
      return verb(here, expression, frame);
  }
}

export function evaluateOperator(here: Building, operator: Operator, of: readonly Expression[], at: Place, frame: Frame): Typed {
  const [first, second] = of;
  if (first === undefined) throw new Error(`${operator} without an operand`);
  const left = evaluate(here, first, frame);
  if (second === undefined) return { value: fold(operator, [left.value]), type: null, word: false };
  if ((operator === '&&' || operator === '||') && hasSteps(second)) {
    if (left.value.kind === 'constant') return (operator === '&&') === (left.value.value !== 0) ? evaluate(here, second, frame) : left;
    const result = slot(here, operator, null, { max: 1 });
    setSlot(here, result, left, at);
    const skip = branch(here, operator === '&&' ? left : { ...left, value: fold('!', [left.value]) }, at);
    setSlot(here, result, evaluate(here, second, frame), at);
    here.pending.push(...skip);
    return inSlot(here, result);
  }
  return { value: fold(operator, [left.value, evaluate(here, second, frame).value]), type: null, word: false };
}

export function targetOf(here: Building, field: FieldOf, frame: Frame): Target {
  return { object: evaluate(here, field.of, frame).value, type: field.type, field: field.field };
}

/** Each member is a step, and each read of its condition. The first member that decides ends the loop. */
export function quantified(
  here: Building,
  { every, set, of, name, condition, at, text }: Expression & { kind: 'quantified' },
  frame: Frame,
): Typed {
  const target = targetOf(here, set, frame);
  const result = slot(here, every ? 'every' : 'some', null, { max: 1 });
  const visited = slot(here, 'visited', null, { mask: of });
  const one = slot(here, name.split('@')[0] ?? '', of);
  setSlot(here, visited, zero, at);
  const head = emit(here, { kind: 'next', target, visited, slot: one }, at, text);
  frame.environment.set(name, inSlot(here, one));
  const holds = evaluate(here, condition, frame);
  const decides = every ? { ...holds, value: fold('!', [holds.value]) } : holds;
  const more = branch(here, decides, at);
  setSlot(here, result, constant(here, !every), at);
  const decided = here.pending;
  here.pending = more;
  joinTo(here, head);
  here.pending = [[head, 'otherwise']];
  setSlot(here, result, constant(here, every), at);
  here.pending.push(...decided);
  return inSlot(here, result);
}

/** Whether evaluating it takes a step, or touches an object. */
export function hasSteps(expression: Expression): boolean {
  switch (expression.kind) {
    case 'constant':
    case 'local':
    case 'global':
    case 'current':
      return false;
    case 'operator':
      return expression.of.some(hasSteps);
    case 'conditional':
    case 'read':
    case 'verb':
    case 'call':
    case 'quantified':
    case 'call-through':
    case 'record':
    case 'part':
    case 'alloc':
      return true;
  }
}
