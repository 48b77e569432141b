/** A child process that is asked by a line and answers by a line, within bounds of time and size. */
import { AdapterFailure } from './adapter.ts';
import { lineReader } from './line-reader.ts';
import { printable } from './printable.ts';
import { type Ending, startGroup } from './process-group.ts';

export interface Child {
  /** Sends a line and waits for the one that answers it. Rejects with an AdapterFailure; after that the child is only good for `end`. */
  ask(line: string, timeoutMs: number): Promise<Buffer>;
  /** Asks it to end by `line` and by closing its input; ends it if it does not. Resolves when it is reaped. */
  end(line: string | null, graceMs: number): Promise<void>;
}

const STDERR_BYTES = 4096;

export function openChild(command: readonly string[], maxLineBytes: number): Child {
  const group = startGroup(command);
  const reader = lineReader(maxLineBytes);
  const unread: Buffer[] = [];
  let failure: AdapterFailure | null = null;
  let stderr = Buffer.alloc(0);
  let notice = () => {};

  group.stderr.on('data', (chunk: Buffer) => {
    stderr = Buffer.concat([stderr, chunk]).subarray(-STDERR_BYTES);
  });
  group.stdout.on('data', (chunk: Buffer) => {
    if (failure !== null) return;
    const lines = reader.push(chunk);
    if (lines === null) failure = new AdapterFailure('flooded', `It wrote a line of more than ${maxLineBytes} bytes.${said()}`);
    else unread.push(...lines);
    // One answer is all it may have written; the rest waits in the pipe until somebody notices that it is too much.
    if (unread.length > 1 || failure !== null) group.stdout.pause();
    notice();
  });
  void group.ended.then(ending => {
    failure ??= endingFailure(ending, said());
    notice();
  });

  function said(): string {
    const text = printable(stderr.toString('utf8').trim());
    return text === '' ? '' : ` On standard error it said: ${text}`;
  }
  function noticed(timeoutMs: number): Promise<void> {
    return new Promise(resolve => {
      const timer = setTimeout(resolve, timeoutMs);
      notice = () => {
        if (unread.length === 0 && failure === null) return;
        clearTimeout(timer);
        resolve();
      };
      notice();
    });
  }
  return {
    async ask(line, timeoutMs) {
      if (unread.length > 0) throw new AdapterFailure('out-of-order', `It said something before it was asked.${said()}`);
      if (failure !== null) throw failure;
      group.stdin.write(`${line}\n`);
      await noticed(timeoutMs);
      const answer = unread.shift();
      if (answer === undefined) throw failure ?? new AdapterFailure('hung', `It did not answer within ${timeoutMs} ms.${said()}`);
      if (unread.length > 0) throw new AdapterFailure('out-of-order', `It gave more than one answer.${said()}`);
      return answer;
    },
    async end(line, graceMs) {
      if (line !== null && failure === null) {
        group.stdin.end(`${line}\n`);
        await Promise.race([group.ended, new Promise(resolve => setTimeout(resolve, graceMs).unref())]);
      }
      await group.end(graceMs);
    },
  };
}

/** Status by which a program says that what it drives is not on this machine. */
const UNAVAILABLE = 77;

function endingFailure(ending: Ending, said: string): AdapterFailure {
  switch (ending.kind) {
    case 'not-run':
      return new AdapterFailure('could-not-start', `It could not be run: ${printable(ending.reason)}.`);
    case 'signal':
      return new AdapterFailure('exited', `It was ended by ${ending.signal} before it answered.${said}`);
    case 'status':
      return ending.status === UNAVAILABLE
        ? new AdapterFailure('unavailable', said.trim() || 'It gives no reason.')
        : new AdapterFailure('exited', `It exited with status ${ending.status} before it answered.${said}`);
  }
}
