/** Statements of operations and scenarios: from syntax to model. */
import {
  type ArrowFunction,
  type BindingName,
  type Block,
  type FunctionDeclaration,
  Node,
  type Expression as Syntax,
  SyntaxKind,
  type Statement as SyntaxStatement,
  type VariableDeclaration,
} from 'ts-morph';
import type { Expression, Statement } from '../model.ts';
import { fieldOf, isPrimitive, localName, objectOfType, type Reading, textOf } from './read-context.ts';
import { functionsOf, pointAt, readCall, readExpression, readField, typeOf } from './read-expression.ts';

const wanted =
  'Use const, if, for (const x of set), for (;;) with a step in it, break, continue, return, a label, an assignment to a field, a verb or a call.';

/** Faults are recorded statement by statement, so that one does not hide the next. */
export function readBody(reading: Reading, of: FunctionDeclaration | ArrowFunction): Statement[] {
  if (of.isAsync())
    return reading.refuse(
      of,
      'outside-the-subset',
      'An async function suspends; the threads of a scenario interleave by themselves.',
      'Leave out async and await.',
    );
  const body = of.getBody();
  if (body === undefined) return [];
  if (Node.isBlock(body)) return readBlock(reading, body.getStatements());
  const node = body as Syntax;
  if (Node.isIdentifier(node) && node.getText() === 'undefined') return [];
  if (Node.isBinaryExpression(node) && node.getOperatorToken().getText() === '=') return readAssignment(reading, node);
  if (Node.isCallExpression(node) && inScenario(node)) {
    const special = readSetupCall(reading, node);
    if (special !== undefined) return [special];
  }
  return [{ kind: 'return', value: readExpression(reading, node), at: reading.place(node) }];
}

function readBlock(reading: Reading, statements: readonly SyntaxStatement[]): Statement[] {
  return statements.flatMap(statement => {
    const read = reading.attempt(() => readStatement(reading, statement));
    if (read === undefined) for (const name of localsOf(statement)) reading.unknownLocals.add(name);
    return read ?? [];
  });
}

/** Locals that a statement declares. */
function localsOf(statement: SyntaxStatement): string[] {
  if (!Node.isVariableStatement(statement)) return [];
  return statement.getDeclarations().flatMap(declaration => {
    const name = declaration.getNameNode();
    if (Node.isIdentifier(name)) return [localName(name.getText(), declaration)];
    return name.getElements().flatMap(element => (Node.isBindingElement(element) ? [localName(element.getName(), element)] : []));
  });
}

function nested(reading: Reading, statement: SyntaxStatement): Statement[] {
  return Node.isBlock(statement) ? readBlock(reading, (statement as Block).getStatements()) : readStatement(reading, statement);
}

function readStatement(reading: Reading, node: SyntaxStatement): Statement[] {
  const at = reading.place(node);
  if (Node.isVariableStatement(node)) return readVariables(reading, node);
  if (Node.isExpressionStatement(node)) return readExpressionStatement(reading, node.getExpression());
  if (Node.isIfStatement(node)) {
    const otherwise = node.getElseStatement();
    const when = readExpression(reading, node.getExpression());
    refuseSideEffects(reading, node.getExpression());
    return [
      {
        kind: 'if',
        when,
        then: nested(reading, node.getThenStatement()),
        otherwise: otherwise === undefined ? [] : nested(reading, otherwise),
        at,
      },
    ];
  }
  if (Node.isReturnStatement(node)) {
    const value = node.getExpression();
    return [{ kind: 'return', value: value === undefined ? null : readExpression(reading, value), at }];
  }
  if (Node.isBreakStatement(node) || Node.isContinueStatement(node)) {
    if (node.getLabel() !== undefined)
      return reading.refuse(
        node,
        'outside-the-subset',
        'A jump to a label leaves more than one loop.',
        'Leave one loop at a time, or return.',
      );
    return [{ kind: Node.isBreakStatement(node) ? 'break' : 'continue', at }];
  }
  if (Node.isLabeledStatement(node)) {
    const [first, ...rest] = readStatement(reading, node.getStatement());
    return first === undefined ? [] : [{ ...first, label: node.getLabel().getText() }, ...rest];
  }
  if (Node.isBlock(node)) return [{ kind: 'block', body: readBlock(reading, node.getStatements()), at }];
  if (Node.isForStatement(node)) return readFor(reading, node);
  if (Node.isForOfStatement(node)) return readForOf(reading, node);
  if (Node.isWhileStatement(node) || Node.isDoStatement(node))
    return reading.refuse(
      node,
      'outside-the-subset',
      'A while loop has its condition apart from the steps that decide it.',
      'Write `for (;;)` and leave it with break, or iterate over a set.',
    );
  if (Node.isFunctionDeclaration(node))
    return reading.refuse(
      node,
      'outside-the-subset',
      'A function inside a function can capture what changes.',
      'Declare it at the top of the file.',
    );
  if (Node.isTryStatement(node) || Node.isThrowStatement(node))
    return reading.refuse(node, 'outside-the-subset', 'The kernel has no exceptions.', 'Return an errno.');
  return reading.refuse(node, 'outside-the-subset', `\`${textOf(node).slice(0, 60)}\` is not part of the language of operations.`, wanted);
}

/** `if (a.b && queue(w))` and the like: whether the verb happens would hang on a read whose place in the order nobody sees. */
function refuseSideEffects(reading: Reading, node: Syntax): void {
  const hidden = [node, ...node.getDescendants()].find(part => {
    if (!Node.isBinaryExpression(part)) return false;
    const operator = part.getOperatorToken().getText();
    if (operator !== '&&' && operator !== '||') return false;
    return [part.getRight(), ...part.getRight().getDescendants()].some(inner => Node.isCallExpression(inner) && !isPure(inner));
  });
  if (hidden === undefined) return;
  reading.refuse(
    hidden,
    'side-effect-in-condition',
    `\`${textOf(hidden)}\` makes a step only if what stands before it is so; which read decided is hard to see, for people and in a counterexample.`,
    'Put the first part into an if of its own, or the result of the call into a const.',
  );
}

const pureCalls = ['has', 'again', 'maybe', 'implies', 'some', 'every'];
function isPure(call: import('ts-morph').CallExpression): boolean {
  const callee = call.getExpression();
  const name = Node.isPropertyAccessExpression(callee) ? callee.getName() : callee.getText();
  if (pureCalls.includes(name)) return true;
  const declaration = callee.getSymbol()?.getAliasedSymbol()?.getDeclarations()[0] ?? callee.getSymbol()?.getDeclarations()[0];
  if (!Node.isFunctionDeclaration(declaration)) return false;
  // A function that only compares its arguments is as good as an expression.
  return (
    declaration.getDescendantsOfKind(SyntaxKind.CallExpression).every(isPure) &&
    declaration.getDescendantsOfKind(SyntaxKind.BinaryExpression).every(part => part.getOperatorToken().getText() !== '=')
  );
}

function readVariables(reading: Reading, node: import('ts-morph').VariableStatement): Statement[] {
  const kind = node.getDeclarationKind();
  if (kind === 'using') return node.getDeclarations().map(declaration => readGuard(reading, declaration));
  if (kind !== 'const')
    return reading.refuse(
      node,
      'mutable-local',
      `\`${kind}\`: a local that changes means different things at different steps.`,
      'Use const, one name for each value.',
    );
  return node.getDeclarations().flatMap((declaration): Statement[] => {
    const name = declaration.getNameNode();
    const initializer = declaration.getInitializer();
    if (!Node.isIdentifier(name) && Node.isCallExpression(initializer)) {
      const parts = readParts(reading, declaration, name, initializer);
      if (parts !== null) return parts;
    }
    if (!Node.isIdentifier(name))
      return reading.refuse(
        name,
        'outside-the-subset',
        'Destructuring reads several fields in one statement.',
        'Write one const for each read.',
      );
    if (initializer === undefined)
      return reading.refuse(declaration, 'outside-the-subset', `${name.getText()} has no value.`, 'Give it one.');
    const value = readExpression(reading, initializer);
    const local = localName(name.getText(), declaration);
    const type = typeOf(reading, value) ?? declaredObject(reading, declaration);
    if (type !== null) reading.localTypes.set(local, type);
    const functions = functionsOf(reading, value);
    if (functions !== null) reading.localFunctions.set(local, functions);
    return [{ kind: 'let', name: local, value, at: reading.place(declaration) }];
  });
}

/** `const { vm, kv } = assigned()`, where the function returns several objects; null if it returns one, whose fields these would be. */
function readParts(
  reading: Reading,
  declaration: VariableDeclaration,
  pattern: BindingName,
  call: import('ts-morph').CallExpression,
): Statement[] | null {
  const value = readCall(reading, call);
  if (value.kind !== 'call' || typeOf(reading, value) !== null) return null;
  const at = reading.place(declaration);
  const whole = localName('several', declaration);
  const elements = Node.isIdentifier(pattern) ? [] : pattern.getElements();
  return [
    { kind: 'let', name: whole, value, at },
    ...elements.flatMap((element, index): Statement[] => {
      if (!Node.isBindingElement(element)) return [];
      const name = Node.isArrayBindingPattern(pattern) ? String(index) : (element.getPropertyNameNode()?.getText() ?? element.getName());
      const local = localName(element.getName(), element);
      const type = declaredObject(reading, element);
      if (type !== null) reading.localTypes.set(local, type);
      return [{ kind: 'let', name: local, value: { kind: 'part', record: { kind: 'local', name: whole }, name }, at }];
    }),
  ];
}

function declaredObject(reading: Reading, node: Node): string | null {
  return objectOfType(reading, node.getType());
}

function readGuard(reading: Reading, declaration: import('ts-morph').VariableDeclaration): Statement {
  const value = declaration.getInitializer();
  if (!Node.isCallExpression(value) || value.getExpression().getText() !== 'guard')
    return reading.refuse(declaration, 'outside-the-subset', '`using` is for guard().', 'Write `using _ = guard(object.lock);`.');
  const [argument] = value.getArguments() as Syntax[];
  if (argument === undefined)
    return reading.refuse(declaration, 'missing-argument', 'guard needs a lock.', 'Write `using _ = guard(object.lock);`.');
  return { kind: 'guard', lock: readField(reading, argument), text: textOf(value), at: reading.place(declaration) };
}

function readExpressionStatement(reading: Reading, node: Syntax): Statement[] {
  if (Node.isBinaryExpression(node)) return readAssignment(reading, node);
  if (Node.isPostfixUnaryExpression(node) || Node.isPrefixUnaryExpression(node))
    return reading.refuse(
      node,
      'outside-the-subset',
      `\`${textOf(node)}\` reads and writes in one word.`,
      'Write `object.field += 1`: a read and a write, each a step.',
    );
  if (!Node.isCallExpression(node))
    return reading.refuse(node, 'outside-the-subset', `\`${textOf(node).slice(0, 60)}\` does nothing that the model knows.`, wanted);
  const special = inScenario(node) ? readSetupCall(reading, node) : undefined;
  return [special ?? { kind: 'do', value: readCall(reading, node), at: reading.place(node) }];
}

function readAssignment(reading: Reading, node: import('ts-morph').BinaryExpression): Statement[] {
  const at = reading.place(node);
  const operator = node.getOperatorToken().getText();
  if (operator !== '=' && operator !== '+=' && operator !== '-=')
    return reading.refuse(node, 'outside-the-subset', `\`${textOf(node).slice(0, 60)}\` computes something and throws it away.`, wanted);
  const left = node.getLeft();
  if (Node.isIdentifier(left))
    return reading.refuse(
      left,
      'mutable-local',
      `${left.getText()} is assigned a second value.`,
      'Use const, one name for each value; shared state is a field of an object.',
    );
  const field = readField(reading, left);
  const declared = fieldOf(reading, field.type, field.field);
  if (declared !== undefined && isPrimitive(declared.type))
    return reading.refuse(
      left,
      'primitive-as-value',
      `${textOf(left)} is a ${declared.type.kind} and cannot be assigned.`,
      'Hand it to a verb.',
    );
  const right = readExpression(reading, node.getRight());
  const value: Expression =
    operator === '='
      ? right
      : { kind: 'operator', operator: operator === '+=' ? '+' : '-', of: [{ kind: 'read', field, at, text: textOf(left) }, right], at };
  if (declared?.type.kind === 'flag') refuseFlagValue(reading, node.getRight(), value);
  pointAt(reading, declared?.type, value);
  return [{ kind: 'write', field, value, at, text: textOf(node) }];
}

/** Which of the two it is decides what the step is. */
function refuseFlagValue(reading: Reading, node: Syntax, value: Expression): void {
  if (value.kind === 'constant' && (value.value === 'free' || value.value === 'taken')) return;
  reading.refuse(
    node,
    'flag-without-constant',
    'Writing a flag that is used as a lock takes or releases it, and here it cannot be seen which.',
    "Write 'taken' or 'free', each in a branch of its own.",
  );
}

function readFor(reading: Reading, node: import('ts-morph').ForStatement): Statement[] {
  const at = reading.place(node);
  const [initializer, condition, increment] = [node.getInitializer(), node.getCondition(), node.getIncrementor()];
  if (initializer === undefined && condition === undefined && increment === undefined)
    return [{ kind: 'loop', body: nested(reading, node.getStatement()), at }];
  const header = `${initializer?.getText() ?? ''}; ${condition?.getText() ?? ''}; ${increment?.getText() ?? ''}`;
  const counted = /^let (\w+) = (\d+); \1 (<=?) (\d+); \1 \+= 1$/.exec(header);
  if (counted === null || !Node.isVariableDeclarationList(initializer)) {
    return reading.refuse(
      node,
      'unbounded-loop',
      `\`for (${header})\` has no bound that can be seen.`,
      'Write `for (let i = 0; i < 3; i += 1)` with numbers, `for (const x of object.set)`, or `for (;;)` that a step decides to leave.',
    );
  }
  const declaration = initializer.getDeclarations()[0];
  const from = Number(counted[2]);
  const to = Number(counted[4]) - (counted[3] === '<' ? 1 : 0);
  if (declaration === undefined || to - from > 15)
    return reading.refuse(
      node,
      'unbounded-loop',
      `A loop of ${to - from + 1} rounds is unrolled and too long to explore.`,
      'Keep it under 16.',
    );
  return [{ kind: 'repeat', name: localName(counted[1] ?? '', declaration), from, to, body: nested(reading, node.getStatement()), at }];
}

function readForOf(reading: Reading, node: import('ts-morph').ForOfStatement): Statement[] {
  const initializer = node.getInitializer();
  const declaration = Node.isVariableDeclarationList(initializer) ? initializer.getDeclarations()[0] : undefined;
  const name = declaration?.getNameNode();
  if (declaration === undefined || !Node.isIdentifier(name))
    return reading.refuse(node, 'outside-the-subset', 'for-of needs a const of its own.', 'Write `for (const x of object.set)`.');
  const set = readField(reading, node.getExpression());
  const type = fieldOf(reading, set.type, set.field)?.type;
  if (type?.kind !== 'set')
    return reading.refuse(
      node.getExpression(),
      'wrong-kind',
      `${textOf(node.getExpression())} is not a set.`,
      'Iterate over a Set field of an object.',
    );
  const local = localName(name.getText(), declaration);
  reading.localTypes.set(local, type.of);
  return [
    {
      kind: 'each',
      name: local,
      of: type.of,
      set,
      body: nested(reading, node.getStatement()),
      text: `for (${textOf(initializer)} of ${textOf(node.getExpression())})`,
      at: reading.place(node),
    },
  ];
}

// ---- What only scenarios say

function inScenario(node: Node): boolean {
  const callee = Node.isCallExpression(node) ? node.getExpression() : undefined;
  return Node.isIdentifier(callee) && Node.isBindingElement(callee.getSymbol()?.getDeclarations()[0]);
}

function readSetupCall(reading: Reading, node: import('ts-morph').CallExpression): Statement | undefined {
  const at = reading.place(node);
  const name = node.getExpression().getText();
  const bodies = () =>
    node.getArguments().map(argument => {
      if (!Node.isArrowFunction(argument))
        return reading.refuse(argument, 'outside-the-subset', `${name} takes what to do as an arrow.`, `Write ${name}(() => ...).`);
      return readBody(reading, argument);
    });
  switch (name) {
    case 'thread':
    case 'interrupt': {
      const argument = node.getArguments()[0];
      const text = argument === undefined ? '' : textOf(argument).replace(/^\(\) => /, '');
      return { kind: 'thread', context: name === 'thread' ? 'task' : 'hardirq', body: bodies()[0] ?? [], text, at };
    }
    case 'choose':
      return { kind: 'choose', bodies: bodies(), at };
    case 'stays':
      return { kind: 'stays', what: node.getArguments().map(argument => readExpression(reading, argument as Syntax)), at };
    case 'user': {
      const [process, body] = node.getArguments();
      if (process === undefined || !Node.isArrowFunction(body))
        return reading.refuse(
          node,
          'outside-the-subset',
          'user takes a process and what it does as an arrow.',
          'Write user(process, () => ...).',
        );
      const text = textOf(body).replace(/^\(\) => /, '');
      return {
        kind: 'thread',
        context: 'task',
        process: readExpression(reading, process as Syntax),
        body: readBody(reading, body),
        text,
        at,
      };
    }
    default:
      return undefined;
  }
}
