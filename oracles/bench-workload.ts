/**
 * A trace to measure with: lives of irqfds of the system irqfd-2009, one after another. Each is set up, signalled again and again by one
 * thread while another reads, and taken down by both sides. Nothing in it is wrong, and after each life nothing is left.
 */
import type { Event } from './event.ts';

type WithoutHead<One> = One extends unknown ? Omit<One, 'seq' | 'thread'> : never;
type Step = readonly [thread: string, step: WithoutHead<Event>];

export const benchSystem = 'irqfd-2009';

/** The first thread begins, so that everything after it is under way. */
export const benchStart: readonly Event[] = [{ seq: 0, thread: 'task 1', kind: 'thread-start', context: 'task' }];

/** Events of life `number`, from 0. `signals`: how often the eventfd is signalled in it. */
export function lifeOf(number: number, signals: number, firstSeq: number): Event[] {
  const n = number + 1;
  const kvm = `Kvm#${n}`;
  const eventfd = `Eventfd#${n}`;
  const file = `EventfdFile#${n}`;
  const fd = `Descriptor#${n}`;
  const irqfd = `Irqfd#${n}`;
  const [user, driver, worker] = ['task 1', 'task 2', 'worker 1'] as const;
  const steps: Step[] = [];
  const add = (thread: string, ...some: WithoutHead<Event>[]): void => void steps.push(...some.map((step): Step => [thread, step]));
  const lock = (thread: string, name: string): void => add(thread, { kind: 'want', lock: name }, { kind: 'got', lock: name });
  const unlock = (thread: string, name: string): void => add(thread, { kind: 'released', lock: name });

  add(
    user,
    { kind: 'alloc', object: kvm, fields: { users: 1 } },
    { kind: 'alloc', object: eventfd, fields: { users: 1 } },
    { kind: 'alloc', object: file, fields: { eventfd, refs: 1 } },
    { kind: 'alloc', object: fd, fields: { file } },
    { kind: 'call', call: 'assign', arguments: [kvm, fd] },
    { kind: 'fget', field: `${fd}.file`, file },
    { kind: 'read', field: `${file}.eventfd`, value: eventfd },
    { kind: 'get', counter: `${eventfd}.users` },
    { kind: 'alloc', object: irqfd, fields: { users: 1, kvm, eventfd } },
  );
  lock(user, `${eventfd}.wait`);
  add(user, { kind: 'link', queue: `${eventfd}.wait`, entry: `${irqfd}.entry`, exclusive: false, linked: true });
  unlock(user, `${eventfd}.wait`);
  add(user, { kind: 'read', field: `${eventfd}.signalled`, value: false }, { kind: 'get', counter: `${kvm}.users` });
  lock(user, `${kvm}.lock`);
  add(user, { kind: 'add', set: `${kvm}.irqfds`, member: irqfd });
  unlock(user, `${kvm}.lock`);
  add(user, { kind: 'put', counter: `${file}.refs` }, { kind: 'return', call: 'assign', result: null });
  for (let signal = 0; signal < signals; signal++) signalOnce(signal > 0);
  lock(user, `${kvm}.lock`);
  add(
    user,
    { kind: 'next', set: `${kvm}.irqfds`, member: irqfd },
    { kind: 'get', counter: `${irqfd}.users` },
    { kind: 'remove', set: `${kvm}.irqfds`, member: irqfd },
  );
  unlock(user, `${kvm}.lock`);
  lock(user, `${irqfd}.lock`);
  add(user, { kind: 'read', field: `${irqfd}.kvm`, value: kvm }, { kind: 'write', field: `${irqfd}.kvm`, value: null });
  unlock(user, `${irqfd}.lock`);
  add(user, { kind: 'grace-begin', domain: `${irqfd}.srcu` }, { kind: 'grace-end', domain: `${irqfd}.srcu` });
  lock(user, `${eventfd}.wait`);
  add(user, { kind: 'unlink', queue: `${eventfd}.wait`, entry: `${irqfd}.entry` });
  unlock(user, `${eventfd}.wait`);
  add(
    user,
    { kind: 'put', counter: `${kvm}.users` },
    { kind: 'put', counter: `${kvm}.users` },
    { kind: 'free', object: kvm },
    { kind: 'put', counter: `${eventfd}.users` },
    { kind: 'put', counter: `${irqfd}.users` },
    { kind: 'put', counter: `${irqfd}.users` },
    { kind: 'free', object: irqfd },
    { kind: 'close-fd', field: `${fd}.file`, file },
    { kind: 'put', counter: `${file}.refs` },
    { kind: 'put', counter: `${eventfd}.users` },
    { kind: 'free', object: eventfd },
    { kind: 'free', object: file },
    { kind: 'free', object: fd },
  );

  function signalOnce(wasInterrupted: boolean): void {
    lock(driver, `${eventfd}.lock`);
    add(driver, { kind: 'write', field: `${eventfd}.signalled`, value: true });
    lock(driver, `${eventfd}.wait`);
    add(
      driver,
      { kind: 'callback', queue: `${eventfd}.wait`, entry: `${irqfd}.entry` },
      { kind: 'queue', work: `${irqfd}.inject`, on: null, queued: true },
    );
    unlock(driver, `${eventfd}.wait`);
    unlock(driver, `${eventfd}.lock`);
    add(
      worker,
      { kind: 'run-begin', work: `${irqfd}.inject` },
      { kind: 'enter', domain: `${irqfd}.srcu` },
      { kind: 'read', field: `${irqfd}.kvm`, value: kvm },
    );
    lock(worker, `${kvm}.lock`);
    add(
      worker,
      { kind: 'read', field: `${kvm}.interrupted`, value: wasInterrupted },
      { kind: 'write', field: `${kvm}.interrupted`, value: true },
    );
    unlock(worker, `${kvm}.lock`);
    add(worker, { kind: 'exit', domain: `${irqfd}.srcu` }, { kind: 'run-end', work: `${irqfd}.inject` });
    lock(user, `${kvm}.lock`);
    add(user, { kind: 'get', counter: `${kvm}.users` }, { kind: 'read', field: `${kvm}.interrupted`, value: true });
    unlock(user, `${kvm}.lock`);
    add(user, { kind: 'put', counter: `${kvm}.users` });
  }
  return steps.map(([thread, step], at): Event => ({ seq: firstSeq + at, thread, ...step }));
}
