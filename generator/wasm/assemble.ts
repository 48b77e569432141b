/**
 * Generated code as a WebAssembly module. Its arrays lie in a memory that is given to it, one after the other from `from` on; its variables and
 * functions are exported under their names.
 */
import { type Bytes, section, written } from './bytes.ts';
import type { ModuleCode } from './code-tree.ts';
import { type ArrayPlace, functionEmitter, type Surroundings } from './emit-function.ts';
import { returnsValue } from './statements.ts';

export interface Imported {
  readonly name: string;
  readonly parameters: number;
}

export interface Assembling {
  /** Functions of whoever runs it, which give nothing back. */ readonly imported: readonly Imported[];
  /** Arrays that the code does not bring along, by name: where they begin. */ readonly arrays: ReadonlyMap<string, ArrayPlace>;
  /** Address of the first array that it brings along, a multiple of 4. */ readonly from: number;
  /** Its memory is one that several threads share. */ readonly isShared?: boolean;
}

export interface Assembled {
  readonly code: Uint8Array;
  /** Address after the last array. */ readonly end: number;
}

const I32 = 0x7f;
const HEADER = Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0);
const MOST_PAGES = 65536;
const FUNCTION = 0,
  MEMORY = 2,
  GLOBAL = 3;

export function assemble(of: ModuleCode, { imported, arrays, from, isShared = false }: Assembling): Assembled {
  let end = from;
  const places = new Map(arrays);
  const data: Uint8Array[] = [];
  for (const [name, numbers] of of.arrays) {
    places.set(name, { at: end, bytes: 4 });
    if (numbers.some(number => number !== 0)) data.push(segment(end, numbers));
    end += numbers.length * 4;
  }
  const signatures = [
    ...imported.map(one => ({ name: one.name, parameters: one.parameters, gives: false })),
    ...of.functions.map(one => ({ name: one.name, parameters: one.parameters.length, gives: returnsValue(one.body) })),
  ];
  const types = new Map<string, number>();
  const typed = signatures.map(one => {
    const key = `${one.parameters} ${one.gives}`;
    const type = types.get(key) ?? types.size;
    types.set(key, type);
    return { ...one, type };
  });
  const around: Surroundings = {
    variables: new Map([...of.variables.keys()].map((name, at) => [name, at])),
    functions: new Map(typed.map((one, at) => [one.name, { at, parameters: one.parameters, gives: one.gives }])),
    arrays: places,
  };
  const own = typed.slice(imported.length);
  const entries = (all: readonly ((into: Bytes) => void)[]): readonly Uint8Array[] => all.map(written);
  const sections = [
    section(1, [...types.keys()].map(typeOf)),
    section(
      2,
      entries([
        into => {
          into.text('own');
          into.text('memory');
          into.put(MEMORY, isShared ? 3 : 0, 1);
          if (isShared) into.count(MOST_PAGES);
        },
        ...typed.slice(0, imported.length).map(({ name, type }) => (into: Bytes) => {
          into.text('own');
          into.text(name);
          into.put(FUNCTION);
          into.count(type);
        }),
      ]),
    ),
    section(
      3,
      entries(
        own.map(
          ({ type }) =>
            into =>
              into.count(type),
        ),
      ),
    ),
    section(
      6,
      entries(
        [...of.variables.values()].map(value => into => {
          into.put(I32, 1, 0x41);
          into.signed(value);
          into.put(0x0b);
        }),
      ),
    ),
    section(7, [
      ...entries([...of.variables.keys()].map((name, at) => exported(name, GLOBAL, at))),
      ...entries(own.map(({ name }, at) => exported(name, FUNCTION, imported.length + at))),
    ]),
    section(10, of.functions.map(functionEmitter(around))),
    section(11, data),
  ];
  const code = written(into => {
    into.append(HEADER);
    for (const one of sections) into.append(one);
  });
  return { code, end };
}

function typeOf(key: string): Uint8Array {
  const [parameters = 0, gives = ''] = key.split(' ');
  return written(into => {
    into.put(0x60);
    into.count(Number(parameters));
    for (let at = 0; at < Number(parameters); at++) into.put(I32);
    if (gives === 'true') into.put(1, I32);
    else into.put(0);
  });
}

const exported = (name: string, kind: number, at: number) => (into: Bytes) => {
  into.text(name);
  into.put(kind);
  into.count(at);
};

function segment(at: number, numbers: Int32Array): Uint8Array {
  return written(into => {
    into.put(0, 0x41);
    into.signed(at);
    into.put(0x0b);
    into.count(numbers.length * 4);
    into.append(new Uint8Array(numbers.buffer, numbers.byteOffset, numbers.byteLength));
  });
}
