/** Rules to which it is not the same which of several equal objects is which. */
import type { Predicate, Rule } from '../model.ts';
import type { Program } from '../program.ts';
import { kindOfField } from './slot-kinds.ts';

/** A rule, or a contract, that tells objects apart by more than whether they are the same. */
export function isOrdered(program: Program): boolean {
  const isObject = (of: Predicate): boolean => {
    switch (of.kind) {
      case 'variable':
        return of.type !== null;
      case 'global':
      case 'current':
        return true;
      case 'field':
        return kindOfField(program, of.field.type, of.field.field).of !== 'plain';
      default:
        return false;
    }
  };
  const looks = (of: Predicate): boolean => {
    if (of.kind === 'operator') {
      const isComparing = !['===', '!==', '!', '&&', '||'].includes(of.operator);
      return of.of.some(one => (isComparing && isObject(one)) || looks(one));
    }
    return of.kind === 'quantified' && looks(of.condition);
  };
  return (
    program.rules.some(rule => predicatesOf(rule).some(looks)) ||
    program.contracts.some(({ fails, ensures }) => [...fails.map(({ when }) => when), ...(ensures === null ? [] : [ensures])].some(looks))
  );
}

function predicatesOf(rule: Rule): readonly Predicate[] {
  switch (rule.kind) {
    case 'invariant':
    case 'at-every':
      return rule.when === null ? [rule.then] : [rule.when, rule.then];
    case 'settled':
      return [rule.busy, ...(rule.when === null ? [] : [rule.when]), rule.then];
    case 'guards':
      return Object.values(rule.fields).flatMap(guard => (guard === null ? [] : [...guard.read, ...guard.write]));
    case 'ends':
      return rule.given === null ? [] : [rule.given];
    case 'contract':
      return [...rule.fails.map(({ when }) => when), ...(rule.ensures === null ? [] : [rule.ensures])];
    case 'order':
    case 'order-exception':
    case 'innermost':
    case 'takes-only':
    case 'read-once':
      return [];
  }
}
