/** A line of the table that `make bench` prints. Whoever measures something adds rows of this form to the list in `bench.ts`. */
export interface BenchRow {
  readonly what: string;
  /** Measured here, with its unit. */ readonly ours: string;
  /** Measured beside it in the same run, with its unit; null where there is no peer, or it is not installed. */ readonly peer:
    | string
    | null;
  /** Ours to the peer's, of what is better when larger; null without a peer. */ readonly ratio: number | null;
  readonly goal: string;
  /** Null where it could not be judged, as without a peer. */ readonly met: boolean | null;
}

/** That a state may take, of a scenario of the size of three irqfds. */
export const BYTES = 30;

/** Something that takes time to measure. A fault of what is measured, such as counts that differ, is thrown. */
export type Measure = (say: (text: string) => void) => Promise<readonly BenchRow[]>;

export function benchTable(rows: readonly BenchRow[]): string {
  const head = ['what', 'ours', 'peer', 'ratio', 'goal', 'met'];
  const cells = rows.map(row => [
    row.what,
    row.ours,
    row.peer ?? 'none here',
    row.ratio === null ? '' : row.ratio.toFixed(1),
    row.goal,
    row.met === null ? 'not judged' : row.met ? 'yes' : 'NO',
  ]);
  const widths = head.map((title, column) => Math.max(title.length, ...cells.map(row => row[column]?.length ?? 0)));
  return [head, ...cells]
    .map(
      row =>
        `  ${row
          .map((cell, column) => cell.padEnd(widths[column] ?? 0))
          .join('  ')
          .trimEnd()}\n`,
    )
    .join('');
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((one, other) => one - other);
  return sorted[sorted.length >> 1] ?? Number.NaN;
}
