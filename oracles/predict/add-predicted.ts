/** A report with what was predicted. What was only possible, and is predicted now, is told once. */
import { type Finding, mostFindings, type Report, verdictOf } from '../verdict.ts';

export function addPredicted(report: Report, predicted: readonly Finding[], prediction: Report['prediction']): Report {
  const dropped = report.findings.filter(finding => isSharper(finding, predicted));
  const findings = [...report.findings.filter(finding => !dropped.includes(finding)), ...predicted];
  const rules = report.rules.map(rule => {
    const more = predicted.filter(finding => finding.rule === rule.rule).length;
    const less = dropped.filter(finding => finding.rule === rule.rule).length;
    return { ...rule, findings: rule.findings + more - less, exercised: Math.max(rule.exercised, more) };
  });
  return {
    ...report,
    verdict: verdictOf(rules),
    findings: findings.slice(0, mostFindings),
    unlisted: report.unlisted + Math.max(0, findings.length - mostFindings),
    rules,
    ...(prediction === undefined ? {} : { prediction }),
  };
}

/** Whether one of those predicted says the same as what is only possible, and more. */
export function isSharper({ strength, rule, circle, objects }: Finding, predicted: readonly Finding[]): boolean {
  if (strength !== 'possible') return false;
  if (rule === 'always.noLockCycle') return predicted.some(one => one.circle !== undefined && one.circle.join() === circle?.join());
  if (rule === 'always.freedAfterGrace')
    return predicted.some(one => one.rule === 'always.neverTouchedAfterFree' && one.objects['object'] === objects['object']);
  return false;
}
