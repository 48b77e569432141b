/** Object types that the language itself has: modules, processes, descriptors. */
import type { SourceFile } from 'ts-morph';
import type { ObjectType, Operation, Place } from '../model.ts';

const at: Place = { file: 'language.ts', line: 1, column: 1 };

/** Code that is loaded while somebody pins it. */
export const moduleType: ObjectType = {
  name: 'Module',
  doc: 'A module; its last put unloads it.',
  at,
  runs: { pins: 'Module.pins' },
  owns: {},
  fields: [{ name: 'pins', type: { kind: 'refcount' }, constant: false }],
};
export const unloadModule = freedBy('Module', 'pins', 'Its code is gone.', 'the module is unloaded');

/** Who calls: compared by identity, and kept by references. */
export const processType: ObjectType = {
  name: 'Process',
  doc: 'A process; its last put frees it.',
  at,
  runs: { users: 'Process.users' },
  owns: {},
  fields: [
    { name: 'users', type: { kind: 'refcount' }, constant: false },
    { name: 'admin', type: { kind: 'boolean' }, constant: true },
  ],
};
export const endProcess = freedBy('Process', 'users', 'It is gone.', 'the process is gone');

function freedBy(type: string, counter: string, doc: string, text: string): Operation {
  return {
    name: `${type}.${counter}`,
    doc,
    at,
    parameters: [{ name: 'object', type }],
    result: null,
    returns: 'nothing',
    errnos: [],
    body: [
      {
        kind: 'do',
        at,
        value: { kind: 'verb', verb: 'free', on: { of: { kind: 'local', name: 'object' }, type, field: '' }, with: [], at, text },
      },
    ],
  };
}

/** A number in a table of open files. The table's lock makes each access one step, so no rule guards it. */
export function descriptorType(name: string, file: string): ObjectType {
  return {
    name,
    doc: 'A number in the table of open files.',
    at,
    runs: {},
    owns: { file: 'refs' },
    fields: [{ name: 'file', type: { kind: 'pointer', to: file, nullable: true }, constant: false }],
  };
}

/** Types of the files that descriptors of the spec are open on. */
export function describedFiles(files: readonly SourceFile[]): string[] {
  return [
    ...new Set(files.flatMap(file => [...file.getFullText().matchAll(/\b(?:Descriptor|descriptor)<(\w+)>/g)].map(([, type = '']) => type))),
  ];
}

export function importsFromLanguage(file: SourceFile, name: string): boolean {
  return file
    .getImportDeclarations()
    .some(one => /language\.ts$/.test(one.getModuleSpecifierValue()) && one.getNamedImports().some(part => part.getName() === name));
}

/** It names a process, or makes one in a setup. */
export function speaksOfProcesses(file: SourceFile): boolean {
  return (
    importsFromLanguage(file, 'Process') ||
    importsFromLanguage(file, 'current') ||
    /Scenario = \(\{[^}]*\b(user|process)\b/.test(file.getFullText())
  );
}
