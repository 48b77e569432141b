/** Variants, profiles and defects: a spec with some of its functions and rules exchanged. */
import {
  Node,
  type ObjectLiteralExpression,
  type PropertyAssignment,
  type Expression as Syntax,
  type TypeReferenceNode,
  type VariableDeclaration,
} from 'ts-morph';
import type { Operation, Rule, Variant } from '../model.ts';
import { canonical, docOf, isFromLanguage, localName, type Reading, symbolOf, textOf } from './read-context.ts';
import { readOwns, readRuns } from './read-object.ts';
import { readRuleValue, ruleTypes } from './read-rule.ts';
import { readBody } from './read-statement.ts';

export const variantTypes: readonly string[] = ['Variant', 'Profile', 'Defect'];

/** What a name of the base stands for, so that its replacement is read the same way. */
export type Declared =
  | { readonly kind: 'operation' }
  | { readonly kind: 'scenario' }
  | { readonly kind: 'rule' | 'runs' | 'owns'; readonly type: string; readonly annotation: TypeReferenceNode };

export function readVariant(reading: Reading, declaration: VariableDeclaration, declared: ReadonlyMap<string, Declared>): Variant {
  const value = declaration.getInitializer();
  const statement = declaration.getVariableStatement();
  const head = { name: declaration.getName(), ...docOf(statement), at: reading.place(declaration) };
  if (!Node.isObjectLiteralExpression(value))
    return reading.refuse(declaration, 'outside-the-subset', 'A variant is an object.', 'Write `{ instead: { ... } }`.');
  const operations: Record<string, Operation | null> = {};
  const rules: Record<string, Rule | null> = {};
  const runs: Record<string, Record<string, string>> = {};
  const owns: Record<string, Record<string, string>> = {};
  const absentScenarios: string[] = [];
  for (const property of literalOf(value, 'instead')?.getProperties() ?? []) {
    reading.attempt(() => {
      if (!Node.isPropertyAssignment(property) && !Node.isShorthandPropertyAssignment(property))
        return reading.refuse(property, 'outside-the-subset', 'A replacement is written as `name: replacement`.', 'Write it so.');
      const name = property.getName();
      const base = declared.get(name);
      const by = Node.isPropertyAssignment(property) ? property.getInitializerOrThrow() : property.getNameNode();
      if (base === undefined)
        return reading.refuse(
          property,
          'unknown-name',
          `${name} is nothing that a variant can exchange.`,
          'Exchange functions, rules, Runs and Owns of the base, or leave its scenarios out.',
        );
      const value = base.kind === 'operation' ? by : constantBehind(by);
      const isAbsent = Node.isIdentifier(by) && by.getText() === 'absent' && isFromLanguage(symbolOf(by));
      switch (base.kind) {
        case 'operation':
          operations[name] = isAbsent ? null : readReplacement(reading, name, by);
          break;
        case 'scenario':
          if (!isAbsent)
            return reading.refuse(
              property,
              'scenario-exchanged',
              `${name} is a scenario, which a variant can leave out and not exchange.`,
              'Write `absent`, and the other scenario as one of the system.',
            );
          absentScenarios.push(name);
          break;
        case 'rule':
          rules[name] = isAbsent
            ? null
            : readRuleValue(reading, { name, doc: '', source: null, at: reading.place(by) }, base.type, base.annotation, value);
          break;
        case 'runs':
          runs[canonical(reading, base.annotation.getTypeArguments()[0]?.getText() ?? '')] = isAbsent
            ? {}
            : readRuns(reading, `${head.name}.${name}`, value);
          break;
        case 'owns':
          owns[canonical(reading, base.annotation.getTypeArguments()[0]?.getText() ?? '')] = isAbsent ? {} : readOwns(reading, value);
          break;
      }
    });
  }
  return {
    ...head,
    of: nameOf(propertyOf(value, 'of')),
    profile: stringOf(propertyOf(value, 'profile')),
    operations,
    rules,
    runs,
    owns,
    absentScenarios,
    also: elementsOf(value, 'also').flatMap(node => reading.attempt(() => readAlso(reading, node)) ?? []),
    breaks: elementsOf(value, 'breaks').flatMap(node => {
      if (!Node.isObjectLiteralExpression(node)) return [];
      const rule = propertyOf(node, 'rule');
      const scenario = nameOf(propertyOf(node, 'in'));
      if (rule === undefined || scenario === null) return [];
      const isBuiltIn = Node.isPropertyAccessExpression(rule) && rule.getExpression().getText() === 'always';
      return [{ rule: isBuiltIn ? rule.getText() : (nameOf(rule) ?? ''), scenario }];
    }),
  };
}

/** What a constant that is named stands for: `instead: { guards: base.guards }` brings a rule of the base back. */
function constantBehind(by: Syntax): Syntax {
  if (!Node.isIdentifier(by) && !Node.isPropertyAccessExpression(by)) return by;
  const declaration = symbolOf(Node.isPropertyAccessExpression(by) ? by.getNameNode() : by)?.getDeclarations()[0];
  const value = Node.isVariableDeclaration(declaration) ? declaration.getInitializer() : undefined;
  return value ?? by;
}

/** Inside the replacement of a function, a call of its own name means the function of the base. */
function readReplacement(reading: Reading, name: string, by: Syntax): Operation {
  const head = reading.heads[name];
  if (head === undefined)
    return reading.refuse(by, 'unknown-operation', `${name} is not a function of this system.`, 'Exchange functions of the base.');
  if (Node.isIdentifier(by) || Node.isPropertyAccessExpression(by)) {
    const other = nameOf(by) ?? '';
    if (reading.heads[other] === undefined)
      return reading.refuse(by, 'unknown-operation', `${other} is not a function of this system.`, 'Name a function, or write an arrow.');
    const at = reading.place(by);
    return {
      ...operationHead(reading, name),
      at,
      body: [
        {
          kind: 'return',
          at,
          value: {
            kind: 'call',
            of: other,
            at,
            text: `${other}(...)`,
            with: head.parameters.map(parameter => ({ kind: 'local', name: parameter.name })),
          },
        },
      ],
    };
  }
  if (!Node.isArrowFunction(by))
    return reading.refuse(
      by,
      'outside-the-subset',
      `\`${textOf(by).slice(0, 40)}\` cannot stand in for the function ${name}.`,
      'Write an arrow function, or name a function.',
    );
  const parameters = by.getParameters().map((parameter, index) => {
    const type = head.parameters[index]?.type ?? null;
    const local = localName(parameter.getName(), parameter);
    if (type !== null) reading.localTypes.set(local, type);
    return { name: local, type };
  });
  // An arrow may leave out trailing parameters that it does not need; a call still passes them.
  const all = head.parameters.map((parameter, index) => parameters[index] ?? parameter);
  return { ...operationHead(reading, name), parameters: all, at: reading.place(by), body: readBody(reading, by) };
}

function operationHead(reading: Reading, name: string): Omit<Operation, 'at' | 'body'> {
  const head = reading.heads[name];
  return {
    name,
    doc: '',
    parameters: head?.parameters ?? [],
    result: head?.result ?? null,
    returns: head?.returns ?? 'nothing',
    errnos: head?.errnos ?? [],
  };
}

function readAlso(reading: Reading, node: Syntax): Rule {
  const declaration = symbolOf(Node.isPropertyAccessExpression(node) ? node.getNameNode() : node)?.getDeclarations()[0];
  const annotation = Node.isVariableDeclaration(declaration) ? declaration.getTypeNode() : undefined;
  const value = Node.isVariableDeclaration(declaration) ? declaration.getInitializer() : undefined;
  if (
    !Node.isVariableDeclaration(declaration) ||
    !Node.isTypeReference(annotation) ||
    value === undefined ||
    !ruleTypes.includes(annotation.getTypeName().getText())
  ) {
    return reading.refuse(node, 'not-a-rule', `${textOf(node)} is not a rule.`, 'Name an exported rule.');
  }
  return readRuleValue(
    reading,
    { name: declaration.getName(), ...docOf(declaration.getVariableStatement()), at: reading.place(declaration) },
    annotation.getTypeName().getText(),
    annotation,
    value,
  );
}

// ---- Literals

function propertyOf(of: ObjectLiteralExpression, name: string): Syntax | undefined {
  const property = of.getProperty(name);
  if (Node.isShorthandPropertyAssignment(property)) return property.getNameNode();
  return Node.isPropertyAssignment(property) ? (property as PropertyAssignment).getInitializer() : undefined;
}

function literalOf(of: ObjectLiteralExpression, name: string): ObjectLiteralExpression | undefined {
  const value = propertyOf(of, name);
  return Node.isObjectLiteralExpression(value) ? value : undefined;
}

function elementsOf(of: ObjectLiteralExpression, name: string): Syntax[] {
  const value = propertyOf(of, name);
  return Node.isArrayLiteralExpression(value) ? value.getElements() : [];
}

function nameOf(node: Syntax | undefined): string | null {
  if (node === undefined) return null;
  return Node.isPropertyAccessExpression(node) ? node.getName() : node.getText();
}

function stringOf(node: Syntax | undefined): string | null {
  return Node.isStringLiteral(node) ? node.getLiteralValue() : null;
}
