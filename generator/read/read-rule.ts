/** Rules: from syntax to predicates over objects. A rule looks at one state at once, so its reads are no steps. */
import {
  type ArrowFunction,
  Node,
  type Expression as Syntax,
  SyntaxKind,
  type TypeReferenceNode,
  type VariableDeclaration,
} from 'ts-morph';
import type { Operator, Parameter, Predicate, Rule, SeenField, Variable } from '../model.ts';
import {
  canonical,
  docOf,
  fieldOf,
  isFromLanguage,
  memberOfType,
  objectName,
  objectOfType,
  type Reading,
  symbolOf,
  textOf,
  unqualified,
  wholeNumber,
} from './read-context.ts';
import { readSeconds } from './read-duration.ts';
import { isOfMember } from './read-unions.ts';
import { actionAt, hasReadSide, protectionKinds, verbs } from './verbs.ts';

/** What the names of a predicate stand for. */
type Bindings = ReadonlyMap<string, Predicate>;

/** Kinds of rule by the type that declares them. */
export const ruleTypes: readonly string[] = [
  'GuardedBy',
  'LockOrder',
  'NestedOrder',
  'OrderException',
  'Innermost',
  'TakesOnly',
  'ReadOnce',
  'Invariant',
  'Settled',
  'AtEvery',
  'Contract',
  'Ends',
];

export function readRule(
  reading: Reading,
  declaration: VariableDeclaration,
  type: string,
  argument: TypeReferenceNode,
  value: Syntax,
  name: string,
): Rule {
  const head = { name, ...docOf(declaration.getVariableStatement()), at: reading.place(declaration) };
  return readRuleValue(reading, head, type, argument, value);
}

export function readRuleValue(
  reading: Reading,
  head: { name: string; doc: string; source: string | null; at: Rule['at'] },
  type: string,
  annotation: TypeReferenceNode,
  value: Syntax,
): Rule {
  const arguments_ = annotation.getTypeArguments();
  const first = arguments_[0];
  switch (type) {
    case 'GuardedBy':
      return {
        ...head,
        kind: 'guards',
        type: canonical(reading, objectName(first?.getText() ?? '')),
        fields: readGuards(reading, canonical(reading, objectName(first?.getText() ?? '')), value),
      };
    case 'LockOrder':
    case 'NestedOrder':
      return { ...head, kind: 'order', classes: readClasses(reading, value), nested: type === 'NestedOrder' };
    case 'OrderException': {
      const [outer = '', inner = ''] = readClasses(reading, value);
      return { ...head, kind: 'order-exception', outer, inner };
    }
    case 'Innermost': {
      const [lock = ''] = readClasses(reading, value);
      return { ...head, kind: 'innermost', lock };
    }
    case 'TakesOnly': {
      const operation = Node.isTypeQuery(first) ? (first.getExprName().getText().split('.').at(-1) ?? '') : '';
      if (reading.heads[operation] === undefined)
        return reading.refuse(
          value,
          'unknown-operation',
          `${head.name} is about ${operation || 'something'}, which is not a function of this system.`,
          'Write TakesOnly<typeof someFunction>.',
        );
      return { ...head, kind: 'takes-only', operation, classes: readClasses(reading, value) };
    }
    case 'ReadOnce':
      return { ...head, kind: 'read-once', ...readFieldOnce(reading, value) };
    case 'Invariant': {
      const { over, when, then } = ofNoThread(reading, value, readCondition(reading, arrow(reading, value)));
      return { ...head, kind: 'invariant', over, when, then };
    }
    case 'Settled': {
      const { over, when, then } = ofNoThread(reading, value, readCondition(reading, arrow(reading, value)));
      return { ...head, kind: 'settled', over, busy: { kind: 'constant', value: false }, when, then }; // settle() puts the guards in, once all are known
    }
    case 'AtEvery':
      return readAtEvery(reading, head, value);
    case 'Contract':
      return readContract(reading, head, first, value);
    case 'Ends':
      return readEnds(reading, head, first, value);
    default:
      return reading.refuse(
        value,
        'not-lowered',
        `${type} is part of the language, but nothing judges it yet.`,
        'Leave it out of this system, or add it to the generator: see CONTRIBUTING.md, "A rule".',
      );
  }
}

/** In a state there is no thread whose process could be asked for. */
function ofNoThread<Condition>(reading: Reading, node: Syntax, condition: Condition): Condition {
  if (!JSON.stringify(condition).includes('"kind":"current"')) return condition;
  return reading.refuse(
    node,
    'rule-without-thread',
    'This rule is about states, in which no thread does anything: there is no current process.',
    'Compare with a field of an object, or write an AtEvery or a Contract.',
  );
}

function arrow(reading: Reading, node: Syntax | undefined): ArrowFunction {
  if (Node.isArrowFunction(node)) return node;
  if (node === undefined) throw new Error('a rule without a value');
  return reading.refuse(
    node,
    'outside-the-subset',
    'A rule is an arrow function of the objects it speaks of.',
    'Write `({ irqfd }) => ...`.',
  );
}

function bodyOf(reading: Reading, node: ArrowFunction): Syntax {
  const body = node.getBody();
  if (!Node.isBlock(body)) return body as Syntax;
  const [only, ...others] = body.getStatements();
  const value = Node.isReturnStatement(only) ? only.getExpression() : undefined;
  if (value !== undefined && others.length === 0) return value;
  return reading.refuse(
    node,
    'outside-the-subset',
    'A rule is one expression.',
    'Write it without braces; name parts of it as functions that return one expression.',
  );
}

/** `({ irqfd, kvm }, past) => implies(when, then)` */
function readCondition(reading: Reading, node: ArrowFunction): { over: Variable[]; when: Predicate | null; then: Predicate } {
  const { over, bindings, only } = objectsOf(reading, node);
  const { when, then } = splitImplication(reading, bodyOf(reading, node), bindings);
  return { over, when: both(only, when), then };
}

function both(one: Predicate | null, other: Predicate | null): Predicate | null {
  if (one === null || other === null) return one ?? other;
  const text = ['text' in one ? one.text : '', 'text' in other ? other.text : ''].join(' && ');
  return { kind: 'operator', operator: '&&', of: [one, other], text };
}

function splitImplication(reading: Reading, body: Syntax, bindings: Bindings): { when: Predicate | null; then: Predicate } {
  if (Node.isCallExpression(body) && body.getExpression().getText() === 'implies') {
    const [when, then] = body.getArguments() as Syntax[];
    if (when !== undefined && then !== undefined)
      return { when: readPredicate(reading, when, bindings), then: readPredicate(reading, then, bindings) };
  }
  return { when: null, then: readPredicate(reading, body, bindings) };
}

/** `only`: which members of unions they are. */
function objectsOf(reading: Reading, node: ArrowFunction): { over: Variable[]; bindings: Bindings; only: Predicate | null } {
  const pattern = node.getParameters()[0]?.getNameNode();
  if (pattern === undefined) return { over: [], bindings: new Map(), only: null };
  if (!Node.isObjectBindingPattern(pattern))
    return reading.refuse(pattern, 'outside-the-subset', 'A rule takes its objects by name.', 'Write `({ irqfd }) => ...`.');
  let only: Predicate | null = null;
  const over = pattern.getElements().map(element => {
    const member = memberOfType(reading, element.getType());
    if (member === null)
      return reading.refuse(
        element,
        'not-an-object',
        `${element.getName()} is not an object of this system.`,
        'Declare its type as an exported interface.',
      );
    const type = canonical(reading, member);
    only = both(only, isOfMember(reading, member, { kind: 'variable', name: element.getName(), type }));
    return { name: element.getName(), type };
  });
  return { over, only, bindings: new Map(over.map(({ name, type }) => [name, { kind: 'variable', name, type } as const])) };
}

// ---- Predicates

const operators: Readonly<Record<string, Operator>> = {
  '===': '===',
  '!==': '!==',
  '<': '<',
  '<=': '<=',
  '>': '>',
  '>=': '>=',
  '+': '+',
  '-': '-',
  '&&': '&&',
  '||': '||',
};

export function readPredicate(reading: Reading, node: Syntax, bindings: Bindings): Predicate {
  const text = textOf(node);
  const inner = (part: Syntax) => readPredicate(reading, part, bindings);
  if (Node.isParenthesizedExpression(node)) return inner(node.getExpression());
  if (Node.isNullLiteral(node)) return { kind: 'constant', value: null };
  if (Node.isTrueLiteral(node) || Node.isFalseLiteral(node)) return { kind: 'constant', value: Node.isTrueLiteral(node) };
  if (Node.isNumericLiteral(node)) return { kind: 'constant', value: wholeNumber(reading, node) };
  if (Node.isStringLiteral(node)) return { kind: 'constant', value: node.getLiteralValue() };
  if (Node.isPrefixUnaryExpression(node) && node.getOperatorToken() === SyntaxKind.ExclamationToken)
    return { kind: 'operator', operator: '!', of: [inner(node.getOperand())], text };
  if (Node.isBinaryExpression(node)) {
    const operator = operators[node.getOperatorToken().getText()];
    const flag = operator === '===' || operator === '!==' ? readFlagTest(reading, node, operator, bindings) : undefined;
    if (flag !== undefined) return flag;
    if (operator !== undefined) return { kind: 'operator', operator, of: [inner(node.getLeft()), inner(node.getRight())], text };
    return reading.refuse(
      node,
      'rule-with-side-effect',
      `\`${text}\`: a rule looks and does not touch.`,
      'Compare with === !== < <= > >=, join with && || !, compute with + -.',
    );
  }
  if (Node.isConditionalExpression(node)) {
    // It is read as two conditions of which one holds, which a number or an object is not.
    if (!node.getType().isBoolean() && !node.getType().isBooleanLiteral())
      return reading.refuse(
        node,
        'rule-not-analysable',
        `\`${text.slice(0, 60)}\` chooses a value, and a rule may only choose a condition.`,
        'Compare on both sides: `masked ? depth === 1 : depth === 0`.',
      );
    const when = inner(node.getCondition());
    const not: Predicate = { kind: 'operator', operator: '!', of: [when], text: `!(${textOf(node.getCondition())})` };
    return {
      kind: 'operator',
      operator: '||',
      text,
      of: [
        { kind: 'operator', operator: '&&', of: [when, inner(node.getWhenTrue())], text },
        { kind: 'operator', operator: '&&', of: [not, inner(node.getWhenFalse())], text },
      ],
    };
  }
  const name = Node.isIdentifier(node) ? node : unqualified(node);
  if (name !== null) {
    const bound = name === node ? bindings.get(name.getText()) : undefined;
    if (bound !== undefined) return bound;
    if (name.getText() === 'current' && isFromLanguage(symbolOf(name))) return { kind: 'current' };
    const global = reading.globals[name.getText()];
    if (global !== undefined) return { kind: 'global', name: name.getText(), type: global };
    return reading.refuse(
      node,
      'rule-outside-its-objects',
      `${node.getText()} is not one of the objects that the rule speaks of.`,
      'Name it among them: `({ irqfd, kvm }) => ...`.',
    );
  }
  if (Node.isPropertyAccessExpression(node)) return readSeenProperty(reading, node, bindings);
  if (Node.isCallExpression(node)) return readPredicateCall(reading, node, bindings);
  return reading.refuse(
    node,
    'rule-not-analysable',
    `\`${text.slice(0, 60)}\` says more than a rule may: fields of its objects, constants, comparisons and past.`,
    'Say it with those.',
  );
}

/** `mdev.busy === 'taken'`: whether somebody holds the flag. */
function readFlagTest(
  reading: Reading,
  node: import('ts-morph').BinaryExpression,
  operator: '===' | '!==',
  bindings: Bindings,
): Predicate | undefined {
  const value = node.getRight();
  const of = node.getLeft();
  if (!Node.isStringLiteral(value) || !Node.isPropertyAccessExpression(of)) return undefined;
  const word = value.getLiteralValue();
  if (word !== 'taken' && word !== 'free') return undefined;
  const lock = seenField(reading, of, bindings);
  if (fieldOf(reading, lock.type, lock.field)?.type.kind !== 'flag') return undefined;
  const text = textOf(node);
  const held: Predicate = { kind: 'held', lock, text };
  return (word === 'taken') === (operator === '===') ? held : { kind: 'operator', operator: '!', of: [held], text };
}

function readSeenProperty(reading: Reading, node: import('ts-morph').PropertyAccessExpression, bindings: Bindings): Predicate {
  if (node.hasQuestionDotToken())
    return reading.refuse(
      node,
      'outside-the-subset',
      '`?.` reads through a null, and `a?.b !== null` is true for a null `a`.',
      'Test the pointer first: `a !== null && a.b !== null`.',
    );
  const object = node.getExpression();
  if (node.getName() === 'count' && Node.isPropertyAccessExpression(object)) {
    const counter = seenField(reading, object, bindings);
    if (fieldOf(reading, counter.type, counter.field)?.type.kind === 'refcount')
      return { kind: 'field', field: counter, text: textOf(node) };
  }
  const field = seenField(reading, node, bindings);
  const kind = fieldOf(reading, field.type, field.field)?.type.kind;
  if (kind === 'pointer' || kind === 'boolean' || kind === 'word' || kind === 'number') return { kind: 'field', field, text: textOf(node) };
  if (kind === 'flag')
    return reading.refuse(
      node,
      'primitive-as-value',
      `${textOf(node)} is a flag used as a lock; a rule asks whether it is taken.`,
      `Write \`${textOf(node)} === 'taken'\`, or past.holds(${textOf(node)}).`,
    );
  return reading.refuse(
    node,
    'primitive-as-value',
    `${textOf(node)} is a ${kind}: it has no value that a rule could compare.`,
    'Ask past.holds(...) for a lock, isQueued(...) for work, .count of a counter, .has(...) of a set.',
  );
}

/** `object.field`, the object being any path. */
export function seenField(reading: Reading, node: Syntax, bindings: Bindings): SeenField {
  if (Node.isParenthesizedExpression(node)) return seenField(reading, node.getExpression(), bindings);
  if (!Node.isPropertyAccessExpression(node))
    return reading.refuse(node, 'not-a-field', `${textOf(node)} is not a field of an object.`, 'Name it as object.field.');
  const of = readPredicate(reading, node.getExpression(), bindings);
  const type = typeOfPredicate(reading, of);
  if (type === null)
    return reading.refuse(
      node,
      'not-an-object',
      `${textOf(node.getExpression())} is not an object of this system.`,
      'Follow pointers of declared objects only.',
    );
  if (reading.refusedFields.has(`${type}.${node.getName()}`)) return reading.giveUp();
  if (fieldOf(reading, type, node.getName()) === undefined)
    return reading.refuse(
      node.getNameNode(),
      'unknown-field',
      `${type} has no field ${node.getName()}.`,
      `It has ${reading.objects[type]?.fields.map(field => field.name).join(', ') ?? 'none'}.`,
    );
  return { of, type, field: node.getName() };
}

function typeOfPredicate(reading: Reading, of: Predicate): string | null {
  if (of.kind === 'variable' || of.kind === 'global') return of.type;
  if (of.kind === 'current') return 'Process';
  if (of.kind !== 'field') return null;
  const type = fieldOf(reading, of.field.type, of.field.field)?.type;
  return type?.kind === 'pointer' ? type.to : null;
}

function readPredicateCall(reading: Reading, node: import('ts-morph').CallExpression, bindings: Bindings): Predicate {
  const callee = node.getExpression();
  const text = textOf(node);
  const arguments_ = node.getArguments() as Syntax[];
  const [first, second] = arguments_;
  const bad = (): never =>
    reading.refuse(
      node,
      'rule-not-analysable',
      `\`${text.slice(0, 60)}\`: a rule may only look at its objects and at past.`,
      'Use fields, isLive, isQueued, isOnQueue, some, every, implies, past.holds, or a function that returns one expression of these.',
    );
  if (Node.isPropertyAccessExpression(callee) && first !== undefined) {
    if (callee.getExpression().getText() === 'past' && callee.getName() === 'holds')
      return { kind: 'holds', lock: seenField(reading, first, bindings), text };
    if (callee.getName() === 'has')
      return {
        kind: 'has',
        set: seenField(reading, callee.getExpression(), bindings),
        member: readPredicate(reading, first, bindings),
        text,
      };
  }
  const name = Node.isPropertyAccessExpression(callee) ? callee.getName() : callee.getText();
  if (first !== undefined && isFromLanguage(symbolOf(callee))) {
    switch (name) {
      case 'implies': {
        if (second === undefined) return bad();
        const when = readPredicate(reading, first, bindings);
        return {
          kind: 'operator',
          operator: '||',
          of: [{ kind: 'operator', operator: '!', of: [when], text: `!(${textOf(first)})` }, readPredicate(reading, second, bindings)],
          text,
        };
      }
      case 'isLive': {
        const of = readPredicate(reading, first, bindings);
        const type = typeOfPredicate(reading, of);
        return type === null ? bad() : { kind: 'live', type, of, text };
      }
      case 'isQueued':
        return { kind: 'queued', work: seenField(reading, first, bindings), text };
      case 'isOnQueue':
        return { kind: 'on-queue', entry: seenField(reading, first, bindings), text };
      case 'some':
      case 'every':
        return readQuantified(reading, node, name === 'every', first, second, bindings);
      default:
        return bad();
    }
  }
  return inlined(reading, callee, arguments_, bindings) ?? bad();
}

function readQuantified(
  reading: Reading,
  node: Syntax,
  every: boolean,
  set: Syntax,
  condition: Syntax | undefined,
  bindings: Bindings,
): Predicate {
  const seen = seenField(reading, set, bindings);
  const type = fieldOf(reading, seen.type, seen.field)?.type;
  if (type?.kind !== 'set')
    return reading.refuse(set, 'wrong-kind', `${textOf(set)} is not a set.`, 'Quantify over a Set field of an object.');
  const function_ = arrow(reading, condition);
  const variable = function_.getParameters()[0]?.getName() ?? '_';
  const inner = new Map(bindings).set(variable, { kind: 'variable', name: variable, type: type.of });
  return {
    kind: 'quantified',
    every,
    set: seen,
    type: type.of,
    variable,
    condition: readPredicate(reading, bodyOf(reading, function_), inner),
    text: textOf(node),
  };
}

/** A function of the spec that returns one expression is a name for that expression. */
function inlined(reading: Reading, callee: Node, arguments_: readonly Syntax[], bindings: Bindings): Predicate | undefined {
  const declaration = symbolOf(Node.isPropertyAccessExpression(callee) ? callee.getNameNode() : callee)?.getDeclarations()[0];
  if (!Node.isFunctionDeclaration(declaration)) return undefined;
  const [only, ...others] = declaration.getStatements();
  const value = Node.isReturnStatement(only) ? only.getExpression() : undefined;
  if (value === undefined || others.length > 0) return undefined;
  const own = new Map(
    declaration.getParameters().map((parameter, index) => {
      const argument = arguments_[index];
      return [
        parameter.getName(),
        argument === undefined ? ({ kind: 'constant', value: null } as const) : readPredicate(reading, argument, bindings),
      ] as const;
    }),
  );
  return readPredicate(reading, value, own);
}

// ---- Guards and orders

export type Guards = Record<string, { read: Predicate[]; write: Predicate[] } | null>;

function readGuards(reading: Reading, type: string, value: Syntax): Guards {
  if (!Node.isObjectLiteralExpression(value))
    return reading.refuse(
      value,
      'outside-the-subset',
      'Guards are an object with one entry for each field.',
      'Write `{ field: object => object.lock }`.',
    );
  const guards: Guards = {};
  for (const property of value.getProperties()) {
    if (Node.isSpreadAssignment(property)) {
      const base = symbolOf(property.getExpression())?.getDeclarations()[0];
      const initializer = Node.isVariableDeclaration(base) ? base.getInitializer() : undefined;
      if (initializer !== undefined) Object.assign(guards, readGuards(reading, type, initializer));
      continue;
    }
    if (!Node.isPropertyAssignment(property))
      return reading.refuse(property, 'outside-the-subset', 'A guard is written as `field: object => object.lock`.', 'Write it so.');
    guards[property.getName()] = readGuard(reading, type, property.getInitializerOrThrow());
  }
  return guards;
}

function readGuard(reading: Reading, type: string, node: Syntax): Guards[string] {
  if (Node.isIdentifier(node) && node.getText() === 'unguarded') return null;
  if (Node.isArrowFunction(node)) {
    return { read: guardTerms(reading, type, node, false), write: guardTerms(reading, type, node, true) };
  }
  if (Node.isObjectLiteralExpression(node)) {
    const side = (name: string) => {
      const property = node.getProperty(name);
      return Node.isPropertyAssignment(property)
        ? guardTerms(reading, type, arrow(reading, property.getInitializerOrThrow()), name === 'write')
        : [];
    };
    return { read: side('read'), write: side('write') };
  }
  return reading.refuse(
    node,
    'outside-the-subset',
    `\`${textOf(node)}\` is not a guard.`,
    'Write `object => object.lock`, `{ read: ..., write: ... }` or unguarded.',
  );
}

/** To write, the read side of a lock is not enough. */
function guardTerms(reading: Reading, type: string, node: ArrowFunction, toWrite: boolean): Predicate[] {
  const name = node.getParameters()[0]?.getName();
  const bindings: Bindings = new Map(name === undefined ? [] : [[name, { kind: 'variable', name: 'object', type } as const]]);
  const body = bodyOf(reading, node);
  const terms = Node.isArrayLiteralExpression(body) ? body.getElements() : [body];
  return terms.map(term => {
    if (Node.isPropertyAccessExpression(term)) {
      const seen = seenField(reading, term, bindings);
      const kind = fieldOf(reading, seen.type, seen.field)?.type.kind ?? '';
      if (protectionKinds.includes(kind))
        return { kind: 'holds', lock: seen, ...(toWrite && hasReadSide.includes(kind) ? { toWrite } : {}), text: textOf(term) };
    }
    return readPredicate(reading, term, bindings);
  });
}

function readClasses(reading: Reading, value: Syntax): string[] {
  const node = arrow(reading, value);
  const body = bodyOf(reading, node);
  const elements = Node.isArrayLiteralExpression(body) ? body.getElements() : Node.isPropertyAccessExpression(body) ? [body] : null;
  if (elements === null)
    return reading.refuse(
      body,
      'outside-the-subset',
      'An order is a list of locks, the outer one first.',
      'Write `(a, b) => [a.lock, b.lock]`.',
    );
  const bindings: Bindings = new Map(
    node.getParameters().map(parameter => {
      const type = objectOfType(reading, parameter.getType());
      return [parameter.getName(), { kind: 'variable', name: parameter.getName(), type } as const];
    }),
  );
  return elements.map(element => {
    const { type, field } = seenField(reading, element, bindings);
    const kind = fieldOf(reading, type, field)?.type.kind ?? '';
    if (!protectionKinds.includes(kind))
      return reading.refuse(
        element,
        'wrong-kind',
        `${textOf(element)} is a ${kind}, which nobody holds.`,
        'List locks, wait queues and read sections.',
      );
    return `${type}.${field}`;
  });
}

/** `mdev => mdev.kvm` */
function readFieldOnce(reading: Reading, value: Syntax): { type: string; field: string } {
  const node = arrow(reading, value);
  const bindings: Bindings = new Map(
    node.getParameters().map(parameter => {
      const type = objectOfType(reading, parameter.getType());
      return [parameter.getName(), { kind: 'variable', name: parameter.getName(), type } as const];
    }),
  );
  const { type, field } = seenField(reading, bodyOf(reading, node), bindings);
  const declared = fieldOf(reading, type, field);
  if (declared === undefined || declared.constant || !['pointer', 'word', 'boolean', 'number'].includes(declared.type.kind))
    return reading.refuse(
      value,
      'wrong-kind',
      `${type}.${field} has no value that could change between two reads.`,
      'Name a field that is a pointer, a word, a boolean or a number, and not readonly.',
    );
  return { type, field };
}

// ---- Events and calls

function readAtEvery(reading: Reading, head: { name: string; doc: string; source: string | null; at: Rule['at'] }, value: Syntax): Rule {
  if (!Node.isObjectLiteralExpression(value))
    return reading.refuse(
      value,
      'outside-the-subset',
      'A rule at an event has two parts.',
      'Write `{ event: ({ kvm }) => put(kvm.users), then: ... }`.',
    );
  const part = (name: string) => {
    const property = value.getProperty(name);
    return arrow(reading, Node.isPropertyAssignment(property) ? property.getInitializer() : undefined);
  };
  const event = part('event');
  const { over, bindings, only } = objectsOf(reading, event);
  const statement = eventOf(reading, event, bindings);
  const condition = part('then');
  const own = objectsOf(reading, condition);
  const bound = own.over.length > 0 ? own.bindings : bindings;
  const variables = [...over, ...own.over.filter(({ name }) => !over.some(known => known.name === name))];
  const { when, then } = splitImplication(reading, bodyOf(reading, condition), bound);
  return { ...head, kind: 'at-every', ...statement, over: variables, when: both(only, when), then };
}

interface RuleEvent {
  readonly verb: string;
  readonly type: string;
  readonly field: string;
  readonly object: string;
  readonly given?: readonly (string | null)[];
}

/** A call of a function, or through a field that points to one: the function's name, or `Type.field`. Undefined: it is neither. */
function calledIn(reading: Reading, callee: Syntax, bindings: Bindings): string | undefined {
  const declaration = symbolOf(Node.isPropertyAccessExpression(callee) ? callee.getNameNode() : callee)?.getDeclarations()[0];
  if (Node.isFunctionDeclaration(declaration) && reading.heads[declaration.getName() ?? ''] !== undefined) return declaration.getName();
  if (!Node.isPropertyAccessExpression(callee) || !Node.isPropertySignature(declaration)) return undefined;
  const { type, field } = seenField(reading, callee, bindings);
  const known = fieldOf(reading, type, field)?.type;
  return known?.kind === 'word' && known.callable ? `${type}.${field}` : undefined;
}

function eventOf(reading: Reading, node: ArrowFunction, bindings: Bindings): RuleEvent {
  const wayOut =
    'Write one verb on a field of one of the objects: `({ kvm }) => put(kvm.users)`, or `({ irqfd }) => { irqfd.kvm = null; }`, or the call of a function.';
  const body = node.getBody();
  const statement = Node.isBlock(body) ? body.getStatements()[0] : undefined;
  const expression = statement === undefined ? body : Node.isExpressionStatement(statement) ? statement.getExpression() : undefined;
  const subject = (field: SeenField, verb: string) => {
    if (field.of.kind !== 'variable' || field.of.type === null)
      return reading.refuse(node, 'rule-not-analysable', `The event of ${textOf(node)} is not on a field of one of its objects.`, wayOut);
    return { verb, type: field.type, field: field.field, object: field.of.name };
  };
  if (Node.isBinaryExpression(expression) && expression.getOperatorToken().getText() === '=')
    return subject(seenField(reading, expression.getLeft(), bindings), 'write');
  if (Node.isCallExpression(expression)) {
    const first = expression.getArguments()[0] as Syntax | undefined;
    const callee = expression.getExpression();
    if (Node.isPropertyAccessExpression(callee)) {
      const verb = ({ add: 'add', delete: 'remove' } as Record<string, string>)[callee.getName()];
      if (verb !== undefined) return subject(seenField(reading, callee.getExpression(), bindings), verb);
    }
    const called = isFromLanguage(symbolOf(callee)) ? undefined : calledIn(reading, callee as Syntax, bindings);
    if (called !== undefined) {
      const given = expression.getArguments().map(argument => {
        const bound = Node.isIdentifier(argument) ? bindings.get(argument.getText()) : undefined;
        return bound?.kind === 'variable' ? bound.name : null;
      });
      return { verb: 'called', type: '', field: called, object: '', given };
    }
    const name = callee.getText();
    if (verbs[name]?.event === 'free' && first !== undefined) {
      const object = readPredicate(reading, first, bindings);
      if (object.kind === 'variable' && object.type !== null) return { verb: 'free', type: object.type, field: '', object: object.name };
    } else if ((verbs[name]?.event ?? null) !== null && first !== undefined) {
      const field = seenField(reading, first, bindings);
      const verb = actionAt(name, fieldOf(reading, field.type, field.field)?.type.kind ?? '');
      if (verb !== null) return subject(field, verb);
    }
  }
  return reading.refuse(node, 'rule-not-analysable', `\`${textOf(node)}\` is not an event that a rule can be judged at.`, wayOut);
}

/** `{ within: seconds(40), given: (...arguments) => condition }`, or `{}`. */
function readEnds(
  reading: Reading,
  head: { name: string; doc: string; source: string | null; at: Rule['at'] },
  of: import('ts-morph').TypeNode | undefined,
  value: Syntax,
): Rule {
  const operation = Node.isTypeQuery(of) ? (of.getExprName().getText().split('.').at(-1) ?? '') : '';
  const known = reading.heads[operation];
  if (known === undefined)
    return reading.refuse(
      value,
      'unknown-operation',
      `${head.name} is about ${operation || 'something'}, which is not a function of this system.`,
      'Write Ends<typeof someFunction>.',
    );
  const parameters: Parameter[] = known.parameters.map(({ name, type }) => ({ name: name.split('@')[0] ?? name, type }));
  const property = (name: string): Syntax | undefined => {
    const found = Node.isObjectLiteralExpression(value) ? value.getProperty(name) : undefined;
    return Node.isPropertyAssignment(found) ? found.getInitializer() : undefined;
  };
  const within = property('within');
  const given = property('given');
  return {
    ...head,
    kind: 'ends',
    operation,
    parameters,
    given: given === undefined ? null : argumentCondition(reading, parameters, given),
    within: within === undefined ? null : readSeconds(reading, within),
  };
}

/** `(group, fd) => [group.iommu]`: classes of fields. */
function fieldsLeft(reading: Reading, parameters: readonly Parameter[], node: Syntax): string[] {
  const function_ = arrow(reading, node);
  const body = bodyOf(reading, function_);
  if (!Node.isArrayLiteralExpression(body))
    return reading.refuse(
      body,
      'outside-the-subset',
      'What a failing call may leave changed is a list of fields.',
      'Write `() => []`, or `group => [group.iommu]`.',
    );
  const bindings = argumentBindings(function_, parameters);
  return body.getElements().map(element => {
    const { type, field } = fieldThrough(reading, element, bindings);
    return `${type}.${field}`;
  });
}

/** As `seenField`, where only the class counts: so `?.` says nothing more than `.` does. */
function fieldThrough(reading: Reading, node: Syntax, bindings: Bindings): { readonly type: string; readonly field: string } {
  if (!Node.isPropertyAccessExpression(node)) return seenField(reading, node, bindings);
  const object = node.getExpression();
  if (!node.hasQuestionDotToken() && !object.getText().includes('?.')) return seenField(reading, node, bindings);
  const type = Node.isPropertyAccessExpression(object)
    ? pointee(reading, fieldThrough(reading, object, bindings))
    : typeOfPredicate(reading, readPredicate(reading, object, bindings));
  if (type === null || fieldOf(reading, type, node.getName()) === undefined)
    return reading.refuse(node, 'not-a-field', `${textOf(node)} is not a field of an object.`, 'Name it as object.field.');
  return { type, field: node.getName() };
}

function pointee(reading: Reading, { type, field }: { readonly type: string; readonly field: string }): string | null {
  const known = fieldOf(reading, type, field)?.type;
  return known?.kind === 'pointer' ? known.to : null;
}

/** A condition on the arguments of a call. */
function argumentCondition(reading: Reading, parameters: readonly Parameter[], node: Syntax): Predicate {
  const function_ = arrow(reading, node);
  return readPredicate(reading, bodyOf(reading, function_), argumentBindings(function_, parameters));
}

function argumentBindings(function_: ArrowFunction, parameters: readonly Parameter[]): Bindings {
  return new Map(
    function_
      .getParameters()
      .map((parameter, index) => [
        parameter.getName(),
        { kind: 'variable', name: parameters[index]?.name ?? '', type: parameters[index]?.type ?? null } as const,
      ]),
  );
}

function readContract(
  reading: Reading,
  head: { name: string; doc: string; source: string | null; at: Rule['at'] },
  of: import('ts-morph').TypeNode | undefined,
  value: Syntax,
): Rule {
  const operation = Node.isTypeQuery(of) ? (of.getExprName().getText().split('.').at(-1) ?? '') : '';
  const known = reading.heads[operation];
  if (known === undefined)
    return reading.refuse(
      value,
      'unknown-operation',
      `The contract is for ${operation || 'something'}, which is not a function of this system.`,
      'Write Contract<typeof someFunction>.',
    );
  if (!Node.isObjectLiteralExpression(value))
    return reading.refuse(value, 'outside-the-subset', 'A contract is an object.', 'Write `{ fails: { EINVAL: ... } }`.');
  const parameters: Parameter[] = known.parameters.map(({ name, type }) => ({ name: name.split('@')[0] ?? name, type }));
  const condition = (node: Syntax): Predicate => {
    if (Node.isIdentifier(node) && node.getText() === 'atAnyTime') return { kind: 'constant', value: true };
    return argumentCondition(reading, parameters, node);
  };
  const property = (name: string) => {
    const found = value.getProperty(name);
    return Node.isPropertyAssignment(found) ? found.getInitializerOrThrow() : undefined;
  };
  const fails = property('fails');
  const ensures = property('ensures');
  const mayLeave = property('mayLeave');
  return {
    ...head,
    kind: 'contract',
    operation,
    parameters,
    fails: Node.isObjectLiteralExpression(fails)
      ? fails
          .getProperties()
          .flatMap(entry =>
            Node.isPropertyAssignment(entry) ? [{ errno: entry.getName(), when: condition(entry.getInitializerOrThrow()) }] : [],
          )
      : [],
    ensures: ensures === undefined ? null : condition(ensures),
    ...(mayLeave === undefined ? {} : { mayLeave: fieldsLeft(reading, parameters, mayLeave) }),
  };
}
