/** A scenario that cannot be made ready, and what is to be said about it. */
import type { Diagnostic } from '../read/diagnostic.ts';

export class NotRunnable extends Error {
  readonly diagnostic: Diagnostic;
  constructor(diagnostic: Diagnostic) {
    super(diagnostic.what);
    this.diagnostic = diagnostic;
  }
}
