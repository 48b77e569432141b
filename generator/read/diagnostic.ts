/** One problem in a spec, as data. Nothing throws for a fault in a spec; all problems are collected and printed in file order. */
import type { Place } from '../model.ts';

export interface Diagnostic {
  readonly at: Place;
  /** Stable, a clause: `unguarded-write`. */
  readonly name: string;
  /** What is wrong and why, in whole sentences. */
  readonly what: string;
  /** What to write instead. */
  readonly wayOut: string;
}

export function inFileOrder(diagnostics: readonly Diagnostic[]): Diagnostic[] {
  return [...diagnostics].sort((a, b) =>
    a.at.file < b.at.file
      ? -1
      : a.at.file > b.at.file
        ? 1
        : a.at.line - b.at.line || a.at.column - b.at.column || (a.name < b.name ? -1 : 1),
  );
}

/** Three lines: place and name, what and why, the way out. */
export function printDiagnostic({ at, name, what, wayOut }: Diagnostic): string {
  return `${at.file}:${at.line}:${at.column} ${name}\n  ${what}\n  ${wayOut}\n`;
}
