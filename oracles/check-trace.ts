/** Judges a whole trace: its header says of which system, or that it is of none. */
import type { OracleDefinition } from './definition.ts';
import { createLineJudge, type LineJudge } from './judge-lines.ts';
import { createEventReader, createLineDecoder, readByteLines, readHeader } from './read-trace.ts';
import { TraceError } from './trace-error.ts';
import { createTraceJudge, type Listener } from './trace-judge.ts';
import type { Report } from './verdict.ts';

/** Throws a TraceError at the first line that is wrong. `predict`: also look for what other orders of the events could do. */
export async function checkTrace(
  input: AsyncIterable<Uint8Array | string>,
  oracleFor: (system: string) => OracleDefinition | undefined,
  onFinding: Listener = () => {},
  predict = false,
): Promise<Report> {
  let line = 1;
  let judging: ((bytes: Uint8Array, from: number, end: number, line: number) => number) | null = null;
  let end: (() => Report) | null = null;
  for await (const lines of readByteLines(input)) {
    let at = 0;
    if (judging === null) {
      at = lines.indexOf(newline) + 1;
      const judge = begin(createLineDecoder()(lines.subarray(0, at - 1), 1), oracleFor, onFinding, predict);
      judging = judge.lines;
      end = judge.end;
      line++;
    }
    line = judging(lines, at, lines.length, line);
  }
  if (end === null)
    throw new TraceError(1, '', 'The trace is empty. Its first line is a header: {"holdfast":"trace","version":1,"system":"..."}.');
  return end();
}

const newline = 10;

function begin(
  text: string,
  oracleFor: (system: string) => OracleDefinition | undefined,
  onFinding: Listener,
  predict: boolean,
): Pick<LineJudge, 'lines' | 'end'> {
  const { system, observes, places } = readHeader(text);
  const definition = system === null ? null : oracleFor(system);
  if (definition === undefined)
    throw new TraceError(1, 'system', `There is no oracle for a system ${system}. Correct the name, or generate one from its spec.`);
  if (definition !== null && !predict) return createLineJudge(definition, observes, onFinding);
  const judge = createTraceJudge(definition, { observes, places, predict }, onFinding);
  const read = createEventReader(definition);
  const decode = createLineDecoder();
  function lines(bytes: Uint8Array, from: number, end: number, first: number): number {
    let line = first;
    for (let at = from; at < end; line++) {
      const last = bytes.indexOf(newline, at);
      judge.event(read(decode(bytes.subarray(at, last), line), line), line);
      at = last + 1;
    }
    return line;
  }
  return { lines, end: judge.end };
}
