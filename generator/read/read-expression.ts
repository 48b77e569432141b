/** Expressions of operations: from syntax to model. Every read and verb in the result is a step, in evaluation order. */
import {
  type ArrayLiteralExpression,
  type ArrowFunction,
  type CallExpression,
  Node,
  type ObjectLiteralExpression,
  type Expression as Syntax,
  SyntaxKind,
} from 'ts-morph';
import type { Expression, FieldOf, FieldType, Operator } from '../model.ts';
import {
  fieldOf,
  isDescriptor,
  isFromLanguage,
  isLocalDeclaration,
  isPrimitive,
  localName,
  localOf,
  objectName,
  objectOfType,
  type Reading,
  symbolOf,
  textOf,
  unqualified,
  wholeNumber,
} from './read-context.ts';
import { readSeconds } from './read-duration.ts';
import { type VerbShape, verbs } from './verbs.ts';

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

export function readExpression(reading: Reading, node: Syntax): Expression {
  const at = reading.place(node);
  if (Node.isParenthesizedExpression(node)) return readExpression(reading, node.getExpression());
  if (Node.isAsExpression(node))
    return reading.refuse(
      node,
      'outside-the-subset',
      '`as` hides a type from the reader and the generator.',
      'Give the declaration the right type.',
    );
  if (Node.isNonNullExpression(node))
    return reading.refuse(
      node,
      'outside-the-subset',
      '`!` hides a null that the model would follow.',
      'Test it: `if (x === null) bug();`.',
    );
  if (Node.isNullLiteral(node)) return { kind: 'constant', value: null };
  if (Node.isTrueLiteral(node) || Node.isFalseLiteral(node)) return { kind: 'constant', value: Node.isTrueLiteral(node) };
  if (Node.isStringLiteral(node)) return { kind: 'constant', value: node.getLiteralValue() };
  if (Node.isNumericLiteral(node)) return { kind: 'constant', value: wholeNumber(reading, node) };
  if (Node.isPrefixUnaryExpression(node)) return readUnary(reading, node);
  if (Node.isBinaryExpression(node)) {
    const text = node.getOperatorToken().getText();
    const operator = operators[text];
    if (text === '==' || text === '!=')
      return reading.refuse(node, 'outside-the-subset', `\`${text}\` converts its operands before it compares them.`, `Use \`${text}=\`.`);
    if (text === '??')
      return reading.refuse(node, 'outside-the-subset', '`??` reads through a null without a test.', 'Test it with `if (x === null)`.');
    if (operator === undefined)
      return reading.refuse(
        node,
        'outside-the-subset',
        `The operator \`${text}\` is not part of the language of operations.`,
        'Use === !== < <= > >= + - && || !.',
      );
    return { kind: 'operator', operator, of: [readExpression(reading, node.getLeft()), readExpression(reading, node.getRight())], at };
  }
  if (Node.isConditionalExpression(node)) {
    return {
      kind: 'conditional',
      when: readExpression(reading, node.getCondition()),
      then: readExpression(reading, node.getWhenTrue()),
      otherwise: readExpression(reading, node.getWhenFalse()),
      at,
    };
  }
  const name = Node.isIdentifier(node) ? node : unqualified(node);
  if (name !== null) return readName(reading, name);
  if (Node.isPropertyAccessExpression(node)) return readProperty(reading, node);
  if (Node.isCallExpression(node)) return readCall(reading, node);
  if ((Node.isObjectLiteralExpression(node) || Node.isArrayLiteralExpression(node)) && isLastResult(node)) return readRecord(reading, node);
  if (Node.isAwaitExpression(node))
    return reading.refuse(
      node,
      'outside-the-subset',
      '`await` suspends a function; the threads of a scenario interleave by themselves.',
      'Write the steps one after the other; to wait, use synchronize, flush or waitEvent.',
    );
  if (Node.isArrowFunction(node) || Node.isFunctionExpression(node))
    return reading.refuse(
      node,
      'outside-the-subset',
      'A function as a value is not part of the language of operations.',
      'Name a hoisted function and call it.',
    );
  return reading.refuse(
    node,
    'outside-the-subset',
    `\`${textOf(node).slice(0, 60)}\` is not part of the language of operations.`,
    'Use locals, fields, constants, comparisons, verbs, and calls of functions by name.',
  );
}

/** What a function returns as its last statement. */
function isLastResult(node: Node): boolean {
  const statement = node.getParent();
  const block = statement?.getParent();
  return (
    Node.isReturnStatement(statement) &&
    Node.isBlock(block) &&
    Node.isFunctionDeclaration(block.getParent()) &&
    block.getStatements().at(-1) === statement
  );
}

/** Several objects that a function of a setup returns, under their names or places. */
function readRecord(reading: Reading, node: ObjectLiteralExpression | ArrayLiteralExpression): Expression {
  if (Node.isArrayLiteralExpression(node))
    return {
      kind: 'record',
      parts: Object.fromEntries(node.getElements().map((element, index) => [String(index), readExpression(reading, element)])),
    };
  const parts: Record<string, Expression> = {};
  for (const property of node.getProperties()) {
    if (Node.isShorthandPropertyAssignment(property)) {
      const declaration = property.getValueSymbol()?.getDeclarations()[0];
      if (declaration !== undefined && isLocalDeclaration(declaration))
        parts[property.getName()] = { kind: 'local', name: localName(property.getName(), declaration) };
      else return reading.refuse(property, 'outside-the-subset', `${property.getName()} is no local.`, 'Write name: value.');
    } else if (Node.isPropertyAssignment(property)) parts[property.getName()] = readExpression(reading, property.getInitializerOrThrow());
    else return reading.refuse(property, 'outside-the-subset', 'A spread or a method says too little.', 'Write name: value for each.');
  }
  return { kind: 'record', parts };
}

function readUnary(reading: Reading, node: import('ts-morph').PrefixUnaryExpression): Expression {
  const at = reading.place(node);
  if (node.getOperatorToken() !== SyntaxKind.ExclamationToken) {
    return reading.refuse(
      node,
      'outside-the-subset',
      `\`${textOf(node)}\` changes or converts a value inside an expression.`,
      'Write `x = x + 1` as a statement of its own.',
    );
  }
  return { kind: 'operator', operator: '!', of: [readExpression(reading, node.getOperand())], at };
}

function readName(reading: Reading, node: import('ts-morph').Identifier): Expression {
  const name = node.getText();
  const local = localOf(node);
  if (local !== undefined && reading.unknownLocals.has(local)) return reading.giveUp();
  if (local !== undefined) return { kind: 'local', name: local };
  if (name === 'current' && isFromLanguage(symbolOf(node))) return { kind: 'current' };
  const global = reading.globals[name];
  if (global !== undefined) return { kind: 'global', name, type: global };
  const declaration = symbolOf(node)?.getDeclarations()[0];
  // A function as a value is a pointer to it.
  if (Node.isFunctionDeclaration(declaration) && reading.heads[name] !== undefined) return { kind: 'constant', value: name };
  if (Node.isVariableDeclaration(declaration)) {
    const statement = declaration.getVariableStatement();
    if (statement?.getDeclarationKind() !== 'const') {
      return reading.refuse(
        node,
        'mutable-capture',
        `${name} is a variable outside the function that can change: state that no object owns, and that no rule could guard.`,
        'Make it a field of an object, and pass the object.',
      );
    }
    const value = declaration.getInitializer();
    if (Node.isCallExpression(value) && value.getExpression().getText() === 'seconds')
      return { kind: 'constant', value: readSeconds(reading, value) };
    if (
      value !== undefined &&
      (Node.isNumericLiteral(value) || Node.isStringLiteral(value) || Node.isTrueLiteral(value) || Node.isFalseLiteral(value))
    )
      return readExpression(reading, value);
  }
  if (name === 'undefined') return reading.refuse(node, 'outside-the-subset', '`undefined` is not a value of the model.', 'Use null.');
  return reading.refuse(
    node,
    'outside-the-subset',
    `${name} is neither a local, a parameter nor a declared object.`,
    'Pass it as an argument: state lives in objects only.',
  );
}

function readProperty(reading: Reading, node: import('ts-morph').PropertyAccessExpression): Expression {
  if (node.hasQuestionDotToken())
    return reading.refuse(
      node,
      'outside-the-subset',
      '`?.` reads through a null, and `a?.b !== null` is true for a null `a`.',
      'Test the pointer with if, then read the field.',
    );
  const inner = node.getExpression();
  const at = reading.place(node);
  // kvm.users.count
  if (node.getName() === 'count' && Node.isPropertyAccessExpression(inner)) {
    const counter = readField(reading, inner);
    if (fieldOf(reading, counter.type, counter.field)?.type.kind === 'refcount')
      return { kind: 'read', field: counter, at, text: textOf(node) };
  }
  const field = readField(reading, node);
  const declared = fieldOf(reading, field.type, field.field);
  if (declared !== undefined && (isPrimitive(declared.type) || declared.type.kind === 'set')) {
    return reading.refuse(
      node,
      'primitive-as-value',
      `${textOf(node)} is a ${declared.type.kind}: it has no value of its own.`,
      declared.type.kind === 'refcount' ? 'Read its `count`, or hand it to get or put.' : 'Hand it to a verb.',
    );
  }
  return { kind: 'read', field, at, text: textOf(node) };
}

/** `object.field` as a place, the object's own reads still to be made. */
export function readField(reading: Reading, node: Syntax): FieldOf {
  if (Node.isParenthesizedExpression(node)) return readField(reading, node.getExpression());
  if (!Node.isPropertyAccessExpression(node))
    return reading.refuse(node, 'not-a-field', `${textOf(node)} is not a field of an object.`, 'Name it as object.field.');
  if (node.hasQuestionDotToken())
    return reading.refuse(
      node,
      'outside-the-subset',
      '`?.` reads through a null, and `a?.b !== null` is true for a null `a`.',
      'Test the pointer with if, then read the field.',
    );
  const of = readExpression(reading, node.getExpression());
  const type = typeOf(reading, of);
  if (type === null)
    return reading.refuse(
      node,
      'not-an-object',
      `${textOf(node.getExpression())} is not an object of this system.`,
      'Declare its type as an exported interface of the system.',
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

/** The object type that an expression denotes, null for plain values. */
export function typeOf(reading: Reading, expression: Expression): string | null {
  switch (expression.kind) {
    case 'local':
      return reading.localTypes.get(expression.name) ?? null;
    case 'global':
      return expression.type;
    case 'alloc':
      return expression.type;
    case 'current':
      return 'Process';
    case 'call':
      return reading.heads[expression.of]?.result ?? null;
    case 'conditional':
      return typeOf(reading, expression.then) ?? typeOf(reading, expression.otherwise);
    case 'read': {
      const type = fieldOf(reading, expression.field.type, expression.field.field)?.type;
      return type?.kind === 'pointer' ? type.to : null;
    }
    case 'verb': {
      const on = expression.on;
      const type = on === null ? undefined : fieldOf(reading, on.type, on.field)?.type;
      if (expression.verb === 'anyOf' && type?.kind === 'set') return type.of;
      if (expression.verb === 'fget' && type?.kind === 'pointer') return type.to;
      return null;
    }
    case 'call-through':
      return expression.of.map(name => reading.heads[name]?.result ?? null).find(type => type !== null) ?? null;
    case 'constant':
    case 'operator':
    case 'quantified':
    case 'record':
    case 'part':
      return null;
  }
}

export function readCall(reading: Reading, node: CallExpression): Expression {
  const callee = node.getExpression();
  const at = reading.place(node);
  if (Node.isPropertyAccessExpression(callee)) {
    const target = symbolOf(callee.getNameNode())?.getDeclarations()[0];
    if (Node.isFunctionDeclaration(target) && reading.heads[callee.getName()] !== undefined)
      return functionCall(reading, node, callee.getName());
    if (Node.isPropertySignature(target)) {
      const field = readField(reading, callee);
      const type = fieldOf(reading, field.type, field.field)?.type;
      if (type?.kind === 'word' && type.callable)
        return {
          ...functionCall(reading, node, callee.getName()),
          kind: 'call-through',
          pointer: { kind: 'read', field, at, text: textOf(callee) },
          of: type.values,
          field: `${field.type}.${field.field}`,
        };
    }
    return setCall(reading, node, callee);
  }
  if (!Node.isIdentifier(callee))
    return reading.refuse(
      node,
      'outside-the-subset',
      `\`${textOf(callee)}\` is called, but it is not a name.`,
      'Call a verb or a function by its name.',
    );
  const name = callee.getText();
  if (isFromLanguage(symbolOf(callee))) return verbCall(reading, node, name);
  if (name === 'process' && Node.isBindingElement(callee.getSymbol()?.getDeclarations()[0])) return readProcess(reading, node);
  if (name === 'descriptor' && Node.isBindingElement(callee.getSymbol()?.getDeclarations()[0])) {
    const file = node.getArguments()[0] as Syntax | undefined;
    return {
      kind: 'alloc',
      type: objectOfType(reading, node.getReturnType()) ?? 'Descriptor',
      fields: { file: file === undefined ? { kind: 'constant', value: null } : readExpression(reading, file) },
      at,
      text: textOf(node),
    };
  }
  const local = localOf(callee);
  const pointsTo = local === undefined ? undefined : reading.localFunctions.get(local);
  if (local !== undefined && pointsTo !== undefined)
    return {
      ...functionCall(reading, node, name),
      kind: 'call-through',
      pointer: { kind: 'local', name: local },
      of: pointsTo,
      field: null,
    };
  if (isLocalDeclaration(callee.getSymbol()?.getDeclarations()[0]))
    return reading.refuse(
      node,
      'outside-the-subset',
      `${name} is a local that is called: what it does cannot be known here.`,
      'Call a function by its name.',
    );
  if (reading.heads[name] === undefined) {
    return reading.refuse(
      node,
      'call-outside-the-subset',
      `${name} is called, but it is neither a verb of spec/language.ts nor a function of this system.`,
      'Export it as a function of the spec, or leave it out: a spec is read, never run.',
    );
  }
  return functionCall(reading, node, name);
}

/** `process({ admin: false })`: the scenario keeps it. */
function readProcess(reading: Reading, node: CallExpression): Expression {
  const [is] = node.getArguments();
  const admin = Node.isObjectLiteralExpression(is) ? is.getProperty('admin') : undefined;
  const given = Node.isPropertyAssignment(admin) ? readExpression(reading, admin.getInitializerOrThrow()) : undefined;
  return {
    kind: 'alloc',
    type: 'Process',
    fields: { users: { kind: 'constant', value: 1 }, admin: given ?? { kind: 'constant', value: false } },
    at: reading.place(node),
    text: textOf(node),
  };
}

/** Functions that the value may point to, or null if it is no function. */
export function functionsOf(reading: Reading, value: Expression): readonly string[] | null {
  if (value.kind === 'constant') return typeof value.value === 'string' && reading.heads[value.value] !== undefined ? [value.value] : null;
  if (value.kind === 'local') return reading.localFunctions.get(value.name) ?? null;
  if (value.kind === 'verb' && value.verb === 'symbolGet') {
    const [symbol] = value.with;
    return symbol !== undefined && 'kind' in symbol ? functionsOf(reading, symbol) : null;
  }
  const type = value.kind === 'read' ? fieldOf(reading, value.field.type, value.field.field)?.type : undefined;
  return type?.kind === 'word' && type.callable ? type.values : null;
}

/** The field may point to what the value points to. */
export function pointAt(reading: Reading, type: FieldType | undefined, value: Expression): void {
  if (type?.kind !== 'word' || !type.callable) return;
  const list = reading.callables.find(one => one === type.values);
  for (const name of functionsOf(reading, value) ?? []) if (list !== undefined && !list.includes(name)) list.push(name);
}

/** `symbolGet(putVm)` acts on the pins of the module that exports the function. */
function symbolVerb(reading: Reading, node: CallExpression, verb: 'symbolGet' | 'symbolPut'): Expression {
  const [symbol] = node.getArguments() as Syntax[];
  const name = symbol === undefined ? '' : (symbolOf(symbol)?.getName() ?? '');
  const module = reading.exports[name];
  if (module === undefined)
    return reading.refuse(
      node,
      'symbol-not-exported',
      `${name || 'nothing'} is exported by no module of this system.`,
      'List it: `export const ownExports: Exports = { module: ownModule, symbols: [someFunction] };`.',
    );
  return {
    kind: 'verb',
    verb,
    on: { of: { kind: 'global', name: module, type: 'Module' }, type: 'Module', field: 'pins' },
    with: verb === 'symbolGet' ? [{ kind: 'constant', value: name }] : [],
    at: reading.place(node),
    text: textOf(node),
  };
}

function functionCall(reading: Reading, node: CallExpression, name: string): Expression & { kind: 'call' } {
  return {
    kind: 'call',
    of: name,
    with: node.getArguments().map(argument => readExpression(reading, argument as Syntax)),
    at: reading.place(node),
    text: textOf(node),
  };
}

const setVerbs: Readonly<Record<string, string>> = { add: 'add', delete: 'remove', has: 'has' };

function setCall(reading: Reading, node: CallExpression, callee: import('ts-morph').PropertyAccessExpression): Expression {
  const verb = setVerbs[callee.getName()];
  const inner = callee.getExpression();
  if (verb === undefined || !Node.isPropertyAccessExpression(inner)) return notAVerb(reading, node, callee);
  const on = readField(reading, inner);
  if (fieldOf(reading, on.type, on.field)?.type.kind !== 'set') return notAVerb(reading, node, callee);
  return {
    kind: 'verb',
    verb,
    on,
    with: node.getArguments().map(argument => readExpression(reading, argument as Syntax)),
    at: reading.place(node),
    text: textOf(node),
  };
}

function notAVerb(reading: Reading, node: CallExpression, callee: Node): never {
  return reading.refuse(
    node,
    'call-outside-the-subset',
    `\`${textOf(callee)}\` is not a verb of spec/language.ts, a function of this system, or add, delete or has of a set.`,
    'A spec is read, never run: use the verbs, or model what the call stands for.',
  );
}

function verbCall(reading: Reading, node: CallExpression, name: string): Expression {
  const at = reading.place(node);
  const text = textOf(node);
  const [first, ...rest] = node.getArguments() as Syntax[];
  if (name === 'alloc') return readAlloc(reading, node);
  if (name === 'again' && first !== undefined) return readExpression(reading, first);
  if (name === 'implies' && first !== undefined && rest[0] !== undefined) {
    return {
      kind: 'operator',
      operator: '||',
      of: [{ kind: 'operator', operator: '!', of: [readExpression(reading, first)], at }, readExpression(reading, rest[0])],
      at,
    };
  }
  if (name === 'seconds') return { kind: 'constant', value: readSeconds(reading, node) };
  if (name === 'symbolGet' || name === 'symbolPut') return symbolVerb(reading, node, name);
  if (name === 'some' || name === 'every') return readQuantified(reading, node, name === 'every');
  const shape = verbs[name];
  if (shape === undefined) {
    return reading.refuse(
      node,
      'rule-in-operation',
      `${name} is for rules, not for operations: it would look at several fields in one step.`,
      'Read each field into a local first.',
    );
  }
  if (shape.on === null)
    return {
      kind: 'verb',
      verb: name,
      on: null,
      with: node.getArguments().map(argument => readExpression(reading, argument as Syntax)),
      at,
      text,
    };
  if (first === undefined)
    return reading.refuse(node, 'missing-argument', `${name} needs something to act on.`, `Write ${name}(object.field).`);
  const on = subjectOf(reading, name, shape, first);
  return {
    kind: 'verb',
    verb: name,
    on,
    with: shape.then.flatMap((kind, index): (Expression | FieldOf)[] => {
      const argument = rest[index];
      if (argument === undefined) return [];
      if (
        kind === 'work' ||
        kind === 'wait-entry' ||
        kind === 'notifier-block' ||
        kind === 'work-queue?' ||
        kind === 'mutex' ||
        kind === 'set'
      ) {
        const field = readField(reading, argument);
        const actual = fieldOf(reading, field.type, field.field)?.type.kind;
        const wanted = kind.replace('?', '');
        if (actual !== wanted && !(kind === 'work-queue?' && actual === 'ordered-work-queue'))
          return reading.refuse(
            argument,
            'wrong-kind',
            `${textOf(argument)} is a ${actual}; ${name} wants a ${wanted} here.`,
            `Name a field of kind ${wanted}.`,
          );
        return [field];
      }
      if (kind === 'condition') return [conditionOf(reading, argument)];
      return [readExpression(reading, argument)];
    }),
    at,
    text,
  };
}

/** `some(object.set, member => condition)` */
function readQuantified(reading: Reading, node: CallExpression, every: boolean): Expression {
  const [of, condition] = node.getArguments() as Syntax[];
  const name = every ? 'every' : 'some';
  if (of === undefined || !Node.isArrowFunction(condition) || Node.isBlock(condition.getBody()))
    return reading.refuse(
      node,
      'outside-the-subset',
      `${name} asks one expression of each member of a set.`,
      `Write \`${name}(object.set, member => member.field)\`.`,
    );
  const set = readField(reading, of);
  const type = fieldOf(reading, set.type, set.field)?.type;
  if (type?.kind !== 'set') return reading.refuse(of, 'wrong-kind', `${textOf(of)} is not a set.`, 'Name a Set field of an object.');
  const parameter = condition.getParameters()[0];
  const local = parameter === undefined ? '_' : localName(parameter.getName(), parameter);
  reading.localTypes.set(local, type.of);
  return {
    kind: 'quantified',
    every,
    set,
    of: type.of,
    name: local,
    condition: readExpression(reading, condition.getBody() as Syntax),
    at: reading.place(node),
    text: textOf(node),
  };
}

function conditionOf(reading: Reading, node: Syntax): Expression {
  if (!Node.isArrowFunction(node))
    return reading.refuse(
      node,
      'outside-the-subset',
      'The condition of a wait is read again and again.',
      'Write it as an arrow: `() => object.field`.',
    );
  const body = (node as ArrowFunction).getBody();
  if (Node.isBlock(body))
    return reading.refuse(node, 'outside-the-subset', 'The condition of a wait has a body with statements.', 'Write one expression.');
  return readExpression(reading, body as Syntax);
}

function subjectOf(reading: Reading, name: string, shape: VerbShape, node: Syntax): FieldOf {
  if (shape.on === 'object' || shape.on === 'descriptor') {
    const of = readExpression(reading, node);
    const type = typeOf(reading, of);
    if (type === null)
      return reading.refuse(node, 'not-an-object', `${textOf(node)} is not an object of this system.`, `${name} acts on a whole object.`);
    if (shape.on === 'descriptor' && !isDescriptor(reading, type))
      return reading.refuse(node, 'wrong-kind', `${textOf(node)} is a ${type}; ${name} wants a Descriptor.`, 'Name a descriptor.');
    return { of, type, field: shape.on === 'descriptor' ? 'file' : '' };
  }
  const field = readField(reading, node);
  const kind = fieldOf(reading, field.type, field.field)?.type.kind ?? '';
  if (shape.on !== null && !shape.on.includes(kind)) {
    return reading.refuse(
      node,
      'wrong-kind',
      `${textOf(node)} is a ${kind}; ${name} acts on ${shape.on.join(', ')}.`,
      'Use the verb for its kind.',
    );
  }
  return field;
}

function readAlloc(reading: Reading, node: CallExpression): Expression {
  const at = reading.place(node);
  const [fields] = node.getArguments();
  const typeArgument = node.getTypeArguments()[0];
  const type = objectOfType(reading, node.getReturnType()) ?? objectName(typeArgument?.getText() ?? '');
  const declared = reading.objects[type];
  if (declared === undefined)
    return reading.refuse(
      node,
      'not-an-object',
      `alloc of ${type || 'something'} that is not an object of this system.`,
      'Write alloc<Type>({ ... }) with an exported interface of the system.',
    );
  if (!Node.isObjectLiteralExpression(fields))
    return reading.refuse(node, 'outside-the-subset', 'alloc needs its fields in place.', 'Write alloc<Type>({ field: value }).');
  const values: Record<string, Expression> = {};
  for (const property of fields.getProperties()) {
    // What tells a descriptor from other objects in the language is no field of the model.
    if (isDescriptor(reading, type) && Node.isPropertyAssignment(property) && property.getName() === 'kind') continue;
    if (Node.isShorthandPropertyAssignment(property)) {
      const declaration = property.getValueSymbol()?.getDeclarations()[0];
      const global = reading.globals[property.getName()];
      if (declaration !== undefined && isLocalDeclaration(declaration))
        values[property.getName()] = { kind: 'local', name: localName(property.getName(), declaration) };
      else if (global !== undefined) values[property.getName()] = { kind: 'global', name: property.getName(), type: global };
      else
        return reading.refuse(
          property,
          'outside-the-subset',
          `${property.getName()} is neither a local nor a declared object.`,
          'Write field: value.',
        );
    } else if (Node.isPropertyAssignment(property)) {
      const value = readExpression(reading, property.getInitializerOrThrow());
      pointAt(reading, fieldOf(reading, type, property.getName())?.type, value);
      if (fieldOf(reading, type, property.getName())?.type.kind === 'flag') {
        if (value.kind === 'constant' && value.value === 'free') continue;
        return reading.refuse(
          property,
          'flag-without-constant',
          'A flag that is used as a lock is free in a new object; who takes it shows itself by a write.',
          `Leave ${property.getName()} out, and write it afterwards.`,
        );
      }
      values[property.getName()] = value;
    } else
      return reading.refuse(
        property,
        'outside-the-subset',
        'A spread or a method says too little about which fields are set.',
        'Write field: value for each.',
      );
  }
  return { kind: 'alloc', type, fields: values, at, text: textOf(node) };
}
