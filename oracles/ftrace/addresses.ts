/** Which object lies where. An address that is used again after a free is a new object. */
import type { FtraceMapping } from './mapping.ts';

export interface Found {
  readonly object: string;
  readonly type: string;
  readonly offset: number;
  readonly freed: boolean;
}

interface Lying {
  readonly object: string;
  readonly type: string;
  readonly from: bigint;
  readonly to: bigint;
  freed: boolean;
}

export interface Addresses {
  /** Null: nothing that is known lies there. */
  readonly at: (address: bigint) => Found | null;
  /** Whatever lay there is gone. */
  readonly place: (type: string, from: bigint) => string;
  readonly free: (object: string) => void;
}

/** Freed objects are kept by page until something new lies there, so as many as pages were ever used, at most. */
const pageBits = 12n;

export function createAddresses(mapping: FtraceMapping): Addresses {
  const pages = new Map<bigint, Lying[]>();
  const counts = new Map<string, number>();
  const lying = new Map<string, Lying>();

  function* pagesOf({ from, to }: { readonly from: bigint; readonly to: bigint }): Generator<bigint> {
    for (let page = from >> pageBits; page <= (to - 1n) >> pageBits; page++) yield page;
  }
  function remove(one: Lying): void {
    lying.delete(one.object);
    for (const page of pagesOf(one))
      pages.set(
        page,
        (pages.get(page) ?? []).filter(other => other !== one),
      );
  }
  return {
    at(address) {
      const found = pages.get(address >> pageBits)?.find(one => address >= one.from && address < one.to);
      return found === undefined
        ? null
        : { object: found.object, type: found.type, offset: Number(address - found.from), freed: found.freed };
    },
    place(type, from) {
      const size = mapping.types[type]?.size ?? 1;
      const to = from + BigInt(size);
      const overlapped = new Set<Lying>();
      for (const page of pagesOf({ from, to }))
        for (const one of pages.get(page) ?? []) if (one.from < to && one.to > from) overlapped.add(one);
      for (const one of overlapped) remove(one);
      const number = (counts.get(type) ?? 0) + 1;
      counts.set(type, number);
      const placed: Lying = { object: `${type}#${number}`, type, from, to, freed: false };
      lying.set(placed.object, placed);
      for (const page of pagesOf(placed)) pages.set(page, [...(pages.get(page) ?? []), placed]);
      return placed.object;
    },
    free(object) {
      const one = lying.get(object);
      if (one !== undefined) one.freed = true;
    },
  };
}
