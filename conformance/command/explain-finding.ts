/** `holdfast explain TRACE [EVENT]`: the findings in a trace, or those at one event, told in full. */
import { allOracles } from '../../oracles/all.oracle.ts';
import { aboutRule } from '../../oracles/explain.ts';
import { genericRule } from '../../oracles/generic/rules.ts';
import type { Finding } from '../../oracles/verdict.ts';
import { UsageFault } from '../usage-fault.ts';
import { againWith, type JudgeOptions, judgeFiles } from './judge-file.ts';
import { writeDrawing } from './write-drawing.ts';

/** Findings that are told at once. */
const mostTold = 20;

export interface ExplainOptions extends JudgeOptions {
  readonly draw?: string;
}

/** `event`: only what is found at this one. */
export async function explainTrace(trace: string, event: number | null, options: ExplainOptions): Promise<number> {
  const judge = await judgeFiles(options);
  const told: string[] = [];
  let first: Finding | null = null;
  let system: string | null = null;
  const report = await judge(trace, (finding, at, explain) => {
    if (event !== null && finding.event !== event) return;
    first ??= finding;
    if (told.length >= mostTold) return;
    const where = at.site === undefined ? [] : [`  at:      ${at.site}`];
    told.push([...explain(), ...where, `  again:   npx holdfast explain${againWith(options)} ${trace} ${finding.event}`].join('\n'));
  });
  ({ system } = report);
  if (told.length === 0)
    throw new UsageFault(event === null ? `Nothing is found in ${trace}.` : `Nothing is found at event ${event} of ${trace}.`);
  process.stdout.write(`${told.join('\n\n')}\n`);
  if (options.draw !== undefined)
    process.stdout.write(await writeDrawing(options.draw, first, first === null ? '' : sentenceOf(first, system), trace));
  return 0;
}

export function sentenceOf({ rule }: Finding, system: string | null): string {
  const definition = system === null ? undefined : allOracles.get(system);
  return definition === undefined ? (genericRule(rule)?.sentence ?? '') : aboutRule(rule, definition).sentence;
}
