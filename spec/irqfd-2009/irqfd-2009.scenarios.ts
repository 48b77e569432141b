/** Smallest situations in which the rules are put to the test. */
import { alloc, anyOf, bug, closeFd, get, lock, put, type Scenario, unlock } from '../language.ts';
import { unloadKvm } from './irqfd-2009.module.ts';
import { assign, type Eventfd, type EventfdFile, type Irqfd, type Kvm, releaseVm, shutDown, signal, write } from './irqfd-2009.ts';

/** The irqfd that a machine has, for a scenario with one. */
export function onlyIrqfd(kvm: Kvm): Irqfd {
  lock(kvm.lock);
  const irqfd = anyOf(kvm.irqfds);
  unlock(kvm.lock);
  if (irqfd === null) bug();
  return irqfd;
}

/** Both sides close while an interrupt is on its way. The end of the eventfd is reported under its queue's lock, as the merged eventfd does. */
export const bothSidesClose: Scenario = ({ thread, descriptor, stays }) => {
  const vm = alloc<Kvm>({ users: 1 });
  const eventfd = alloc<Eventfd>({ users: 1 });
  const fd = descriptor<EventfdFile>(alloc<EventfdFile>({ eventfd, refs: 1 }));
  assign(vm, fd);
  signal(eventfd);
  stays(fd);
  thread(() => closeFd(fd));
  thread(() => releaseVm(vm));
};

/** Both sides close, and the end of the eventfd is handled with no lock held, as the author of the proposal believed it would be. */
export const hangUpUnlocked: Scenario = ({ thread, descriptor, stays }) => {
  const vm = alloc<Kvm>({ users: 1 });
  const eventfd = alloc<Eventfd>({ users: 1 });
  const fd = descriptor<EventfdFile>(alloc<EventfdFile>({ eventfd, refs: 1 }));
  assign(vm, fd);
  const irqfd = onlyIrqfd(vm);
  stays(fd);
  thread(() => {
    shutDown(irqfd);
    closeFd(fd);
  });
  thread(() => releaseVm(vm));
};

/** Both sides close while a third writes to the eventfd: whose reference to the file is the last is open. */
export const writeRacesClose: Scenario = ({ thread, descriptor, stays }) => {
  const vm = alloc<Kvm>({ users: 1 });
  const eventfd = alloc<Eventfd>({ users: 1 });
  const fd = descriptor<EventfdFile>(alloc<EventfdFile>({ eventfd, refs: 1 }));
  assign(vm, fd);
  stays(fd);
  thread(() => write(fd));
  thread(() => closeFd(fd));
  thread(() => releaseVm(vm));
};

/** One writes to the eventfd while another closes the descriptor; there is no machine. */
export const writeOrClose: Scenario = ({ thread, descriptor, stays }) => {
  const eventfd = alloc<Eventfd>({ users: 1 });
  const fd = descriptor<EventfdFile>(alloc<EventfdFile>({ eventfd, refs: 1 }));
  stays(fd);
  thread(() => write(fd));
  thread(() => closeFd(fd));
};

/** A driver signals from its interrupt handler; it keeps the eventfd by a reference of its own until the interrupt is over. */
export const signalFromInterrupt: Scenario = ({ thread, interrupt, descriptor, stays }) => {
  const vm = alloc<Kvm>({ users: 1 });
  const eventfd = alloc<Eventfd>({ users: 1 });
  const fd = descriptor<EventfdFile>(alloc<EventfdFile>({ eventfd, refs: 1 }));
  assign(vm, fd);
  get(eventfd.users);
  stays(fd);
  interrupt(() => {
    signal(eventfd);
    put(eventfd.users);
  });
  thread(() => {
    closeFd(fd);
    releaseVm(vm);
  });
};

/** A machine with two irqfds is released while the eventfd of one of them ends. The other goes afterwards. */
export const twoIrqfds: Scenario = ({ thread, descriptor, stays }) => {
  const vm = alloc<Kvm>({ users: 1 });
  const one = alloc<Eventfd>({ users: 1 });
  const other = alloc<Eventfd>({ users: 1 });
  const fd = descriptor<EventfdFile>(alloc<EventfdFile>({ eventfd: one, refs: 1 }));
  const otherFd = descriptor<EventfdFile>(alloc<EventfdFile>({ eventfd: other, refs: 1 }));
  assign(vm, fd);
  assign(vm, otherFd);
  stays(fd, otherFd);
  thread(() => closeFd(fd));
  thread(() => {
    releaseVm(vm);
    closeFd(otherFd);
  });
};

/** An eventfd is closed, or signalled once more, while it is being assigned; assigning may fail half-way. */
export const assignRacesHangUp: Scenario = ({ thread, descriptor, stays }) => {
  const vm = alloc<Kvm>({ users: 1 });
  const eventfd = alloc<Eventfd>({ users: 1 });
  const fd = descriptor<EventfdFile>(alloc<EventfdFile>({ eventfd, refs: 1 }));
  stays(fd);
  thread(() => {
    assign(vm, fd);
    releaseVm(vm);
  });
  thread(() => {
    write(fd);
    closeFd(fd);
  });
};

/** An eventfd is signalled first and assigned afterwards. */
export const assignPending: Scenario = ({ thread, descriptor, stays }) => {
  const vm = alloc<Kvm>({ users: 1 });
  const eventfd = alloc<Eventfd>({ users: 1 });
  const fd = descriptor<EventfdFile>(alloc<EventfdFile>({ eventfd, refs: 1 }));
  signal(eventfd);
  stays(fd);
  thread(() => {
    assign(vm, fd);
    closeFd(fd);
    releaseVm(vm);
  });
};

/** The end is reported together with data. */
export const hangUpWithData: Scenario = ({ thread, descriptor, stays }) => {
  const vm = alloc<Kvm>({ users: 1 });
  const eventfd = alloc<Eventfd>({ hangsUpWithData: true, users: 1 });
  const fd = descriptor<EventfdFile>(alloc<EventfdFile>({ eventfd, refs: 1 }));
  assign(vm, fd);
  stays(fd);
  thread(() => {
    closeFd(fd);
    releaseVm(vm);
  });
};

/** The machine is released and its module unloaded while the eventfd ends. */
export const unloadedAfterwards: Scenario = ({ thread, descriptor, stays }) => {
  const vm = alloc<Kvm>({ users: 1 });
  const eventfd = alloc<Eventfd>({ users: 1 });
  const fd = descriptor<EventfdFile>(alloc<EventfdFile>({ eventfd, refs: 1 }));
  assign(vm, fd);
  stays(fd);
  thread(() => closeFd(fd));
  thread(() => {
    releaseVm(vm);
    unloadKvm();
  });
};
