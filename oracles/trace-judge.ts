/** One face for whoever reads a trace, whatever it is judged by: the rules of a system, or what holds for every program. */
import type { OracleDefinition } from './definition.ts';
import type { Event } from './event.ts';
import { explainFinding } from './explain.ts';
import { explainGeneric } from './generic/explain.ts';
import type { GenericOptions } from './generic/judge.ts';
import { createGenericOracle } from './generic/oracle.ts';
import { createOracle } from './oracle.ts';
import { addPredicted, isSharper } from './predict/add-predicted.ts';
import { createPredictor } from './predict/predictor.ts';
import { createRecent } from './recent.ts';
import { onLine, TraceError } from './trace-error.ts';
import { type Finding, mostFindings, type Report } from './verdict.ts';

/** Told of each finding while the state is still as the event left it, so that `explain` can say more now than later. */
export type Listener = (finding: Finding, event: Event, explain: () => readonly string[]) => void;

export interface TraceJudge {
  /** Throws a TraceError on this line if the event cannot have happened. */
  readonly event: (event: Event, line: number) => void;
  /** Some events of the trace were lost here. */
  readonly lost: () => void;
  readonly end: () => Report;
}

export interface TraceOptions extends GenericOptions {
  /** Also look for what other orders of the events could do. */
  readonly predict?: boolean | undefined;
}

/** Without a definition: by what holds for every program. */
export function createTraceJudge(definition: OracleDefinition | null, options: TraceOptions, onFinding: Listener): TraceJudge {
  const judge = definition === null ? genericJudge(options) : systemJudge(definition, options);
  const recent = createRecent();
  const predictor = options.predict === true ? createPredictor(options) : null;
  /** Findings as the oracle lists them, and as they are told. */
  const told = new Map<Finding, Finding>();
  /** What is only possible waits for what is predicted, which may say the same and more. */
  const held: { readonly finding: Finding; readonly event: Event; readonly lines: readonly string[] }[] = [];
  return {
    event(event, line) {
      recent.add(event);
      predictor?.event(event);
      for (const found of judgeOnLine(judge.event, event, line)) {
        const finding = recent.tell(found);
        if (told.size < mostFindings) told.set(found, finding);
        if (predictor !== null && finding.strength === 'possible') held.push({ finding, event, lines: judge.explain(finding) });
        else onFinding(finding, event, () => judge.explain(finding));
      }
    },
    lost: judge.lost,
    end() {
      const report = judge.end();
      const findings = report.findings.map(finding => told.get(finding) ?? finding);
      if (predictor === null) return { ...report, findings, prediction: options.predict === true ? 'not shown' : 'not asked' };
      const predicted = predictor.end();
      const sharper = predicted.findings.map(({ finding }) => finding);
      for (const { finding, event, lines } of held) if (!isSharper(finding, sharper)) onFinding(finding, event, () => lines);
      for (const { finding, event } of predicted.findings) onFinding(finding, event, () => judge.explain(finding));
      return addPredicted({ ...report, findings }, sharper, predicted.cutShort ? 'partly' : predicted.beyond ? 'near' : 'whole');
    },
  };
}

interface SomeJudge {
  readonly event: (event: Event) => readonly Finding[];
  readonly lost: () => void;
  readonly end: () => Report;
  readonly explain: (finding: Finding) => readonly string[];
}
function genericJudge(options: GenericOptions): SomeJudge {
  const oracle = createGenericOracle(options);
  return { ...oracle, explain: explainGeneric };
}
function systemJudge(definition: OracleDefinition, { observes }: GenericOptions): SomeJudge {
  const oracle = createOracle(definition, { observes });
  return {
    event: oracle.event,
    lost() {
      throw new TraceError(
        0,
        '',
        `Events were lost here, and the rules of ${definition.system} need all of them. Judge the parts by themselves.`,
      );
    },
    end: oracle.end,
    explain: finding => explainFinding(finding, definition, oracle.world),
  };
}

function judgeOnLine(judge: (event: Event) => readonly Finding[], event: Event, line: number): readonly Finding[] {
  try {
    return judge(event);
  } catch (error) {
    throw error instanceof TraceError ? onLine(error, line) : error;
  }
}
