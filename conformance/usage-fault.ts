/** What the person who started the run has to mend: a file, a pattern, an option. The message names the place; exit status 2. */
export class UsageFault extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'UsageFault';
  }
}
