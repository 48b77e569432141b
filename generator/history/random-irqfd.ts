/** Calls on irqfds at random, as many machines and eventfds at once as asked for. */
import type { NextCall } from './random-history.ts';

/** An eventfd counts to 4 in the model, so it is not signalled more often than that before it is read or forgotten. */
const mostSignals = 3;

export function irqfdCalls(machines: number, eventfds: number): NextCall {
  const signals = new Map<string, number>();
  return (random, handles, isUsed) => {
    const vms = handles['VmFile'] ?? [];
    const fds = handles['Descriptor'] ?? [];
    if (vms.length < machines && random(4) === 0) return { call: 'createVm', with: [] };
    if (fds.length < eventfds && random(2) === 0) return { call: 'createEventfd', with: [] };
    const vm = vms[random(Math.max(1, vms.length))];
    const fd = fds[random(Math.max(1, fds.length))];
    if (vm === undefined || fd === undefined) return null;
    const line = 5 + random(2);
    switch (random(12)) {
      case 0:
        return { call: 'createInterruptController', with: [vm] };
      case 1:
      case 2:
      case 3:
        return { call: 'assign', with: [vm, fd, line] };
      case 4:
      case 5:
        return { call: 'deassign', with: [vm, fd, line] };
      case 6:
      case 7: {
        const count = (signals.get(fd) ?? 0) + 1;
        if (count > mostSignals) return { call: 'readCount', with: [fd] };
        signals.set(fd, count);
        return { call: 'signal', with: [fd] };
      }
      case 8:
        if (!isUsed(fd)) signals.set(fd, 0);
        return { call: 'readCount', with: [fd] };
      case 9:
        return { call: 'pendingInterrupt', with: [vm, line] };
      case 10:
        return random(3) === 0 ? { call: 'closeFd', with: [fd], ...(random(2) === 0 ? { last: [fd] } : {}) } : null;
      default:
        // Nobody calls anything on a machine while it is closed, or after.
        return random(5) === 0 && !isUsed(vm) ? { call: 'closeVm', with: [vm], last: [vm] } : { call: 'updateRouting', with: [vm] };
    }
  };
}

/** Each pair of a machine and an eventfd is mostly one caller's at a time, as in a program whose threads have machines of their own. */
export function onOwnMachines(count: number): NextCall {
  const signals = new Map<string, number>();
  let machines = 0;
  let eventfds = 0;
  return (random, handles, isUsed) => {
    const vms = handles['VmFile'] ?? [];
    const fds = handles['Descriptor'] ?? [];
    if (machines < count) {
      machines += 1;
      return { call: 'createVm', with: [] };
    }
    if (eventfds < count) {
      eventfds += 1;
      return { call: 'createEventfd', with: [] };
    }
    if (vms.length < count || fds.length < count) return null;
    const free = fds.flatMap((fd, at) => (isUsed(fd) || isUsed(vms[at] ?? '') ? [] : [at]));
    // One call in three is on any of the pairs, also one that another caller is at.
    const at = free.length === 0 || random(3) === 0 ? random(count) : (free[random(free.length)] ?? 0);
    const vm = vms[at] ?? '';
    const fd = fds[at] ?? '';
    switch (random(10)) {
      case 0:
        return { call: 'createInterruptController', with: [vm] };
      case 1:
      case 2:
        return { call: 'assign', with: [vm, fd, 5] };
      case 3:
      case 4:
        return { call: 'deassign', with: [vm, fd, 5] };
      case 5:
      case 6: {
        const sent = (signals.get(fd) ?? 0) + 1;
        if (sent > mostSignals && isUsed(fd)) return null;
        signals.set(fd, sent > mostSignals ? 0 : sent);
        if (sent > mostSignals) return { call: 'readCount', with: [fd] };
        return { call: 'signal', with: [fd] };
      }
      case 7:
        return { call: 'readCount', with: [fd] };
      case 8:
        return { call: 'pendingInterrupt', with: [vm, 5] };
      default:
        return { call: 'updateRouting', with: [vm] };
    }
  };
}
