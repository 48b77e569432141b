/** Judges a whole trace: its header says of which system. */
import type { OracleDefinition } from './definition.ts';
import type { Event } from './event.ts';
import { createOracle, type Oracle } from './oracle.ts';
import { createEventReader, readHeader, readLines } from './read-trace.ts';
import { onLine, TraceError } from './trace-error.ts';
import type { Finding, Report } from './verdict.ts';
import type { World } from './world.ts';

/** Told of each finding while the world is still as the event left it. */
export type Listener = (finding: Finding, event: Event, world: World, definition: OracleDefinition) => void;

/** Throws a TraceError at the first line that is wrong. */
export async function checkTrace(
  input: AsyncIterable<Uint8Array | string>,
  oracleFor: (system: string) => OracleDefinition | undefined,
  onFinding: Listener = () => {},
): Promise<Report> {
  let line = 0;
  let judging: {
    readonly definition: OracleDefinition;
    readonly oracle: Oracle;
    readonly read: ReturnType<typeof createEventReader>;
  } | null = null;
  for await (const lines of readLines(input)) {
    for (const text of lines) {
      line++;
      if (judging === null) {
        judging = begin(text, oracleFor);
        continue;
      }
      const event = judging.read(text, line);
      for (const finding of judgeOnLine(judging.oracle, event, line)) onFinding(finding, event, judging.oracle.world, judging.definition);
    }
  }
  if (judging === null)
    throw new TraceError(1, '', 'The trace is empty. Its first line is a header: {"holdfast":"trace","version":1,"system":"..."}.');
  return judging.oracle.end();
}

function begin(text: string, oracleFor: (system: string) => OracleDefinition | undefined) {
  const header = readHeader(text);
  const definition = oracleFor(header.system);
  if (definition === undefined)
    throw new TraceError(1, 'system', `There is no oracle for a system ${header.system}. Correct the name, or generate one from its spec.`);
  return { definition, oracle: createOracle(definition, { observes: header.observes }), read: createEventReader(definition) };
}

function judgeOnLine(oracle: Oracle, event: Event, line: number): readonly Finding[] {
  try {
    return oracle.event(event);
  } catch (error) {
    throw error instanceof TraceError ? onLine(error, line) : error;
  }
}
