/** Programs that mean nothing, with every action in every place: for comparing what runs programs. For tests. */
import * as fc from 'fast-check';
import { type Action, type Call, END, type Program, type Target, type Thread, type Value } from '../program.ts';
import { body, FLAG, POOL, slots, thing, VALUE } from './random-actions.ts';
import { contract, rules } from './random-rules.ts';
import { constant, objectType, slot, type TinyNode, type TinyThread, tiny } from './tiny-program.ts';

/** A call around a body: what leaves the body returns. The argument is read before the call, so that it is in a slot of its own. */
function called(nodes: readonly TinyNode[], result: Value): TinyThread {
  const last = nodes.length + 2;
  const shift = (to: number | undefined): number => (to === undefined || to === END ? last : to + 2);
  const inside = nodes.map((node): TinyNode => {
    if (!('action' in node)) return node;
    const action: Action =
      node.action.kind === 'choose' ? { ...node.action, alternatives: node.action.alternatives.map(shift) } : node.action;
    return { action, next: shift(node.next), otherwise: shift(node.otherwise), call: 0 };
  });
  const call: Call = {
    operation: 'act',
    name: 'act',
    arguments: [{ value: slot(slots.length), type: 'Thing', word: false }],
    result: { type: null, word: true },
    contract: 0,
  };
  return {
    slots: [...slots, { name: 'argument', max: POOL, type: 'Thing', word: false }],
    calls: [call],
    nodes: [
      { kind: 'read', target: { object: constant(1), type: 'Thing', field: 'to' }, slot: slots.length },
      { action: { kind: 'call', call: 0 }, call: 0 },
      ...inside,
      { action: { kind: 'return', call: 0, result }, call: 0 },
    ],
  };
}

function worker(instance: number, nodes: readonly TinyNode[]): TinyThread {
  const target: Target = { object: constant(instance), type: 'Thing', field: 'work' };
  const shift = (to: number | undefined): number => (to === undefined || to === END ? nodes.length + 1 : to + 1);
  return {
    slots,
    work: { type: 'Thing', instance, field: 'work' },
    nodes: [
      { kind: 'take', target },
      ...nodes.map((node): TinyNode => {
        if (!('action' in node)) return node;
        const action: Action =
          node.action.kind === 'choose' ? { ...node.action, alternatives: node.action.alternatives.map(shift) } : node.action;
        return { action, next: shift(node.next), otherwise: shift(node.otherwise) };
      }),
      { action: { kind: 'done', target }, next: 0 },
    ],
  };
}

/** Two threads, one of them in a call with a contract or in an interrupt, and a worker for each of two objects. */
export const randomProgram: fc.Arbitrary<Program> = fc
  .record({
    bodies: fc.tuple(body(4), body(5)),
    run: body(2),
    rules,
    contract,
    initial: fc.constantFrom(1, 2),
    result: fc.constantFrom(constant(0), constant(1), slot(FLAG), slot(VALUE)),
    context: fc.constantFrom('task' as const, 'hardirq' as const),
    call: fc.boolean(),
    ordered: fc.boolean(),
    processes: fc.tuple(fc.integer({ min: 1, max: POOL }), fc.integer({ min: 1, max: POOL })),
    cells: fc.record({
      'Thing#1.refs': fc.integer({ min: 0, max: 2 }),
      'Thing#1.to': fc.integer({ min: 0, max: 1 }),
      'Thing#1.set': fc.integer({ min: 0, max: 1 }),
      'Thing#1.fixed': fc.integer({ min: 0, max: 3 }),
    }),
  })
  .map(({ bodies: [first, second], run, rules, contract, initial, result, context, call, ordered, processes, cells }) => {
    const program = tiny({
      name: 'random',
      types: [thing(initial), objectType('Process', [], POOL, POOL)],
      cells: initial === 2 ? { ...cells, 'Thing#2.refs': 1, 'Thing#2.fixed': 1 } : cells,
      rules,
      contracts: [contract],
      words: ['EBUSY', 'EINVAL'],
      waitQueues: ['wait', 'chain'].flatMap(field => [1, 2].map(instance => ({ type: 'Thing', instance, field }))),
      onQueue: { 'Thing.queue': ['Thing.work'] },
      threads: [call ? called(first, result) : { slots, nodes: first }, { slots, context, nodes: second }, worker(1, run), worker(2, run)],
    });
    // With objects in their slots the threads come farther.
    const ofProcess = (thread: Thread, index: number): Thread => ({ ...thread, process: processes[index] ?? 1 });
    return {
      ...program,
      threads: program.threads.map(ofProcess),
      ...(ordered ? { ordered: ['Thing.queue'] } : {}),
      initial: { ...program.initial, threads: program.initial.threads.map(thread => ({ ...thread, slots: { 0: 1, 1: initial } })) },
    };
  });
