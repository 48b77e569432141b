/** Changes that are made side by side, in an order in which they can be made one after the other. */
import { bare, type Code, namesIn } from './code.ts';

export interface Assignment {
  readonly to: string;
  readonly value: Code;
}

function arrayOf(variable: string): string {
  return /^\w+/.exec(variable)?.[0] ?? variable;
}

/** Names that must not have changed yet when it is made. */
function needs({ to, value }: Assignment): ReadonlySet<string> {
  return new Set([...namesIn(value), ...namesIn(to).slice(1)]);
}

/** A change comes after all others that need what it changes. Where they need each other, values are kept in `saved` first. */
export function oneAfterTheOther(changes: readonly Assignment[], saved: (number: number) => string): readonly string[] {
  const text: string[] = [];
  let left = [...changes];
  while (left.length > 0) {
    const free = left.find(one => !left.some(other => other !== one && needs(other).has(arrayOf(one.to))));
    if (free !== undefined) {
      text.push(`${free.to} = ${bare(free.value)}`);
      left = left.filter(one => one !== free);
      continue;
    }
    // Elements of arrays first: their index may be one of the variables.
    const order = [...left].sort((a, b) => Number(b.to.includes('[')) - Number(a.to.includes('[')));
    text.push(
      ...order.map((one, number) => `${saved(number)} = ${bare(one.value)}`),
      ...order.map((one, number) => `${one.to} = ${saved(number)}`),
    );
    left = [];
  }
  return text;
}
