/** Bytes of a WebAssembly module: numbers, lists, sections. */

/** Bytes that are written one after the other, with room for more. */
export interface Bytes {
  readonly put: (...bytes: readonly number[]) => void;
  /** A number from 0 on. */ readonly count: (value: number) => void;
  /** A number of 32 bits with its sign. */ readonly signed: (value: number) => void;
  readonly append: (bytes: Uint8Array) => void;
  readonly text: (text: string) => void;
  /** A copy of what was written. */ readonly taken: () => Uint8Array;
  readonly clear: () => void;
}

export function bytes(): Bytes {
  let all = new Uint8Array(256),
    length = 0;
  const room = (more: number): void => {
    if (length + more <= all.length) return;
    const larger = new Uint8Array(Math.max(all.length * 2, length + more));
    larger.set(all);
    all = larger;
  };
  const append = (more: Uint8Array): void => {
    room(more.length);
    all.set(more, length);
    length += more.length;
  };
  const count = (value: number): void => {
    room(5);
    let rest = value >>> 0;
    for (; rest > 127; rest >>>= 7) all[length++] = (rest & 127) | 128;
    all[length++] = rest;
  };
  return {
    put: (...bytes) => {
      room(bytes.length);
      for (const byte of bytes) all[length++] = byte;
    },
    count,
    signed: value => {
      room(5);
      let rest = value | 0;
      for (; rest < -64 || rest > 63; rest >>= 7) all[length++] = (rest & 127) | 128;
      all[length++] = rest & 127;
    },
    append,
    text: text => {
      const encoded = new TextEncoder().encode(text);
      count(encoded.length);
      append(encoded);
    },
    taken: () => all.slice(0, length),
    clear: () => {
      length = 0;
    },
  };
}

/** A section of a module, by its number, with as many entries as there are. */
export function section(number: number, entries: readonly Uint8Array[]): Uint8Array {
  const inside = bytes();
  inside.count(entries.length);
  for (const entry of entries) inside.append(entry);
  const content = inside.taken();
  const whole = bytes();
  whole.put(number);
  whole.count(content.length);
  whole.append(content);
  return whole.taken();
}

/** What `write` writes. */
export function written(write: (into: Bytes) => void): Uint8Array {
  const into = bytes();
  write(into);
  return into.taken();
}
