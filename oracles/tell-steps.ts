/** What happened before a finding, or how it comes about in another order. */
import { threadTable } from './thread-table.ts';
import type { Finding } from './verdict.ts';

const width = 116;

export function tellSteps({ story = [], reordering, detail }: Finding): string[] {
  if (reordering !== undefined) {
    const more = reordering.leftOut > 0 ? `, and ${reordering.leftOut} more steps that do not matter` : '';
    const head = `  The same events in another order, in which the program could have run (by their numbers in the trace${more}):`;
    return [head, ...threadTable(reordering.steps, width).map(line => `    ${line}`)];
  }
  if (story.length < 2) return [];
  const names = Math.max(...story.map(({ thread }) => thread.length));
  const digits = Math.max(...story.map(({ event }) => String(event).length));
  return [
    '  What happened, in order:',
    ...story.map(({ event, thread, what, site }) => {
      const place = site === null ? '' : `  [${site}]`;
      return `    event ${String(event).padStart(digits)}  ${thread.padEnd(names)}  ${what === detail ? 'here' : what}${place}`;
    }),
  ];
}
