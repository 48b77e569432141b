/** What types cannot see in a system as a whole: locks nobody uses, functions nobody calls, rules that nothing can break. */

import type { Predicate, Rule, SeenField, System } from '../model.ts';
import type { Diagnostic } from './diagnostic.ts';
import { predicateFields } from './settle.ts';
import { protectionKinds } from './verbs.ts';

export function checkSpec(system: System): Diagnostic[] {
  return [
    ...nothingToExplore(system),
    ...unusedLocks(system),
    ...unguardedTypes(system),
    ...unusedFunctions(system),
    ...rulesThatNothingBreaks(system),
    ...brokenReferences(system),
    ...wrongFactNumbers(system),
  ];
}

/** Every field that some operation, scenario or replacement acts on or writes, and every field set by an alloc: `Type.field`. */
function touchedFields(system: System): { acted: Set<string>; written: Set<string>; called: Set<string> } {
  const acted = new Set<string>();
  const written = new Set<string>();
  const called = new Set<string>();
  const visit = (part: unknown): void => {
    if (Array.isArray(part)) {
      part.forEach(visit);
      return;
    }
    if (part === null || typeof part !== 'object') return;
    const node = part as {
      kind?: unknown;
      type?: unknown;
      field?: unknown;
      of?: unknown;
      on?: SeenLike | null;
      with?: unknown[];
      fields?: object;
    };
    if (node.kind === 'verb' && node.on) {
      acted.add(nameOf(node.on));
      written.add(nameOf(node.on));
      for (const other of node.with ?? []) if (isField(other)) acted.add(nameOf(other));
    }
    if (node.kind === 'guard' && isField((part as { lock?: unknown }).lock)) acted.add(nameOf((part as { lock: SeenLike }).lock));
    if (node.kind === 'write' && isField(node.field)) written.add(nameOf(node.field));
    if (node.kind === 'alloc' && typeof node.type === 'string')
      for (const field of Object.keys(node.fields ?? {})) written.add(`${node.type}.${field}`);
    if (node.kind === 'call' && typeof node.of === 'string') called.add(node.of);
    // A function as a value: somebody may call it through the pointer.
    const { value } = part as { value?: unknown };
    if (node.kind === 'constant' && typeof value === 'string') called.add(value);
    Object.values(part).forEach(visit);
  };
  visit(Object.values(system.operations));
  visit(system.scenarios);
  visit(system.variants.map(variant => Object.values(variant.operations)));
  return { acted, written, called };
}

interface SeenLike {
  readonly type: string;
  readonly field: string;
}
function isField(part: unknown): part is SeenLike {
  return part !== null && typeof part === 'object' && 'type' in part && 'field' in part && typeof part.field === 'string';
}
function nameOf(field: SeenLike): string {
  return `${field.type}.${field.field}`;
}

function unusedLocks(system: System): Diagnostic[] {
  const { acted, written } = touchedFields(system);
  const isUsed = (name: string, kind: string): boolean => acted.has(name) || (kind === 'flag' && written.has(name));
  return Object.values(system.objects).flatMap(object =>
    object.fields.flatMap(({ name, type }): Diagnostic[] =>
      !protectionKinds.includes(type.kind) || isUsed(`${object.name}.${name}`, type.kind)
        ? []
        : [
            {
              at: object.at,
              name: 'unused-lock',
              what: `${object.name}.${name} is never taken, so what it guards is not guarded.`,
              wayOut: `Take it where it is needed, or take it out of ${object.name}.`,
            },
          ],
    ),
  );
}

/** A spec without a scenario, and a scenario without a thread, explore nothing. */
function nothingToExplore(system: System): Diagnostic[] {
  const first = { file: system.files[0] ?? system.name, line: 1, column: 1 };
  if (system.scenarios.length === 0)
    return [
      {
        at: first,
        name: 'no-scenario',
        what: `${system.name} has no scenario, so nothing of it is explored.`,
        wayOut: 'Write one: `export const someScenario: Scenario = ({ thread, stays }) => { ... };`.',
      },
    ];
  return system.scenarios
    .filter(({ body }) => !body.some(({ kind }) => kind === 'thread'))
    .map(({ name, at }) => ({
      at,
      name: 'scenario-without-thread',
      what: `${name} has no thread: all of it runs alone, before anything could go wrong.`,
      wayOut: 'Put what is to be explored into `thread(() => ...)`.',
    }));
}

const hasGuards = ['set', 'pointer', 'word', 'boolean', 'number', 'flag'];

/** Fields that something in the tree writes, and sets that it puts something in or takes something off. */
function changedFields(tree: unknown, found: Set<string> = new Set()): ReadonlySet<string> {
  if (tree === null || typeof tree !== 'object') return found;
  const node = tree as { kind?: unknown; verb?: unknown; field?: unknown; on?: unknown };
  if (node.kind === 'write' && isField(node.field)) found.add(nameOf(node.field));
  if (node.kind === 'verb' && (node.verb === 'add' || node.verb === 'remove') && isField(node.on)) found.add(nameOf(node.on));
  for (const inside of Object.values(tree)) changedFields(inside, found);
  return found;
}

/** Fields that operations change, of types for which nothing says what guards them. What only scenarios touch needs no guard. */
function unguardedTypes(system: System): Diagnostic[] {
  const written = changedFields([Object.values(system.operations), system.variants.map(({ operations }) => Object.values(operations))]);
  const guarded = new Set(
    [...system.rules, ...system.variants.flatMap(({ rules, also }) => [...Object.values(rules), ...also])].flatMap(rule =>
      rule?.kind === 'guards' ? [rule.type] : [],
    ),
  );
  return Object.values(system.objects).flatMap((object): Diagnostic[] => {
    if (guarded.has(object.name) || object.at.file === 'language.ts') return [];
    const changed = object.fields.filter(
      ({ name, type, constant }) => !constant && hasGuards.includes(type.kind) && written.has(`${object.name}.${name}`),
    );
    if (changed.length === 0) return [];
    return [
      {
        at: object.at,
        name: 'type-without-guards',
        what: `${changed.map(({ name }) => `${object.name}.${name}`).join(', ')} can change, and nothing says what guards ${changed.length === 1 ? 'it' : 'them'}.`,
        wayOut: `Add \`export const guards: GuardedBy<${object.name}> = { ... }\`; a field that needs no lock says \`unguarded\`, and a comment why.`,
      },
    ];
  });
}

function unusedFunctions(system: System): Diagnostic[] {
  const { called } = touchedFields(system);
  const started = new Set([
    ...Object.values(system.interface),
    ...Object.values(system.given).flatMap(fields => Object.values(fields).map(String)),
    ...Object.values(system.objects).flatMap(object => Object.values(object.runs)),
    ...system.variants.flatMap(variant => Object.values(variant.runs).flatMap(runs => Object.values(runs))),
  ]);
  return Object.values(system.operations).flatMap((operation): Diagnostic[] => {
    // What a rule calls is put into the rule; what is one expression is a name for it.
    const isExpression = operation.body.length === 1 && operation.body[0]?.kind === 'return';
    if (called.has(operation.name) || started.has(operation.name) || isExpression) return [];
    return [
      {
        at: operation.at,
        name: 'unused-function',
        what: `${operation.name} is called by no operation and no scenario, so it is never explored.`,
        wayOut: 'Call it in a scenario, or take it out.',
      },
    ];
  });
}

function rulesThatNothingBreaks(system: System): Diagnostic[] {
  const { written, acted } = touchedFields(system);
  const changes = (field: SeenField) => written.has(`${field.type}.${field.field}`) || acted.has(`${field.type}.${field.field}`);
  return system.rules.flatMap((rule): Diagnostic[] => {
    const tell = (what: string): Diagnostic[] => [
      {
        at: rule.at,
        name: 'unbreakable-rule',
        what,
        wayOut: 'Say what must not happen in terms of fields that operations change, or take the rule out.',
      },
    ];
    if (rule.kind === 'invariant' || rule.kind === 'settled') {
      const fields = [...allFields(rule.when), ...allFields(rule.then)];
      if (always(rule.then)) return tell(`${rule.name} is true whatever happens: nothing can break it.`);
      if (fields.length > 0 && !fields.some(changes) && !asksIfLive(rule))
        return tell(
          `${rule.name} reads ${[...new Set(fields.map(nameOf))].join(', ')}, which no operation ever changes: nothing can break it.`,
        );
    }
    if (rule.kind === 'read-once' && !changes({ of: { kind: 'constant', value: null }, type: rule.type, field: rule.field }))
      return tell(
        `${rule.name} is about ${rule.type}.${rule.field}, which no operation ever changes: reading it twice is as good as once.`,
      );
    if (rule.kind === 'order' && rule.classes.length < 2) return tell(`${rule.name} orders fewer than two locks: nothing can break it.`);
    if (rule.kind === 'order') {
      const twice = rule.classes.find((one, index) => rule.classes.indexOf(one) !== index);
      if (twice !== undefined)
        return [
          {
            at: rule.at,
            name: 'order-contradicts-itself',
            what: `${rule.name} puts ${twice} inside itself.`,
            wayOut: 'Name each lock once, the outer one first.',
          },
        ];
    }
    return [];
  });
}

function allFields(predicate: Predicate | null): SeenField[] {
  if (predicate === null) return [];
  if (predicate.kind === 'quantified') return [predicate.set, ...allFields(predicate.condition)];
  return predicateFields(predicate);
}

function asksIfLive(rule: Rule): boolean {
  return /"kind":"(live|holds|queued|on-queue|has)"/.test(JSON.stringify(rule));
}

/** True by its form alone. */
function always(predicate: Predicate): boolean {
  if (predicate.kind === 'constant') return predicate.value === true;
  if (predicate.kind !== 'operator') return false;
  const [left, right] = predicate.of;
  if (predicate.operator === '||') return predicate.of.some(always);
  if (predicate.operator === '&&') return predicate.of.every(always);
  if (predicate.operator === '===' || predicate.operator === '>=' || predicate.operator === '<=')
    return JSON.stringify(left) === JSON.stringify(right);
  return false;
}

/** Names of scenarios, rules and variants in defects. `tsc` knows the type of a rule, not whether it is one of this system. */
function brokenReferences(system: System): Diagnostic[] {
  return system.variants.flatMap(variant =>
    variant.breaks.flatMap(({ rule, scenario }): Diagnostic[] => {
      const missing = !system.scenarios.some(one => one.name === scenario)
        ? scenario
        : rule.startsWith('always.') ||
            system.rules.some(one => one.name === rule) ||
            variant.also.some(one => one.name === rule) ||
            Object.values(system.objects).length === 0
          ? null
          : rule;
      return missing === null
        ? []
        : [
            {
              at: variant.at,
              name: 'unknown-name',
              what: `${variant.name} is said to break ${missing}, which is nothing that this system judges.`,
              wayOut: 'Name a rule and a scenario of the system.',
            },
          ];
    }),
  );
}

/** `@fact` names what the rule book knows by a letter and a number, and a fact is told once. */
function wrongFactNumbers(system: System): Diagnostic[] {
  const facts = system.facts ?? [];
  const tagged = [...system.rules, ...system.variants].flatMap(of => (of.facts ?? []).map(id => ({ id, of })));
  return [
    ...tagged
      .filter(({ id }) => !/^[RD]\d+$/.test(id))
      .map(({ id, of }) => ({
        at: of.at,
        name: 'wrong-fact-number',
        what: `${of.name} is said to state ${id || 'nothing'}, which is no number of a fact.`,
        wayOut: 'Write `@fact R101`, or several with commas; D for a defect.',
      })),
    ...facts
      .filter(({ from, undecided }) => from.length === 0 && undecided === null)
      .map(({ id, at }) => ({
        at,
        name: 'fact-without-ground',
        what: `${id} says neither what it follows from nor why nothing decides it.`,
        wayOut: 'Add `from: [someRule]`, or `undecided: "why"`.',
      })),
    ...facts
      .filter(({ id }) => tagged.some(one => one.id === id))
      .map(({ id, at }) => ({
        at,
        name: 'fact-told-twice',
        what: `${id} is among the facts, and a rule or defect states it too.`,
        wayOut: 'Leave it out here; the comment of the rule says it.',
      })),
  ];
}
