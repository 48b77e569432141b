/** What a thread did, as the end of a sentence about it: `takes Kvm#1.lock`. */
import type { Event, ReadMode, Scalar } from './event.ts';

const inMode = (mode: ReadMode | undefined): string => (mode === undefined ? '' : ' for reading');
const value = (of: Scalar): string => (of === null ? 'nothing' : String(of));

export function sayEvent(event: Event): string {
  switch (event.kind) {
    case 'thread-start':
      return event.context === 'hardirq' ? 'begins, as an interrupt' : 'begins';
    case 'thread-end':
      return 'ends';
    case 'fork':
      return `starts ${event.other}`;
    case 'join':
      return `has seen the end of ${event.other}`;
    case 'call':
      return `calls ${event.call}(${event.arguments.map(value).join(', ')})`;
    case 'return':
      return `returns ${value(event.result)} from ${event.call}`;
    case 'alloc':
      return `makes ${event.object}`;
    case 'free':
      return `frees ${event.object}`;
    case 'read':
      return `reads ${value(event.value)} from ${event.field}`;
    case 'write':
      return `writes ${value(event.value)} to ${event.field}`;
    case 'null-followed':
      return `follows a null pointer to ${event.field}`;
    case 'add':
      return `puts ${event.member} into ${event.set}`;
    case 'remove':
      return `takes ${event.member} off ${event.set}`;
    case 'has':
      return `${event.found ? 'finds' : 'does not find'} ${event.member} in ${event.set}`;
    case 'next':
      return event.member === null ? `finds nothing more in ${event.set}` : `finds ${event.member} in ${event.set}`;
    case 'want':
      return `waits for ${event.lock}${inMode(event.mode)}`;
    case 'got':
      return `takes ${event.lock}${inMode(event.mode)}`;
    case 'released':
      return `releases ${event.lock}`;
    case 'tried':
      return event.got ? `takes ${event.lock}${inMode(event.mode)} without waiting` : `tries to take ${event.lock} in vain`;
    case 'assert-held':
      return `needs ${event.lock}`;
    case 'enter':
      return `enters a read section of ${event.domain}`;
    case 'exit':
      return `leaves its read section of ${event.domain}`;
    case 'grace-begin':
      return `waits for the readers of ${event.domain}`;
    case 'grace-end':
      return `has waited for the readers of ${event.domain}`;
    case 'get':
      return `gets ${event.counter}`;
    case 'put':
      return `puts ${event.counter}`;
    case 'put-later':
      return `puts ${event.counter}, to be released later`;
    case 'assert-sole':
      return `has ${event.object} to itself`;
    case 'get-unless-zero':
      return event.got ? `gets ${event.counter}, which is not zero` : `finds ${event.counter} at zero`;
    case 'queue':
      return event.queued ? `queues ${event.work}` : `finds ${event.work} queued`;
    case 'run-begin':
      return `begins to run ${event.work}`;
    case 'run-end':
      return `ends the run of ${event.work}`;
    case 'flush-begin':
      return `waits for ${event.work} to end`;
    case 'flush-end':
      return `has waited for ${event.work}`;
    case 'cancel-begin':
      return event.removed ? `takes ${event.work} off its queue and waits for its run` : `waits for the run of ${event.work}`;
    case 'cancel-end':
      return `has cancelled ${event.work}`;
    case 'flush-queue-begin':
      return `waits for everything on ${event.on}`;
    case 'flush-queue-end':
      return `has waited for everything on ${event.on}`;
    case 'link':
      return event.linked ? `hooks ${event.entry} to ${event.queue}` : `cannot hook ${event.entry} to ${event.queue}`;
    case 'unlink':
      return `unhooks ${event.entry} from ${event.queue}`;
    case 'callback':
      return `runs the callback of ${event.entry}`;
    case 'wait-prepare':
      return `is about to sleep on ${event.queue}`;
    case 'complete':
      return `completes ${event.completion}`;
    case 'wait-done':
      return event.result === 'done' ? `has seen ${event.completion} done` : `waits for ${event.completion} no longer`;
    case 'wait-sleep':
      return event.result === 'woken' ? `was woken on ${event.queue}` : `slept on ${event.queue} until the time was over`;
    case 'wait-finish':
      return `does not wait on ${event.queue} any more`;
    case 'wake-all':
      return `wakes all on ${event.queue}`;
    case 'fget':
      return event.file === null ? `finds nothing open at ${event.field}` : `gets ${event.file} from ${event.field}`;
    case 'close-fd':
      return `closes ${event.field}`;
    case 'bug':
      return 'is where its author thinks it cannot be';
    case 'quiesce':
      return 'says that all is at rest';
  }
}
