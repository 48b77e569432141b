/** Judges the trace that an adapter gives with a run. What comes from an adapter is checked like any other trace. */
import { allOracles } from '../../oracles/all.oracle.ts';
import { createOracle } from '../../oracles/oracle.ts';
import { createEventReader, readHeader } from '../../oracles/read-trace.ts';
import { TraceError } from '../../oracles/trace-error.ts';
import type { JudgeTrace } from '../run-vector.ts';

export const judgeTrace: JudgeTrace = lines => {
  try {
    const [first, ...rest] = lines.map(line => JSON.stringify(line));
    const header = readHeader(first ?? '');
    const definition = header.system === null ? undefined : allOracles.get(header.system);
    if (definition === undefined)
      return { verdict: 'inconclusive', findings: [{ rule: 'trace', detail: `There is no oracle for a system ${header.system}.` }] };
    const oracle = createOracle(definition, { observes: header.observes });
    const read = createEventReader(definition);
    rest.forEach((line, index) => oracle.event(read(line, index + 2)));
    const { verdict, findings } = oracle.end();
    return { verdict, findings };
  } catch (fault) {
    if (!(fault instanceof TraceError)) throw fault;
    return { verdict: 'inconclusive', findings: [{ rule: 'trace', detail: fault.message }] };
  }
};
