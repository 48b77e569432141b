/** Predicates of rules as TypeScript over the objects of an oracle: `irqfd.kvm?.users.count ?? 0`. */
import type { FieldType, ObjectType, Predicate, SeenField } from '../model.ts';

/** What the expression's value is; `plain`: an argument of a call, whatever it may be. */
type Kind = 'boolean' | 'number' | 'word' | 'object' | 'null' | 'plain';
interface Code {
  readonly text: string;
  readonly kind: Kind;
  /** It can be an operand without parentheses. */ readonly simple: boolean;
  /** It can be null, or undefined where a path broke off. */ readonly nullable: boolean;
}

/** Objects of the system, and the variables of the rule that can be null. */
export interface Scope {
  readonly objects: Readonly<Record<string, ObjectType>>;
  readonly nullable: readonly string[];
}

/** `({ irqfd }: { irqfd: Irqfd }) => ...`; `types` are the variables' TypeScript types. */
export function emitCondition(
  predicate: Predicate,
  types: Readonly<Record<string, string>>,
  scope: Scope,
  globals: Readonly<Record<string, string>>,
): string {
  const body = asBoolean(emit(predicate, scope)).text;
  const used = new Set(freeVariables(predicate, []));
  const bound = Object.keys(types).filter(name => used.has(name));
  const ofThread = partsOf(predicate).some(({ kind }) => kind === 'holds' || kind === 'current');
  const ofProcess = partsOf(predicate).some(({ kind }) => kind === 'current');
  const ofGlobals = Object.keys(globals).filter(name => partsOf(predicate).some(part => part.kind === 'global' && part.name === name));
  const objects =
    bound.length === 0 ? '_' : `{ ${bound.join(', ')} }: { ${bound.map(name => `${name}: ${types[name] ?? ''}`).join('; ')} }`;
  const named = [...(ofThread ? ['thread'] : []), ...(ofGlobals.length > 0 ? ['globals'] : [])];
  const own = [
    ...(ofProcess ? ['thread: { process: Process | null }'] : []),
    ...(ofGlobals.length === 0 ? [] : [`globals: { ${ofGlobals.map(name => `${name}: ${globals[name] ?? ''}`).join('; ')} }`]),
  ];
  const annotation = own.length === 0 ? '' : `: Here & { ${own.join('; ')} }`;
  const parameters = named.length === 0 ? (bound.length === 0 ? '' : objects) : `${objects}, { ${named.join(', ')} }${annotation}`;
  return `(${parameters}) => ${body}`;
}

/** Those that no `some` or `every` around them brings along. */
function freeVariables(part: unknown, bound: readonly string[]): string[] {
  if (Array.isArray(part)) return part.flatMap(one => freeVariables(one, bound));
  if (part === null || typeof part !== 'object') return [];
  const { kind, name, variable, condition, ...rest } = part as Record<string, unknown>;
  if (kind === 'variable' && typeof name === 'string') return bound.includes(name) ? [] : [name];
  const inside = kind === 'quantified' && typeof variable === 'string' ? [...bound, variable] : bound;
  return [...freeVariables(condition, inside), ...freeVariables(Object.values(rest), bound)];
}

function asBoolean(code: Code): Code {
  switch (code.kind) {
    case 'boolean':
      return code;
    case 'number':
      return { ...comparison(code, '!==', constant(0)), kind: 'boolean' };
    case 'word':
    case 'object':
      return comparison(code, '!==', constant(null));
    case 'null':
      return { text: 'false', kind: 'boolean', simple: true, nullable: false };
    case 'plain':
      return { text: `Boolean(${code.text})`, kind: 'boolean', simple: true, nullable: false };
  }
}
function asNumber(code: Code): Code {
  return code.kind === 'number' ? code : { text: `Number(${code.text})`, kind: 'number', simple: true, nullable: false };
}
const operand = ({ text, simple }: Code): string => (simple ? text : `(${text})`);
const comparison = (left: Code, operator: string, right: Code): Code => ({
  text: `${operand(left)} ${operator} ${operand(right)}`,
  kind: 'boolean',
  simple: false,
  nullable: false,
});

function constant(value: number | boolean | string | null): Code {
  const kind = value === null ? 'null' : typeof value === 'string' ? 'word' : typeof value === 'number' ? 'number' : 'boolean';
  return { text: typeof value === 'string' ? quoted(value) : String(value), kind, simple: true, nullable: value === null };
}
/** A string literal of generated TypeScript. */
export const quoted = (text: string): string => `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'").replaceAll('\n', '\\n')}'`;

function emit(predicate: Predicate, scope: Scope): Code {
  const call = (name: string, ...of: readonly string[]): Code => ({
    text: `${name}(${of.join(', ')})`,
    kind: 'boolean',
    simple: true,
    nullable: false,
  });
  switch (predicate.kind) {
    case 'constant':
      return constant(predicate.value);
    case 'variable':
      return {
        text: predicate.name,
        kind: predicate.type === null ? 'plain' : 'object',
        simple: true,
        nullable: scope.nullable.includes(predicate.name),
      };
    case 'global':
      return { text: `globals.${predicate.name}`, kind: 'object', simple: true, nullable: false };
    case 'current':
      return { text: 'thread.process', kind: 'object', simple: true, nullable: true };
    case 'field':
      return emitField(predicate.field, scope);
    case 'operator':
      return emitOperator(predicate, scope);
    case 'live':
      return call('isLive', emit(predicate.of, scope).text);
    case 'queued':
      return call('isQueued', path(predicate.work, scope).text);
    case 'on-queue':
      return call('isOnQueue', path(predicate.entry, scope).text);
    case 'has':
      return call('has', path(predicate.set, scope).text, emit(predicate.member, scope).text);
    case 'holds':
      return call(predicate.toWrite ? 'holdsToWrite' : 'holds', 'thread', path(predicate.lock, scope).text);
    case 'held':
      return call(predicate.toWrite ? 'isHeldToWrite' : 'isHeld', path(predicate.lock, scope).text);
    case 'quantified':
      return call(
        predicate.every ? 'every' : 'some',
        path(predicate.set, scope).text,
        `(${predicate.variable}) => ${asBoolean(emit(predicate.condition, scope)).text}`,
      );
  }
}

function emitOperator(predicate: Predicate & { kind: 'operator' }, scope: Scope): Code {
  const of = predicate.of.map(one => emit(one, scope));
  const { operator } = predicate;
  const [first = constant(0), second = constant(0)] = of;
  switch (operator) {
    case '!':
      return { text: `!${operand(asBoolean(first))}`, kind: 'boolean', simple: true, nullable: false };
    case '&&':
    case '||': {
      const parts = predicate.of.flatMap(one => sameChain(one, operator)).map(one => operand(asBoolean(emit(one, scope))));
      return { text: parts.join(` ${operator} `), kind: 'boolean', simple: false, nullable: false };
    }
    case '===':
    case '!==': {
      // An argument of a call may stand for true as 1, for null as 0.
      const other = first.kind === 'plain' ? second : second.kind === 'plain' ? first : null;
      if (other?.kind === 'boolean' || other?.kind === 'null') return comparison(asBoolean(first), operator, asBoolean(second));
      return comparison(first, operator, second);
    }
    case '<':
    case '<=':
    case '>':
    case '>=':
      return comparison(asNumber(first), operator, asNumber(second));
    case '+':
    case '-': {
      const parts = of.map(one => operand(asNumber(one)));
      return {
        text: of.length === 1 ? `${operator}${parts.join('')}` : parts.join(` ${operator} `),
        kind: 'number',
        simple: false,
        nullable: false,
      };
    }
  }
}

/** `(a && b) && c` is a chain of three. */
const sameChain = (predicate: Predicate, operator: string): readonly Predicate[] =>
  predicate.kind === 'operator' && predicate.operator === operator ? predicate.of.flatMap(one => sameChain(one, operator)) : [predicate];

/** Leads to the state of a field, undefined where a pointer on the way is null. */
function path({ of, field }: SeenField, scope: Scope): Code {
  const base = of.kind === 'field' ? path(of.field, scope) : emit(of, scope);
  const broken = base.text.includes('?.');
  // Every pointer can be null: those of freed objects are.
  const nullable = base.nullable || of.kind === 'field';
  return { text: `${base.text}${nullable ? '?.' : '.'}${field}`, kind: 'object', simple: true, nullable: nullable || broken };
}

function emitField(seen: SeenField, scope: Scope): Code {
  const { text, nullable } = path(seen, scope);
  const or = (kind: Kind, value: string, suffix = ''): Code =>
    nullable
      ? { text: `${text}${suffix} ?? ${value}`, kind, simple: false, nullable: value === 'null' }
      : { text: `${text}${suffix}`, kind, simple: true, nullable: value === 'null' };
  const type = fieldType(seen, scope);
  switch (type.kind) {
    case 'refcount':
      return or('number', '0', '.count');
    case 'number':
      return or('number', '0');
    case 'boolean':
      return or('boolean', 'false');
    case 'word':
      return or('word', 'null');
    case 'pointer':
      return or('object', 'null');
    default:
      throw new Error(`${seen.type}.${seen.field} is a ${type.kind}, which has no value that a rule could read`);
  }
}

function fieldType({ type, field }: SeenField, { objects }: Scope): FieldType {
  const known = objects[type]?.fields.find(({ name }) => name === field);
  if (known === undefined) throw new Error(`${type} has no field ${field}`);
  return known.type;
}

/** The predicate and everything in it. */
function partsOf(predicate: Predicate): readonly Predicate[] {
  return [predicate, ...insideOf(predicate).flatMap(partsOf)];
}
function insideOf(predicate: Predicate): readonly Predicate[] {
  switch (predicate.kind) {
    case 'constant':
    case 'variable':
    case 'global':
    case 'current':
      return [];
    case 'operator':
      return predicate.of;
    case 'live':
      return [predicate.of];
    case 'has':
      return [predicate.set.of, predicate.member];
    case 'quantified':
      return [predicate.set.of, predicate.condition];
    case 'field':
    case 'queued':
    case 'on-queue':
    case 'holds':
    case 'held':
      return [seenIn(predicate)?.of ?? predicate];
  }
}
function seenIn(predicate: Predicate): SeenField | null {
  switch (predicate.kind) {
    case 'field':
      return predicate.field;
    case 'queued':
      return predicate.work;
    case 'on-queue':
      return predicate.entry;
    case 'has':
    case 'quantified':
      return predicate.set;
    case 'holds':
    case 'held':
      return predicate.lock;
    default:
      return null;
  }
}

/** Fields that it reads and types whose lifetime it asks for, in the order of the text. */
export function looksAt(predicates: readonly (Predicate | null)[]): string[] {
  const all = predicates
    .flatMap(predicate => (predicate === null ? [] : partsOf(predicate)))
    .flatMap(part => {
      if (part.kind === 'live') return [part.type];
      const seen = seenIn(part);
      return seen === null ? [] : [`${seen.type}.${seen.field}`];
    });
  return [...new Set(all)];
}

/** Every field that it reads is one of the variable's own object. */
export const readsOnly = (variable: string, predicates: readonly (Predicate | null)[]): boolean =>
  predicates
    .flatMap(predicate => (predicate === null ? [] : partsOf(predicate)))
    .every(part => {
      if (part.kind === 'live' || part.kind === 'quantified' || part.kind === 'global') return false;
      const seen = seenIn(part);
      return seen === null || (seen.of.kind === 'variable' && seen.of.name === variable);
    });
