/** A fault of the trace, not of the system that it tells of: a line that is no event, or an event that cannot have happened. */
export class TraceError extends Error {
  override readonly name = 'TraceError';
  /** Counted from 1; 0 if the event did not come from a file. */
  readonly line: number;
  /** Where in the line; empty for the line as a whole. */
  readonly field: string;
  constructor(line: number, field: string, message: string) {
    super(message);
    this.line = line;
    this.field = field;
  }
}

/** The same fault, now that the line is known. */
export const onLine = (error: TraceError, line: number): TraceError =>
  error.line === 0 ? new TraceError(line, error.field, error.message) : error;
