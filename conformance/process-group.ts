/** A child process in a process group of its own, so that it can be ended with everything it started; none outlives this process. */
import { execa } from 'execa';

export interface ProcessGroup {
  readonly stdin: NodeJS.WritableStream;
  readonly stdout: NodeJS.ReadableStream;
  readonly stderr: NodeJS.ReadableStream;
  /** Resolves when the child has ended and its output was read; never rejects. */
  readonly ended: Promise<Ending>;
  /** SIGTERM to the group, SIGKILL to what is left after `graceMs`. Resolves when the child is reaped. */
  end(graceMs: number): Promise<void>;
}

export type Ending =
  | { readonly kind: 'status'; readonly status: number }
  | { readonly kind: 'signal'; readonly signal: string }
  /** The operating system could not run it at all. */
  | { readonly kind: 'not-run'; readonly reason: string };

const alive = new Set<number>();
const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

export function startGroup(command: readonly string[]): ProcessGroup {
  const [file = '', ...rest] = command;
  const child = execa(file, rest, {
    stdin: 'pipe',
    stdout: 'pipe',
    stderr: 'pipe',
    encoding: 'buffer',
    buffer: false,
    reject: false,
    detached: true,
    cleanup: false,
  });
  // Writing to a child that has just ended fails; that it ended is told by `ended`.
  child.stdin.on('error', () => {});
  const exited = new Promise<void>(resolve => {
    child.once('exit', () => resolve());
    child.once('error', () => resolve());
  });
  const pid = child.pid;
  if (pid !== undefined) watch(pid, exited);
  const ended = child.then((result): Ending => {
    if (result.exitCode !== undefined) return { kind: 'status', status: result.exitCode };
    if (result.signal !== undefined) return { kind: 'signal', signal: result.signal };
    return { kind: 'not-run', reason: result.originalMessage ?? 'no reason given' };
  });
  return {
    stdin: child.stdin,
    stdout: child.stdout,
    stderr: child.stderr,
    ended,
    async end(graceMs) {
      if (pid !== undefined) signalGroup(pid, 'SIGTERM');
      const timer = setTimeout(() => {
        if (pid !== undefined) signalGroup(pid, 'SIGKILL');
      }, graceMs);
      await exited;
      clearTimeout(timer);
      if (pid !== undefined) signalGroup(pid, 'SIGKILL');
      for (const stream of [child.stdin, child.stdout, child.stderr]) stream.destroy();
    },
  };
}

/** A group of its own is out of reach of the terminal's Ctrl-C, so whatever ends this process has to end the groups. */
function watch(pid: number, exited: Promise<void>): void {
  if (alive.size === 0) {
    process.on('exit', endAll);
    for (const signal of signals) process.on(signal, endAllAndGo);
  }
  alive.add(pid);
  void exited.then(() => {
    alive.delete(pid);
    if (alive.size > 0) return;
    process.off('exit', endAll);
    for (const signal of signals) process.off(signal, endAllAndGo);
  });
}

function endAll(): void {
  for (const pid of alive) signalGroup(pid, 'SIGKILL');
}

function endAllAndGo(signal: NodeJS.Signals): void {
  endAll();
  process.off(signal, endAllAndGo);
  // Another listener takes care of how this process ends; without one it ends as it would have.
  if (process.listenerCount(signal) === 0) process.kill(process.pid, signal);
}

function signalGroup(pid: number, signal: 'SIGTERM' | 'SIGKILL'): void {
  try {
    process.kill(-pid, signal);
  } catch {
    // The whole group has ended already.
  }
}
