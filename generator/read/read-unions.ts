/** Unions of object types: one type whose objects are of one member or another, told apart by a readonly word. */
import { Node, type SourceFile, type TypeAliasDeclaration } from 'ts-morph';
import type { Field, FieldType, ObjectType, Predicate } from '../model.ts';
import { docOf, objectName, type Reading } from './read-context.ts';

interface Union {
  readonly name: string;
  readonly members: readonly string[];
  readonly node: TypeAliasDeclaration;
}

/** `type File = GroupFile | DeviceFile`, where both are objects. From here on each member is known by the name of the union. */
export function readUnions(reading: Reading, files: readonly SourceFile[], objectNames: ReadonlySet<string>): Union[] {
  return files
    .flatMap(file => file.getTypeAliases())
    .flatMap((node): Union[] => {
      const type = node.getTypeNode();
      if (!Node.isUnionTypeNode(type)) return [];
      const members = type.getTypeNodes().map(part => objectName(part.getText()));
      if (!members.every(member => objectNames.has(member))) return [];
      return (
        reading.attempt(() => {
          const twice = members.find(member => reading.unionOf.has(member));
          if (twice !== undefined)
            return reading.refuse(
              node,
              'member-of-two-unions',
              `${twice} is a member of ${reading.unionOf.get(twice)} and of ${node.getName()}, so its objects would be of two types.`,
              'Let every object type be in one union.',
            );
          for (const member of members) reading.unionOf.set(member, node.getName());
          return [{ name: node.getName(), members, node }];
        }) ?? []
      );
    });
}

/** The one type: every field of every member. A field that an object's own member does not have is never used. */
export function joinMembers(reading: Reading, { name, members, node }: Union, read: ReadonlyMap<string, ObjectType>): void {
  const fields = new Map<string, Field>();
  const tags = new Map<string, { readonly field: string; readonly word: string }>();
  for (const member of members) {
    for (const field of read.get(member)?.fields ?? []) {
      const known = fields.get(field.name);
      const type = known === undefined ? field.type : joined(known.type, field.type);
      if (type === null)
        return reading.refuse(
          node,
          'field-of-two-kinds',
          `${field.name} is one thing in ${member} and another in another member of ${name}.`,
          'Give the two fields names of their own.',
        );
      fields.set(field.name, { name: field.name, type, constant: field.constant && (known?.constant ?? true) });
      if (field.constant && field.type.kind === 'word' && field.type.values.length === 1)
        tags.set(member, { field: field.name, word: field.type.values[0] ?? '' });
    }
    const tag = tags.get(member);
    if (tag === undefined || [...tags].some(([other, { word }]) => other !== member && word === tag.word))
      return reading.refuse(
        node,
        'union-without-tag',
        `Nothing in ${member} tells it from the other members of ${name}.`,
        "Give each member a field of its own word: `readonly kind: 'group';`.",
      );
    reading.tags.set(member, tag);
  }
  reading.objects[name] = { name, doc: docOf(node).doc, at: reading.place(node), fields: [...fields.values()], runs: {}, owns: {} };
}

function joined(one: FieldType, other: FieldType): FieldType | null {
  if (one.kind === 'word' && other.kind === 'word' && !one.callable && !other.callable)
    return { kind: 'word', values: [...new Set([...one.values, ...other.values])] };
  return JSON.stringify(one) === JSON.stringify(other) ? one : null;
}

/** The object is of this member; null for a type that is no member of a union. */
export function isOfMember(reading: Reading, member: string, of: Predicate): Predicate | null {
  const tag = reading.tags.get(member);
  const union = reading.unionOf.get(member);
  if (tag === undefined || union === undefined) return null;
  const text = `${of.kind === 'variable' ? of.name : 'it'} is a ${member}`;
  return {
    kind: 'operator',
    operator: '===',
    text,
    of: [
      { kind: 'field', field: { of, type: union, field: tag.field }, text },
      { kind: 'constant', value: tag.word },
    ],
  };
}
