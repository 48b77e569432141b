/** A WebAssembly module that runs: its memory, its functions and its variables by name. */

// What the types of Node leave out of it.
declare global {
  namespace WebAssembly {
    class Module {
      constructor(code: Uint8Array);
    }
    class Memory {
      constructor(size: { initial: number; maximum: number; shared?: boolean });
      readonly buffer: ArrayBuffer;
      grow(pages: number): number;
    }
    class Global {
      value: number;
    }
    class Instance {
      constructor(module: Module, imports: Record<string, Record<string, unknown>>);
      readonly exports: Readonly<Record<string, unknown>>;
    }
  }
}

export interface Running {
  /** Another buffer after every growth. */ readonly buffer: () => ArrayBuffer;
  /** Makes the memory at least so many bytes long; false where there is none. */ readonly makeRoom: (bytes: number) => boolean;
  readonly call: (name: string) => (...given: number[]) => number;
  readonly variable: (name: string) => { value: number };
}

const PAGE = 65536;
/** Bytes that a memory can have: four gigabytes, less one page. */
export const MOST_MEMORY = 65535 * PAGE;

/** Memory that several threads share, of a length that stays; null where there is none. */
export function sharedMemory(bytes: number): WebAssembly.Memory | null {
  const pages = Math.ceil(bytes / PAGE);
  try {
    return new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true });
  } catch {
    return null;
  }
}

/** `imported`: functions that the code calls. */
export function runModule(code: Uint8Array, imported: Readonly<Record<string, (...given: number[]) => unknown>>, bytes: number): Running {
  const memory = memoryOf(Math.ceil(bytes / PAGE));
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(code), { own: { memory, ...imported } });
  return {
    buffer: () => memory.buffer,
    makeRoom: bytes => {
      const pages = Math.ceil((bytes - memory.buffer.byteLength) / PAGE);
      if (pages <= 0) return true;
      try {
        memory.grow(pages);
        return true;
      } catch {
        return false;
      }
    },
    call: name => {
      const found = exports[name];
      if (typeof found !== 'function') throw new Error(`the module has no function ${name}`);
      return (...given) => found(...given);
    },
    variable: name => {
      const found = exports[name];
      if (!(found instanceof WebAssembly.Global)) throw new Error(`the module has no variable ${name}`);
      return found;
    },
  };
}

function memoryOf(pages: number): WebAssembly.Memory {
  try {
    return new WebAssembly.Memory({ initial: pages, maximum: MOST_MEMORY / PAGE });
  } catch (thrown) {
    if (!(thrown instanceof RangeError)) throw thrown;
    throw new Error(
      'There are no 12 GB of addresses for a search, of which it fills only as many as it needs. `ulimit -v` may be set too low.',
    );
  }
}
