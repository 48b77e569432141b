/** One line of ftrace's text, from the `trace` file or from `trace-cmd report`. */

export interface FtraceLine {
  readonly task: string;
  /** Interrupts off, or bottom halves. False if the line has no flags. */
  readonly irqsOff: boolean;
  /** Hard interrupt, soft interrupt, or the task itself. */
  readonly level: 'hardirq' | 'softirq' | 'task';
  readonly probe: string;
  readonly arguments: ReadonlyMap<string, string>;
  /** Function that reached the probe, with offset and module: `kvm_destroy_vm+0x48/0x2f0 [kvm]`. Null where the line has none. */
  readonly site: string | null;
}

/** task-pid, perhaps (tgid), [cpu], perhaps flags, time, probe, the rest. */
const shape = /^\s*(\S.*?-\d+)\s+(?:\([\s\d-]+\)\s+)?\[(\d+)\]\s+(?:([^\s\d]\S{3,5})\s+)?[\d.]+:\s+([\w.]+):\s?(.*)$/;
const lostShape = /^(?:CPU:\d+ )?\[LOST \d+ EVENTS\]|^CPU:\d+ \[LOST/;
const argumentShape = /\b(\w+)=(\S+)/g;
const atShape = /\bat=(\S+(?: \[\w+\])?)/;
const returnShape = /^\((\S+(?: \[\w+\])?) <- \w+\)/;
const runShape = /^work struct ([0-9a-fx]+):? function (\S+)/;
const syscallShape = /^NR (\d+) /;

/** Null: a line of no event, such as a comment. `lost`: the kernel says that events are missing here. */
export function parseLine(text: string): FtraceLine | 'lost' | null {
  if (text.startsWith('#') || text === '') return null;
  const match = shape.exec(text);
  if (match === null) return lostShape.test(text) ? 'lost' : null;
  const [, task = '', , flags = '', probe = '', rest = ''] = match;
  const given = new Map<string, string>();
  for (const [, name = '', value = ''] of rest.matchAll(argumentShape)) given.set(name, value);
  const run = runShape.exec(rest);
  if (run !== null) given.set('struct', run[1] ?? '').set('function', run[2] ?? '');
  const syscall = syscallShape.exec(rest);
  if (syscall !== null) given.set('NR', syscall[1] ?? '');
  return {
    task,
    irqsOff: /^[dDb]/.test(flags),
    level: /^..[hHzZ]/.test(flags) ? 'hardirq' : /^..s/.test(flags) ? 'softirq' : 'task',
    probe,
    arguments: given,
    site: atShape.exec(rest)?.[1] ?? returnShape.exec(rest)?.[1] ?? null,
  };
}

/** `kvm_destroy_vm` of `kvm_destroy_vm+0x48/0x2f0 [kvm]`. */
export const functionOf = (site: string): string => site.slice(0, /[+/ ]|$/.exec(site)?.index ?? site.length);
/** `kvm_destroy_vm+0x48` of it. */
export const placeOf = (site: string): string => site.slice(0, /[/ ]|$/.exec(site)?.index ?? site.length);
/** `kvm` of it; null for what is built into the kernel. */
export const moduleOf = (site: string): string | null => /\[(\w+)\]$/.exec(site)?.[1] ?? null;

/** Kernel addresses need 64 bits, so they are not numbers. Null for what is no address. */
export function addressOf(text: string | undefined): bigint | null {
  if (text === undefined || !/^(0x)?[0-9a-f]{5,16}$/.test(text)) return null;
  return BigInt(text.startsWith('0x') ? text : `0x${text}`);
}
