/** Object types: their fields, what their counters, work and entries run, which pointers own a reference. */
import { type InterfaceDeclaration, Node, type Expression as Syntax } from 'ts-morph';
import type { Field, ObjectType } from '../model.ts';
import { canonical, docOf, fieldTypeOf, localName, objectOfType, type Reading, textOf } from './read-context.ts';
import { readBody } from './read-statement.ts';

export function readObject(reading: Reading, node: InterfaceDeclaration, isObject: (name: string) => boolean): ObjectType {
  const fields: Field[] = [];
  for (const property of node.getProperties()) {
    const read = reading.attempt(() => {
      const type = property.getTypeNode();
      if (type === undefined)
        return reading.refuse(property, 'field-without-type', `${property.getName()} has no type.`, 'Write its type.');
      fields.push({ name: property.getName(), type: fieldTypeOf(reading, type, isObject), constant: property.isReadonly() });
      return true;
    });
    if (read === undefined) reading.refusedFields.add(`${canonical(reading, node.getName())}.${property.getName()}`);
  }
  return { name: node.getName(), doc: docOf(node).doc, at: reading.place(node), fields, runs: {}, owns: {} };
}

/** `{ users: kvm => destroyVm(kvm) }`: each arrow becomes a function of its own. */
export function readRuns(reading: Reading, prefix: string, value: Syntax): Record<string, string> {
  if (!Node.isObjectLiteralExpression(value))
    return reading.refuse(
      value,
      'outside-the-subset',
      'What counters and work run is an object with one entry for each.',
      'Write `{ users: kvm => destroyVm(kvm) }`.',
    );
  const runs: Record<string, string> = {};
  for (const property of value.getProperties()) {
    if (!Node.isPropertyAssignment(property))
      return reading.refuse(property, 'outside-the-subset', 'An entry is written as `field: object => function(object)`.', 'Write it so.');
    const node = property.getInitializerOrThrow();
    if (!Node.isArrowFunction(node))
      return reading.refuse(node, 'outside-the-subset', `\`${textOf(node)}\` is not an arrow.`, 'Write `object => function(object)`.');
    const name = `${prefix}.${property.getName()}`;
    const parameters = node.getParameters().map(parameter => {
      const local = localName(parameter.getName(), parameter);
      const known = objectOfType(reading, parameter.getType());
      if (known !== null) reading.localTypes.set(local, known);
      return { name: local, type: known };
    });
    reading.extra.push({ name, parameters, body: readBody(reading, node), at: reading.place(node) });
    runs[property.getName()] = name;
  }
  return runs;
}

/** `{ eventfd: eventfd => eventfd.refs }`: the counter's name by field. */
export function readOwns(reading: Reading, value: Syntax): Record<string, string> {
  if (!Node.isObjectLiteralExpression(value))
    return reading.refuse(
      value,
      'outside-the-subset',
      'Ownership is an object with one entry for each owning field.',
      'Write `{ kvm: kvm => kvm.users }`.',
    );
  const owns: Record<string, string> = {};
  for (const property of value.getProperties()) {
    const node = Node.isPropertyAssignment(property) ? property.getInitializerOrThrow() : undefined;
    const body = Node.isArrowFunction(node) ? node.getBody() : undefined;
    if (!Node.isPropertyAssignment(property) || !Node.isPropertyAccessExpression(body))
      return reading.refuse(
        property,
        'outside-the-subset',
        'Ownership names a counter of the other object.',
        'Write `kvm: kvm => kvm.users`.',
      );
    const owner = body.getExpression().getText();
    const isOther = Node.isArrowFunction(node) && node.getParameters()[0]?.getName() === owner;
    if (!isOther && reading.globals[owner] === undefined)
      return reading.refuse(
        body,
        'outside-the-subset',
        `${owner} is neither what the field points to nor a declared object.`,
        'Write `kvm: kvm => kvm.users`, or `putKvm: () => kvmModule.pins` with a declared module.',
      );
    owns[property.getName()] = isOther ? body.getName() : `${owner}.${body.getName()}`;
  }
  return owns;
}
