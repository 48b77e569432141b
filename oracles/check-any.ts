/** Judges a trace in whichever format it is: binary ones begin with bytes that no text has. */
import { magic } from './binary-format.ts';
import { isBinary } from './binary-head.ts';
import { checkBinary } from './check-binary.ts';
import { checkTrace } from './check-trace.ts';
import type { OracleDefinition } from './definition.ts';
import type { Listener } from './trace-judge.ts';
import type { Report } from './verdict.ts';

type Bytes = AsyncIterable<Uint8Array | string>;

/** Throws a TraceError at the first line, or record, that is wrong. */
export async function checkAny(
  input: Bytes,
  oracleFor: (system: string) => OracleDefinition | undefined,
  onFinding: Listener = () => {},
  predict = false,
): Promise<Report> {
  const { first, all } = await peek(input);
  return (isBinary(first) ? checkBinary : checkTrace)(all, oracleFor, onFinding, predict);
}

/** The first bytes, as many as the magic has if there are, and all of them again. */
async function peek(input: Bytes): Promise<{ readonly first: Uint8Array; readonly all: Bytes }> {
  const chunks = input[Symbol.asyncIterator]();
  const seen: Uint8Array[] = [];
  let length = 0;
  while (length < magic.length) {
    const { value, done } = await chunks.next();
    if (done === true) break;
    const bytes = typeof value === 'string' ? new TextEncoder().encode(value) : value;
    seen.push(bytes);
    length += bytes.length;
  }
  async function* again(): AsyncGenerator<Uint8Array | string> {
    yield* seen;
    yield* { [Symbol.asyncIterator]: () => chunks };
  }
  const first = new Uint8Array(length);
  let at = 0;
  for (const bytes of seen) {
    first.set(bytes, at);
    at += bytes.length;
  }
  return { first, all: again() };
}
