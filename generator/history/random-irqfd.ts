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
