/** Goes through generated code token by token. */

export interface Reader {
  readonly is: (text: string) => boolean;
  /** The token, which the reader goes past. */ readonly take: () => string;
  readonly kind: () => 'number' | 'name' | 'text' | 'sign' | 'end';
  /** The token, which the reader stays at. */ readonly text: () => string;
  readonly skip: (text: string) => boolean;
  readonly expect: (text: string) => void;
  readonly fault: (what: string) => Error;
}

const LONG_SIGNS: ReadonlySet<string> = new Set(['>>>', '===', '!==']);
const SHORT_SIGNS: ReadonlySet<string> = new Set(['<<', '>>', '<=', '>=', '&&', '||', '++', '--', '|=', '&=', '+=', '-=', '*=', '^=']);

/** Signs that nothing longer begins with. */
const ALONE: readonly number[] = [...'(),;{}?:[]~'].map(sign => sign.charCodeAt(0));

const QUOTE = 39,
  SLASH = 47,
  NEW_LINE = 10;

const isDigit = (code: number): boolean => code >= 48 && code <= 57;
const isLetter = (code: number): boolean => (code >= 97 && code <= 122) || (code >= 65 && code <= 90) || code === 95;
/** A dot belongs to a name as `Math.imul`. */
const isInName = (code: number): boolean => isLetter(code) || isDigit(code) || code === 46;

export function readerOf(source: string): Reader {
  let text = '',
    kind: ReturnType<Reader['kind']> = 'end',
    at = 0,
    end = 0;
  const goWhile = (isIn: (code: number) => boolean): void => {
    while (end < source.length && isIn(source.charCodeAt(end))) end++;
  };
  const skipSpace = (): void => {
    for (;;) {
      while (end < source.length && source.charCodeAt(end) <= 32) end++;
      if (source.charCodeAt(end) !== SLASH || source.charCodeAt(end + 1) !== SLASH) return;
      goWhile(code => code !== NEW_LINE);
    }
  };
  const signLength = (first: number): number => {
    if (ALONE.includes(first)) return 1;
    if (LONG_SIGNS.has(source.slice(at, at + 3))) return 3;
    return SHORT_SIGNS.has(source.slice(at, at + 2)) ? 2 : 1;
  };
  const advance = (): void => {
    skipSpace();
    at = end;
    const first = source.charCodeAt(at);
    if (at === source.length) kind = 'end';
    else if (isDigit(first)) {
      kind = 'number';
      goWhile(isDigit);
    } else if (isLetter(first)) {
      kind = 'name';
      goWhile(isInName);
    } else if (first === QUOTE) {
      kind = 'text';
      end = source.indexOf("'", at + 1) + 1;
      if (end === 0) throw fault('no end of a text');
      text = source.slice(at + 1, end - 1);
      return;
    } else {
      kind = 'sign';
      end += signLength(first);
    }
    text = source.slice(at, end);
  };
  const fault = (what: string): Error => new Error(`generated code is not as expected, ${what}: ${source.slice(at, at + 80)}`);
  const skip = (wanted: string): boolean => {
    if (text !== wanted || kind === 'text') return false;
    advance();
    return true;
  };
  advance();
  return {
    is: wanted => text === wanted && kind !== 'text',
    take: () => {
      const taken = text;
      advance();
      return taken;
    },
    kind: () => kind,
    text: () => text,
    skip,
    expect: wanted => {
      if (!skip(wanted)) throw fault(`no ${wanted}`);
    },
    fault,
  };
}
