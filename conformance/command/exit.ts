/** Ends with a status once everything printed has left, also into a pipe. */
export function exit(status: number): void {
  process.exitCode = status;
}
