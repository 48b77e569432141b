/** One face for whoever reads a trace, whatever it is judged by: the rules of a system, or what holds for every program. */
import type { OracleDefinition } from './definition.ts';
import type { Event } from './event.ts';
import { explainFinding } from './explain.ts';
import { explainGeneric } from './generic/explain.ts';
import type { GenericOptions } from './generic/judge.ts';
import { createGenericOracle } from './generic/oracle.ts';
import { createOracle } from './oracle.ts';
import { onLine, TraceError } from './trace-error.ts';
import type { Finding, Report } from './verdict.ts';

/** Told of each finding while the state is still as the event left it, so that `explain` can say more now than later. */
export type Listener = (finding: Finding, event: Event, explain: () => readonly string[]) => void;

export interface TraceJudge {
  /** Throws a TraceError on this line if the event cannot have happened. */
  readonly event: (event: Event, line: number) => void;
  /** Some events of the trace were lost here. */
  readonly lost: () => void;
  readonly end: () => Report;
}

/** Without a definition: by what holds for every program. */
export function createTraceJudge(definition: OracleDefinition | null, options: GenericOptions, onFinding: Listener): TraceJudge {
  if (definition === null) {
    const oracle = createGenericOracle(options);
    return {
      event(event, line) {
        for (const finding of judgeOnLine(oracle.event, event, line)) onFinding(finding, event, () => explainGeneric(finding));
      },
      lost: oracle.lost,
      end: oracle.end,
    };
  }
  const oracle = createOracle(definition, { observes: options.observes });
  return {
    event(event, line) {
      for (const finding of judgeOnLine(oracle.event, event, line))
        onFinding(finding, event, () => explainFinding(finding, definition, oracle.world));
    },
    lost() {
      throw new TraceError(
        0,
        '',
        `Events were lost here, and the rules of ${definition.system} need all of them. Judge the parts by themselves.`,
      );
    },
    end: oracle.end,
  };
}

function judgeOnLine(judge: (event: Event) => readonly Finding[], event: Event, line: number): readonly Finding[] {
  try {
    return judge(event);
  } catch (error) {
    throw error instanceof TraceError ? onLine(error, line) : error;
  }
}
