/** Rules of a system in its oracle: what they say, and their conditions as functions. */
import type { Predicate, Rule, System, Variable } from '../model.ts';
import { emitCondition, looksAt, quoted, readsOnly, type Scope } from './emit-oracle-condition.ts';
import { doc, indent, list, record, sentence } from './oracle-text.ts';

export function emitRule(rule: Exclude<Rule, { kind: 'ends' }>, system: System): string {
  return [
    `${doc(rule.doc)}{`,
    indent(
      [
        `kind: ${quoted(rule.kind)}, name: ${quoted(rule.name)},`,
        `sentence: ${quoted(sentence(rule.doc))},`,
        `source: ${rule.source === null ? 'null' : quoted(rule.source)},`,
        ...ruleLines(rule, system),
      ].join('\n'),
      2,
    ),
    '},',
  ].join('\n');
}

function ruleLines(rule: Exclude<Rule, { kind: 'ends' }>, system: System): string[] {
  const scope: Scope = { objects: system.objects, nullable: [] };
  switch (rule.kind) {
    case 'guards': {
      const all = Object.values(rule.fields).flatMap(guard => (guard === null ? [] : [...guard.read, ...guard.write]));
      return [
        `type: ${quoted(rule.type)},`,
        `looksAt: ${list(looksAt(all))},`,
        'fields: {',
        ...Object.entries(rule.fields).map(([field, guard]) => {
          if (guard === null) return `  ${field}: null,`;
          const emitted = (one: Predicate): string => emitCondition(one, { object: rule.type }, scope, system.globals);
          return indent(
            [
              `${field}: {`,
              `  read: [${guard.read.map(emitted).join(', ')}],`,
              `  write: [${guard.write.map(emitted).join(', ')}],`,
              `  names: ${record([
                ['read', quoted(guard.read.map(textOf).join(' or '))],
                ['write', quoted(guard.write.map(textOf).join(' and '))],
              ])},`,
              '},',
            ].join('\n'),
            2,
          );
        }),
        '},',
      ];
    }
    case 'order':
      return [`classes: ${list(rule.classes)}, nested: ${rule.nested},`];
    case 'order-exception':
      return [`outer: ${quoted(rule.outer)}, inner: ${quoted(rule.inner)},`];
    case 'innermost':
      return [`lock: ${quoted(rule.lock)},`];
    case 'takes-only': {
      const offered = Object.entries(system.interface).flatMap(([name, operation]) => (operation === rule.operation ? [name] : []));
      return [`calls: ${list(offered)}, classes: ${list(rule.classes)},`];
    }
    case 'read-once':
      return [`field: ${quoted(`${rule.type}.${rule.field}`)}, hasCalls: ${Object.keys(system.interface).length > 0},`];
    case 'invariant':
    case 'settled': {
      const busy = rule.kind === 'settled' && !isConstant(rule.busy, false) ? rule.busy : null;
      const [only] = rule.over;
      const own = rule.over.length === 1 && only !== undefined && readsOnly(only.name, [busy, rule.when, rule.then]);
      return [
        ...quantified(rule.over, [busy, rule.when, rule.then]),
        `ownFieldsOnly: ${own},`,
        ...conditions({ busy, when: rule.when, then: rule.then }, rule.over, scope, system),
      ];
    }
    case 'at-every': {
      const over =
        rule.verb === 'called' || rule.over.some(({ name }) => name === rule.object)
          ? rule.over
          : [{ name: rule.object, type: rule.type }, ...rule.over];
      return [
        `verb: ${quoted(rule.verb)}, on: ${quoted(rule.verb === 'called' ? rule.field : rule.field === '' ? rule.type : `${rule.type}.${rule.field}`)}, object: ${quoted(rule.object)},`,
        ...quantified(over, [rule.when, rule.then]),
        ...conditions({ when: rule.when, then: rule.then }, over, scope, system),
      ];
    }
    case 'contract': {
      const offered = Object.entries(system.interface).flatMap(([name, operation]) => (operation === rule.operation ? [name] : []));
      const own: Scope = { objects: system.objects, nullable: rule.parameters.flatMap(({ name, type }) => (type === null ? [] : [name])) };
      const types = Object.fromEntries(
        rule.parameters.map(({ name, type }) => [name, type === null ? 'string | number | boolean | null' : `${type} | null`]),
      );
      const emitted = (one: Predicate): string => emitCondition(one, types, own, system.globals);
      return [
        `calls: ${list(offered.length > 0 ? offered : [rule.operation])}, parameters: ${list(rule.parameters.map(({ name }) => name))},`,
        `looksAt: ${list(looksAt([...rule.fails.map(({ when }) => when), rule.ensures]))},`,
        'fails: {',
        ...rule.fails.map(({ errno, when }) => `  ${errno}: ${isConstant(when, true) ? 'null' : emitted(when)},`),
        '},',
        `ensures: ${rule.ensures === null ? 'null' : emitted(rule.ensures)},`,
        ...(rule.mayLeave === undefined ? [] : [`mayLeave: ${list(rule.mayLeave)},`]),
      ];
    }
  }
}

const isConstant = (predicate: Predicate, value: boolean): boolean => predicate.kind === 'constant' && predicate.value === value;
const textOf = (predicate: Predicate): string =>
  'text' in predicate
    ? predicate.text
    : predicate.kind === 'current'
      ? 'current'
      : String(predicate.kind === 'constant' ? predicate.value : predicate.name);

function quantified(over: readonly Variable[], predicates: readonly (Predicate | null)[]): string[] {
  const seen = [...new Set([...over.map(({ type }) => type), ...looksAt(predicates)])];
  return [`over: ${record(over.map(({ name, type }) => [name, quoted(type)]))},`, `looksAt: ${list(seen)},`];
}

function conditions(of: Readonly<Record<string, Predicate | null>>, over: readonly Variable[], scope: Scope, system: System): string[] {
  const types = Object.fromEntries(over.map(({ name, type }) => [name, type]));
  return Object.entries(of).map(
    ([name, predicate]) => `${name}: ${predicate === null ? 'null' : emitCondition(predicate, types, scope, system.globals)},`,
  );
}
