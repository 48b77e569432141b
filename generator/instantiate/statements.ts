/** Statements: what follows what. */
import type { Statement } from '../model.ts';
import { evaluate, targetOf } from './expressions.ts';
import { fieldTypeOf } from './fields.ts';
import { type Building, branch, constant, type Edge, emit, type Frame, inSlot, isDead, joinTo, setSlot, slot, zero } from './graph.ts';
import { alternatives } from './verb-parts.ts';

export function block(here: Building, statements: readonly Statement[], frame: Frame): void {
  const before = frame.guards.length;
  for (const statement of statements) {
    if (isDead(here)) break;
    const outer = here.label;
    here.label = statement.label ?? outer;
    run(here, statement, frame);
    here.label = outer;
  }
  if (!isDead(here)) release(here, frame, before);
  frame.guards.length = before;
}

export function release(here: Building, frame: Frame, downTo: number): void {
  for (const { target, at, text } of frame.guards.slice(downTo).reverse())
    emit(here, { kind: 'unlock', target, irq: false }, at, `${text}: released`);
}

export function run(here: Building, statement: Statement, frame: Frame): void {
  const { at } = statement;
  switch (statement.kind) {
    case 'let':
      frame.environment.set(statement.name, evaluate(here, statement.value, frame));
      return;
    case 'do':
      evaluate(here, statement.value, frame);
      return;
    case 'write': {
      const target = targetOf(here, statement.field, frame);
      const isFlag = fieldTypeOf(here, statement.field)?.kind === 'flag';
      if (isFlag && statement.value.kind === 'constant') {
        emit(here, { kind: statement.value.value === 'taken' ? 'flag-take' : 'flag-free', target }, at, statement.text);
        return;
      }
      const { value } = evaluate(here, statement.value, frame);
      emit(here, { kind: 'write', target, value }, at, statement.text);
      return;
    }
    case 'if': {
      const when = evaluate(here, statement.when, frame);
      if (when.value.kind === 'constant') return block(here, when.value.value !== 0 ? statement.then : statement.otherwise, frame);
      const other = branch(here, when, at);
      block(here, statement.then, frame);
      const after = here.pending;
      here.pending = other;
      block(here, statement.otherwise, frame);
      here.pending.push(...after);
      return;
    }
    case 'each': {
      const target = targetOf(here, statement.set, frame);
      const visited = slot(here, 'visited', null, { mask: statement.of });
      const one = slot(here, statement.name.split('@')[0] ?? '', statement.of);
      emit(here, { kind: 'set', slot: visited, value: zero.value }, at, '');
      const head = emit(here, { kind: 'next', target, visited, slot: one }, at, statement.text);
      frame.environment.set(statement.name, inSlot(here, one));
      loop(here, head, statement.body, frame, [[head, 'otherwise']]);
      return;
    }
    case 'loop': {
      const head = emit(here, { kind: 'jump' }, at, '');
      loop(here, head, statement.body, frame, []);
      return;
    }
    case 'repeat': {
      const breaks: Edge[] = [];
      for (let round = statement.from; round <= statement.to && !isDead(here); round += 1) {
        frame.environment.set(statement.name, constant(here, round));
        const around = { head: null, breaks, rounds: [] as Edge[], guards: frame.guards.length };
        frame.loops.push(around);
        block(here, statement.body, frame);
        frame.loops.pop();
        here.pending.push(...around.rounds);
      }
      here.pending.push(...breaks);
      return;
    }
    case 'break':
    case 'continue': {
      const around = frame.loops.at(-1);
      if (around === undefined) throw new Error(`${statement.kind} outside a loop`);
      release(here, frame, around.guards);
      if (statement.kind === 'break') around.breaks.push(...here.pending);
      else if (around.head === null) around.rounds.push(...here.pending);
      else joinTo(here, around.head);
      here.pending = [];
      return;
    }
    case 'return': {
      const result = statement.value === null ? null : evaluate(here, statement.value, frame);
      if (isDead(here)) return;
      if (result !== null && frame.result !== null) setSlot(here, frame.result, result, at);
      else if (result !== null) frame.only = result;
      release(here, frame, 0);
      frame.returns.push(...here.pending);
      here.pending = [];
      return;
    }
    case 'block':
      return block(here, statement.body, frame);
    case 'guard': {
      const target = targetOf(here, statement.lock, frame);
      emit(here, { kind: 'lock', target, irq: false }, at, statement.text);
      frame.guards.push({ target, at, text: statement.text });
      return;
    }
    case 'choose':
      alternatives(
        here,
        true,
        at,
        'choose',
        statement.bodies.map(body => () => {
          const inner: Frame = { ...frame, environment: new Map(frame.environment), returns: [], guards: [], loops: [] };
          block(here, body, inner);
          here.pending.push(...inner.returns);
        }),
      );
      return;
    case 'stays':
    case 'thread':
    case 'atomic':
      throw new Error(`${statement.kind} does not belong here`);
  }
}

export function loop(here: Building, head: number, body: readonly Statement[], frame: Frame, exits: Edge[]): void {
  const around = { head, breaks: [] as Edge[], rounds: [] as Edge[], guards: frame.guards.length };
  frame.loops.push(around);
  block(here, body, frame);
  joinTo(here, head);
  frame.loops.pop();
  here.pending = [...exits, ...around.breaks];
}
