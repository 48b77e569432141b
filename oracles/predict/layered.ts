/** A map over another one that it does not change: a copy of a large state that costs what is changed in it. */
export interface Layered<Value> {
  readonly get: (key: string) => Value | undefined;
  readonly set: (key: string, value: Value) => void;
  readonly delete: (key: string) => void;
}

const gone = Symbol('deleted');

export function layered<Value>(below: Layered<Value> | null): Layered<Value> {
  if (below === null) {
    const all = new Map<string, Value>();
    return { get: key => all.get(key), set: (key, value) => void all.set(key, value), delete: key => void all.delete(key) };
  }
  const own = new Map<string, Value | typeof gone>();
  return {
    get(key) {
      const value = own.get(key);
      if (value === undefined) return below.get(key);
      return value === gone ? undefined : value;
    },
    set: (key, value) => void own.set(key, value),
    delete: key => void own.set(key, gone),
  };
}
