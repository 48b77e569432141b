/** Tells a finding of a rule that holds for every program as a person would: what happened in order, why it matters, what to look at. */
import { tellSteps } from '../tell-steps.ts';
import type { Finding } from '../verdict.ts';
import { genericRule } from './rules.ts';

export function explainGeneric(finding: Finding): string[] {
  const rule = genericRule(finding.rule);
  const strength = finding.strength === 'observed' ? '' : `  (${finding.strength})`;
  const lines = [
    `violation  ${finding.rule}${strength}`,
    `  ${rule?.sentence ?? 'This is not a rule of this oracle.'}`,
    `  ${finding.detail}`,
  ];
  lines.push(...tellSteps(finding));
  if (rule !== undefined) lines.push(`  why:     ${rule.why}`, `  look at: ${rule.lookAt}`);
  return lines;
}
