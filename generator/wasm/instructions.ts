/** Instructions of WebAssembly, by their numbers. */

export const I32 = 0x7f;
export const NOTHING = 0x40;
export const BLOCK = 0x02;
export const LOOP = 0x03;
export const IF = 0x04;
export const ELSE = 0x05;
export const END = 0x0b;
export const BR = 0x0c;
export const BR_IF = 0x0d;
export const BR_TABLE = 0x0e;
export const RETURN = 0x0f;
export const CALL = 0x10;
export const DROP = 0x1a;
export const LOCAL_GET = 0x20;
export const LOCAL_SET = 0x21;
export const LOCAL_TEE = 0x22;
export const GLOBAL_GET = 0x23;
export const GLOBAL_SET = 0x24;
export const LOAD = 0x28;
export const LOAD_BYTE = 0x2d;
export const STORE = 0x36;
export const STORE_BYTE = 0x3a;
export const CONSTANT = 0x41;
export const EQZ = 0x45;
export const CLZ = 0x67;
export const CTZ = 0x68;
export const VECTOR = 0xfd;
export const ATOMIC = 0xfe;
export const AND = 0x71;
export const OR = 0x72;
export const XOR = 0x73;
export const SHL = 0x74;
export const MUL = 0x6c;
export const ADD = 0x6a;
export const SUB = 0x6b;

export const OPERATORS: Readonly<Record<string, number>> = {
  '===': 0x46,
  '!==': 0x47,
  '<': 0x48,
  '>': 0x4a,
  '<=': 0x4c,
  '>=': 0x4e,
  '+': ADD,
  '-': SUB,
  '*': MUL,
  '&': AND,
  '|': OR,
  '^': XOR,
  '<<': SHL,
  '>>': 0x75,
  '>>>': 0x76,
};
export const COMPARING: ReadonlySet<string> = new Set(['===', '!==', '<', '>', '<=', '>=']);

// Numbers of 64 bits, for the upper half of a product.
export const CONSTANT_64 = 0x42;
export const MUL_64 = 0x7e;
export const SHR_UNSIGNED_64 = 0x88;
export const EXTEND_UNSIGNED = 0xad;
export const WRAP = 0xa7;

// After ATOMIC.
export const ATOMIC_LOAD = 0x10;
export const ATOMIC_COMPARE_EXCHANGE = 0x48;

// After VECTOR: four numbers at once.
export const VECTOR_LOAD = 0x00;
export const VECTOR_SPLAT = 0x11;
export const VECTOR_EQ = 0x37;
export const VECTOR_AND = 0x4e;
/** The signs of the four, as bits; its number takes two bytes. */
export const VECTOR_BITS = [0xa4, 0x01] as const;
