/** How a trace in a file is judged: by its format, and with prediction or without. */
import { existsSync, statSync } from 'node:fs';
import { allOracles } from '../../oracles/all.oracle.ts';
import { checkAny } from '../../oracles/check-any.ts';
import { checkBinary } from '../../oracles/check-binary.ts';
import { checkFtrace } from '../../oracles/ftrace/check-ftrace.ts';
import { TraceError } from '../../oracles/trace-error.ts';
import type { Listener } from '../../oracles/trace-judge.ts';
import type { Report } from '../../oracles/verdict.ts';
import { UsageFault } from '../usage-fault.ts';
import { ftraceMapping } from './ftrace-mapping.ts';
import { openTrace } from './open-trace.ts';

export interface JudgeOptions {
  readonly format?: string;
  readonly system?: string;
  readonly mapping?: string;
  /** Absent: where the trace is not so large that one would have to wait for it. */
  readonly predict?: boolean;
}

export type JudgeFile = (trace: string, onFinding: Listener) => Promise<Report>;

/** Bytes of a file up to which prediction is on without being asked for: some two million events. */
const quickText = 256 << 20;
const quickBinary = 64 << 20;
const quickZipped = 16 << 20;

/** Wrong use, and what is wrong with the trace, is a UsageFault. */
export async function judgeFiles(options: JudgeOptions): Promise<JudgeFile> {
  const judge = await judgeFor(options);
  return async (trace, onFinding) => {
    mustBeFile(trace);
    try {
      return await judge(openTrace(trace), onFinding, options.predict ?? isQuick(trace));
    } catch (fault) {
      if (fault instanceof TraceError)
        throw new UsageFault(
          `${trace === '-' ? 'standard input' : trace}:${fault.line}${fault.field === '' ? '' : ` ${fault.field}`}: ${fault.message}`,
        );
      throw fault;
    }
  };
}

function mustBeFile(trace: string): void {
  if (trace === '-') return;
  if (!existsSync(trace)) throw new UsageFault(`${trace}: there is no such file.`);
  if (statSync(trace).isDirectory()) throw new UsageFault(`${trace} is a folder; name the trace files in it.`);
}

/** The options again, as they are typed. */
export const againWith = ({ format, system, mapping, predict }: JudgeOptions): string =>
  [
    ...Object.entries({ format, system, mapping }).map(([name, value]) => (value === undefined ? '' : ` --${name} ${value}`)),
    predict === undefined ? '' : predict ? ' --predict' : ' --no-predict',
  ].join('');

function isQuick(trace: string): boolean {
  if (trace === '-') return true;
  const stat = statSync(trace);
  // A recorder's file is mostly a hole: what counts is what is on the disk.
  const bytes = Math.min(stat.size, stat.blocks * 512);
  return bytes <= (trace.endsWith('.gz') ? quickZipped : trace.endsWith('.hft') ? quickBinary : quickText);
}

type Judge = (input: AsyncIterable<Uint8Array>, onFinding: Listener, predict: boolean) => Promise<Report>;

/** By the format of the traces. JSON Lines say themselves which system they are of. */
async function judgeFor({ format = 'jsonl', system, mapping, predict }: JudgeOptions): Promise<Judge> {
  // Binary traces are known by their first bytes; to name the format is for those who want to be sure.
  if (format === 'jsonl' || format === 'binary') {
    if (system !== undefined || mapping !== undefined) throw new UsageFault('--system and --mapping go with --format ftrace.');
    const read = format === 'binary' ? checkBinary : checkAny;
    return (input, onFinding, predicting) => read(input, name => allOracles.get(name), onFinding, predicting);
  }
  if (format !== 'ftrace') throw new UsageFault(`--format is jsonl, binary or ftrace, not ${format}.`);
  if (predict === true)
    throw new UsageFault(
      'Probes do not show all that orders the events of a kernel, so nothing can be predicted from them. Leave out --predict.',
    );
  const definition = system === undefined ? null : allOracles.get(system);
  if (definition === undefined) throw new UsageFault(`There is no system ${system}; there are ${[...allOracles.keys()].join(', ')}.`);
  const named = await ftraceMapping(mapping);
  return (input, onFinding) => checkFtrace(input, named, definition, onFinding);
}
