/** Tells a finding of a rule that holds for every program as a person would: what happened in order, why it matters, what to look at. */
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
  const story = finding.story ?? [];
  if (story.length > 1) {
    const width = Math.max(...story.map(({ thread }) => thread.length));
    const digits = Math.max(...story.map(({ event }) => String(event).length));
    lines.push('  What happened, in order:');
    for (const { event, thread, what, site } of story) {
      const place = site === null ? '' : `  [${site}]`;
      lines.push(
        `    event ${String(event).padStart(digits)}  ${thread.padEnd(width)}  ${what === finding.detail ? 'here' : what}${place}`,
      );
    }
  }
  if (rule !== undefined) lines.push(`  why:     ${rule.why}`, `  look at: ${rule.lookAt}`);
  return lines;
}
