/**
 * Conditions of rules for the fast engine of an oracle: straight code over its numbers, `m.i[m.i[irqfd + 8] + 20] !== 0`. An object is where its
 * words begin, null is 0, and what stands there is all zero; so a path never breaks off.
 */
import { headWords, layoutOf, numberValue, wordNumbers } from '../../oracles/fast/layout.ts';
import type { FieldType, Predicate, Rule, SeenField, System, Variable } from '../model.ts';
import { quoted } from './emit-oracle-condition.ts';

interface Code {
  readonly text: string;
  readonly kind: 'boolean' | 'number' | 'word' | 'object' | 'plain';
  /** It can be an operand without parentheses. */ readonly simple: boolean;
}
/** Thrown for what the fast engine does not know; then the system is judged without it. */
class Unknown extends Error {}

interface Layouts {
  readonly offset: (type: string, field: string) => number;
  readonly fieldType: (type: string, field: string) => FieldType;
  readonly word: (word: string) => number;
  readonly global: (name: string) => number;
  /** Number of the variable's type, and what is true of one whose counters say that it is going away. */
  readonly live: (variable: Variable) => { readonly type: number; readonly dead: readonly string[] };
}

/** Lines of the definition; none if the fast engine does not know something that the system has. */
export function emitFast(system: System): string[] {
  try {
    const layouts = layoutsOf(system);
    const rules = system.rules;
    return [
      'fast: {',
      ...block(
        'guards',
        rules.flatMap(rule => guards(rule, layouts)),
      ),
      ...block(
        'states',
        rules.flatMap(rule => states(rule, layouts)),
      ),
      ...block(
        'atEvery',
        rules.flatMap(rule => atEvery(rule, layouts)),
      ),
      ...block(
        'contracts',
        rules.flatMap(rule => contract(rule, layouts)),
      ),
      '},',
    ];
  } catch (error) {
    if (error instanceof Unknown) return [];
    throw error;
  }
}

const block = (name: string, lines: readonly string[]): string[] =>
  lines.length === 0 ? [`  ${name}: {},`] : [`  ${name}: {`, ...lines.map(line => `    ${line}`), '  },'];

function layoutsOf(system: System): Layouts {
  const types = Object.fromEntries(
    Object.entries(system.objects).map(([type, { fields }]) => [
      type,
      Object.fromEntries(
        fields.map(({ name, type: of }) => [name, { kind: of.kind, constant: false, ...(of.kind === 'word' ? { words: of.values } : {}) }]),
      ),
    ]),
  );
  const layouts = new Map(Object.entries(types).map(([type, fields]) => [type, layoutOf(fields)]));
  const words = wordNumbers(Object.fromEntries(Object.entries(types).map(([type, fields]) => [type, { fields }])));
  return {
    offset: (type, field) => layouts.get(type)?.offsets[field] ?? headWords,
    fieldType(type, field) {
      const found = system.objects[type]?.fields.find(({ name }) => name === field);
      if (found === undefined) throw new Error(`${type} has no field ${field}`);
      return found.type;
    },
    // A word that no field can be is none.
    word: word => words.get(word) ?? -1,
    global: name => Object.keys(system.globals).indexOf(name),
    live: ({ name, type }) => ({
      type: Object.keys(system.objects).indexOf(type),
      dead: (system.objects[type]?.fields ?? []).flatMap(field =>
        field.type.kind === 'refcount' ? [`m.i[${name} + ${layouts.get(type)?.offsets[field.name] ?? headWords}] === 0`] : [],
      ),
    }),
  };
}

function guards(rule: Rule, layouts: Layouts): string[] {
  if (rule.kind !== 'guards') return [];
  return Object.entries(rule.fields).flatMap(([field, guard]) => {
    if (guard === null) return [];
    const read = all(guard.read, '||', ['object'], layouts);
    const write = all(guard.write, '&&', ['object'], layouts);
    return [`${quoted(`${rule.type}.${field}`)}: { read: ${read}, write: ${write} },`];
  });
}
/** One function of several conditions; `null`: there is none. */
function all(predicates: readonly Predicate[], operator: '||' | '&&', variables: readonly string[], layouts: Layouts): string {
  if (predicates.length === 0) return 'null';
  const parts = predicates.map(one => asBoolean(emit(one, layouts)));
  const text = parts.length === 1 ? (parts[0]?.text ?? '') : parts.map(operand).join(` ${operator} `);
  return functionOf(text, variables);
}
function functionOf(text: string, variables: readonly string[]): string {
  const uses = (name: string): boolean => new RegExp(`(?<![.\\w$])${name.replaceAll('$', '\\$')}(?![\\w$])`).test(text);
  const parameters = ['m', 'thread', ...variables];
  while (parameters.length > 0 && !uses(parameters[parameters.length - 1] ?? '')) parameters.pop();
  return `(${parameters.map(name => (uses(name) ? name : `_${name}`)).join(', ')}) => ${text}`;
}
const condition = (predicate: Predicate | null, variables: readonly string[], layouts: Layouts): string =>
  predicate === null ? 'null' : functionOf(asBoolean(emit(predicate, layouts)).text, variables);

function states(rule: Rule, layouts: Layouts): string[] {
  if (rule.kind !== 'invariant' && rule.kind !== 'settled') return [];
  const over = rule.over.map(({ name }) => name);
  const busy = rule.kind === 'settled' && !isConstant(rule.busy, false) ? rule.busy : null;
  return [
    `${rule.name}: {`,
    `  one: ${verdict(busy, rule.when, rule.then, over, layouts)},`,
    '  all: m => {',
    '    let tests = 0;',
    ...everyChoice(rule.over, askedOf(busy, rule.when, layouts), operand(asBoolean(emit(rule.then, layouts))), layouts).map(
      line => `    ${line}`,
    ),
    '    return tests;',
    '  },',
    '},',
  ];
}
/** What makes the rule not ask, as alternatives. */
const askedOf = (busy: Predicate | null, when: Predicate | null, layouts: Layouts): string[] => [
  ...(busy === null ? [] : [operand(asBoolean(emit(busy, layouts)))]),
  ...(when === null ? [] : [`!(${asBoolean(emit(when, layouts)).text})`]),
];
/** Loops over all live objects that the variables can be. */
function everyChoice(over: readonly Variable[], notAsked: readonly string[], then: string, layouts: Layouts): string[] {
  const [variable, ...others] = over;
  if (variable === undefined)
    return [...(notAsked.length === 0 ? [] : [`if (${notAsked.join(' || ')}) continue;`]), `if (!(${then})) return -1;`, 'tests++;'];
  const { type, dead } = layouts.live(variable);
  const at = `${variable.name}At`;
  return [
    `for (let ${at} = 0; ${at} < m.lives[${type}]; ${at}++) {`,
    `  const ${variable.name} = m.live[${type}][${at}];`,
    ...(dead.length === 0 ? [] : [`  if (${dead.join(' || ')}) continue;`]),
    ...everyChoice(others, notAsked, then, layouts).map(line => `  ${line}`),
    '}',
  ];
}
/** 0: it is not asked for here; 1: it is so; -1: it is not. */
function verdict(busy: Predicate | null, when: Predicate | null, then: Predicate, over: readonly string[], layouts: Layouts): string {
  const asked = askedOf(busy, when, layouts);
  const answer = `${operand(asBoolean(emit(then, layouts)))} ? 1 : -1`;
  return functionOf(asked.length === 0 ? answer : `${asked.join(' || ')} ? 0 : ${answer}`, over);
}
function atEvery(rule: Rule, layouts: Layouts): string[] {
  // Of a call of a function there is no event.
  if (rule.kind !== 'at-every' || rule.verb === 'called') return [];
  const names = rule.over.map(({ name }) => name);
  const over = names.includes(rule.object) ? names : [rule.object, ...names];
  return [`${rule.name}: ${verdict(null, rule.when, rule.then, over, layouts)},`];
}
function contract(rule: Rule, layouts: Layouts): string[] {
  if (rule.kind !== 'contract') return [];
  const parameters = rule.parameters.map(({ name }) => name);
  return [
    `${rule.name}: {`,
    `  objects: [${rule.parameters.map(({ type }) => type !== null).join(', ')}],`,
    '  fails: {',
    ...rule.fails.map(({ errno, when }) => `    ${errno}: ${isConstant(when, true) ? 'null' : condition(when, parameters, layouts)},`),
    '  },',
    `  ensures: ${condition(rule.ensures, parameters, layouts)},`,
    '},',
  ];
}
const isConstant = (predicate: Predicate, value: boolean): boolean => predicate.kind === 'constant' && predicate.value === value;

const code = (text: string, kind: Code['kind'], simple = true): Code => ({ text, kind, simple });
const operand = ({ text, simple }: Code): string => (simple ? text : `(${text})`);

function asBoolean(one: Code): Code {
  switch (one.kind) {
    case 'boolean':
      return one;
    case 'plain':
      return code(`fast.isTrue(${one.text})`, 'boolean');
    default:
      return code(`${operand(one)} !== 0`, 'boolean', false);
  }
}
const asNumber = (one: Code): Code =>
  one.kind === 'number' ? one : code(`${one.kind === 'plain' ? 'fast.numberOf' : 'Number'}(${one.text})`, 'number');

function emit(predicate: Predicate, layouts: Layouts): Code {
  switch (predicate.kind) {
    case 'constant':
      if (predicate.value === null) return code('0', 'object');
      if (typeof predicate.value === 'string') return code(`${layouts.word(predicate.value)}`, 'word');
      return code(String(predicate.value), typeof predicate.value === 'number' ? 'number' : 'boolean');
    case 'variable':
      return code(predicate.name, predicate.type === null ? 'plain' : 'object');
    case 'global':
      return code(`m.globals[${layouts.global(predicate.name)}]`, 'object');
    case 'current':
      return code('fast.processOf(m, thread)', 'object');
    case 'field':
      return value(predicate.field, layouts);
    case 'operator':
      return operation(predicate, layouts);
    case 'live':
      return call('isLive', emit(predicate.of, layouts).text);
    case 'queued':
      return call('isQueued', place(predicate.work, layouts));
    case 'on-queue':
      return call('isOnQueue', place(predicate.entry, layouts));
    case 'has':
      return call('has', place(predicate.set, layouts), emit(predicate.member, layouts).text);
    case 'holds':
      return code(`fast.${predicate.toWrite ? 'holdsToWrite' : 'holds'}(m, thread, ${place(predicate.lock, layouts)})`, 'boolean');
    case 'held':
      return call(predicate.toWrite ? 'isHeldToWrite' : 'isHeld', place(predicate.lock, layouts));
    case 'quantified': {
      const inside = asBoolean(emit(predicate.condition, layouts)).text;
      return call(predicate.every ? 'every' : 'some', place(predicate.set, layouts), `${predicate.variable} => ${inside}`);
    }
  }
}
const call = (name: string, ...of: readonly string[]): Code => code(`fast.${name}(${['m', ...of].join(', ')})`, 'boolean');

function operation(predicate: Predicate & { kind: 'operator' }, layouts: Layouts): Code {
  const of = predicate.of.map(one => emit(one, layouts));
  const [first = code('0', 'number'), second = code('0', 'number')] = of;
  const { operator } = predicate;
  switch (operator) {
    case '!':
      return code(`!${operand(asBoolean(first))}`, 'boolean');
    case '&&':
    case '||':
      return code(of.map(one => operand(asBoolean(one))).join(` ${operator} `), 'boolean', false);
    case '===':
    case '!==':
      return code(comparison(first, operator, second), 'boolean', false);
    case '<':
    case '<=':
    case '>':
    case '>=':
      return code(`${operand(asNumber(first))} ${operator} ${operand(asNumber(second))}`, 'boolean', false);
    case '+':
    case '-': {
      const parts = of.map(one => operand(asNumber(one)));
      return code(parts.length === 1 ? `${operator}${parts.join('')}` : parts.join(` ${operator} `), 'number', false);
    }
    default:
      throw new Unknown(operator);
  }
}
function comparison(first: Code, operator: '===' | '!==', second: Code): string {
  const plain = first.kind === 'plain' ? first : second.kind === 'plain' ? second : null;
  if (plain === null) return `${operand(first)} ${operator} ${operand(second)}`;
  const other = plain === first ? second : first;
  // An argument of a call may stand for true as 1, for null as 0.
  const isNull = other.kind === 'object' && other.text === '0';
  if (other.kind === 'boolean' || isNull) return `${operand(asBoolean(first))} ${operator} ${operand(asBoolean(second))}`;
  if (other.kind === 'object') throw new Unknown('an argument that may be an object');
  if (other.kind === 'word') return `${plain.text} ${operator} fast.wordGiven(${other.text})`;
  return `${operand(first)} ${operator} ${operand(second)}`;
}

/** Where the state of a field is. */
function place({ of, type, field }: SeenField, layouts: Layouts): string {
  return `${operand(emit(of, layouts))} + ${layouts.offset(type, field)}`;
}
function value(seen: SeenField, layouts: Layouts): Code {
  const at = place(seen, layouts);
  const { kind } = layouts.fieldType(seen.type, seen.field);
  switch (kind) {
    case 'refcount':
      return code(`m.i[${at}]`, 'number');
    case 'number':
      return code(`m.d[${at} + ${numberValue}]`, 'number');
    case 'boolean':
      return code(`m.i[${at}] !== 0`, 'boolean', false);
    case 'word':
      return code(`m.i[${at}]`, 'word');
    case 'pointer':
      return code(`m.i[${at}]`, 'object');
    default:
      throw new Unknown(kind);
  }
}
