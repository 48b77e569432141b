/** The facts of a rule book that are no rules of their own: `export const facts: Facts = { R104: { says, source, sure, from: [guards] } }`. */
import { Node, type ObjectLiteralExpression } from 'ts-morph';
import type { Fact } from '../model.ts';
import { type Reading, surenesses, textOf } from './read-context.ts';

/** `isRule`: whether the system has a rule of that name, or every system has (`always.noLockCycle`). */
export function readFacts(reading: Reading, value: Node, isRule: (name: string) => boolean): Fact[] {
  if (!Node.isObjectLiteralExpression(value))
    return reading.refuse(value, 'outside-the-subset', 'Facts are an object.', 'Write `{ R104: { says, source, sure, from } }`.');
  return value.getProperties().flatMap(property => {
    const own = Node.isPropertyAssignment(property) ? property.getInitializer() : undefined;
    if (!Node.isPropertyAssignment(property) || !Node.isObjectLiteralExpression(own))
      return reading.refuse(property, 'outside-the-subset', `\`${textOf(property)}\` is not a fact.`, 'Write `R104: { ... }`.');
    return reading.attempt(() => [readFact(reading, property.getName(), own, isRule)]) ?? [];
  });
}

function readFact(reading: Reading, id: string, value: ObjectLiteralExpression, isRule: (name: string) => boolean): Fact {
  const text = (name: string): string | null => {
    const property = value.getProperty(name);
    const given = Node.isPropertyAssignment(property) ? property.getInitializer() : undefined;
    return Node.isStringLiteral(given) || Node.isNoSubstitutionTemplateLiteral(given) ? given.getLiteralValue() : null;
  };
  const from = value.getProperty('from');
  const rules = Node.isPropertyAssignment(from) ? from.getInitializer() : undefined;
  const says = text('says');
  const source = text('source');
  const sure = surenesses.find(one => one === text('sure'));
  if (says === null || source === null || sure === undefined)
    return reading.refuse(
      value,
      'outside-the-subset',
      `${id} does not say in plain strings what it is, where it comes from and how sure that is.`,
      "Write `says: '...', source: '...', sure: 'read'`, each as one string.",
    );
  const names = Node.isArrayLiteralExpression(rules) ? rules.getElements() : [];
  for (const name of names)
    if (!isRule(ruleName(name)))
      return reading.refuse(
        name,
        'not-a-rule',
        `${id} is said to follow from ${textOf(name)}, which is no rule of this system.`,
        'Name a rule, an Owns or a rule of `always`.',
      );
  return { id, at: reading.place(value), says, source, sure, from: names.map(ruleName), undecided: text('undecided') };
}

/** `guards` of `devices.guards`; `always.noLockCycle` as it is. */
function ruleName(node: Node): string {
  if (!Node.isPropertyAccessExpression(node)) return node.getText();
  return node.getExpression().getText() === 'always' ? node.getText() : node.getName();
}
