/** Everything of a system that there is to explore: its scenarios, those of its profiles, and each defect in the scenarios that show it. */
import { applyVariant } from '../instantiate/variant.ts';
import type { System } from '../model.ts';

export interface EveryScenario {
  readonly variant: string | null;
  readonly scenario: string;
  /** Rules that the defect is known by there; none of what is right. */ readonly breaks: readonly string[];
}

export function everyScenario(system: System): readonly EveryScenario[] {
  const profiles = system.variants.filter(({ profile }) => profile !== null).map(({ name }) => name);
  const held = [null, ...profiles].flatMap(variant =>
    applyVariant(system, variant).scenarios.map(({ name }): EveryScenario => ({ variant, scenario: name, breaks: [] })),
  );
  const defects = system.variants.flatMap(({ name, breaks }) =>
    [...new Set(breaks.map(({ scenario }) => scenario))].map(
      (scenario): EveryScenario => ({
        variant: name,
        scenario,
        breaks: breaks.filter(one => one.scenario === scenario).map(({ rule }) => rule),
      }),
    ),
  );
  return [...held, ...defects];
}

/** `irqfd-2009 bothSidesClose (asProposed)`. */
export function titleOf(system: System, { variant, scenario }: EveryScenario): string {
  return `${system.name} ${scenario}${variant === null ? '' : ` (${variant})`}`;
}
