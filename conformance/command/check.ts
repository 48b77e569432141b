/** `holdfast check`: traces against the oracles. */
import { allOracles } from '../../oracles/all.oracle.ts';
import { aboutRule } from '../../oracles/explain.ts';
import { genericRule } from '../../oracles/generic/rules.ts';
import { usualWindow } from '../../oracles/predict/predictor.ts';
import type { Finding, Report, Step } from '../../oracles/verdict.ts';
import { UsageFault } from '../usage-fault.ts';
import type { CheckDocument, FindingDocument, TraceDocument } from './documents.ts';
import { sentenceOf } from './explain-finding.ts';
import { againWith, type JudgeFile, type JudgeOptions, judgeFiles } from './judge-file.ts';
import { colour, counted, paragraph } from './terminal.ts';
import { writeDrawing } from './write-drawing.ts';

/** Findings that are told in full; the report has all of them. */
const mostTold = 20;

interface Checked {
  readonly trace: string;
  readonly report: Report;
  readonly told: readonly string[];
  readonly first: Finding | null;
}

export interface CheckOptions extends JudgeOptions {
  readonly json?: boolean;
  readonly draw?: string;
}

export async function check(traces: readonly string[], options: CheckOptions): Promise<number> {
  const judge = await judgeFiles(options);
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
  if (options.draw !== undefined) {
    const drawn = checked.find(({ first }) => first !== null);
    const said = await writeDrawing(
      options.draw,
      drawn?.first ?? null,
      drawn?.first == null ? '' : sentenceOf(drawn.first, drawn.report.system),
      drawn?.trace ?? '',
    );
    if (!options.json) process.stdout.write(said);
  }
  for (const message of unread) process.stderr.write(`holdfast: ${message}\n`);
  if (unread.length > 0) return 2;
  return verdict === 'pass' ? 0 : verdict === 'violation' ? 1 : 3;
}

async function checkOne(trace: string, judge: JudgeFile, again: string): Promise<Checked> {
  const told: string[] = [];
  let first: Finding | null = null;
  const judged = await judge(trace, (finding, event, explain) => {
    first ??= finding;
    if (told.length >= mostTold) return;
    const where = event.site === undefined ? [] : [`  at:      ${event.site}`];
    const alone = trace === '-' ? `check${again} -` : `explain${again} ${trace} ${finding.event}`;
    told.push([...explain(), ...where, `  again:   npx holdfast ${alone}`].join('\n'));
  });
  // A trace in which nothing happens shows nothing.
  const isEmpty = judged.verdict === 'pass' && judged.rules.every(rule => rule.exercised === 0);
  return { trace, report: isEmpty ? { ...judged, verdict: 'inconclusive' } : judged, told, first };
}

function traceDocument({ trace, report }: Checked): TraceDocument {
  const definition = report.system === null ? undefined : allOracles.get(report.system);
  return {
    trace,
    system: report.system,
    verdict: report.verdict,
    events: report.events,
    findings: report.findings.map(({ rule, strength, detail, objects, event, earlier, thread, story = [], reordering }) => {
      const about = definition === undefined ? { sentence: genericRule(rule)?.sentence ?? '', source: null } : aboutRule(rule, definition);
      return {
        rule,
        ...about,
        strength,
        detail,
        objects: { ...objects },
        event,
        earlier,
        thread,
        story: story.map(stepDocument),
        reordering:
          reordering === undefined
            ? null
            : {
                steps: reordering.steps.map(stepDocument),
                leftOut: reordering.leftOut,
                order: reordering.order === null ? null : [...reordering.order],
              },
      };
    }),
    prediction: report.prediction ?? 'not asked',
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

const stepDocument = ({ event, thread, what, site }: Step): FindingDocument['story'][number] => ({ event, thread, what, site });

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
  if (report.prediction === 'not shown') lines.push('  Nothing was predicted: the trace does not show all that orders its events.');
  if (report.prediction === 'partly') lines.push('  Not all other orders of the events were looked at; it would have taken too long.');
  if (report.prediction === 'near')
    lines.push(
      `  Other orders were looked at of events near each other: those that lie more than ${counted(Math.floor(usualWindow / 3), 'event')} apart may be missed.`,
    );
  const verdict = report.verdict === 'pass' ? colour.green(report.verdict) : colour.red(report.verdict);
  lines.push(
    `${verdict}  ${trace}: ${counted(report.events, 'event')}, ${counted(report.findings.length + report.unlisted, 'finding')}, ${counted(report.rules.length - idle.length - unjudged.length, 'rule')} judged`,
  );
  return `${lines.join('\n')}\n`;
}
