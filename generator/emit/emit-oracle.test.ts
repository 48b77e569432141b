import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Event } from '../../oracles/event.ts';
import { createOracle } from '../../oracles/oracle.ts';
import type { FieldType, ObjectType, Operator, Place, Predicate, Rule, SeenField, System } from '../model.ts';
import { emitAllOracles, emitOracle } from './emit-oracle.ts';
import { loadOracle } from './load-oracle.ts';

const test = suite('emitting an oracle');

const at: Place = { file: 'tiny/tiny.ts', line: 7, column: 1 };
const object = (name: string, fields: Readonly<Record<string, FieldType>>, owns: Readonly<Record<string, string>> = {}): ObjectType => ({
  name,
  doc: `A ${name.toLowerCase()}.`,
  at,
  fields: Object.entries(fields).map(([field, type]) => ({ name: field, type, constant: false })),
  runs: {},
  owns,
});
const variable = (name: string, type: string | null): Predicate => ({ kind: 'variable', name, type });
const seen = (of: Predicate, type: string, field: string): SeenField => ({ of, type, field });
const field = (of: Predicate, type: string, name: string): Predicate => ({ kind: 'field', field: seen(of, type, name), text: name });
const operator = (kind: Operator, ...of: Predicate[]): Predicate => ({ kind: 'operator', operator: kind, of, text: kind });
const constant = (value: number | boolean | string | null): Predicate => ({ kind: 'constant', value });
const head = (name: string) => ({ name, doc: `${name} holds\n  always.`, source: "an author's words", at });

const irqfd = variable('irqfd', 'Irqfd');
const kvm = field(irqfd, 'Irqfd', 'kvm');
const rules: Rule[] = [
  {
    ...head('irqfdGuards'),
    kind: 'guards',
    type: 'Irqfd',
    fields: {
      kvm: {
        read: [{ kind: 'holds', lock: seen(variable('object', 'Irqfd'), 'Irqfd', 'srcu'), text: 'irqfd.srcu' }],
        write: [{ kind: 'holds', lock: seen(field(variable('object', 'Irqfd'), 'Irqfd', 'kvm'), 'Kvm', 'lock'), text: 'irqfd.kvm.lock' }],
      },
      gsi: null,
    },
  },
  { ...head('order'), kind: 'order', classes: ['Irqfd.srcu', 'Kvm.lock'], nested: false },
  { ...head('allowed'), kind: 'order-exception', outer: 'Kvm.lock', inner: 'Irqfd.srcu' },
  {
    ...head('vmIsLive'),
    kind: 'invariant',
    over: [{ name: 'irqfd', type: 'Irqfd' }],
    when: operator('!==', kvm, constant(null)),
    then: { kind: 'live', type: 'Kvm', of: kvm, text: 'isLive' },
  },
  {
    ...head('fewUsers'),
    kind: 'invariant',
    over: [{ name: 'irqfd', type: 'Irqfd' }],
    when: null,
    then: operator('<=', field(kvm, 'Kvm', 'users'), constant(2)),
  },
  {
    ...head('smallGsi'),
    kind: 'invariant',
    over: [{ name: 'irqfd', type: 'Irqfd' }],
    when: null,
    then: operator('<', field(irqfd, 'Irqfd', 'gsi'), constant(5)),
  },
  {
    ...head('listed'),
    kind: 'settled',
    over: [{ name: 'irqfd', type: 'Irqfd' }],
    busy: { kind: 'held', lock: seen(kvm, 'Kvm', 'lock'), text: 'held' },
    when: operator('===', field(irqfd, 'Irqfd', 'mode'), constant('on')),
    then: operator(
      '&&',
      operator(
        '&&',
        { kind: 'has', set: seen(kvm, 'Kvm', 'irqfds'), member: irqfd, text: 'has' },
        { kind: 'on-queue', entry: seen(irqfd, 'Irqfd', 'entry'), text: 'on' },
      ),
      operator('!', { kind: 'queued', work: seen(irqfd, 'Irqfd', 'inject'), text: 'queued' }),
    ),
  },
  {
    ...head('allListedAreOn'),
    kind: 'at-every',
    verb: 'put',
    type: 'Kvm',
    field: 'users',
    object: 'kvm',
    over: [{ name: 'kvm', type: 'Kvm' }],
    when: null,
    then: {
      kind: 'quantified',
      every: true,
      set: seen(variable('kvm', 'Kvm'), 'Kvm', 'irqfds'),
      type: 'Irqfd',
      variable: 'one',
      condition: operator('===', field(variable('one', 'Irqfd'), 'Irqfd', 'mode'), constant('on')),
      text: 'every',
    },
  },
  {
    ...head('moduleIsQuiet'),
    kind: 'invariant',
    over: [],
    when: null,
    then: operator('!', field({ kind: 'global', name: 'kvmModule', type: 'KvmModule' }, 'KvmModule', 'loud')),
  },
  {
    ...head('assignContract'),
    kind: 'contract',
    operation: 'assign',
    parameters: [
      { name: 'vm', type: 'Kvm' },
      { name: 'gsi', type: null },
    ],
    fails: [
      { errno: 'EINVAL', when: operator('>', variable('gsi', null), constant(3)) },
      { errno: 'ENOMEM', when: constant(true) },
    ],
    ensures: operator('>', field(variable('vm', 'Kvm'), 'Kvm', 'users'), constant(0)),
  },
];
const system: System = {
  name: 'tiny-irqfd',
  doc: 'Small.',
  files: ['tiny/tiny.ts'],
  globals: { kvmModule: 'KvmModule' },
  exports: {},
  given: {},
  interface: { assignIrqfd: 'assign' },
  scenarios: [],
  variants: [],
  builtIn: {},
  profile: null,
  rules,
  objects: {
    KvmModule: object('KvmModule', { cleanup: { kind: 'work-queue' }, loud: { kind: 'boolean' } }),
    Kvm: object('Kvm', { lock: { kind: 'mutex' }, users: { kind: 'refcount' }, irqfds: { kind: 'set', of: 'Irqfd' } }),
    Irqfd: object(
      'Irqfd',
      {
        kvm: { kind: 'pointer', to: 'Kvm', nullable: true },
        srcu: { kind: 'srcu' },
        inject: { kind: 'work' },
        entry: { kind: 'wait-entry' },
        gsi: { kind: 'number', max: 7 },
        mode: { kind: 'word', values: ['off', 'on'] },
      },
      { kvm: 'users' },
    ),
  },
  operations: {
    assign: {
      name: 'assign',
      doc: '',
      at,
      parameters: [],
      result: null,
      returns: 'value',
      errnos: [],
      body: [
        {
          kind: 'do',
          at,
          value: {
            kind: 'verb',
            verb: 'queue',
            on: { of: { kind: 'local', name: 'irqfd' }, type: 'Irqfd', field: 'inject' },
            with: [{ of: { kind: 'global', name: 'kvmModule', type: 'KvmModule' }, type: 'KvmModule', field: 'cleanup' }],
            at,
            text: '',
          },
        },
      ],
    },
  },
};

const definition = loadOracle(system);
type Bare<One> = One extends unknown ? Omit<One, 'seq' | 'thread' | 'site'> : never;
function rulesBroken(...happenings: readonly Bare<Event>[]): string[] {
  const oracle = createOracle(definition);
  return happenings.flatMap((happening, seq) => oracle.event({ ...happening, seq, thread: 'T1' }).map(({ rule }) => `${rule} at ${seq}`));
}
const kvm1: Bare<Event> = { kind: 'alloc', object: 'Kvm#1', fields: { users: 1 } };
const irqfd1 = (fields: { readonly [name: string]: string | number | null }): Bare<Event> => ({ kind: 'alloc', object: 'Irqfd#1', fields });

test('the text is the same every time, and holds no place of the spec', () => {
  const text = emitOracle(system);
  assert.is(emitOracle(structuredClone(system)), text);
  assert.match(text, /^\/\/ Code generated by Holdfast from spec\/tiny-irqfd\. DO NOT EDIT\.\n\/\/ .*`make generate`/);
  assert.not.match(text, /tiny\.ts|line: /);
});
test('rules read as they were written', () => {
  const text = emitOracle(system);
  for (const part of [
    'when: ({ irqfd }: { irqfd: Irqfd }) => irqfd.kvm !== null,',
    'then: ({ irqfd }: { irqfd: Irqfd }) => isLive(irqfd.kvm),',
    'then: ({ irqfd }: { irqfd: Irqfd }) => (irqfd.kvm?.users.count ?? 0) <= 2,',
    'read: [({ object }: { object: Irqfd }, { thread }) => holds(thread, object.srcu)],',
    'write: [({ object }: { object: Irqfd }, { thread }) => holds(thread, object.kvm?.lock)],',
    'then: ({ irqfd }: { irqfd: Irqfd }) => has(irqfd.kvm?.irqfds, irqfd) && isOnQueue(irqfd.entry) && !isQueued(irqfd.inject),',
    "then: ({ kvm }: { kvm: Kvm }) => every(kvm.irqfds, (one) => one.mode === 'on'),",
    'then: (_, { globals }: Here & { globals: { kvmModule: KvmModule } }) => !globals.kvmModule.loud,',
    'EINVAL: ({ gsi }: { gsi: string | number | boolean | null }) => Number(gsi) > 3,',
    'ENOMEM: null,',
    "sentence: 'vmIsLive holds always.',",
    "source: 'an author\\'s words',",
    "queues: { 'KvmModule.cleanup': ['Irqfd.inject'] },",
    "calls: ['assignIrqfd'], parameters: ['vm', 'gsi'],",
  ])
    assert.ok(text.includes(part), part);
});
test('a rule that depends on one object only is marked so', () => {
  const own = definition.rules.flatMap(rule => (rule.kind === 'invariant' && rule.ownFieldsOnly ? [rule.name] : []));
  assert.equal(own, ['smallGsi']);
});
test('a rule names all that it looks at', () => {
  const looks = definition.rules.flatMap(rule => (rule.kind === 'settled' ? [rule.looksAt] : []));
  assert.equal(looks, [['Irqfd', 'Kvm.lock', 'Irqfd.kvm', 'Irqfd.mode', 'Kvm.irqfds', 'Irqfd.entry', 'Irqfd.inject']]);
});

test('an emitted invariant judges', () => {
  assert.equal(rulesBroken(kvm1, irqfd1({ kvm: 'Kvm#1', gsi: 5 })), ['smallGsi at 1']);
  assert.equal(rulesBroken(kvm1, irqfd1({ kvm: 'Kvm#1', gsi: 4 }), { kind: 'put', counter: 'Kvm#1.users' }), ['vmIsLive at 2']);
  assert.equal(rulesBroken(irqfd1({ kvm: null })), []);
});
test('an emitted settled rule judges', () => assert.equal(rulesBroken(kvm1, irqfd1({ kvm: 'Kvm#1', mode: 'on' })), ['listed at 1']));
test('an emitted rule at every event judges', () => {
  assert.equal(
    rulesBroken(
      { kind: 'alloc', object: 'Kvm#1', fields: { users: 2 } },
      irqfd1({ mode: 'off' }),
      { kind: 'add', set: 'Kvm#1.irqfds', member: 'Irqfd#1' },
      { kind: 'put', counter: 'Kvm#1.users' },
    ),
    ['allListedAreOn at 3'],
  );
});
test('an emitted guard judges', () => {
  assert.equal(rulesBroken(kvm1, irqfd1({ kvm: 'Kvm#1' }), { kind: 'read', field: 'Irqfd#1.kvm', value: 'Kvm#1' }), ['irqfdGuards at 2']);
  assert.equal(
    rulesBroken(
      kvm1,
      irqfd1({ kvm: 'Kvm#1' }),
      { kind: 'enter', domain: 'Irqfd#1.srcu' },
      { kind: 'read', field: 'Irqfd#1.kvm', value: 'Kvm#1' },
    ),
    [],
  );
});
test('a rule about a declared object judges', () =>
  assert.equal(rulesBroken({ kind: 'write', field: 'KvmModule#1.loud', value: true }), ['moduleIsQuiet at 0']));
test('an emitted contract judges', () => {
  const call = (gsi: number, result: string | number) =>
    rulesBroken(kvm1, { kind: 'call', call: 'assignIrqfd', arguments: ['Kvm#1', gsi] }, { kind: 'return', call: 'assignIrqfd', result });
  assert.equal(call(2, 0), []);
  assert.equal(call(4, 0), ['assignContract at 2']);
  assert.equal(call(4, 'EINVAL'), []);
  assert.equal(call(2, 'EINVAL'), ['assignContract at 2']);
  assert.equal(call(2, 'ENOMEM'), []);
});

test('all oracles are known by the name of their system', () => {
  const text = emitAllOracles(['vfio', 'irqfd-2009']);
  assert.match(text, /import \{ irqfd2009Oracle \} from '\.\/irqfd-2009\.oracle\.ts';\nimport \{ vfioOracle \}/);
  assert.match(text, /\['irqfd-2009', irqfd2009Oracle\]/);
});

test.run();
