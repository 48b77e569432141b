/** From lines of ftrace's text to events, by a mapping. What the mapping does not name is left out. */
import type { Event, Scalar } from '../event.ts';
import { createAddresses, type Found } from './addresses.ts';
import { type LockFunction, lockFunctions } from './lock-functions.ts';
import type { Address, Effect, FtraceMapping } from './mapping.ts';
import { addressOf, type FtraceLine, functionOf, moduleOf, placeOf } from './parse-line.ts';

type Bare = Event extends infer One ? (One extends Event ? Omit<One, 'seq' | 'thread' | 'site'> : never) : never;

export interface Translator {
  /** Events that the line tells of, and those of its thread that it shows to have happened before it. */
  readonly line: (line: FtraceLine, number: number) => readonly Event[];
  /** Events were lost: what a thread was about to do is not known to have happened. */
  readonly lost: () => void;
}

/** A line of a thread, with the objects that its arguments lay in then. */
interface Remembered {
  readonly line: FtraceLine;
  readonly found: ReadonlyMap<string, Found>;
}
interface Tracked {
  readonly name: string;
  /** Happens before the next line of the thread at the latest. */
  readonly next: { readonly bare: Bare; readonly site: string }[];
  readonly latest: Map<string, Remembered>;
  readonly runs: string[];
  readonly waits: string[];
  lastLock: string | null;
}

export function createTranslator(mapping: FtraceMapping): Translator {
  const addresses = createAddresses(mapping);
  const threads = new Map<string, Tracked>();
  const queues = new Map<string, string>();
  const fieldsAt = new Map(
    Object.entries(mapping.types).map(
      ([type, { fields }]) => [type, new Map(Object.entries(fields).map(([field, offset]) => [offset, field]))] as const,
    ),
  );
  /** Probes that some effect looks back at. */
  const lookedBackAt = new Set(Object.values(mapping.probes).flatMap(effects => effects.flatMap(({ from }) => from ?? [])));
  let seq = 0;
  let out: Event[] = [];

  function emit(thread: Tracked, bare: Bare, site: string): void {
    seq++;
    out.push({ ...bare, seq, thread: thread.name, site } as Event);
  }

  function threadOf(line: FtraceLine, site: string): Tracked {
    const name = line.level === 'task' ? line.task : `${line.task}/${line.level}`;
    const known = threads.get(name);
    if (known !== undefined) return known;
    const thread: Tracked = { name, next: [], latest: new Map(), runs: [], waits: [], lastLock: null };
    threads.set(name, thread);
    const context = line.level !== 'task' ? 'hardirq' : line.task.startsWith('kworker') ? 'worker' : 'task';
    emit(thread, { kind: 'thread-start', context }, site);
    return thread;
  }

  /** `Kvm#3.slotsLock`; null if no object is known there, or none of its fields. */
  function placeAt(address: bigint, site: string | null): { readonly name: string; readonly freed: boolean } | null {
    const found = addresses.at(address);
    if (found === null) return null;
    if (found.freed && !actsOn(found.type, site)) return null;
    const field = fieldsAt.get(found.type)?.get(found.offset);
    return field === undefined ? null : { name: `${found.object}.${field}`, freed: found.freed };
  }
  function actsOn(type: string, site: string | null): boolean {
    const module = site === null ? null : moduleOf(site);
    return module !== null && (mapping.types[type]?.modules.includes(module) ?? false);
  }

  function born(thread: Tracked, type: string, base: bigint, site: string): string {
    const object = addresses.place(type, base);
    emit(thread, { kind: 'alloc', object, fields: {} }, site);
    return object;
  }

  function lockPlace(
    thread: Tracked,
    line: FtraceLine,
    verb: LockFunction,
    where: string,
  ): { readonly name: string; readonly freed: boolean } | null {
    const address = addressOf(line.arguments.get(verb.argument));
    if (address === null) return null;
    const site = line.site;
    const given = site === null ? undefined : (mapping.sites[placeOf(site)] ?? mapping.sites[functionOf(site)]);
    if (given !== undefined && verb.do !== 'release' && verb.do !== 'exit') {
      const [type = '', field = ''] = given.place.split('.');
      const known = placeAt(address, site);
      const base = address - BigInt(mapping.types[type]?.fields[field] ?? 0);
      if (given.born === true || known === null) born(thread, type, base, where);
    }
    return placeAt(address, site);
  }

  function lock(thread: Tracked, line: FtraceLine, verb: LockFunction, where: string, returned: boolean): void {
    if (line.site !== null && mapping.halfSeen.includes(functionOf(line.site))) return;
    const found = lockPlace(thread, line, verb, where);
    if (found === null) return;
    const place = found.name;
    // The function has not done its work yet, but it was called with what is freed.
    const soon = (bare: Bare): void => (found.freed ? emit(thread, bare, where) : void thread.next.push({ bare, site: where }));
    const mode = verb.mode === undefined ? {} : { mode: verb.mode };
    const irq = verb.irq === true || line.irqsOff ? { irq: true } : {};
    switch (verb.do) {
      case 'take':
        if (returned) {
          if (Number(line.arguments.get('ret') ?? 0) !== 0) return;
          thread.lastLock = place;
          return emit(thread, { kind: 'got', lock: place, ...irq, ...mode }, where);
        }
        emit(thread, { kind: 'want', lock: place, ...irq, ...mode }, where);
        if (mapping.returns.includes(line.probe)) return;
        thread.lastLock = place;
        soon({ kind: 'got', lock: place, ...irq, ...mode });
        return;
      case 'try':
        return;
      case 'release':
        return emit(thread, { kind: 'released', lock: place, ...mode }, where);
      case 'enter':
        return soon({ kind: 'enter', domain: place });
      case 'exit':
        return emit(thread, { kind: 'exit', domain: place }, where);
      case 'wait-readers':
        if (thread.waits.at(-1) === place) return;
        thread.waits.push(place);
        return emit(thread, { kind: 'grace-begin', domain: place }, where);
    }
  }

  function work(thread: Tracked, line: FtraceLine, where: string): void {
    const address = addressOf(line.arguments.get('struct') ?? line.arguments.get('work'));
    const known = address === null ? null : placeAt(address, null);
    switch (line.probe) {
      case 'queue_work_on':
        return;
      case 'workqueue_queue_work': {
        const on = mapping.workQueues[line.arguments.get('workqueue') ?? ''] ?? null;
        const queue = thread.latest.get('queue_work_on')?.line.arguments;
        const wq = queue?.get('wq');
        if (on !== null && wq !== undefined && addressOf(queue?.get('work')) === address) queues.set(wq, on);
        if (known !== null) emit(thread, { kind: 'queue', work: known.name, on, queued: true }, where);
        return;
      }
      case 'workqueue_execute_start':
        if (known === null) return;
        thread.runs.push(known.name);
        return emit(thread, { kind: 'run-begin', work: known.name }, where);
      case 'workqueue_execute_end': {
        // The item may be freed by now, and something else lie there: it is the one whose run began.
        const run = thread.runs.pop();
        if (run !== undefined) emit(thread, { kind: 'run-end', work: run }, where);
        return;
      }
      case 'flush_work':
      case 'cancel_work_sync': {
        if (known === null) return;
        const kind = line.probe === 'flush_work' ? 'flush' : 'cancel';
        if (kind === 'flush') emit(thread, { kind: 'flush-begin', work: known.name }, where);
        else emit(thread, { kind: 'cancel-begin', work: known.name, removed: true }, where);
        thread.next.push({ bare: { kind: `${kind}-end`, work: known.name }, site: where });
        return;
      }
      case '__flush_workqueue': {
        const on = queues.get(line.arguments.get('wq') ?? '');
        if (on === undefined) return;
        emit(thread, { kind: 'flush-queue-begin', on }, where);
        thread.next.push({ bare: { kind: 'flush-queue-end', on }, site: where });
      }
    }
  }

  function objectFor(address: Address, line: FtraceLine, past: Remembered | null): Found | null {
    const remembered = past?.found.get(address.argument);
    if (remembered !== undefined) return remembered;
    const at = addressOf((past?.line ?? line).arguments.get(address.argument));
    const found = at === null ? null : addresses.at(at);
    return found !== null && found.type === address.type && found.offset === (address.offset ?? 0) ? found : null;
  }

  function effect(thread: Tracked, line: FtraceLine, one: Effect, where: string): void {
    if (one.site !== undefined && (line.site === null || functionOf(line.site) !== one.site)) return;
    const past = one.from === undefined ? null : (thread.latest.get(one.from) ?? null);
    if (one.from !== undefined && past === null) return;
    if (one.from !== undefined) thread.latest.delete(one.from);
    if (one.do === 'grace') {
      emit(thread, { kind: 'grace-begin', domain: one.domain }, where);
      thread.next.push({ bare: { kind: 'grace-end', domain: one.domain }, site: where });
      return;
    }
    if (one.do === 'callback-under-lock') {
      const entry = objectFor(one.entry, line, past);
      if (entry !== null && thread.lastLock?.endsWith(`.${one.queue}`))
        emit(thread, { kind: 'callback', queue: thread.lastLock, entry: `${entry.object}.${one.name}` }, where);
      return;
    }
    let found = objectFor(one.object, line, past);
    if (one.do === 'meet-again') {
      const address = addressOf(line.arguments.get(one.object.argument));
      if (address !== null && found?.freed) born(thread, one.object.type, address - BigInt(one.object.offset ?? 0), where);
      return;
    }
    if (one.do === 'meet') {
      const address = addressOf(line.arguments.get(one.object.argument));
      if (address === null || address === 0n || (found !== null && !found.freed)) return;
      born(thread, one.object.type, address - BigInt(one.object.offset ?? 0), where);
      return;
    }
    if (found === null) {
      // An object from before the trace: its first mention is its beginning, as far as can be known.
      const address = addressOf((past?.line ?? line).arguments.get(one.object.argument));
      if (address === null || past !== null || addresses.at(address) !== null) return;
      born(thread, one.object.type, address - BigInt(one.object.offset ?? 0), where);
      found = addresses.at(address);
      if (found === null) return;
    }
    const { object } = found;
    switch (one.do) {
      case 'free':
        if (found.freed) return;
        emit(thread, { kind: 'free', object }, where);
        return addresses.free(object);
      case 'value':
        return emit(thread, { kind: 'read', field: `${object}.${one.field}`, value: Number(line.arguments.get(one.value) ?? 0) }, where);
      case 'use': {
        const value: Scalar = null;
        return emit(thread, { kind: 'read', field: `${object}.${one.field}`, value }, where);
      }
      case 'get':
      case 'put':
        return emit(thread, { kind: one.do, counter: `${object}.${one.field}` }, where);
      case 'get-unless-zero':
        return emit(
          thread,
          { kind: 'get-unless-zero', counter: `${object}.${one.field}`, got: Number(line.arguments.get(one.got) ?? 0) !== 0 },
          where,
        );
      case 'assert-held':
        return emit(thread, { kind: 'assert-held', lock: `${object}.${one.field}` }, where);
      case 'add':
      case 'remove': {
        const member = objectFor(one.member, line, past);
        if (member !== null) emit(thread, { kind: one.do, set: `${object}.${one.set}`, member: member.object }, where);
        return;
      }
      case 'link':
      case 'unlink':
      case 'callback': {
        const entry = objectFor(one.entry, line, past);
        if (entry === null) return;
        const names = { queue: `${object}.${one.queue}`, entry: `${entry.object}.${one.name}` };
        if (one.do === 'link') emit(thread, { kind: 'link', ...names, exclusive: false, linked: true }, where);
        else emit(thread, { kind: one.do, ...names }, where);
      }
    }
  }

  function remember(thread: Tracked, line: FtraceLine): void {
    if (line.probe !== 'queue_work_on' && !lookedBackAt.has(line.probe)) return;
    const found = new Map<string, Found>();
    for (const [name, value] of line.arguments) {
      const address = addressOf(value);
      const one = address === null ? null : addresses.at(address);
      if (one !== null && !one.freed) found.set(name, one);
    }
    thread.latest.set(line.probe, { line, found });
  }

  return {
    line(line, number) {
      out = [];
      const where = line.site === null ? `line ${number}, ${line.probe}` : `line ${number}, ${placeOf(line.site)}`;
      const thread = threadOf(line, where);
      for (const { bare, site } of thread.next.splice(0)) emit(thread, bare, site);
      const { probe } = line;
      const entry = probe.endsWith('__ret') ? probe.slice(0, -5) : probe;
      const verb = lockFunctions[entry];
      if (verb !== undefined && probe === entry) lock(thread, line, verb, where, false);
      else if (verb !== undefined && verb.do === 'take') lock(thread, line, verb, where, true);
      else if (verb !== undefined && verb.do === 'wait-readers') {
        const domain = thread.waits.pop();
        if (domain !== undefined) emit(thread, { kind: 'grace-end', domain }, where);
      } else if (probe === 'sys_enter' || probe === 'sys_exit') {
        const call = mapping.calls[line.arguments.get('NR') ?? ''];
        if (call !== undefined)
          emit(thread, probe === 'sys_enter' ? { kind: 'call', call, arguments: [] } : { kind: 'return', call, result: 0 }, where);
      } else work(thread, line, where);
      for (const one of mapping.probes[probe] ?? []) effect(thread, line, one, where);
      remember(thread, line);
      return out;
    },
    lost() {
      for (const thread of threads.values()) {
        thread.next.length = 0;
        thread.latest.clear();
        thread.waits.length = 0;
        thread.runs.length = 0;
      }
    },
  };
}
