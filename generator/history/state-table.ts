/** Packed states, each once, numbered in the order in which they came. */

export interface StateTable {
  readonly words: () => Int32Array;
  readonly size: () => number;
  /** Number of the state, which is copied if it is new. */
  readonly add: (from: ArrayLike<number>, at: number) => number;
  /** Its number, or -1. */
  readonly find: (from: ArrayLike<number>, at: number) => number;
  readonly clear: () => void;
}

const firstRoom = 256;

export function stateTable(width: number): StateTable {
  let store = new Int32Array(firstRoom * width);
  let slots = new Int32Array(firstRoom * 4);
  let size = 0;
  /** Places in `slots` that are taken, so that emptying it takes no longer than filling it did. */
  let taken = new Int32Array(firstRoom);

  const hashOf = (from: ArrayLike<number>, at: number): number => {
    let hash = 0x811c9dc5;
    for (let word = 0; word < width; word += 1) {
      hash = Math.imul(hash ^ (from[at + word] ?? 0), 0x9e3779b1);
      hash ^= hash >>> 15;
    }
    return hash >>> 0;
  };
  const grow = (): void => {
    const more = new Int32Array(store.length * 2);
    more.set(store);
    store = more;
    const places = new Int32Array(taken.length * 2);
    taken = places;
    slots = new Int32Array(slots.length * 2);
    for (let number = 0; number < size; number += 1) {
      let slot = hashOf(store, number * width) & (slots.length - 1);
      while (slots[slot] !== 0) slot = (slot + 1) & (slots.length - 1);
      slots[slot] = number + 1;
      taken[number] = slot;
    }
  };
  /** Where it is, or the free place where it would be. */
  const slotOf = (from: ArrayLike<number>, at: number): number => {
    let slot = hashOf(from, at) & (slots.length - 1);
    for (let known = slots[slot] ?? 0; known !== 0; known = slots[slot] ?? 0) {
      const there = (known - 1) * width;
      let word = 0;
      while (word < width && store[there + word] === from[at + word]) word += 1;
      if (word === width) return slot;
      slot = (slot + 1) & (slots.length - 1);
    }
    return slot;
  };
  return {
    words: () => store,
    size: () => size,
    find: (from, at) => (slots[slotOf(from, at)] ?? 0) - 1,
    add(from, at) {
      const slot = slotOf(from, at);
      const known = slots[slot] ?? 0;
      if (known !== 0) return known - 1;
      if ((size + 1) * width > store.length) {
        // `from` may be the store itself: it is read again where it was, in the larger one.
        const same = from === store;
        grow();
        return this.add(same ? store : from, at);
      }
      for (let word = 0; word < width; word += 1) store[size * width + word] = from[at + word] ?? 0;
      slots[slot] = size + 1;
      taken[size] = slot;
      return size++;
    },
    clear() {
      for (let number = 0; number < size; number += 1) slots[taken[number] ?? 0] = 0;
      size = 0;
    },
  };
}
