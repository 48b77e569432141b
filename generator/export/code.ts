/** Expressions of Promela as text, folded where they are known. A compound is in parentheses, so that it can stand anywhere. */

/** A number is known; a text is a name, an element of an array, a macro or a compound in parentheses. */
export type Code = number | string;

const opposite: Readonly<Record<string, string>> = { '==': '!=', '!=': '==', '<': '>=', '>=': '<', '>': '<=', '<=': '>' };

export function all(of: readonly Code[]): Code {
  const left = [...new Set(of)].filter(one => typeof one === 'string' || one === 0);
  if (left.includes(0)) return 0;
  const [first] = left;
  return first === undefined ? 1 : left.length === 1 ? first : `(${left.join(' && ')})`;
}

export function any(of: readonly Code[]): Code {
  const left = [...new Set(of)].filter(one => one !== 0);
  if (left.some(one => typeof one === 'number')) return 1;
  const [first] = left;
  return first === undefined ? 0 : left.length === 1 ? first : `(${left.join(' || ')})`;
}

/** Of a truth: anything but 0 is true. */
export function not(of: Code): Code {
  if (typeof of === 'number') return of === 0 ? 1 : 0;
  const compared = comparison(of);
  if (compared) return `(${compared.a} ${opposite[compared.operator]} ${compared.b})`;
  return of.startsWith('!') ? of.slice(1) : `!${of}`;
}

/** 0 or 1, for what is only known to be true or not. */
export function truth(of: Code): Code {
  if (typeof of === 'number') return of === 0 ? 0 : 1;
  return comparison(of) !== null || of.startsWith('!') || /^\([^>]* (&&|\|\|) [^>]*\)$/.test(of) ? of : `(${of} != 0)`;
}

function comparison(of: Code): { readonly a: string; readonly operator: string; readonly b: string } | null {
  const [, a = '', operator = '', b = ''] = /^\(([^()&|]+) (==|!=|<|<=|>|>=) ([^()&|]+)\)$/.exec(`${of}`) ?? [];
  return operator === '' ? null : { a, operator, b };
}

/** All of them, without those that follow from others. Names of owners and numbers are told apart by their text. */
export function together(conditions: readonly Code[]): Code {
  const known = new Set(conditions);
  const isFixed = (text: string) => /^(\d+|by_\w+)$/.test(text);
  const equals = new Map(
    conditions.flatMap(one => {
      const compared = comparison(one);
      return compared?.operator === '==' && isFixed(compared.b) ? [[compared.a, compared.b] as const] : [];
    }),
  );
  const follows = (one: Code): boolean => {
    const compared = comparison(one);
    const other = compared === null ? undefined : equals.get(compared.a);
    return compared?.operator === '!=' && other !== undefined && isFixed(compared.b) && other !== compared.b;
  };
  const shorter = conditions.map((one): Code => {
    const [, a, b] = /^\((\([^()]*\)) \|\| (\([^()]*\))\)$/.exec(`${one}`) ?? [];
    if (a === undefined || b === undefined) return one;
    if (known.has(a) || known.has(b)) return 1;
    return known.has(not(a)) ? b : known.has(not(b)) ? a : one;
  });
  const left = shorter.filter(one => !follows(one));
  return left.length === conditions.length && left.every((one, at) => one === conditions[at]) ? all(left) : together(left);
}

export function compare(operator: '==' | '!=' | '<' | '<=' | '>' | '>=', a: Code, b: Code): Code {
  if (typeof a === 'number' && typeof b === 'number') {
    const is = { '==': a === b, '!=': a !== b, '<': a < b, '<=': a <= b, '>': a > b, '>=': a >= b };
    return is[operator] ? 1 : 0;
  }
  return a === b ? (operator === '==' || operator === '<=' || operator === '>=' ? 1 : 0) : `(${a} ${operator} ${b})`;
}

export function plus(a: Code, b: Code): Code {
  return typeof a === 'number' && typeof b === 'number' ? a + b : a === 0 ? b : b === 0 ? a : `(${a} + ${b})`;
}

export function minus(a: Code, b: Code): Code {
  return typeof a === 'number' && typeof b === 'number' ? a - b : b === 0 ? a : `(${a} - ${b})`;
}

export function either(when: Code, then: Code, otherwise: Code): Code {
  return typeof when === 'number'
    ? when === 0
      ? otherwise
      : then
    : then === otherwise
      ? then
      : `(${bare(when)} -> ${then} : ${otherwise})`;
}

/** Whether a member, not null, is in a set: 0 or 1. */
export function has(set: Code, member: Code): Code {
  if (set === 0 || member === 0) return 0;
  return typeof set === 'number' && typeof member === 'number' ? (set >> (member - 1)) & 1 : `has(${bare(set)}, ${bare(member)})`;
}

/** Without the parentheses around the whole. */
export function bare(of: Code): string {
  const text = `${of}`;
  // A choice of values needs its own.
  if (!text.startsWith('(') || text.includes('->')) return text;
  let depth = 0;
  for (let at = 0; at < text.length; at++) {
    if (text[at] === '(') depth++;
    else if (text[at] === ')' && --depth === 0) return at === text.length - 1 ? text.slice(1, -1) : text;
  }
  return text;
}

/** Names that occur in it. */
export function namesIn(of: Code): readonly string[] {
  return typeof of === 'number' ? [] : (of.match(/[A-Za-z_]\w*/g) ?? []);
}
