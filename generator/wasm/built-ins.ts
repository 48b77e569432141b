/** Functions that generated code may call and nobody wrote: each is one or a few instructions. */
import type { Bytes } from './bytes.ts';
import type { Expression } from './code-tree.ts';
import {
  ATOMIC,
  ATOMIC_COMPARE_EXCHANGE,
  ATOMIC_LOAD,
  CLZ,
  CONSTANT_64,
  CTZ,
  EXTEND_UNSIGNED,
  MUL,
  MUL_64,
  SHR_UNSIGNED_64,
  VECTOR,
  VECTOR_AND,
  VECTOR_BITS,
  VECTOR_EQ,
  VECTOR_LOAD,
  VECTOR_SPLAT,
  WRAP,
} from './instructions.ts';

/** An item of an array, once its address is computed up to what is added here. */
export interface Item {
  readonly offset: number;
  readonly bytes: 1 | 4;
}

export interface Emitter {
  readonly code: Bytes;
  readonly value: (of: Expression) => void;
  readonly address: (array: string, index: Expression) => Item;
  readonly fault: (what: string) => Error;
}

/** Of an address: it is a multiple of 2 ** 2 bytes. */
const ALIGNED = 2;

/** Says whether it knew the function; then its instructions are written. */
export function builtIns({ code, value, address, fault }: Emitter): (name: string, given: readonly Expression[]) => boolean {
  /** The address of an item of the array that the first two arguments name, and the other arguments. */
  const itemOf = (name: string, given: readonly Expression[], others: number): { offset: number; rest: readonly Expression[] } => {
    const [array, index, ...rest] = given;
    if (array?.kind !== 'name' || index === undefined || rest.length !== others) throw fault(`${name} of nothing`);
    return { offset: address(array.name, index).offset, rest };
  };
  const atomic = (name: string, given: readonly Expression[], others: number, instruction: number): void => {
    const { offset, rest } = itemOf(name, given, others);
    rest.forEach(value);
    code.put(ATOMIC, instruction, ALIGNED);
    code.count(offset);
  };

  return (name, given) => {
    switch (name) {
      case 'Math.imul':
        given.forEach(value);
        code.put(MUL);
        return true;
      case 'Math.clz32':
        given.forEach(value);
        code.put(CLZ);
        return true;
      case 'lowestBit':
        given.forEach(value);
        code.put(CTZ);
        return true;
      // The upper half of a product of 64 bits: `a` of 2 ** 32 parts of `b`.
      case 'partOf':
        for (const one of given) {
          value(one);
          code.put(EXTEND_UNSIGNED);
        }
        code.put(MUL_64, CONSTANT_64, 32, SHR_UNSIGNED_64, WRAP);
        return true;
      case 'Atomics.load':
        atomic(name, given, 0, ATOMIC_LOAD);
        return true;
      case 'Atomics.compareExchange':
        atomic(name, given, 2, ATOMIC_COMPARE_EXCHANGE);
        return true;
      // Of four items from a place on, as bits, those that are the same as a number where a mask has ones.
      case 'whichOf': {
        const { offset, rest } = itemOf(name, given, 2);
        code.put(VECTOR, VECTOR_LOAD, ALIGNED);
        code.count(offset);
        const [mask, number] = rest;
        if (mask === undefined || number === undefined) throw fault(`${name} of nothing`);
        value(mask);
        code.put(VECTOR, VECTOR_SPLAT, VECTOR, VECTOR_AND);
        value(number);
        code.put(VECTOR, VECTOR_SPLAT, VECTOR, VECTOR_EQ, VECTOR, ...VECTOR_BITS);
        return true;
      }
      default:
        return false;
    }
  };
}
