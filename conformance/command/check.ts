/** `holdfast check`: traces against the oracles. */
import { existsSync, statSync } from 'node:fs';
import { allOracles } from '../../oracles/all.oracle.ts';
import { checkAny } from '../../oracles/check-any.ts';
import { checkBinary } from '../../oracles/check-binary.ts';
import { aboutRule } from '../../oracles/explain.ts';
import { checkFtrace } from '../../oracles/ftrace/check-ftrace.ts';
import { genericRule } from '../../oracles/generic/rules.ts';
import { TraceError } from '../../oracles/trace-error.ts';
import type { Listener } from '../../oracles/trace-judge.ts';
import type { Report } from '../../oracles/verdict.ts';
import { UsageFault } from '../usage-fault.ts';
import type { CheckDocument, TraceDocument } from './documents.ts';
import { ftraceMapping } from './ftrace-mapping.ts';
import { openTrace } from './open-trace.ts';
import { colour, counted, paragraph } from './terminal.ts';

/** Findings that are told in full; the report has all of them. */
const mostTold = 20;

interface Checked {
  readonly trace: string;
  readonly report: Report;
  readonly told: readonly string[];
}

export interface CheckOptions {
  readonly json?: boolean;
  readonly format?: string;
  readonly system?: string;
  readonly mapping?: string;
}

export async function check(traces: readonly string[], options: CheckOptions): Promise<number> {
  const judge = await judgeFor(options);
  const checked: Checked[] = [];
  const unread: string[] = [];
  for (const trace of traces) {
    try {
      checked.push(await checkOne(trace, judge, againWith(options)));
    } catch (fault) {
      // The others are judged all the same.
      if (!(fault instanceof UsageFault)) throw fault;
      unread.push(fault.message);
    }
  }
  if (checked.length === 0) throw new UsageFault(unread.join('\nholdfast: '));
  const verdict = checked.some(({ report }) => report.verdict === 'violation')
    ? 'violation'
    : checked.some(({ report }) => report.verdict === 'inconclusive')
      ? 'inconclusive'
      : 'pass';
  const counts = countOf(checked);
  if (options.json)
    process.stdout.write(
      `${JSON.stringify({ schema: 'holdfast/check/1', verdict, counts, traces: checked.map(traceDocument) } satisfies CheckDocument)}\n`,
    );
  else for (const one of checked) process.stdout.write(tell(one));
  if (!options.json && checked.length > 1)
    process.stdout.write(`${counts.pass} pass, ${counted(counts.violation, 'violation')}, ${counts.inconclusive} inconclusive\n`);
  for (const message of unread) process.stderr.write(`holdfast: ${message}\n`);
  if (unread.length > 0) return 2;
  return verdict === 'pass' ? 0 : verdict === 'violation' ? 1 : 3;
}

type Judge = (input: AsyncIterable<Uint8Array>, onFinding: Listener) => Promise<Report>;

/** By the format of the traces. JSON Lines say themselves which system they are of. */
async function judgeFor({ format = 'jsonl', system, mapping }: CheckOptions): Promise<Judge> {
  // Binary traces are known by their first bytes; to name the format is for those who want to be sure.
  if (format === 'jsonl' || format === 'binary') {
    if (system !== undefined || mapping !== undefined) throw new UsageFault('--system and --mapping go with --format ftrace.');
    const read = format === 'binary' ? checkBinary : checkAny;
    return (input, onFinding) => read(input, name => allOracles.get(name), onFinding);
  }
  if (format !== 'ftrace') throw new UsageFault(`--format is jsonl, binary or ftrace, not ${format}.`);
  const definition = system === undefined ? null : allOracles.get(system);
  if (definition === undefined) throw new UsageFault(`There is no system ${system}; there are ${[...allOracles.keys()].join(', ')}.`);
  const named = await ftraceMapping(mapping);
  return (input, onFinding) => checkFtrace(input, named, definition, onFinding);
}

const againWith = ({ format, system, mapping }: CheckOptions): string =>
  Object.entries({ format, system, mapping })
    .map(([name, value]) => (value === undefined ? '' : ` --${name} ${value}`))
    .join('');

async function checkOne(trace: string, judge: Judge, again: string): Promise<Checked> {
  const told: string[] = [];
  const name = trace === '-' ? 'standard input' : trace;
  if (trace !== '-' && !existsSync(trace)) throw new UsageFault(`${trace}: there is no such file.`);
  if (trace !== '-' && statSync(trace).isDirectory()) throw new UsageFault(`${trace} is a folder; name the trace files in it.`);
  try {
    const judged = await judge(openTrace(trace), (_, event, explain) => {
      if (told.length >= mostTold) return;
      const where = event.site === undefined ? [] : [`  at:      ${event.site}`];
      told.push([...explain(), ...where, `  again:   npx holdfast check${again} ${trace}`].join('\n'));
    });
    // A trace in which nothing happens shows nothing.
    const isEmpty = judged.verdict === 'pass' && judged.rules.every(rule => rule.exercised === 0);
    const report: Report = isEmpty ? { ...judged, verdict: 'inconclusive' } : judged;
    return { trace, report, told };
  } catch (fault) {
    if (fault instanceof TraceError)
      throw new UsageFault(`${name}:${fault.line}${fault.field === '' ? '' : ` ${fault.field}`}: ${fault.message}`);
    throw fault;
  }
}

function traceDocument({ trace, report }: Checked): TraceDocument {
  const definition = report.system === null ? undefined : allOracles.get(report.system);
  return {
    trace,
    system: report.system,
    verdict: report.verdict,
    events: report.events,
    findings: report.findings.map(({ rule, strength, detail, objects, event, earlier, thread, story = [] }) => {
      const about = definition === undefined ? { sentence: genericRule(rule)?.sentence ?? '', source: null } : aboutRule(rule, definition);
      return { rule, ...about, strength, detail, objects: { ...objects }, event, earlier, thread, story: story.map(one => ({ ...one })) };
    }),
    unlisted: report.unlisted,
    rules: report.rules.map(({ rule, exercised, findings, judged, missing }) => ({
      rule,
      exercised,
      findings,
      judged,
      missing: [...missing],
    })),
  };
}

function countOf(checked: readonly Checked[]): {
  pass: number;
  violation: number;
  inconclusive: number;
  events: number;
  findings: number;
  rulesNotExercised: number;
} {
  const number = (verdict: Report['verdict']) => checked.filter(({ report }) => report.verdict === verdict).length;
  return {
    pass: number('pass'),
    violation: number('violation'),
    inconclusive: number('inconclusive'),
    events: checked.reduce((sum, { report }) => sum + report.events, 0),
    findings: checked.reduce((sum, { report }) => sum + report.findings.length + report.unlisted, 0),
    rulesNotExercised: checked.reduce((sum, { report }) => sum + report.rules.filter(rule => rule.exercised === 0).length, 0),
  };
}

function tell({ trace, report, told }: Checked): string {
  const idle = report.rules.filter(rule => rule.exercised === 0 && rule.judged === 'fully');
  const unjudged = report.rules.filter(rule => rule.judged !== 'fully');
  const lines = told.map(text => `${text}\n`);
  const more = report.findings.length + report.unlisted - told.length;
  if (more > 0) lines.push(`${more} more findings; --json has them.`);
  if (unjudged.length > 0) {
    lines.push(
      paragraph(
        `${unjudged.length} rules could not be judged, because the trace does not show ${[...new Set(unjudged.flatMap(rule => rule.missing))].join(', ')}: ${unjudged.map(rule => rule.rule).join(', ')}`,
        2,
        0,
      ),
    );
  }
  if (idle.length === report.rules.length) lines.push('No rule was put to the test, so the trace shows nothing.');
  else if (idle.length > 0)
    lines.push(
      paragraph(
        `${idle.length} of ${report.rules.length} rules were never put to the test: ${idle.map(rule => rule.rule).join(', ')}`,
        2,
        0,
      ),
    );
  const verdict = report.verdict === 'pass' ? colour.green(report.verdict) : colour.red(report.verdict);
  lines.push(
    `${verdict}  ${trace}: ${counted(report.events, 'event')}, ${counted(report.findings.length + report.unlisted, 'finding')}, ${counted(report.rules.length - idle.length - unjudged.length, 'rule')} judged`,
  );
  return `${lines.join('\n')}\n`;
}
