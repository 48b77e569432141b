/** An adapter that is a program of its own, in any language, speaking protocol.ts over its standard input and output as JSON Lines. */
import { type Adapter, AdapterFailure } from './adapter.ts';
import { type Child, openChild } from './child.ts';
import { printable } from './printable.ts';
import type { Request } from './protocol.ts';
import { type Check, checkAgainst } from './schema.ts';

export interface ChildOptions {
  /** For one answer. */ readonly timeoutMs?: number;
  /** Between asking it to end and ending it by force. */ readonly graceMs?: number;
  readonly maxLineBytes?: number;
}

const PROTOCOL = 1;
const checkWelcome = checkAgainst('protocol.schema.json#/definitions/Welcome');
const checkAnswer = checkAgainst('protocol.schema.json#/definitions/RunAnswer');
const checkRefusal = checkAgainst('protocol.schema.json#/definitions/Refusal');

/** `command` is the program and its arguments; no shell is involved. */
export function childAdapter(command: readonly string[], options: ChildOptions = {}): Adapter {
  const { timeoutMs = 10_000, graceMs = 1_000, maxLineBytes = 4 * 1024 * 1024 } = options;
  let child: Child | null = null;

  async function ask(request: Request): Promise<unknown> {
    if (child === null) throw new AdapterFailure('exited', 'It was asked before it was started.');
    const line = await child.ask(JSON.stringify(request), timeoutMs);
    return parseLine(line);
  }
  async function end(politely: boolean): Promise<void> {
    const ending = child;
    child = null;
    await ending?.end(politely ? JSON.stringify({ type: 'bye' } satisfies Request) : null, graceMs);
  }
  return {
    async start() {
      await end(false);
      child = openChild(command, maxLineBytes);
      try {
        const welcome = shaped(checkWelcome, await ask({ type: 'hello', protocol: [PROTOCOL, PROTOCOL] }));
        if (welcome.protocol === PROTOCOL) return welcome;
        throw new AdapterFailure('could-not-start', `It speaks protocol ${welcome.protocol}, the runner speaks ${PROTOCOL}.`);
      } catch (error) {
        await end(false);
        throw error instanceof AdapterFailure && error.kind !== 'unavailable'
          ? new AdapterFailure('could-not-start', error.message)
          : error;
      }
    },
    async run(request) {
      try {
        const message = await ask(request);
        const type = typeOf(message);
        if (type === 'welcome') throw new AdapterFailure('out-of-order', 'It was asked for a run and answered with a welcome.');
        const answer = type === 'refused' ? shaped(checkRefusal, message) : shaped(checkAnswer, message);
        if (answer.id === request.id) return answer;
        throw new AdapterFailure('out-of-order', `It was asked for run ${request.id} and answered run ${answer.id}.`);
      } catch (error) {
        await end(false);
        throw error instanceof AdapterFailure && error.kind === 'unavailable' ? new AdapterFailure('exited', error.message) : error;
      }
    },
    stop: () => end(true),
  };
}

const utf8 = new TextDecoder('utf-8', { fatal: true });

function parseLine(line: Buffer): unknown {
  try {
    return JSON.parse(utf8.decode(line));
  } catch {
    throw new AdapterFailure('rubbish', `Its answer is not a line of JSON: ${printable(line.toString('utf8', 0, 400), 60)}`);
  }
}

function shaped<Shape>(check: Check<Shape>, message: unknown): Shape {
  const checked = check(message);
  if ('value' in checked) return checked.value;
  throw new AdapterFailure('rubbish', `Its answer does not follow the protocol. ${checked.problem}`);
}

function typeOf(message: unknown): unknown {
  return typeof message === 'object' && message !== null && 'type' in message ? message.type : undefined;
}
