/** Judges ftrace's text, by what holds for every program or by the rules of a system. */
import type { OracleDefinition } from '../definition.ts';
import type { Event } from '../event.ts';
import { readLines } from '../read-trace.ts';
import { TraceError } from '../trace-error.ts';
import { createTraceJudge, type Listener } from '../trace-judge.ts';
import type { Report } from '../verdict.ts';
import type { FtraceMapping } from './mapping.ts';
import { parseLine } from './parse-line.ts';
import { createTranslator } from './translate.ts';

/** Lines without an event at the beginning of a file that is not ftrace's text. */
const mostForeign = 200;

/** Throws a TraceError if the input is not ftrace's text. Lines of probes that the mapping does not name are left out. */
export async function checkFtrace(
  input: AsyncIterable<Uint8Array | string>,
  mapping: FtraceMapping,
  definition: OracleDefinition | null,
  onFinding: Listener = () => {},
): Promise<Report> {
  const observes = definition === null ? mapping.observes : mapping.systems[definition.system];
  if (observes === undefined)
    throw new TraceError(0, '', `The mapping (${mapping.kernel}) does not say what its probes show of ${definition?.system}.`);
  const judge = createTraceJudge(definition, { observes, mayMiss: mapping.mayMiss, places: mapping.places, midway: true }, onFinding);
  const ofSystem = definition === null ? () => true : partOf(definition, observes);
  const translator = createTranslator(mapping);
  let number = 0;
  let lines = 0;
  for await (const batch of readLines(input)) {
    for (const text of batch) {
      number++;
      const line = parseLine(text);
      if (line === null) {
        if (lines === 0 && number > mostForeign) throw new TraceError(number, '', "This is not ftrace's text: no line of it is an event.");
        continue;
      }
      lines++;
      if (line === 'lost') {
        translator.lost();
        judge.lost();
        continue;
      }
      for (const event of translator.line(line, number)) if (ofSystem(event)) judge.event(event, number);
    }
  }
  if (lines === 0) throw new TraceError(1, '', "This is not ftrace's text: no line of it is an event.");
  return judge.end();
}

/** Whether an event is about what the system has: the mapping may name more of the kernel than the spec does. */
function partOf(definition: OracleDefinition, observes: readonly string[]): (event: Event) => boolean {
  const has = (name: string): boolean => {
    const type = name.slice(0, name.indexOf('#'));
    const dot = name.indexOf('.');
    const table = Object.hasOwn(definition.types, type) ? definition.types[type] : undefined;
    return table !== undefined && (dot < 0 || Object.hasOwn(table.fields, name.slice(dot + 1)));
  };
  return event => {
    if (!observes.includes(event.kind)) return false;
    for (const key of ['object', 'lock', 'domain', 'counter', 'work', 'queue', 'entry', 'set', 'field', 'on'] as const) {
      const name = Reflect.get(event, key);
      if (typeof name === 'string' && !has(name)) return false;
    }
    return true;
  };
}
