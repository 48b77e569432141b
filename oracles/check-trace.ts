/** Judges a whole trace: its header says of which system, or that it is of none. */
import type { OracleDefinition } from './definition.ts';
import { createLineJudge, type LineJudge } from './judge-lines.ts';
import { createEventReader, readHeader, readLines } from './read-trace.ts';
import { TraceError } from './trace-error.ts';
import { createTraceJudge, type Listener } from './trace-judge.ts';
import type { Report } from './verdict.ts';

/** Throws a TraceError at the first line that is wrong. */
export async function checkTrace(
  input: AsyncIterable<Uint8Array | string>,
  oracleFor: (system: string) => OracleDefinition | undefined,
  onFinding: Listener = () => {},
): Promise<Report> {
  let line = 0;
  let judging: LineJudge | null = null;
  for await (const lines of readLines(input)) {
    for (const text of lines) {
      line++;
      if (judging === null) judging = begin(text, oracleFor, onFinding);
      else judging.line(text, line);
    }
  }
  if (judging === null)
    throw new TraceError(1, '', 'The trace is empty. Its first line is a header: {"holdfast":"trace","version":1,"system":"..."}.');
  return judging.end();
}

function begin(text: string, oracleFor: (system: string) => OracleDefinition | undefined, onFinding: Listener): LineJudge {
  const { system, observes, places } = readHeader(text);
  const definition = system === null ? null : oracleFor(system);
  if (definition === undefined)
    throw new TraceError(1, 'system', `There is no oracle for a system ${system}. Correct the name, or generate one from its spec.`);
  if (definition !== null) return createLineJudge(definition, observes, onFinding);
  const judge = createTraceJudge(null, { observes, places }, onFinding);
  const read = createEventReader(null);
  return { line: (text, line) => judge.event(read(text, line), line), end: judge.end };
}
