/**
 * Statements to a control-flow graph of atomic steps: calls are inlined, counted loops unrolled, constants folded.
 * One builder makes the graph of one thread.
 */

import { firstProcess } from '../../oracles/thread.ts';
import type { Expression, FieldOf, FieldType, Operation, Operator, Place, Statement, System } from '../model.ts';
import { type Action, type Call, END, type Node, type Site, type Target, type Value } from '../program.ts';
import { globalInstance } from './globals.ts';
import { NotRunnable } from './not-runnable.ts';

/** What the threads of a program have in common while their graphs are made. */
export interface Shared {
  readonly system: System;
  readonly words: readonly string[];
  /** A readonly field of an object that exists before the first thread; undefined if not known. */
  readonly known: (type: string, instance: number, field: string) => number | undefined;
  /** Wait entries by the wait queue they are put on: `Eventfd.wait` to [`Irqfd`, `entry`]. */
  readonly entriesOn: ReadonlyMap<string, readonly (readonly [type: string, field: string])[]>;
  /** Operations that are seen as calls when a scenario makes them, by the name offered. */
  readonly visible: ReadonlyMap<string, string>;
  /** Operations whose arguments a rule asks for while they run. */ readonly kept: ReadonlySet<string>;
  /** Index of the contract of an operation, or -1. */
  readonly contractOf: (operation: string) => number;
  readonly sites: Site[];
}

export interface Typed {
  readonly value: Value;
  readonly type: string | null;
  readonly word: boolean;
  /** Of what a function of a setup returns. */
  readonly parts?: Readonly<Record<string, Typed>>;
}
export type Environment = ReadonlyMap<string, Typed>;

/** Slots before the sizes of pools are known. */
export interface OpenSlot {
  readonly name: string;
  readonly type: string | null;
  readonly mask: string | null;
  /** It holds the owner of a flag. */ readonly owner: boolean;
  word: boolean;
  max: number;
  readonly from: Value[];
}
export interface Graph {
  readonly nodes: Node[];
  readonly start: number;
  readonly slots: readonly OpenSlot[];
  readonly calls: readonly Call[];
}

interface Frame {
  readonly operation: string;
  readonly environment: Map<string, Typed>;
  readonly returns: Edge[];
  /** Where results go if there is more than one return. */ readonly result: number | null;
  /** The only result, if there is one return. */ only: Typed | null;
  /** `head` is null in a loop that is unrolled: who continues goes on after the round. */
  readonly loops: { readonly head: number | null; readonly breaks: Edge[]; readonly rounds: Edge[]; readonly guards: number }[];
  /** Locks that `using` releases, innermost last. */ readonly guards: {
    readonly target: Target;
    readonly at: Place;
    readonly text: string;
  }[];
  /** Calls of the interface made here are seen from outside. */ readonly outside: boolean;
}
type Edge = readonly [node: number, side: 'next' | 'otherwise'];
type OpenNode = { -readonly [Key in keyof Node]: Node[Key] };

const zero: Typed = { value: { kind: 'constant', value: 0 }, type: null, word: false };

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
  const { system } = shared;
  const nodes: OpenNode[] = [];
  const slots: OpenSlot[] = [];
  const calls: Call[] = [];
  const stack: string[] = [];
  /** By counter, the slot of those objects whose release is put off to the end of the present outermost call. */
  const later = new Map<string, number>();
  /** By field of a `read-once` rule, the slot of what the present call has read. */
  const once = new Map<string, number>();
  /** Flags read since the set was emptied. */
  const flagsRead = new Set<string>();
  let pending: Edge[] = [];
  let label: string | null = null;
  let call = -1;
  const isDead = () => nodes.length > 0 && pending.length === 0;

  const constant = (value: number | boolean | string | null): Typed => {
    if (typeof value === 'string') return { value: { kind: 'constant', value: 1 + shared.words.indexOf(value) }, type: null, word: true };
    return { value: { kind: 'constant', value: Number(value ?? 0) }, type: null, word: false };
  };
  const slot = (
    name: string,
    type: string | null,
    options: { mask?: string; word?: boolean; max?: number; owner?: boolean } = {},
  ): number =>
    slots.push({
      name,
      type,
      mask: options.mask ?? null,
      word: options.word ?? false,
      owner: options.owner ?? false,
      max: options.max ?? 0,
      from: [],
    }) - 1;
  const inSlot = (index: number): Typed => ({
    value: { kind: 'slot', slot: index },
    type: slots[index]?.type ?? null,
    word: slots[index]?.word ?? false,
  });

  function emit(action: Action, at: Place, text: string): number {
    const site = shared.sites.push({ at, text, in: [...stack].reverse(), label }) - 1;
    const index = nodes.push({ action, next: END, otherwise: END, site, call }) - 1;
    joinTo(index);
    pending = [[index, 'next']];
    return index;
  }
  function joinTo(index: number): void {
    for (const [from, side] of pending) {
      const node = nodes[from];
      if (node !== undefined) node[side] = index;
    }
    pending = [];
  }
  function setSlot(index: number, typed: Typed, at: Place): void {
    const into = slots[index];
    if (into !== undefined) {
      into.from.push(typed.value);
      if (typed.word) into.word = true;
    }
    emit({ kind: 'set', slot: index, value: typed.value }, at, '');
  }

  // ---- Expressions

  function evaluate(expression: Expression, frame: Frame): Typed {
    switch (expression.kind) {
      case 'constant':
        return constant(expression.value);
      case 'local': {
        const found = frame.environment.get(expression.name);
        if (found === undefined) throw new Error(`${expression.name} is not bound in ${frame.operation}`);
        return found;
      }
      case 'global':
        return { value: { kind: 'constant', value: globalInstance(system.globals, expression.name) }, type: expression.type, word: false };
      case 'current':
        return { value: { kind: 'constant', value: process }, type: 'Process', word: false };
      case 'operator':
        return evaluateOperator(expression.operator, expression.of, expression.at, frame);
      case 'conditional': {
        const when = evaluate(expression.when, frame);
        const types = slot('?', null);
        const other = branch(when, expression.at);
        setSlot(types, evaluate(expression.then, frame), expression.at);
        const after = pending;
        pending = other;
        const otherwise = evaluate(expression.otherwise, frame);
        setSlot(types, otherwise, expression.at);
        pending.push(...after);
        const type = otherwise.type;
        return { ...inSlot(types), type };
      }
      case 'read':
        return readField(expression.field, expression.at, expression.text, frame);
      case 'call':
        return callOperation(
          expression.of,
          expression.with.map(part => evaluate(part, frame)),
          expression.at,
          expression.text,
          frame,
        );
      case 'quantified':
        return quantified(expression, frame);
      case 'call-through':
        return callThrough(expression, frame);
      case 'record':
        return {
          ...zero,
          parts: Object.fromEntries(Object.entries(expression.parts).map(([name, part]) => [name, evaluate(part, frame)])),
        };
      case 'part': {
        const part = evaluate(expression.record, frame).parts?.[expression.name];
        if (part === undefined)
          throw new Error(`${frame.operation} takes ${expression.name} from something that does not have it on every path`);
        return part;
      }
      case 'alloc': {
        const fields: Record<string, Value> = {};
        for (const [name, value] of Object.entries(expression.fields)) fields[name] = evaluate(value, frame).value;
        const made = slot(expression.type, expression.type);
        emit({ kind: 'alloc', type: expression.type, fields, slot: made }, expression.at, expression.text);
        return inSlot(made);
      }
      case 'verb':
        return verb(expression, frame);
    }
  }

  /** Each member is a step, and each read of its condition. The first member that decides ends the loop. */
  function quantified({ every, set, of, name, condition, at, text }: Expression & { kind: 'quantified' }, frame: Frame): Typed {
    const target = targetOf(set, frame);
    const result = slot(every ? 'every' : 'some', null, { max: 1 });
    const visited = slot('visited', null, { mask: of });
    const one = slot(name.split('@')[0] ?? '', of);
    setSlot(visited, zero, at);
    const head = emit({ kind: 'next', target, visited, slot: one }, at, text);
    frame.environment.set(name, inSlot(one));
    const holds = evaluate(condition, frame);
    const decides = every ? { ...holds, value: fold('!', [holds.value]) } : holds;
    const more = branch(decides, at);
    setSlot(result, constant(!every), at);
    const decided = pending;
    pending = more;
    joinTo(head);
    pending = [[head, 'otherwise']];
    setSlot(result, constant(every), at);
    pending.push(...decided);
    return inSlot(result);
  }

  /** The functions that the pointer may be, one after the other; and that it is null, if that is not known to be impossible. */
  function callThrough({ pointer, of, field, with: given, at, text }: Expression & { kind: 'call-through' }, frame: Frame): Typed {
    const chosen = evaluate(pointer, frame);
    const arguments_ = given.map(part => evaluate(part, frame));
    if (field !== null) tellCall(field, arguments_, at, text);
    const known = chosen.value.kind === 'constant' ? chosen.value.value : null;
    const candidates = of.filter(name => known === null || known === constantOf(name));
    const result = slot(
      'result of the call',
      candidates.map(name => system.operations[name]?.result ?? null).find(type => type !== null) ?? null,
    );
    const ends: Edge[] = [];
    for (const [index, name] of candidates.entries()) {
      const isSure = known !== null || (field === null && index === candidates.length - 1);
      const other = isSure ? [] : branch({ ...chosen, value: fold('===', [chosen.value, constant(name).value]) }, at);
      const module = system.exports[name];
      if (module !== undefined) {
        const object: Value = { kind: 'constant', value: globalInstance(system.globals, module) };
        emit({ kind: 'read-constant', target: { object, type: 'Module', field: 'pins' }, slot: -1 }, at, `${text}: in ${module}`);
      }
      const returned = callOperation(name, arguments_, at, text, frame);
      if (!isDead()) setSlot(result, returned, at);
      ends.push(...pending);
      pending = other;
    }
    if (pending.length > 0 || candidates.length === 0) emit({ kind: 'call-null', field: field ?? text }, at, text);
    pending = ends;
    return inSlot(result);
  }

  function constantOf(word: string): number {
    return 1 + shared.words.indexOf(word);
  }

  function branch(when: Typed, at: Place): Edge[] {
    const index = emit({ kind: 'branch', when: when.value }, at, '');
    return [[index, 'otherwise']];
  }

  function evaluateOperator(operator: Operator, of: readonly Expression[], at: Place, frame: Frame): Typed {
    const [first, second] = of;
    if (first === undefined) throw new Error(`${operator} without an operand`);
    const left = evaluate(first, frame);
    if (second === undefined) return { value: fold(operator, [left.value]), type: null, word: false };
    if ((operator === '&&' || operator === '||') && hasSteps(second)) {
      if (left.value.kind === 'constant') return (operator === '&&') === (left.value.value !== 0) ? evaluate(second, frame) : left;
      const result = slot(operator, null, { max: 1 });
      setSlot(result, left, at);
      const skip = branch(operator === '&&' ? left : { ...left, value: fold('!', [left.value]) }, at);
      setSlot(result, evaluate(second, frame), at);
      pending.push(...skip);
      return inSlot(result);
    }
    return { value: fold(operator, [left.value, evaluate(second, frame).value]), type: null, word: false };
  }

  function targetOf(field: FieldOf, frame: Frame): Target {
    return { object: evaluate(field.of, frame).value, type: field.type, field: field.field };
  }

  function fieldTypeOf(field: FieldOf): FieldType | undefined {
    return system.objects[field.type]?.fields.find(one => one.name === field.field)?.type;
  }

  function readField(field: FieldOf, at: Place, text: string, frame: Frame): Typed {
    const target = targetOf(field, frame);
    const declared = system.objects[field.type]?.fields.find(one => one.name === field.field);
    if (declared === undefined) throw new Error(`${field.type} has no field ${field.field}`);
    const type = declared.type;
    const into = slot(field.field, type.kind === 'pointer' ? type.to : null, {
      word: type.kind === 'word',
      max: type.kind === 'number' ? type.max : type.kind === 'refcount' ? 7 : type.kind === 'boolean' ? 1 : 0,
      owner: type.kind === 'flag',
    });
    if (declared.constant && type.kind !== 'refcount') {
      emit({ kind: 'read-constant', target, slot: into }, at, text);
      // The object is still touched, but what is read there is known: fewer things to remember.
      const known = target.object.kind === 'constant' ? shared.known(field.type, target.object.value, field.field) : undefined;
      return known === undefined ? inSlot(into) : { ...inSlot(into), value: { kind: 'constant', value: known } };
    }
    if (type.kind === 'flag') {
      emit({ kind: 'read', target, slot: into }, at, text);
      flagsRead.add(`${field.type}.${field.field}`);
      // Whose it is, is not seen.
      const isTaken = fold('&&', [{ kind: 'slot', slot: into }, constant('taken').value]);
      const seen = slot(field.field, null, { word: true });
      setSlot(seen, { value: fold('||', [isTaken, constant('free').value]), type: null, word: true }, at);
      return inSlot(seen);
    }
    const before = once.get(`${field.type}.${field.field}`);
    emit({ kind: 'read', target, slot: into, ...(before === undefined ? {} : { once: before }) }, at, text);
    return inSlot(into);
  }

  /** The outermost call of a thread begins: it has read nothing yet. */
  function readNothingYet(at: Place): void {
    for (const rule of system.rules) {
      if (rule.kind !== 'read-once') continue;
      const before = slot(`${rule.type}.${rule.field} read`, null, { mask: rule.type });
      once.set(`${rule.type}.${rule.field}`, before);
      setSlot(before, zero, at);
    }
  }

  // ---- Calls

  function tellCall(of: string, given: readonly Typed[], at: Place, text: string): void {
    const isAsked = system.rules.some(rule => rule.kind === 'at-every' && rule.verb === 'called' && rule.field === of);
    if (isAsked) emit({ kind: 'called', of, with: given.map(({ value }) => value) }, at, `call ${text}`);
  }

  function callOperation(name: string, given: readonly Typed[], at: Place, text: string, from: Frame): Typed {
    const operation = system.operations[name];
    if (operation === undefined) throw new Error(`${system.name} has no function ${name} here`);
    tellCall(name, given, at, text);
    const isOutermost = stack.length === 0;
    if (isOutermost) readNothingYet(at);
    const offered = from.outside ? shared.visible.get(name) : undefined;
    if (offered === undefined) {
      const result = inline(operation, given, from.outside);
      if (isOutermost) releaseLater(at);
      return result;
    }
    const index =
      calls.push({
        operation: name,
        name: offered,
        contract: shared.contractOf(name),
        ...(shared.kept.has(name) ? { kept: true } : {}),
        result: { type: operation.result, word: operation.errnos.length > 0, returns: operation.returns },
        arguments: given.map(({ value, type, word }, place) => ({ value, type: type ?? operation.parameters[place]?.type ?? null, word })),
      }) - 1;
    const outer = call;
    call = index;
    emit({ kind: 'call', call: index }, at, text);
    const result = inline(operation, given, false);
    if (isOutermost) releaseLater(at);
    if (!isDead()) emit({ kind: 'return', call: index, result: result.value }, at, text);
    call = outer;
    return result;
  }

  /** What was put off, in any order: a release may put off more. */
  function releaseLater(at: Place): void {
    for (const [name, mask] of later) {
      if (isDead()) break;
      const [type = '', field = ''] = name.split('.');
      const one = slot(type, type);
      const head = emit({ kind: 'jump' }, at, '');
      const done = branch({ value: { kind: 'slot', slot: mask }, type: null, word: false }, at);
      emit({ kind: 'next-later', type, later: mask, slot: one }, at, `${name}: what was put off`);
      const operation = system.operations[system.objects[type]?.runs[field] ?? ''];
      if (operation !== undefined) inline(operation, [inSlot(one)], false);
      joinTo(head);
      pending = done;
    }
    later.clear();
  }

  function inline(operation: Operation, given: readonly Typed[], outside: boolean): Typed {
    const environment = new Map(
      operation.parameters.map((parameter, index) => {
        const typed = given[index] ?? zero;
        return [parameter.name, { ...typed, type: typed.type ?? parameter.type }] as const;
      }),
    );
    if (stack.includes(operation.name))
      throw new NotRunnable({
        at: operation.at,
        name: 'recursion',
        what: `${operation.name} calls itself through a pointer to a function; a thread has no stack that could be explored to an end.`,
        wayOut: 'Write it as a loop over a set, or let the pointer lead elsewhere.',
      });
    const many = countReturns(operation.body) > 1 || !endsWithReturn(operation.body);
    const frame: Frame = {
      operation: operation.name,
      environment,
      returns: [],
      result: many && countReturns(operation.body) > 0 ? slot(`result of ${operation.name}`, operation.result) : null,
      only: null,
      loops: [],
      guards: [],
      outside,
    };
    stack.push(operation.name);
    block(operation.body, frame);
    stack.pop();
    pending.push(...frame.returns);
    return frame.result === null ? (frame.only ?? zero) : inSlot(frame.result);
  }

  // ---- Verbs

  function verb(expression: Expression & { kind: 'verb' }, frame: Frame): Typed {
    const { at, text } = expression;
    const field = (part: Expression | FieldOf | undefined): Target => {
      if (part === undefined || 'kind' in part) throw new Error(`${text}: a field is wanted`);
      return targetOf(part, frame);
    };
    const value = (part: Expression | FieldOf | undefined): Typed => {
      if (part === undefined || !('kind' in part)) throw new Error(`${text}: a value is wanted`);
      return evaluate(part, frame);
    };
    const [first, second] = expression.with;
    if (expression.on === null) return choice(expression, frame, value);
    const target = targetOf(expression.on, frame);
    const declared = system.objects[target.type]?.fields.find(one => one.name === target.field)?.type;
    const step = (action: Action, say = text) => emit(action, at, say);
    const flag = () => slot(expression.verb, null, { max: 1 });
    switch (expression.verb) {
      case 'lock':
      case 'lockIrq':
        step({ kind: 'lock', target, irq: expression.verb === 'lockIrq' });
        return zero;
      case 'unlock':
      case 'unlockIrq':
        step({ kind: 'unlock', target, irq: expression.verb === 'unlockIrq' });
        return zero;
      case 'tryLock': {
        const got = flag();
        step({ kind: 'try-lock', target, slot: got });
        return inSlot(got);
      }
      case 'readLock':
        step({ kind: isReaderWriter(declared) ? 'read-lock' : 'enter', target });
        return zero;
      case 'readUnlock':
        step({ kind: isReaderWriter(declared) ? 'read-unlock' : 'exit', target });
        return zero;
      case 'writeLock': {
        if (declared?.kind === 'rwlock') {
          step({ kind: 'lock', target, irq: false });
          return zero;
        }
        writeLock(target, at, text);
        return zero;
      }
      case 'writeUnlock':
        step({ kind: 'unlock', target, irq: false });
        return zero;
      case 'assertHeld':
        step({ kind: 'assert-held', target });
        return zero;
      case 'synchronize':
        step({ kind: 'grace-begin', target });
        step({ kind: 'grace-end', target }, `${text}: the readers have left`);
        return zero;
      case 'get':
        step({ kind: 'get', target });
        return zero;
      case 'getUnlessZero': {
        const got = flag();
        step({ kind: 'get-unless-zero', target, slot: got });
        return inSlot(got);
      }
      case 'putLater': {
        // Nothing is put off where the thread is in no call.
        if (stack.length === 0) {
          put(target, at, text, frame);
          return zero;
        }
        const name = `${target.type}.${target.field}`;
        const mask = later.get(name) ?? slot(`${name} to release`, null, { mask: target.type });
        later.set(name, mask);
        step({ kind: 'put-later', target, later: mask });
        return zero;
      }
      case 'assertSole':
        step({ kind: 'assert-sole', object: target.object, type: target.type });
        return zero;
      case 'put':
      case 'symbolPut':
        put(target, at, text, frame);
        return zero;
      case 'symbolGet': {
        const got = flag();
        step({ kind: 'get-unless-zero', target, slot: got });
        // The function where the module was there, else null.
        return { value: fold('&&', [{ kind: 'slot', slot: got }, value(first).value]), type: null, word: true };
      }
      case 'fget': {
        const file = slot('file', declared?.kind === 'pointer' ? declared.to : null);
        step({ kind: 'fget', target, slot: file });
        return inSlot(file);
      }
      case 'closeFd': {
        const type = declared?.kind === 'pointer' ? declared.to : '';
        const file = slot('file', type);
        step({ kind: 'close-fd', target, slot: file });
        const none = branch(inSlot(file), at);
        put({ object: { kind: 'slot', slot: file }, type, field: 'refs' }, at, `${text}: put its file`, frame);
        pending.push(...none);
        return { value: fold('!==', [{ kind: 'slot', slot: file }, zero.value]), type: null, word: false };
      }
      case 'free':
        step({ kind: 'free', object: target.object, type: target.type });
        return zero;
      case 'queue': {
        const done = flag();
        step({ kind: 'queue', target, on: first === undefined ? null : field(first), slot: done });
        return inSlot(done);
      }
      case 'queueAfterGrace': {
        const done = flag();
        step({ kind: 'queue-after-grace', target: field(first), domain: target, slot: done });
        return inSlot(done);
      }
      case 'flush':
        step({ kind: 'flush-begin', target });
        step({ kind: 'flush-end', target }, `${text}: its runs have ended`);
        return zero;
      case 'cancel': {
        const done = flag();
        step({ kind: 'cancel-begin', target, slot: done });
        step({ kind: 'cancel-end', target }, `${text}: its run has ended`);
        return inSlot(done);
      }
      case 'flushQueue':
        step({ kind: 'flush-queue-begin', target });
        step({ kind: 'flush-queue-end', target }, `${text}: all runs have ended`);
        return zero;
      case 'addWaitEntry':
      case 'addWaitEntryExclusive': {
        const entry = field(first);
        const linked = flag();
        step({ kind: 'lock', target, irq: true }, `${text}: the queue's lock`);
        step({ kind: 'link', target, entry, exclusive: expression.verb === 'addWaitEntryExclusive', slot: linked });
        return inSlot(linked);
      }
      case 'removeWaitEntry':
        step({ kind: 'lock', target, irq: true }, `${text}: the queue's lock`);
        step({ kind: 'unlink', target, entry: field(first) });
        return zero;
      case 'wake':
        wake(target, value(first), at, text);
        return zero;
      case 'complete':
        step({ kind: 'complete', target });
        return zero;
      case 'waitFor':
        step({ kind: 'wait-done', target, timeout: false, slot: -1 }, `${text}: it is done`);
        return zero;
      case 'waitForTimeout': {
        value(first);
        return waitForDone(target, at, text);
      }
      case 'register':
      case 'unregister': {
        const entry = field(first);
        writeLock(target, at, `${text}: the chain's semaphore`);
        if (expression.verb === 'register') step({ kind: 'link', target, entry, exclusive: false, slot: -1 });
        else step({ kind: 'unlink', target, entry });
        return zero;
      }
      case 'notify': {
        const event = value(first);
        step({ kind: 'read-lock', target }, `${text}: the chain's semaphore`);
        callEntries(target, event, at, text);
        step({ kind: 'read-unlock', target }, `${text}: release the chain's semaphore`);
        return zero;
      }
      case 'wakeAll':
        step({ kind: 'wake-all', target });
        return zero;
      case 'waitEvent':
        waitEvent(target, first, null, false, at, text, frame);
        return zero;
      case 'waitEventUnlocked':
        waitEvent(target, first, field(second), false, at, text, frame);
        return zero;
      case 'waitEventTimeout':
        return waitForTime(target, expression, frame);
      case 'anyOf': {
        const one = slot('one', declared?.kind === 'set' ? declared.of : null);
        step({ kind: 'pick', target, slot: one });
        return inSlot(one);
      }
      case 'add':
      case 'remove':
        step({ kind: expression.verb, target, member: value(first).value });
        return zero;
      case 'has': {
        const found = flag();
        step({ kind: 'has', target, member: value(first).value, slot: found });
        return inSlot(found);
      }
      default:
        throw new Error(`${expression.verb} has no steps`);
    }
  }

  /** How long is read first, as an argument is. */
  function waitForTime(
    target: Target,
    { with: [condition, atMost, dropped], at, text }: Expression & { kind: 'verb' },
    frame: Frame,
  ): Typed {
    if (atMost !== undefined && 'kind' in atMost) evaluate(atMost, frame);
    const mutex = dropped === undefined || 'kind' in dropped ? null : targetOf(dropped, frame);
    return waitEvent(target, condition, mutex, true, at, text, frame);
  }

  function choice(
    expression: Expression & { kind: 'verb' },
    _frame: Frame,
    value: (part: Expression | FieldOf | undefined) => Typed,
  ): Typed {
    if (expression.verb === 'bug') {
      emit({ kind: 'bug' }, expression.at, expression.text);
      pending = [];
      return zero;
    }
    const values = expression.verb === 'maybe' ? [constant(false), constant(true)] : expression.with.map(value);
    const chosen = slot(expression.verb, values[0]?.type ?? null);
    alternatives(
      false,
      expression.at,
      expression.text,
      values.map(one => () => setSlot(chosen, one, expression.at)),
    );
    return inSlot(chosen);
  }

  function alternatives(byCaller: boolean, at: Place, text: string, bodies: readonly (() => void)[]): void {
    const starts: number[] = [];
    emit({ kind: 'choose', alternatives: starts, byCaller }, at, text);
    const ends: Edge[] = [];
    pending = [];
    for (const body of bodies) {
      // A jump gives every alternative a node to begin at, also one that does nothing.
      starts.push(emit({ kind: 'jump' }, at, ''));
      body();
      ends.push(...pending);
      pending = [];
    }
    pending = ends;
  }

  function put(target: Target, at: Place, text: string, frame: Frame): void {
    const index = emit({ kind: 'put', target }, at, text);
    const more = pending;
    pending = [[index, 'otherwise']];
    const runs = system.objects[target.type]?.runs[target.field];
    const operation = runs === undefined ? undefined : system.operations[runs];
    if (operation !== undefined) inline(operation, [{ value: target.object, type: target.type, word: false }], false);
    pending.push(...more);
    void frame;
  }

  function writeLock(target: Target, at: Place, text: string): void {
    const free = emit({ kind: 'write-lock', target }, at, text);
    const taken = pending;
    pending = [[free, 'otherwise']];
    emit({ kind: 'write-lock-queued', target }, at, `${text}: its turn`);
    pending.push(...taken);
  }

  function waitForDone(target: Target, at: Place, text: string): Typed {
    const timedOut = slot('timed out', null, { max: 1 });
    emit({ kind: 'wait-done', target, timeout: true, slot: timedOut }, at, `${text}: it is done, or time is up`);
    const result = slot('how it ended', null, { word: true });
    const done = branch(inSlot(timedOut), at);
    setSlot(result, constant('timeout'), at);
    const after = pending;
    pending = done;
    setSlot(result, constant('done'), at);
    pending.push(...after);
    return inSlot(result);
  }

  function wake(target: Target, key: Typed, at: Place, text: string): void {
    emit({ kind: 'lock', target, irq: true }, at, `${text}: the queue's lock`);
    callEntries(target, key, at, text);
    emit({ kind: 'unlock', target, irq: true }, at, `${text}: release the queue's lock`);
  }

  /** The callbacks of what is on the queue, or the chain. */
  function callEntries(target: Target, key: Typed, at: Place, text: string): void {
    for (const [entryType, entryField] of shared.entriesOn.get(`${target.type}.${target.field}`) ?? []) {
      const operation = system.operations[system.objects[entryType]?.runs[entryField] ?? ''];
      if (operation === undefined) continue;
      const visited = slot('visited', null, { mask: entryType });
      const one = slot(entryField, entryType);
      emit({ kind: 'set', slot: visited, value: zero.value }, at, '');
      const head = emit({ kind: 'next-entry', target, entryType, entryField, visited, slot: one }, at, `${text}: next callback`);
      inline(operation, [inSlot(one), key], false);
      joinTo(head);
      pending = [[head, 'otherwise']];
    }
  }

  function waitEvent(
    target: Target,
    condition: Expression | FieldOf | undefined,
    dropped: Target | null,
    timeout: boolean,
    at: Place,
    text: string,
    frame: Frame,
  ): Typed {
    if (condition === undefined || !('kind' in condition)) throw new Error(`${text}: a condition is wanted`);
    const timedOut = slot('timed out', null, { max: 1 });
    const result = timeout ? slot('how it ended', null, { word: true }) : null;
    const head = emit({ kind: 'wait-prepare', target }, at, text);
    flagsRead.clear();
    const again = branch(evaluate(condition, frame), at);
    const flags = [...flagsRead];
    emit({ kind: 'wait-finish', target }, at, `${text}: it is true`);
    if (result !== null) setSlot(result, constant('woken'), at);
    const exits = pending;
    pending = again;
    if (dropped !== null) emit({ kind: 'unlock', target: dropped, irq: false }, at, `${text}: drop the mutex`);
    emit({ kind: 'wait-sleep', target, timeout, slot: timedOut, ...(flags.length === 0 ? {} : { flags }) }, at, `${text}: sleep`);
    if (dropped !== null) emit({ kind: 'lock', target: dropped, irq: false }, at, `${text}: take the mutex again`);
    if (result !== null) {
      const woken = branch(inSlot(timedOut), at);
      // Time is up, but the condition may have come true at the last moment.
      emit({ kind: 'wait-prepare', target }, at, `${text}: once more`);
      const late = branch(evaluate(condition, frame), at);
      emit({ kind: 'wait-finish', target }, at, `${text}: it is true at the last moment`);
      setSlot(result, constant('woken'), at);
      exits.push(...pending);
      pending = late;
      emit({ kind: 'wait-finish', target }, at, `${text}: time is up`);
      setSlot(result, constant('timeout'), at);
      exits.push(...pending);
      pending = woken;
    }
    joinTo(head);
    pending = exits;
    return result === null ? zero : inSlot(result);
  }

  // ---- Statements

  function block(statements: readonly Statement[], frame: Frame): void {
    const before = frame.guards.length;
    for (const statement of statements) {
      if (isDead()) break;
      const outer = label;
      label = statement.label ?? outer;
      run(statement, frame);
      label = outer;
    }
    if (!isDead()) release(frame, before);
    frame.guards.length = before;
  }

  function release(frame: Frame, downTo: number): void {
    for (const { target, at, text } of frame.guards.slice(downTo).reverse())
      emit({ kind: 'unlock', target, irq: false }, at, `${text}: released`);
  }

  function run(statement: Statement, frame: Frame): void {
    const { at } = statement;
    switch (statement.kind) {
      case 'let':
        frame.environment.set(statement.name, evaluate(statement.value, frame));
        return;
      case 'do':
        evaluate(statement.value, frame);
        return;
      case 'write': {
        const target = targetOf(statement.field, frame);
        const isFlag = fieldTypeOf(statement.field)?.kind === 'flag';
        if (isFlag && statement.value.kind === 'constant') {
          emit({ kind: statement.value.value === 'taken' ? 'flag-take' : 'flag-free', target }, at, statement.text);
          return;
        }
        const { value } = evaluate(statement.value, frame);
        emit({ kind: 'write', target, value }, at, statement.text);
        return;
      }
      case 'if': {
        const when = evaluate(statement.when, frame);
        if (when.value.kind === 'constant') return block(when.value.value !== 0 ? statement.then : statement.otherwise, frame);
        const other = branch(when, at);
        block(statement.then, frame);
        const after = pending;
        pending = other;
        block(statement.otherwise, frame);
        pending.push(...after);
        return;
      }
      case 'each': {
        const target = targetOf(statement.set, frame);
        const visited = slot('visited', null, { mask: statement.of });
        const one = slot(statement.name.split('@')[0] ?? '', statement.of);
        emit({ kind: 'set', slot: visited, value: zero.value }, at, '');
        const head = emit({ kind: 'next', target, visited, slot: one }, at, statement.text);
        frame.environment.set(statement.name, inSlot(one));
        loop(head, statement.body, frame, [[head, 'otherwise']]);
        return;
      }
      case 'loop': {
        const head = emit({ kind: 'jump' }, at, '');
        loop(head, statement.body, frame, []);
        return;
      }
      case 'repeat': {
        const breaks: Edge[] = [];
        for (let round = statement.from; round <= statement.to && !isDead(); round += 1) {
          frame.environment.set(statement.name, constant(round));
          const around = { head: null, breaks, rounds: [] as Edge[], guards: frame.guards.length };
          frame.loops.push(around);
          block(statement.body, frame);
          frame.loops.pop();
          pending.push(...around.rounds);
        }
        pending.push(...breaks);
        return;
      }
      case 'break':
      case 'continue': {
        const around = frame.loops.at(-1);
        if (around === undefined) throw new Error(`${statement.kind} outside a loop`);
        release(frame, around.guards);
        if (statement.kind === 'break') around.breaks.push(...pending);
        else if (around.head === null) around.rounds.push(...pending);
        else joinTo(around.head);
        pending = [];
        return;
      }
      case 'return': {
        const result = statement.value === null ? null : evaluate(statement.value, frame);
        if (isDead()) return;
        if (result !== null && frame.result !== null) setSlot(frame.result, result, at);
        else if (result !== null) frame.only = result;
        release(frame, 0);
        frame.returns.push(...pending);
        pending = [];
        return;
      }
      case 'block':
        return block(statement.body, frame);
      case 'guard': {
        const target = targetOf(statement.lock, frame);
        emit({ kind: 'lock', target, irq: false }, at, statement.text);
        frame.guards.push({ target, at, text: statement.text });
        return;
      }
      case 'choose':
        alternatives(
          true,
          at,
          'choose',
          statement.bodies.map(body => () => {
            const inner: Frame = { ...frame, environment: new Map(frame.environment), returns: [], guards: [], loops: [] };
            block(body, inner);
            pending.push(...inner.returns);
          }),
        );
        return;
      case 'stays':
      case 'thread':
      case 'atomic':
        throw new Error(`${statement.kind} does not belong here`);
    }
  }

  function loop(head: number, body: readonly Statement[], frame: Frame, exits: Edge[]): void {
    const around = { head, breaks: [] as Edge[], rounds: [] as Edge[], guards: frame.guards.length };
    frame.loops.push(around);
    block(body, frame);
    joinTo(head);
    frame.loops.pop();
    pending = [...exits, ...around.breaks];
  }

  const scenarioFrame = (environment: Environment): Frame => ({
    operation: 'scenario',
    environment: new Map(environment),
    returns: [],
    result: null,
    only: null,
    loops: [],
    guards: [],
    outside: true,
  });

  return {
    body(statements, environment) {
      const frame = scenarioFrame(environment);
      block(statements, frame);
      pending.push(...frame.returns);
      return frame.environment;
    },
    worker(name, target) {
      const operation = system.operations[name];
      if (operation === undefined) throw new Error(`${system.name} has no function ${name}`);
      const text = `run ${target.type}.${target.field}`;
      const head = emit({ kind: 'take', target }, operation.at, text);
      readNothingYet(operation.at);
      inline(operation, [{ value: target.object, type: target.type, word: false }], false);
      releaseLater(operation.at);
      emit({ kind: 'done', target }, operation.at, `${text}: done`);
      joinTo(head);
    },
    caller(names, largest) {
      const offered = names.flatMap(name => system.operations[name] ?? []);
      const returned = slot('returned', null, { max: largest });
      const frame = scenarioFrame(new Map());
      const at = offered[0]?.at ?? { file: '', line: 0, column: 0 };
      const head = nodes.length;
      alternatives(
        true,
        at,
        'the next call',
        offered.map(operation => () => {
          // Read here, so that it is kept until here; whoever begins a call has had it.
          pending.push(...branch(inSlot(returned), at));
          setSlot(returned, zero, at);
          const given = operation.parameters.map(({ name, type }): Typed => {
            const into = slot(name, type, type === null ? { max: largest } : {});
            setSlot(into, zero, at);
            return inSlot(into);
          });
          setSlot(returned, callOperation(operation.name, given, operation.at, operation.name, frame), at);
        }),
      );
      joinTo(head);
    },
    finish() {
      pending = [];
      let start = 0;
      // Nothing is live yet, so a slot set to 0 is what it is anyway.
      while (nodes[start] !== undefined && isIdle(nodes[start]?.action)) start = nodes[start]?.next ?? END;
      return { nodes, start: nodes.length === 0 ? END : start, slots, calls };
    },
  };
}

function isReaderWriter(type: FieldType | undefined): boolean {
  return type?.kind === 'rwlock' || type?.kind === 'rwsem';
}

function isIdle(action: Action | undefined): boolean {
  return action?.kind === 'jump' || (action?.kind === 'set' && action.value.kind === 'constant' && action.value.value === 0);
}

function countReturns(statements: readonly Statement[]): number {
  return statements.reduce(
    (sum, statement) =>
      sum +
      (statement.kind === 'return'
        ? Number(statement.value !== null)
        : statement.kind === 'if'
          ? countReturns(statement.then) + countReturns(statement.otherwise)
          : 'body' in statement
            ? countReturns(statement.body) * (statement.kind === 'repeat' ? 2 : 1)
            : 0),
    0,
  );
}

function endsWithReturn(statements: readonly Statement[]): boolean {
  return statements.at(-1)?.kind === 'return';
}

/** Whether evaluating it takes a step, or touches an object. */
function hasSteps(expression: Expression): boolean {
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

export function fold(operator: Operator, of: readonly Value[]): Value {
  const [left, right] = of;
  if (left?.kind !== 'constant' || (of.length > 1 && right?.kind !== 'constant')) return { kind: 'operator', operator, of };
  return { kind: 'constant', value: apply(operator, left.value, right?.kind === 'constant' ? right.value : 0) };
}

function apply(operator: Operator, left: number, right: number): number {
  switch (operator) {
    case '!':
      return Number(left === 0);
    case '===':
      return Number(left === right);
    case '!==':
      return Number(left !== right);
    case '<':
      return Number(left < right);
    case '<=':
      return Number(left <= right);
    case '>':
      return Number(left > right);
    case '>=':
      return Number(left >= right);
    case '+':
      return left + right;
    case '-':
      return left - right;
    case '&&':
      return left !== 0 ? right : left;
    case '||':
      return left !== 0 ? left : right;
  }
}
