/** Which rules a scenario puts to the test: a rule that no scenario does is not known to hold. */

import type { Exploration } from '../explore/explore.ts';
import type { Rule, System } from '../model.ts';
import type { Action, Program } from '../program.ts';
import type { Diagnostic } from '../read/diagnostic.ts';
import { lockGraph } from './held.ts';

/** Names of the rules, in the order of the spec. */
export function exercisedBy(system: System, program: Program, exploration: Exploration): string[] {
  return exercisedWhere(system, program, exploration.covered, rule => exploration.arose(rule.name));
}

/** As `exercisedBy`, for runs of which it is known what they went through, and whether the condition of a state rule came about. */
export function exercisedWhere(
  system: System,
  program: Program,
  isCovered: Exploration['covered'],
  arises: (rule: Extract<Rule, { kind: 'invariant' | 'settled' }>) => boolean,
): string[] {
  const covered: Action[] = program.threads.flatMap((thread, index) =>
    thread.nodes.filter((_, node) => isCovered(index, node)).map(node => node.action),
  );
  const edges = lockGraph(program).edges.filter(({ thread, node }) => isCovered(thread, node));
  const returned = new Set(
    program.threads.flatMap((thread, index) =>
      thread.nodes.flatMap(({ action }, node) => {
        const call = action.kind === 'return' && isCovered(index, node) ? thread.calls[action.call] : undefined;
        return call === undefined ? [] : [call.operation];
      }),
    ),
  );
  const begun = new Set(
    program.threads.flatMap((thread, index) =>
      thread.nodes.flatMap(({ site }, node) => (isCovered(index, node) ? (program.sites[site]?.in ?? []) : [])),
    ),
  );
  const reaches = (type: string, field: string, kinds: readonly string[]) =>
    covered.some(
      action => kinds.includes(action.kind) && 'target' in action && action.target.type === type && action.target.field === field,
    );
  const takes = program.threads.flatMap((thread, index) =>
    thread.nodes.flatMap(({ action, site }, node) =>
      takesLock.includes(action.kind) && isCovered(index, node) ? [{ action, functions: program.sites[site]?.in ?? [] }] : [],
    ),
  );
  return system.rules
    .filter(rule => {
      switch (rule.kind) {
        case 'guards':
          return Object.entries(rule.fields).some(([field, guard]) => guard !== null && reaches(rule.type, field, fieldAccess));
        case 'order':
          return edges.some(({ outer, inner }) => rule.classes.includes(outer) && rule.classes.includes(inner) && outer !== inner);
        case 'order-exception':
          return edges.some(({ outer, inner }) => outer === rule.outer && inner === rule.inner);
        case 'innermost':
          return takes.some(({ action }) => 'target' in action && `${action.target.type}.${action.target.field}` === rule.lock);
        case 'takes-only':
          return takes.some(({ functions }) => functions.includes(rule.operation));
        case 'read-once':
          return reaches(rule.type, rule.field, ['read']);
        case 'at-every':
          if (rule.verb === 'called') return covered.some(action => action.kind === 'called' && action.of === rule.field);
          return rule.field === ''
            ? covered.some(action => action.kind === 'free' && action.type === rule.type)
            : reaches(rule.type, rule.field, [rule.verb]);
        case 'ends':
          return begun.has(rule.operation);
        case 'contract':
          return returned.has(rule.operation);
        case 'invariant':
        case 'settled':
          return arises(rule);
      }
    })
    .map(rule => rule.name);
}

/** Rules that no scenario puts to the test, given those that some scenario does. */
export function notExercised(system: System, exercised: ReadonlySet<string>): Diagnostic[] {
  return system.rules
    .filter(rule => !exercised.has(rule.name))
    .map(rule => ({
      at: rule.at,
      name: 'rule-not-exercised',
      what: `No scenario puts ${rule.name} to the test, so nothing is known about it.`,
      wayOut: 'Add a scenario in which its condition comes about, or take the rule out.',
    }));
}

const takesLock = ['lock', 'read-lock', 'write-lock', 'try-lock', 'flag-take', 'enter'];
const fieldAccess = ['read', 'write', 'flag-take', 'flag-free', 'add', 'remove', 'has', 'next', 'pick'];
