/** ts-morph in, model out: reads one system, a folder of spec files. The readers beside it are the only files that see a syntax node. */
import {
  type ArrowFunction,
  type FunctionDeclaration,
  type FunctionTypeNode,
  Node,
  Project,
  type SourceFile,
  type TypeNode,
  ts,
  type VariableDeclaration,
} from 'ts-morph';
import { firstProcess } from '../../oracles/thread.ts';
import type { ObjectType, Operation, Rule, Scenario, System, Variant } from '../model.ts';
import { type Diagnostic, inFileOrder } from './diagnostic.ts';
import {
  describedFiles,
  descriptorType,
  endProcess,
  importsFromLanguage,
  moduleType,
  processType,
  speaksOfProcesses,
  unloadModule,
} from './language-objects.ts';
import {
  canonical,
  createReading,
  docOf,
  localName,
  type OperationHead,
  objectName,
  objectOfType,
  type Reading,
  relativeTo,
  textOf,
} from './read-context.ts';
import { mostSeconds } from './read-duration.ts';
import { pointAt } from './read-expression.ts';
import { readFacts } from './read-facts.ts';
import { readObject, readOwns, readRuns } from './read-object.ts';
import { readRule, ruleTypes } from './read-rule.ts';
import { readBody } from './read-statement.ts';
import { joinMembers, readUnions } from './read-unions.ts';
import { type Declared, readVariant, variantTypes } from './read-variant.ts';
import { settle } from './settle.ts';
import { genericFactsFile, systemFiles } from './spec-folder.ts';

export interface SpecReading {
  readonly system: System | null;
  readonly diagnostics: readonly Diagnostic[];
}

/** Reads one system. With any diagnostic that is a fault, `system` may be incomplete and must not be used. */
export function readSystem(specFolder: string, name: string): SpecReading {
  const project = new Project({
    skipAddingFilesFromTsConfig: true,
    compilerOptions: {
      strict: true,
      target: ts.ScriptTarget.ES2022,
      module: ts.ModuleKind.NodeNext,
      moduleResolution: ts.ModuleResolutionKind.NodeNext,
      lib: ['lib.es2023.d.ts', 'lib.esnext.disposable.d.ts'],
      noEmit: true,
      types: [],
      skipLibCheck: true,
      allowUnusedLabels: true,
      exactOptionalPropertyTypes: true,
      noImplicitReturns: true,
      allowImportingTsExtensions: true,
    },
  });
  const files = systemFiles(specFolder, name).map(file => project.addSourceFileAtPath(file));
  const reading = createReading(specFolder);
  reportTypeErrors(reading, specFolder, project, files);
  if (reading.diagnostics.length > 0) return { system: null, diagnostics: inFileOrder(reading.diagnostics) };
  const generic = genericFactsFile(specFolder);
  const system = readDeclarations(reading, specFolder, name, files, generic === null ? null : project.addSourceFileAtPath(generic));
  return { system, diagnostics: inFileOrder(reading.diagnostics) };
}

function reportTypeErrors(reading: Reading, specFolder: string, project: Project, files: readonly SourceFile[]): void {
  for (const file of files) {
    for (const fault of [...project.getProgram().getSyntacticDiagnostics(file), ...project.getProgram().getSemanticDiagnostics(file)]) {
      const { line, column } = file.getLineAndColumnAtPos(fault.getStart() ?? 0);
      reading.diagnostics.push({
        at: { file: relativeTo(specFolder, file), line, column },
        name: 'type-error',
        what: typeErrorText(fault.compilerObject.messageText),
        wayOut: wayOutOfTypeError(file, fault.getStart() ?? 0, fault.getCode()),
      });
    }
  }
}

/** The first message says what, the last of the chain why; those between are the compiler's own reasoning. */
function typeErrorText(text: string | ts.DiagnosticMessageChain): string {
  if (typeof text === 'string') return text;
  let last = text;
  while (last.next?.[0] !== undefined) last = last.next[0];
  const first = text.messageText.length > 160 ? '' : `${text.messageText} `;
  return last === text ? text.messageText : `${first}${last.messageText}`;
}

/** What the declared kind wants, for those whose compiler errors say little. */
const wanted: Readonly<Record<string, string>> = {
  GuardedBy:
    'Every field that can change has an entry: `field: object => object.lock`, with a lock (Mutex, SpinLock, RwLock, RwSemaphore, WaitQueue). A read section may guard reading only: `field: { read: ..., write: ... }`. A field without a guard says `unguarded`, and a comment why.',
  Contract: 'It has one entry for each errno of the signature, neither more nor fewer: `fails: { EBUSY: (...arguments) => condition }`.',
  Owns: 'It names pointer fields and the counter they own: `{ kvm: kvm => kvm.users }`.',
  Runs: 'It has one entry for each counter, work item and wait entry: `{ users: kvm => destroyVm(kvm) }`.',
  LockOrder: 'It lists locks and read sections of its objects, the outer one first: `(a, b) => [a.lock, b.lock]`.',
  Invariant: 'It compares fields of its objects and changes nothing: `({ irqfd }) => implies(when, then)`.',
  Settled: 'It compares fields of its objects and changes nothing: `({ irqfd }) => implies(when, then)`.',
};

function wayOutOfTypeError(file: SourceFile, position: number, code: number): string {
  const statement = file.getVariableStatements().find(one => one.getStart() <= position && position <= one.getEnd());
  const kind = statement?.getDeclarations()[0]?.getTypeNode()?.getText().replace(/<.*$/s, '') ?? '';
  return wanted[kind] ?? `The TypeScript compiler says so (TS${code}); the editor shows it at the same place.`;
}

function readDeclarations(
  reading: Reading,
  specFolder: string,
  name: string,
  files: readonly SourceFile[],
  general: SourceFile | null,
): System {
  const interfaces = files.flatMap(file => file.getInterfaces());
  const objectNames = new Set(interfaces.map(node => node.getName()));
  const unions = readUnions(reading, files, objectNames);
  for (const { name: union } of unions) objectNames.add(union);
  if (files.some(file => importsFromLanguage(file, 'Module'))) {
    objectNames.add('Module');
    reading.objects['Module'] = moduleType;
  }
  if (files.some(speaksOfProcesses)) {
    objectNames.add('Process');
    reading.objects['Process'] = processType;
    reading.globals[firstProcess] = 'Process';
  }
  const described = [...new Set(describedFiles(files).map(file => canonical(reading, file)))];
  for (const file of described) reading.descriptors.set(file, described.length === 1 ? 'Descriptor' : `DescriptorOf${file}`);
  reading.mostSeconds = mostSeconds(files);
  const read = new Map<string, ObjectType>();
  for (const node of interfaces) {
    read.set(
      node.getName(),
      readObject(reading, node, type => objectNames.has(type)),
    );
    if (node.getJsDocs().length === 0) missingDoc(reading, node, node.getName());
  }
  for (const [own, object] of read) if (canonical(reading, own) === own) reading.objects[own] = object;
  for (const union of unions) reading.attempt(() => joinMembers(reading, union, read));
  for (const [file, own] of reading.descriptors) reading.objects[own] = descriptorType(own, file);

  const functions = files.flatMap(file => file.getFunctions());
  for (const node of functions) reading.attempt(() => readHead(reading, node));
  const constants = files.flatMap(file => file.getVariableDeclarations());
  for (const node of constants) {
    const type = node.getTypeNode()?.getText() ?? '';
    if (node.getVariableStatement()?.hasDeclareKeyword() && reading.objects[type] !== undefined) reading.globals[node.getName()] = type;
  }

  const given = constants.flatMap(node => reading.attempt(() => readConstantObject(reading, node)) ?? []);
  for (const node of constants)
    if (/^Exports$/.test(node.getTypeNode()?.getText() ?? '')) reading.attempt(() => readExports(reading, node));

  const operations: Record<string, Operation> = {};
  for (const node of functions)
    reading.attempt(() => {
      operations[node.getName() ?? ''] = readOperation(reading, node);
    });
  for (const { functions: own } of given)
    for (const { name: ownName, arrow } of own)
      reading.attempt(() => {
        const head = reading.heads[ownName];
        if (head !== undefined) operations[ownName] = { ...head, doc: '', at: reading.place(arrow), body: readBody(reading, arrow) };
      });
  if (reading.objects['Module'] === moduleType) operations['Module.pins'] = unloadModule;
  if (reading.objects['Process'] === processType) operations['Process.users'] = endProcess;
  refuseRecursion(reading, operations, functions);

  const declared = new Map<string, Declared>(Object.keys(operations).map(operation => [operation, { kind: 'operation' }]));
  const rules: Rule[] = [];
  const scenarios: Scenario[] = [];
  const offered: Record<string, string> = {};
  const runs: Record<string, Record<string, string>> = {};
  const owns: Record<string, Record<string, string>> = {};
  let profile: string | null = null;
  const variantNodes: VariableDeclaration[] = [];
  const factNodes: Node[] = [];
  for (const node of constants) {
    reading.attempt(() => {
      const annotation = node.getTypeNode();
      const value = node.getInitializer();
      if (node.getName() === 'baseProfile' && value !== undefined)
        profile = value
          .getText()
          .replace(/ as const$/, '')
          .replace(/^'|'$/g, '');
      if (!Node.isTypeReference(annotation) || value === undefined) return;
      const type = annotation.getTypeName().getText();
      const of = canonical(reading, objectName(annotation.getTypeArguments()[0]?.getText() ?? ''));
      const statement = node.getVariableStatement();
      const isMine =
        ruleTypes.includes(type) || variantTypes.includes(type) || ['Runs', 'Owns', 'Interface', 'Scenario', 'Facts'].includes(type);
      if (isMine && type !== 'Runs' && type !== 'Facts' && docOf(statement).doc === '') missingDoc(reading, node, node.getName());
      // What owns is no rule: told here, the number would be lost to the rule book.
      if (isMine && !ruleTypes.includes(type) && !variantTypes.includes(type) && docOf(statement).facts !== undefined)
        reading.diagnostics.push({
          at: reading.place(node),
          name: 'fact-of-no-rule',
          what: `${node.getName()} is neither a rule nor a defect, so the rule book would not have its fact.`,
          wayOut:
            type === 'Owns'
              ? `Write the fact into the system's facts, with \`from: [${node.getName()}]\`.`
              : 'Take `@fact` out of its doc comment.',
        });
      if (ruleTypes.includes(type)) {
        rules.push(readRule(reading, node, type, annotation, value, node.getName()));
        declared.set(node.getName(), { kind: 'rule', type, annotation });
        if (docOf(statement).source === null)
          reading.diagnostics.push({
            at: reading.place(node),
            name: 'missing-source',
            what: `${node.getName()} is a rule, and nothing says where it comes from.`,
            wayOut: 'Add `@source` to its doc comment: a document and section, a source file and function, or "our own reading".',
          });
      } else if (type === 'Runs') {
        if (runs[of] !== undefined)
          return reading.refuse(
            node,
            'runs-twice',
            `What the counters and work of ${of} run is said twice; its objects are of one type, whichever member of the union they are.`,
            `Write one \`Runs<${of}>\`.`,
          );
        runs[of] = readRuns(reading, `${of}`, value);
        declared.set(node.getName(), { kind: 'runs', type, annotation });
      } else if (type === 'Owns') {
        owns[of] = { ...owns[of], ...readOwns(reading, value) };
        declared.set(node.getName(), { kind: 'owns', type, annotation });
      } else if (type === 'Interface') readInterface(reading, value, offered);
      else if (type === 'Scenario') {
        scenarios.push(readScenario(reading, node));
        declared.set(node.getName(), { kind: 'scenario' });
      } else if (variantTypes.includes(type)) variantNodes.push(node);
      else if (type === 'Facts') factNodes.push(value);
    });
  }
  for (const [type, own] of Object.entries(runs)) attach(reading, type, 'runs', own);
  for (const [type, own] of Object.entries(owns)) attach(reading, type, 'owns', own);
  const variants: Variant[] = variantNodes.flatMap(node => reading.attempt(() => readVariant(reading, node, declared)) ?? []);
  const added = new Set(variants.flatMap(({ also }) => also.map(rule => rule.name)));
  const base = rules.filter(rule => !added.has(rule.name));
  for (const { name: extra, parameters, body, at } of reading.extra)
    operations[extra] = { name: extra, doc: '', at, parameters, result: null, returns: 'nothing', errnos: [], body };
  const builtIn = builtInRules(files);
  const isRule = (rule: string) => builtIn[rule] !== undefined || ['rule', 'owns'].includes(declared.get(rule)?.kind ?? '');
  const facts = factNodes.flatMap(node => reading.attempt(() => readFacts(reading, node, isRule)) ?? []);
  const generalNode = general?.getVariableDeclaration('facts')?.getInitializer();
  const generic =
    generalNode === undefined ? [] : (reading.attempt(() => readFacts(reading, generalNode, rule => builtIn[rule] !== undefined)) ?? []);
  const main = files.find(file => file.getBaseNameWithoutExtension() === name);
  return {
    name,
    doc: fileDoc(main),
    files: files.map(file => relativeTo(specFolder, file)),
    objects: reading.objects,
    globals: reading.globals,
    exports: reading.exports,
    given: Object.fromEntries(given.map(({ name: declaredName, fields }) => [declaredName, fields])),
    operations,
    interface: offered,
    rules: base.map(rule => settle(rule, base)),
    scenarios,
    variants,
    profile,
    facts,
    generic,
    builtIn,
  };
}

/** The doc comments of `always` in the language. */
function builtInRules(files: readonly SourceFile[]): Record<string, string> {
  const language = files
    .flatMap(file => file.getImportDeclarations())
    .map(node => node.getModuleSpecifierSourceFile())
    .find(file => file?.getBaseName() === 'language.ts');
  const type = language?.getVariableDeclaration('always')?.getTypeNode();
  if (!Node.isTypeLiteral(type)) return {};
  return Object.fromEntries(type.getProperties().map(property => [`always.${property.getName()}`, docOf(property).doc]));
}

function attach(reading: Reading, type: string, key: 'runs' | 'owns', own: Record<string, string>): void {
  const object: ObjectType | undefined = reading.objects[type];
  if (object !== undefined) reading.objects[type] = { ...object, [key]: own };
}

function missingDoc(reading: Reading, node: Node, name: string): void {
  reading.diagnostics.push({
    at: reading.place(node),
    name: 'missing-doc',
    what: `${name} has no doc comment; its first sentence is what a violation prints.`,
    wayOut: 'Say in a sentence what it is or what must be true.',
  });
}

/** Doc comment at the top of a file. */
function fileDoc(file: SourceFile | undefined): string {
  const text = /^\s*\/\*\*([\s\S]*?)\*\//.exec(file?.getFullText() ?? '')?.[1] ?? '';
  return text
    .replace(/^\s*\* ?/gm, '')
    .trim()
    .replace(/\s+/g, ' ');
}

interface ConstantObject {
  readonly name: string;
  readonly fields: Record<string, number | boolean | string | null>;
  readonly functions: readonly { readonly name: string; readonly arrow: ArrowFunction }[];
}

/** `const pciDriver: Driver = { open: device => ... }`: a declared object with its readonly fields; an arrow is a function of the system. */
function readConstantObject(reading: Reading, node: VariableDeclaration): ConstantObject[] {
  const type = reading.objects[node.getTypeNode()?.getText() ?? ''];
  const value = node.getInitializer();
  if (type === undefined || !Node.isObjectLiteralExpression(value)) return [];
  const name = node.getName();
  const fields: ConstantObject['fields'] = {};
  const functions: { name: string; arrow: ArrowFunction }[] = [];
  for (const property of value.getProperties()) {
    const declared = type.fields.find(field => field.name === property.getSymbol()?.getName());
    const given = Node.isPropertyAssignment(property) ? property.getInitializerOrThrow() : undefined;
    if (declared === undefined || given === undefined || !declared.constant)
      return reading.refuse(
        property,
        'outside-the-subset',
        `${name} is made before anything runs, so it gives readonly fields their values.`,
        'Write `field: value`, with a constant, an arrow or the name of a function.',
      );
    if (Node.isArrowFunction(given) && declared.type.kind === 'word' && declared.type.callable) {
      const own = `${name}.${declared.name}`;
      readArrowHead(reading, own, given, functionTypeOf(value, declared.name));
      functions.push({ name: own, arrow: given });
      fields[declared.name] = own;
    } else if (Node.isIdentifier(given) && reading.heads[given.getText()] !== undefined) fields[declared.name] = given.getText();
    else if (Node.isNumericLiteral(given) || Node.isStringLiteral(given)) fields[declared.name] = given.getLiteralValue();
    else if (Node.isTrueLiteral(given) || Node.isFalseLiteral(given)) fields[declared.name] = Node.isTrueLiteral(given);
    else
      return reading.refuse(
        property,
        'outside-the-subset',
        `The value of ${declared.name} is not known before anything runs.`,
        'Give a constant, an arrow or the name of a function.',
      );
    const function_ = fields[declared.name];
    if (typeof function_ === 'string') pointAt(reading, declared.type, { kind: 'constant', value: function_ });
  }
  reading.globals[name] = type.name;
  return [{ name, fields, functions }];
}

/** The function type that the field of the literal is declared with. */
function functionTypeOf(literal: Node, field: string): FunctionTypeNode | undefined {
  const declaration = Node.isObjectLiteralExpression(literal)
    ? literal.getContextualType()?.getProperty(field)?.getDeclarations()[0]
    : undefined;
  const type = Node.isPropertySignature(declaration) ? declaration.getTypeNode() : undefined;
  return Node.isFunctionTypeNode(type) ? type : undefined;
}

function readArrowHead(reading: Reading, name: string, arrow: ArrowFunction, declared: FunctionTypeNode | undefined): void {
  const parameters = arrow.getParameters().map(parameter => {
    const known = objectOfType(reading, parameter.getType());
    const local = localName(parameter.getName(), parameter);
    if (known !== null) reading.localTypes.set(local, known);
    return { name: local, type: known };
  });
  reading.heads[name] = { name, parameters, ...resultOf(reading, declared?.getReturnTypeNode()) };
}

/** `{ module: kvmModule, symbols: [putVm] }` */
function readExports(reading: Reading, node: VariableDeclaration): void {
  const value = node.getInitializer();
  const property = (name: string): Node | undefined => {
    const found = Node.isObjectLiteralExpression(value) ? value.getProperty(name) : undefined;
    return Node.isPropertyAssignment(found) ? found.getInitializer() : undefined;
  };
  const module = property('module')?.getText() ?? '';
  const symbols = property('symbols');
  if (reading.globals[module] !== 'Module' || !Node.isArrayLiteralExpression(symbols))
    return reading.refuse(
      node,
      'outside-the-subset',
      `${node.getName()} does not say which functions of which module are exported.`,
      'Write `{ module: ownModule, symbols: [someFunction] }`, with `declare const ownModule: Module`.',
    );
  for (const symbol of symbols.getElements()) reading.exports[symbol.getText()] = module;
}

function readHead(reading: Reading, node: FunctionDeclaration): void {
  const name = node.getName() ?? '';
  if (reading.heads[name] !== undefined)
    return reading.refuse(
      node,
      'name-used-twice',
      `Two functions of this system are called ${name}.`,
      'Rename one: a folder is one namespace.',
    );
  const parameters = node.getParameters().map(parameter => {
    const known = objectOfType(reading, parameter.getType());
    const local = localName(parameter.getName(), parameter);
    if (known !== null) reading.localTypes.set(local, known);
    return { name: local, type: known };
  });
  const returned = node.getReturnTypeNode();
  reading.heads[name] = { name, parameters, ...resultOf(reading, returned) };
}

function resultOf(reading: Reading, returned: TypeNode | undefined): Pick<OperationHead, 'result' | 'returns' | 'errnos'> {
  const parts =
    returned === undefined
      ? []
      : Node.isUnionTypeNode(returned)
        ? returned.getTypeNodes().map(part => part.getText())
        : [returned.getText()];
  const result = returned === undefined ? null : objectOfType(reading, returned.getType());
  const returns = parts.length === 0 || parts[0] === 'void' ? 'nothing' : parts[0] === 'boolean' ? 'boolean' : 'value';
  return { result, returns, errnos: parts.flatMap(part => /^'(E[A-Z]+)'$/.exec(part)?.[1] ?? []) };
}

function readOperation(reading: Reading, node: FunctionDeclaration): Operation {
  const name = node.getName() ?? '';
  const head = reading.heads[name];
  const doc = docOf(node).doc;
  return {
    name,
    doc,
    at: reading.place(node),
    parameters: head?.parameters ?? [],
    result: head?.result ?? null,
    returns: head?.returns ?? 'nothing',
    errnos: head?.errnos ?? [],
    body: readBody(reading, node),
  };
}

function refuseRecursion(
  reading: Reading,
  operations: Readonly<Record<string, Operation>>,
  functions: readonly FunctionDeclaration[],
): void {
  const calls = (name: string) => JSON.stringify(operations[name]?.body ?? []).matchAll(/"kind":"call","of":"([^"]+)"/g);
  for (const node of functions) {
    const start = node.getName() ?? '';
    const seen = new Set<string>();
    const stack = [start];
    while (stack.length > 0) {
      for (const [, callee = ''] of calls(stack.pop() ?? '')) {
        if (callee === start) {
          reading.diagnostics.push({
            at: reading.place(node),
            name: 'recursion',
            what: `${start} calls itself${seen.size > 1 ? ` through ${[...seen].join(', ')}` : ''}; a thread has no stack that could be explored to an end.`,
            wayOut: 'Write it as a loop over a set, or `for (;;)` with a step in it.',
          });
          stack.length = 0;
          break;
        }
        if (!seen.has(callee)) stack.push(callee);
        seen.add(callee);
      }
    }
  }
}

function readInterface(reading: Reading, value: Node, offered: Record<string, string>): void {
  if (!Node.isObjectLiteralExpression(value)) return;
  for (const property of value.getProperties()) {
    const name = Node.isShorthandPropertyAssignment(property) || Node.isPropertyAssignment(property) ? property.getName() : '';
    const operation = Node.isPropertyAssignment(property) ? (property.getInitializer()?.getText() ?? '') : name;
    if (reading.heads[operation] === undefined)
      reading.refuse(
        property,
        'unknown-operation',
        `${operation || textOf(property)} is not a function of this system.`,
        'Offer functions of the system by their names.',
      );
    offered[name] = operation;
  }
}

function readScenario(reading: Reading, node: VariableDeclaration): Scenario {
  const value = node.getInitializer();
  if (!Node.isArrowFunction(value))
    return reading.refuse(
      node,
      'outside-the-subset',
      'A scenario is an arrow function of its setup.',
      'Write `({ thread, stays }) => { ... }`.',
    );
  return { name: node.getName(), doc: docOf(node.getVariableStatement()).doc, at: reading.place(node), body: readBody(reading, value) };
}
