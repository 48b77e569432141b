/** What the readers of a spec share: where things are, which names mean what, and how a fault is told. */
import {
  type Identifier,
  type JSDocableNode,
  Node,
  type NumericLiteral,
  type SourceFile,
  SyntaxKind,
  type Symbol as TsSymbol,
  type Type,
  type TypeNode,
} from 'ts-morph';
import type { Field, FieldType, ObjectType, Place, Statement, Sureness } from '../model.ts';
import type { Diagnostic } from './diagnostic.ts';
import { primitiveKinds } from './verbs.ts';

class Refused extends Error {
  readonly diagnostic: Diagnostic | null;
  constructor(diagnostic: Diagnostic | null) {
    super(diagnostic?.what);
    this.diagnostic = diagnostic;
  }
}

export interface OperationHead {
  readonly name: string;
  readonly parameters: readonly { readonly name: string; readonly type: string | null }[];
  readonly result: string | null;
  readonly errnos: readonly string[];
  readonly returns: 'nothing' | 'boolean' | 'value';
}

export interface Reading {
  readonly diagnostics: Diagnostic[];
  readonly objects: Record<string, ObjectType>;
  readonly globals: Record<string, string>;
  /** Every function of the spec by name, before its body is read. */
  readonly heads: Record<string, OperationHead>;
  /** Object type of each local that denotes one, by its unique name. */
  readonly localTypes: Map<string, string>;
  /** Functions that a local may point to. */
  readonly localFunctions: Map<string, readonly string[]>;
  /** Functions that a field of a function's type may point to: lists of field types, filled while functions are seen to be put there. */
  readonly callables: string[][];
  /** Functions that are reached through symbols: name to the declared module that they are in. */
  readonly exports: Record<string, string>;
  /** Fields whose type was refused: what uses them is not told again. */
  readonly refusedFields: Set<string>;
  /** Unions of object types: by member the name of the union, under which its objects are known. */
  readonly unionOf: Map<string, string>;
  /** What tells the objects of a member from those of the others. */
  readonly tags: Map<string, { readonly field: string; readonly word: string }>;
  /** Object types of descriptors, by the type of the file that they are open on. */
  readonly descriptors: Map<string, string>;
  /** The longest duration that is named. */
  mostSeconds: number;
  /** Locals whose declaration was refused: what uses them is not told again. */
  readonly unknownLocals: Set<string>;
  /** Functions made of arrows that have no name of their own (`Runs`), added to the operations. */
  readonly extra: { name: string; parameters: { name: string; type: string | null }[]; body: Statement[]; at: Place }[];
  place(node: Node): Place;
  /** Reports a fault and gives up the declaration or statement it is in. */
  refuse(node: Node, name: string, what: string, wayOut: string): never;
  /** As refuse, when the cause was told before. */
  giveUp(): never;
  /** Runs a reader; a fault inside is recorded, and undefined comes back. */
  attempt<Result>(read: () => Result): Result | undefined;
}

export function createReading(folder: string): Reading {
  const diagnostics: Diagnostic[] = [];
  const place = (node: Node): Place => {
    const file = node.getSourceFile();
    const { line, column } = file.getLineAndColumnAtPos(node.getStart());
    return { file: relativeTo(folder, file), line, column };
  };
  return {
    diagnostics,
    objects: {},
    globals: {},
    heads: {},
    localTypes: new Map(),
    localFunctions: new Map(),
    callables: [],
    exports: {},
    refusedFields: new Set(),
    unionOf: new Map(),
    tags: new Map(),
    descriptors: new Map(),
    mostSeconds: 0,
    unknownLocals: new Set(),
    extra: [],
    place,
    refuse(node, name, what, wayOut) {
      throw new Refused({ at: place(node), name, what, wayOut });
    },
    giveUp() {
      throw new Refused(null);
    },
    attempt(read) {
      try {
        return read();
      } catch (fault) {
        if (!(fault instanceof Refused)) throw fault;
        if (fault.diagnostic !== null) diagnostics.push(fault.diagnostic);
        return undefined;
      }
    },
  };
}

export function relativeTo(folder: string, file: SourceFile): string {
  const path = file.getFilePath();
  return path.startsWith(`${folder}/`) ? path.slice(folder.length + 1) : file.getBaseName();
}

/** The text of a node on one line. */
export function textOf(node: Node): string {
  return node.getText().replace(/\s+/g, ' ');
}

/** The model has no fractions. */
export function wholeNumber(reading: Reading, node: NumericLiteral): number {
  const value = node.getLiteralValue();
  if (Number.isSafeInteger(value)) return value;
  return reading.refuse(
    node,
    'not-a-whole-number',
    `${textOf(node)} is no whole number, and the model has no others.`,
    'Count in smaller units.',
  );
}

/** What a name stands for, through imports. */
export function symbolOf(node: Node): TsSymbol | undefined {
  const symbol = node.getSymbol();
  return symbol?.getAliasedSymbol() ?? symbol;
}

/** `base.vfio`, where `base` is all that a file exports: the name alone, as it is known in the whole system. */
export function unqualified(node: Node): Identifier | null {
  if (!Node.isPropertyAccessExpression(node)) return null;
  const [name, whole] = [node.getNameNode(), node.getExpression()];
  if (!Node.isIdentifier(whole) || !Node.isIdentifier(name)) return null;
  return Node.isNamespaceImport(whole.getSymbol()?.getDeclarations()[0]) ? name : null;
}

/** A local, unique in the spec by where it is declared, so that shadowing is harmless. */
export function localName(name: string, declaration: Node): string {
  return `${name}@${declaration.getSourceFile().getBaseNameWithoutExtension()}:${declaration.getStart()}`;
}

/** As written: `kvm` of `kvm@irqfd:1290`. */
export function shownName(local: string): string {
  return local.split('@')[0] ?? local;
}

export function isFromLanguage(symbol: TsSymbol | undefined): boolean {
  return symbol?.getDeclarations()[0]?.getSourceFile().getBaseName() === 'language.ts';
}

export function isLocalDeclaration(declaration: Node | undefined): boolean {
  if (declaration === undefined) return false;
  if (Node.isParameterDeclaration(declaration) || Node.isBindingElement(declaration)) return true;
  return Node.isVariableDeclaration(declaration) && !isModuleLevel(declaration);
}

function isModuleLevel(declaration: Node): boolean {
  const statement = declaration.getParent()?.getParentIfKind(SyntaxKind.VariableStatement);
  return statement?.getParentIfKind(SyntaxKind.SourceFile) !== undefined;
}

interface DocComment {
  readonly doc: string;
  readonly source: string | null;
  readonly facts?: readonly string[];
  readonly sure?: Sureness;
}

/** Doc comment as one line, and its tags: `@source`, `@fact R101, R102` and `@sure candidate`. */
export function docOf(node: JSDocableNode | undefined): DocComment {
  const doc = node?.getJsDocs().at(-1);
  if (doc === undefined) return { doc: '', source: null };
  const tag = (name: string) =>
    doc
      .getTags()
      .find(one => one.getTagName() === name)
      ?.getCommentText()
      ?.replace(/\s+/g, ' ')
      .trim() ?? null;
  const sure = surenesses.find(one => one === tag('sure'));
  const facts = tag('fact')?.split(/[\s,]+/);
  return {
    doc: doc.getDescription().trim().replace(/\s+/g, ' '),
    source: tag('source'),
    ...(facts === undefined ? {} : { facts }),
    ...(sure === undefined ? {} : { sure }),
  };
}

export const surenesses: readonly Sureness[] = ['read', 'known', 'candidate'];

/** The type of a field as the model knows it. */
export function fieldTypeOf(reading: Reading, type: TypeNode, isObject: (name: string) => boolean): FieldType {
  const refuse = (): never =>
    reading.refuse(
      type,
      'field-without-finite-state',
      `A field of type ${textOf(type)} has no finite set of values, so its states cannot be explored.`,
      'Use a primitive of spec/language.ts, an object of the system, a Set of objects, boolean, UpTo<n>, Natural, or a union of string literals.',
    );
  if (Node.isUnionTypeNode(type)) {
    const parts = type.getTypeNodes();
    const rest = parts.filter(part => part.getText() !== 'null');
    const words = rest.map(wordOf);
    if (parts.length === rest.length && words.every(word => word !== undefined)) return { kind: 'word', values: words };
    const [only, ...others] = rest;
    const objects = new Set(rest.map(part => canonical(reading, objectName(part.getText()))));
    const [object = ''] = objects;
    if (others.length > 0 && objects.size === 1 && isObject(object))
      return { kind: 'pointer', to: object, nullable: parts.length > rest.length };
    if (only !== undefined && others.length === 0) {
      const one = fieldTypeOf(reading, only, isObject);
      if (one.kind === 'pointer') return { ...one, nullable: true };
      if (one.kind === 'word' && one.callable) return one;
    }
    return refuse();
  }
  if (Node.isParenthesizedTypeNode(type)) return fieldTypeOf(reading, type.getTypeNode(), isObject);
  if (Node.isTypeQuery(type)) return { kind: 'word', values: [type.getExprName().getText().split('.').at(-1) ?? ''], callable: true };
  if (Node.isFunctionTypeNode(type)) {
    const values: string[] = [];
    reading.callables.push(values);
    return { kind: 'word', values, callable: true };
  }
  if (type.getKind() === SyntaxKind.BooleanKeyword) return { kind: 'boolean' };
  if (wordOf(type) !== undefined) return { kind: 'word', values: [wordOf(type) ?? ''] };
  if (!Node.isTypeReference(type)) return refuse();
  const name = type.getTypeName().getText();
  const argument = type.getTypeArguments()[0];
  const primitive = primitiveNames[name];
  if (primitive !== undefined) return { kind: primitive };
  if (name === 'FlagLock') return { kind: 'flag' };
  if (name === 'Natural') return { kind: 'number', max: 7 };
  if (name === 'UpTo' && argument !== undefined) return { kind: 'number', max: Number(argument.getText()) };
  if ((name === 'Set' || name === 'ReadonlySet') && argument !== undefined)
    return { kind: 'set', of: canonical(reading, objectName(argument.getText())) };
  if (name === 'Descriptor') return { kind: 'pointer', to: objectOfType(reading, type.getType()) ?? 'Descriptor', nullable: false };
  if (name === 'Duration') return { kind: 'number', max: reading.mostSeconds };
  if (isObject(name)) return { kind: 'pointer', to: canonical(reading, name), nullable: false };
  const declaration = symbolOf(type.getTypeName())?.getDeclarations()[0];
  if (Node.isTypeAliasDeclaration(declaration)) {
    const aliased = declaration.getTypeNode();
    if (aliased !== undefined) return fieldTypeOf(reading, aliased, isObject);
  }
  if (isFromLanguage(symbolOf(type.getTypeName()))) {
    return reading.refuse(
      type,
      'not-lowered',
      `${name} is part of the language, but the generator cannot explore it yet.`,
      'Leave it out of this system, or add it to the generator: see CONTRIBUTING.md, "A verb".',
    );
  }
  return refuse();
}

const primitiveNames: Readonly<Record<string, Exclude<FieldType['kind'], 'flag' | 'set' | 'pointer' | 'word' | 'boolean' | 'number'>>> = {
  Mutex: 'mutex',
  SpinLock: 'spinlock',
  RwLock: 'rwlock',
  RwSemaphore: 'rwsem',
  SrcuDomain: 'srcu',
  RcuDomain: 'rcu',
  RefCount: 'refcount',
  Work: 'work',
  WorkQueue: 'work-queue',
  OrderedWorkQueue: 'ordered-work-queue',
  WaitQueue: 'wait-queue',
  WaitEntry: 'wait-entry',
  Completion: 'completion',
  NotifierChain: 'notifier-chain',
  NotifierBlock: 'notifier-block',
};

function wordOf(type: TypeNode): string | undefined {
  if (!Node.isLiteralTypeNode(type)) return undefined;
  const literal = type.getLiteral();
  return Node.isStringLiteral(literal) ? literal.getLiteralValue() : undefined;
}

/** The name under which the objects of a type are known: a member of a union goes by the union's. */
export function canonical(reading: Reading, name: string): string {
  return reading.unionOf.get(name) ?? name;
}

/** The object type that a TypeScript type stands for, or null for plain values. Null and errnos beside it do not count. */
export function objectOfType(reading: Reading, type: Type): string | null {
  const name = memberOfType(reading, type);
  return name === null ? null : canonical(reading, name);
}

/** As `objectOfType`; of a member of a union the member, where the type is no wider. */
export function memberOfType(reading: Reading, given: Type): string | null {
  const type = given.getNonNullableType();
  const known = (name: string | undefined): string | null =>
    name !== undefined && reading.objects[canonical(reading, name)] !== undefined ? name : null;
  const alias = type.getAliasSymbol()?.getName();
  if (alias === 'Readonly' || alias === 'Seen') {
    const [of] = type.getAliasTypeArguments();
    return of === undefined ? null : memberOfType(reading, of);
  }
  const own = known(alias);
  if (own !== null) return own;
  if (type.isUnion()) {
    const members = type.getUnionTypes().flatMap(part => memberOfType(reading, part) ?? []);
    const [first, ...others] = [...new Set(members)];
    if (first === undefined) return null;
    return others.length === 0 ? first : canonical(reading, first);
  }
  const symbol = type.getSymbol()?.getName();
  if (symbol === 'Descriptor') {
    const [file] = type.getTypeArguments();
    return (file && reading.descriptors.get(objectOfType(reading, file) ?? '')) ?? [...reading.descriptors.values()][0] ?? null;
  }
  return known(symbol);
}

export function isDescriptor(reading: Reading, type: string | null): boolean {
  return [...reading.descriptors.values()].some(name => name === type);
}

/** `Descriptor<OpenFile>` is the object type `Descriptor`. */
export function objectName(text: string): string {
  return text.replace(/<.*$/s, '').split('.').at(-1) ?? text;
}

export function fieldOf(reading: Reading, type: string, name: string): Field | undefined {
  return reading.objects[type]?.fields.find(field => field.name === name);
}

export function isPrimitive(type: FieldType): boolean {
  return primitiveKinds.includes(type.kind);
}

/** The declaration behind an identifier used as a value, when it is a local. */
export function localOf(identifier: Identifier): string | undefined {
  const declaration = identifier.getSymbol()?.getDeclarations()[0];
  return declaration !== undefined && isLocalDeclaration(declaration) ? localName(identifier.getText(), declaration) : undefined;
}
