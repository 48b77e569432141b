/** Smallest situations in which the rules are put to the test. */
import { bug, get, lockIrq, put, type Scenario, unlockIrq, wake } from '../language.ts';
import { close, countEvent, createEventfd, createEventfdWith, type PollKey, readCount, signal } from './eventfd.ts';
import { assign, assignResample, deassign } from './irqfd.ts';
import { closeVm, createInterruptController, createVm, createVmShortOfMemory, pendingInterrupt, setRouting } from './kvm.ts';
import { acknowledge } from './resampler.ts';

/** Eventfd and machine are closed at once, with an interrupt on its way. */
export const bothSidesClose: Scenario = ({ thread, stays }) => {
  const vm = createVm();
  createInterruptController(vm);
  const fd = createEventfd();
  assign(vm, fd, 5);
  signal(fd);
  stays(fd);
  thread(() => close(fd));
  thread(() => closeVm(vm));
};

/** As before, and a third is just signalling: whose reference to the file is the last is open. */
export const signalRacesClose: Scenario = ({ thread, stays }) => {
  const vm = createVm();
  createInterruptController(vm);
  const fd = createEventfd();
  assign(vm, fd, 5);
  stays(fd);
  thread(() => signal(fd));
  thread(() => close(fd));
  thread(() => closeVm(vm));
};

/** A driver signals from its interrupt handler; it holds the eventfd itself until the interrupt is over. */
export const signalFromInterrupt: Scenario = ({ thread, interrupt, stays }) => {
  const vm = createVm();
  createInterruptController(vm);
  const fd = createEventfd();
  assign(vm, fd, 5);
  const file = fd.file;
  if (file === null) bug();
  const eventfd = file.eventfd;
  if (eventfd === null) bug();
  get(eventfd.refs);
  stays(fd);
  interrupt(() => {
    countEvent(eventfd);
    put(eventfd.refs);
  });
  thread(() => {
    close(fd);
    closeVm(vm);
  });
};

/** An eventfd ends while it is being deassigned. */
export const closeRacesDeassign: Scenario = ({ thread, stays }) => {
  const vm = createVm();
  createInterruptController(vm);
  const fd = createEventfd();
  assign(vm, fd, 5);
  stays(fd);
  thread(() => close(fd));
  thread(() => {
    deassign(vm, fd, 5);
    closeVm(vm);
  });
};

/** An eventfd is deassigned while it is being assigned, and signalled before. */
export const assignRacesDeassign: Scenario = ({ thread, stays }) => {
  const vm = createVm();
  createInterruptController(vm);
  const fd = createEventfd();
  stays(vm, fd);
  thread(() => assign(vm, fd, 5));
  thread(() => {
    signal(fd);
    deassign(vm, fd, 5);
  });
};

/** An eventfd ends while it is being assigned. */
export const assignRacesClose: Scenario = ({ thread, stays }) => {
  const vm = createVm();
  createInterruptController(vm);
  const fd = createEventfd();
  stays(vm, fd);
  thread(() => assign(vm, fd, 5));
  thread(() => close(fd));
};

/** A machine that two threads have open is closed by both; one of them has just assigned an eventfd. The last one releases it. */
export const assignRacesRelease: Scenario = ({ thread, stays }) => {
  const vm = createVm();
  createInterruptController(vm);
  const fd = createEventfd();
  get(vm.refs);
  stays(fd);
  thread(() => {
    assign(vm, fd, 5);
    closeVm(vm);
  });
  thread(() => closeVm(vm));
};

/** A machine with two irqfds is released while the eventfd of one of them ends. */
export const twoIrqfds: Scenario = ({ thread, stays }) => {
  const vm = createVm();
  createInterruptController(vm);
  const fd = createEventfd();
  const other = createEventfd();
  assign(vm, fd, 5);
  assign(vm, other, 6);
  stays(fd, other);
  thread(() => close(fd));
  thread(() => {
    closeVm(vm);
    close(other);
  });
};

/** Two machines are given the same eventfd. */
export const assignTwice: Scenario = ({ thread, stays }) => {
  const vm = createVm();
  const other = createVm();
  createInterruptController(vm);
  createInterruptController(other);
  const fd = createEventfd();
  stays(fd);
  thread(() => {
    assign(vm, fd, 5);
    closeVm(vm);
  });
  thread(() => {
    assign(other, fd, 5);
    closeVm(other);
  });
};

/** An eventfd that is deassigned can be assigned at once: when the call returns, the old irqfd is gone. */
export const assignAgain: Scenario = ({ thread, stays }) => {
  const vm = createVm();
  createInterruptController(vm);
  const fd = createEventfd();
  assign(vm, fd, 5);
  stays(vm, fd);
  thread(() => {
    deassign(vm, fd, 5);
    if (assign(vm, fd, 6) !== 0) bug();
  });
};

/** Deassigning another interrupt leaves this one alone: the eventfd is still taken. */
export const deassignOther: Scenario = ({ thread, stays }) => {
  const vm = createVm();
  createInterruptController(vm);
  const fd = createEventfd();
  assign(vm, fd, 5);
  stays(vm, fd);
  thread(() => {
    deassign(vm, fd, 6);
    if (assign(vm, fd, 5) === 0) bug();
  });
};

/** An eventfd has counted an event before it is assigned. */
export const assignPending: Scenario = ({ thread, stays }) => {
  const vm = createVm();
  createInterruptController(vm);
  const fd = createEventfdWith(1);
  stays(vm, fd);
  thread(() => {
    assign(vm, fd, 5);
    deassign(vm, fd, 5);
    // Deassigning waits for what is on its way.
    if (!pendingInterrupt(vm, 5)) bug();
  });
};

/** What was counted before an eventfd was assigned is gone when it has been deassigned. */
export const countGoesWithEntry: Scenario = ({ thread, stays }) => {
  const vm = createVm();
  createInterruptController(vm);
  const fd = createEventfdWith(1);
  stays(vm, fd);
  thread(() => {
    assign(vm, fd, 5);
    deassign(vm, fd, 5);
    if (readCount(fd) !== 'EAGAIN') bug();
  });
};

/** Data and end are reported at once. An eventfd does not do that, but its key is a mask. Our own reading, not published. */
export const endsWithData: Scenario = ({ thread, stays }) => {
  const vm = createVm();
  createInterruptController(vm);
  const fd = createEventfd();
  assign(vm, fd, 5);
  const file = fd.file;
  if (file === null) bug();
  const eventfd = file.eventfd;
  if (eventfd === null) bug();
  stays(vm, fd);
  thread(() => {
    lockIrq(eventfd.lock);
    wake<PollKey>(eventfd.wait, 'POLLIN|POLLHUP');
    unlockIrq(eventfd.lock);
    // Waits for the irqfd's end, if that was understood; ends it now, if not.
    deassign(vm, fd, 5);
    if (!pendingInterrupt(vm, 5)) bug();
  });
};

/** The routing changes while the eventfd is signalled. */
export const routingRacesSignal: Scenario = ({ thread, stays }) => {
  const vm = createVm();
  createInterruptController(vm);
  const fd = createEventfd();
  assign(vm, fd, 5);
  stays(vm, fd);
  thread(() => signal(fd));
  thread(() => setRouting(vm.kvm, 'msi'));
};

/** The routing changes while an eventfd is assigned. */
export const routingRacesAssign: Scenario = ({ thread, stays }) => {
  const vm = createVm();
  createInterruptController(vm);
  const fd = createEventfd();
  stays(vm, fd);
  thread(() => assign(vm, fd, 5));
  thread(() => setRouting(vm.kvm, 'msi'));
};

/** The guest acknowledges an interrupt while one of its two level-triggered irqfds goes. */
export const acknowledgeRacesDeassign: Scenario = ({ thread, stays }) => {
  const vm = createVm();
  createInterruptController(vm);
  const fd = createEventfd();
  const other = createEventfd();
  const resampleFd = createEventfd();
  assignResample(vm, fd, 5, resampleFd);
  assignResample(vm, other, 5, resampleFd);
  stays(vm, fd, other, resampleFd);
  thread(() => acknowledge(vm.kvm, 5));
  thread(() => deassign(vm, fd, 5));
};

/** The guest acknowledges an interrupt while its only level-triggered irqfd goes. */
export const acknowledgeRacesLast: Scenario = ({ thread, stays }) => {
  const vm = createVm();
  createInterruptController(vm);
  const fd = createEventfd();
  const resampleFd = createEventfd();
  assignResample(vm, fd, 5, resampleFd);
  stays(vm, fd, resampleFd);
  thread(() => acknowledge(vm.kvm, 5));
  thread(() => deassign(vm, fd, 5));
};

/** The only level-triggered irqfd of an interrupt goes while another one comes. */
export const lastLeavesAsOneJoins: Scenario = ({ thread, stays }) => {
  const vm = createVm();
  createInterruptController(vm);
  const fd = createEventfd();
  const other = createEventfd();
  const resampleFd = createEventfd();
  assignResample(vm, fd, 5, resampleFd);
  stays(vm, fd, other, resampleFd);
  thread(() => deassign(vm, fd, 5));
  thread(() => assignResample(vm, other, 5, resampleFd));
};

/** Memory is short while a level-triggered irqfd is assigned; nothing of a failed assignment is left. */
export const shortOfMemory: Scenario = ({ thread, stays }) => {
  const vm = createVmShortOfMemory();
  createInterruptController(vm);
  const fd = createEventfd();
  const resampleFd = createEventfd();
  stays(vm, fd, resampleFd);
  thread(() => {
    if (assignResample(vm, fd, 5, resampleFd) === 0) deassign(vm, fd, 5);
  });
  thread(() => acknowledge(vm.kvm, 5));
};
