/** What each caller of a scenario does, as seen from outside: its calls in order, for every way its choices can go. */
import { type Call, END, type Program, type Thread } from '../program.ts';

export interface Script {
  /** Alternative taken at each `choose` of the caller, in order. */ readonly choices: readonly number[];
  readonly calls: readonly Call[];
}

/** Where a choice stands in its caller's order: node index to 0, 1, 2 ... */
export type ChoicePlaces = ReadonlyMap<number, number>;

export interface Callers {
  /** For each caller, every script it can have. */ readonly scripts: readonly (readonly Script[])[];
  readonly places: readonly ChoicePlaces[];
}

/** Callers of a program, or why it cannot be driven from outside: a thread does something that is not a call of the interface. */
export function callersOf(program: Program): Callers | string {
  const scripts: Script[][] = [];
  const places: ChoicePlaces[] = [];
  for (const thread of program.threads) {
    if (thread.context === 'worker') continue;
    if (thread.context === 'hardirq') return `${thread.name} is an interrupt, which no caller can bring about`;
    const own = scriptsOf(thread);
    if (typeof own === 'string') return `${thread.name} ${own}`;
    scripts.push(own.scripts);
    places.push(own.places);
  }
  return { scripts, places };
}

function scriptsOf(thread: Thread): { scripts: Script[]; places: Map<number, number> } | string {
  const scripts: Script[] = [];
  const places = new Map<number, number>();
  const walk = (index: number, choices: readonly number[], calls: readonly Call[]): string | null => {
    const node = thread.nodes[index];
    if (index === END || node === undefined) {
      scripts.push({ choices, calls });
      return null;
    }
    const { action } = node;
    switch (action.kind) {
      case 'jump':
      case 'set':
        return walk(node.next, choices, calls);
      case 'call': {
        const call = thread.calls[action.call];
        const ends = thread.nodes.filter(other => other.action.kind === 'return' && other.action.call === action.call);
        const [end, ...others] = ends;
        if (call === undefined || end === undefined) return 'makes a call that never returns';
        if (others.length > 0) return 'makes a call that returns in several places';
        if (call.arguments.some(({ value }) => value.kind !== 'constant'))
          return `calls ${call.name} with something that is known only when it runs`;
        return walk(end.next, choices, [...calls, call]);
      }
      case 'choose': {
        if (!action.byCaller) return 'leaves something to the environment between its calls';
        if ((places.get(index) ?? choices.length) !== choices.length) return 'comes to a choice after more or fewer others';
        places.set(index, choices.length);
        for (const [alternative, start] of action.alternatives.entries()) {
          const fault = walk(start, [...choices, alternative], calls);
          if (fault !== null) return fault;
        }
        return null;
      }
      default:
        return 'does something that is not a call of the interface';
    }
  };
  return walk(thread.start, [], []) ?? { scripts, places };
}

/** Every combination of the callers' scripts; of those that differ only in who does what, the first. */
export function combinations(callers: Callers): Script[][] {
  const all = callers.scripts.reduce<Script[][]>((sofar, own) => sofar.flatMap(some => own.map(script => [...some, script])), [[]]);
  const seen = new Set<string>();
  return all.filter(combination => {
    const key = combination
      .map(script => JSON.stringify(script.calls.map(call => [call.name, call.arguments])))
      .sort()
      .join('\n');
    if (seen.has(key)) return false;
    seen.add(key);
    return true;
  });
}
