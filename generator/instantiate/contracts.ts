/** Contracts of a system, with errnos as the words of its programs. */
import type { System } from '../model.ts';
import type { Contract } from '../program.ts';

export function contractsOf(system: System, words: readonly string[]): Contract[] {
  return system.rules.flatMap(rule =>
    rule.kind !== 'contract'
      ? []
      : [
          {
            rule: rule.name,
            operation: rule.operation,
            parameters: rule.parameters,
            ensures: rule.ensures,
            ...(rule.mayLeave === undefined ? {} : { mayLeave: rule.mayLeave }),
            fails: rule.fails.map(({ errno, when }) => ({ errno, value: 1 + words.indexOf(errno), when })),
          },
        ],
  );
}
