/** What the readers of a spec share: where things are, which names mean what, and how a fault is told. */
import { type Identifier, type JSDocableNode, Node, type SourceFile, SyntaxKind, type Symbol as TsSymbol, type TypeNode } from 'ts-morph';
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

/** What a name stands for, through imports. */
export function symbolOf(node: Node): TsSymbol | undefined {
  const symbol = node.getSymbol();
  return symbol?.getAliasedSymbol() ?? symbol;
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
  if ((name === 'Set' || name === 'ReadonlySet') && argument !== undefined) return { kind: 'set', of: objectName(argument.getText()) };
  if (name === 'Descriptor') return { kind: 'pointer', to: 'Descriptor', nullable: false };
  if (isObject(name)) return { kind: 'pointer', to: name, nullable: false };
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
  WaitQueue: 'wait-queue',
  WaitEntry: 'wait-entry',
};

function wordOf(type: TypeNode): string | undefined {
  if (!Node.isLiteralTypeNode(type)) return undefined;
  const literal = type.getLiteral();
  return Node.isStringLiteral(literal) ? literal.getLiteralValue() : undefined;
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
