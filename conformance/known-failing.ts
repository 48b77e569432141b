/**
 * The list of vectors that are known to fail. One a line: a pattern, white space, the reason. Empty lines and lines that begin
 * with `#` are comments. The vectors are run all the same; one that passes has to leave the list.
 */
import { type Pattern, pattern } from './pattern.ts';
import { UsageFault } from './usage-fault.ts';
import type { Vector } from './vector.ts';

export interface KnownFailing {
  readonly text: string;
  readonly matches: Pattern;
  readonly reason: string;
  /** `known-failing.txt:3`. */ readonly place: string;
}

/** Throws a UsageFault for a line without a reason. `file` is for messages. */
export function readKnownFailing(text: string, file: string): KnownFailing[] {
  return text.split(/\r?\n/).flatMap((line, index) => {
    const place = `${file}:${index + 1}`;
    if (line.trim() === '' || line.startsWith('#')) return [];
    const [, name, reason] = /^(\S+)\s+(\S.*?)\s*$/.exec(line) ?? [];
    if (name === undefined || reason === undefined) {
      throw new UsageFault(`${place}: A line is a pattern, white space, and the reason why these vectors fail; this one has no reason.`);
    }
    return [{ text: name, matches: pattern(name), reason, place }];
  });
}

/** Throws a UsageFault if an entry matches none of the vectors: what it stood for has been renamed or is gone. */
export function refuseStale(entries: readonly KnownFailing[], vectors: readonly Vector[]): void {
  for (const entry of entries) {
    if (!vectors.some(vector => entry.matches(vector.id))) {
      throw new UsageFault(`${entry.place}: Pattern ${entry.text} matches no vector. Take the line out, or mend the pattern.`);
    }
  }
}
