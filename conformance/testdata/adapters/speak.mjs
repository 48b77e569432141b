/** What the adapters of this folder have in common: a well-behaved conversation, in which each spoils one thing. */
import { createInterface } from 'node:readline';

export const calls = ['createVm', 'createInterruptController', 'createEventfd', 'assign'];

export function welcome() {
  return {
    type: 'welcome',
    protocol: 1,
    name: 'toy',
    version: '1',
    calls,
    observes: [],
    profile: 'linux-6.17',
    about: { machine: 'none' },
  };
}

export function say(message) {
  process.stdout.write(`${JSON.stringify(message)}\n`);
}

/** What a correct implementation may say to the vectors about assigning twice. */
export function ran(request) {
  const history = [];
  const order = request.order ?? request.callers.flatMap((calls, caller) => calls.map(() => caller));
  order.forEach((caller, turn) => {
    history.push({ caller, at: 'call' }, { caller, at: 'return', result: turn === 0 ? 0 : 'EBUSY' });
  });
  return { type: 'ran', id: request.id, setup: request.setup.map(call => call.result), history };
}

/** Answers each request; `spoil(request)` stands in for the answer to a run whose vector has `fault` in its name. */
export function speak(spoil, hello = () => say(welcome())) {
  createInterface({ input: process.stdin }).on('line', line => {
    const request = JSON.parse(line);
    if (request.type === 'hello') hello();
    if (request.type === 'bye') process.exit(0);
    if (request.type === 'run' && request.vector.includes('fault')) spoil(request);
    else if (request.type === 'run') say(ran(request));
  });
}
