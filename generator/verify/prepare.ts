/**
 * A scenario made ready: its program, and the code that explores it. Making these takes longer than exploring a small scenario does, so they
 * are kept under build/ for as long as the text of the spec and of the generator is the same.
 *
 * Of a small scenario only the code is made that its states reach. The whole code is made when it is asked for.
 */
import { emitStepper, type StepperSource } from '../explore/emit-stepper.ts';
import { type CodeSoFar, type OnDemand, onDemand } from '../explore/on-demand.ts';
import { emitReduced } from '../explore/reduce.ts';
import { withSearching } from '../explore/search-module.ts';
import { instantiate } from '../instantiate/instantiate.ts';
import type { System } from '../model.ts';
import type { Program } from '../program.ts';
import type { Diagnostic } from '../read/diagnostic.ts';
import { type Keeping, type KeptFile, keptFile, keptOr } from './kept-file.ts';

export interface Ready {
  readonly program: Program;
  /** The code that was made as it was needed. */ readonly soFar: () => OnDemand;
  /** The whole code; a function that makes it where it was not wanted before. */ readonly source: StepperSource | (() => StepperSource);
  /** Keeps what was made since, for the next time. */ readonly keep: () => void;
}

export interface Prepared {
  /** Null if the scenario cannot be run. */ readonly ready: Ready | null;
  readonly diagnostics: readonly Diagnostic[];
}

/** What is kept of a scenario: of one whose whole code was wanted only that, which is in a file of its own. */
interface Kept {
  readonly code: CodeSoFar | null;
  readonly diagnostics: readonly Diagnostic[];
}

/** The code of a program that is explored reduced: made, and kept, only where it is wanted. */
export function reducedSource(program: Program, keeping: Keeping | null): StepperSource {
  return keptOr(
    keeping === null ? null : keptFile<StepperSource>(keeping, [program.system, program.variant ?? '', program.scenario], 'reduced'),
    () => withSearching(emitReduced(program)),
  );
}

export function prepare(system: System, variant: string | null, scenario: string, keeping: Keeping | null): Prepared {
  const names = [system.name, variant ?? '', scenario];
  const first = keeping === null ? null : keptFile<Kept>(keeping, names, 'reached');
  const whole = keeping === null ? null : keptFile<StepperSource>(keeping, names, 'whole');
  const known = first?.read() ?? null;
  if (known !== null && known.code === null) {
    const source = whole?.read() ?? null;
    if (source !== null) {
      const { program } = source.layout;
      return { ready: { program, soFar: () => onDemand(program), source, keep: () => {} }, diagnostics: known.diagnostics };
    }
  }
  if (known !== null && known.code !== null)
    return { ready: opened(known.code.layout.program, known, first, whole), diagnostics: known.diagnostics };
  const { program, diagnostics } = instantiate(system, variant, scenario);
  return { ready: program === null ? null : opened(program, { code: null, diagnostics }, first, whole), diagnostics };
}

function opened(program: Program, { code, diagnostics }: Kept, first: KeptFile<Kept> | null, whole: KeptFile<StepperSource> | null): Ready {
  const before = placesOf(code);
  let on: OnDemand | null = null;
  let source: StepperSource | null = null;
  return {
    program,
    soFar: () => (on ??= onDemand(program, code)),
    source: () => (source ??= keptOr(whole, () => withSearching(emitStepper(program)))),
    keep: () => {
      if (source !== null) first?.write({ code: null, diagnostics });
      else if (on !== null && placesOf(on.code) !== before) first?.write({ code: on.code, diagnostics });
    },
  };
}

function placesOf(code: CodeSoFar | null): number {
  return code === null ? 0 : code.steps.reduce((sum, { size }) => sum + size, 0);
}
