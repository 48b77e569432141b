/** What callers may do from outside, in few enough ways to try all of them: conformance vectors are made of these. */
import type { Scenario } from '../language.ts';
import { close, createEventfd, createEventfdWith, openOtherFile, readCount, signal } from './eventfd.ts';
import { assign, assignResample, assignWithFlags, deassign } from './irqfd.ts';
import { closeVm, createInterruptController, createVm, pendingInterrupt, updateRouting } from './kvm.ts';

// ---- One caller

/** One machine and one eventfd, three calls. */
export const oneOfEach: Scenario = ({ thread, choose, stays }) => {
  const vm = createVm();
  createInterruptController(vm);
  const fd = createEventfd();
  stays(vm, fd);
  thread(() => {
    for (let i = 0; i < 3; i += 1) {
      choose(
        () => assign(vm, fd, 5),
        () => deassign(vm, fd, 5),
        () => signal(fd),
        () => readCount(fd),
        () => close(fd),
        () => pendingInterrupt(vm, 5),
      );
    }
  });
};

/** One machine and one eventfd, four calls of the four that matter most. */
export const fourCalls: Scenario = ({ thread, choose, stays }) => {
  const vm = createVm();
  createInterruptController(vm);
  const fd = createEventfd();
  stays(vm, fd);
  thread(() => {
    for (let i = 0; i < 4; i += 1) {
      choose(
        () => assign(vm, fd, 5),
        () => deassign(vm, fd, 5),
        () => signal(fd),
        () => pendingInterrupt(vm, 5),
      );
    }
  });
};

/** An eventfd that has counted an event before it is assigned. */
export const eventBefore: Scenario = ({ thread, choose, stays }) => {
  const vm = createVm();
  createInterruptController(vm);
  const fd = createEventfdWith(1);
  stays(vm, fd);
  thread(() => {
    for (let i = 0; i < 3; i += 1) {
      choose(
        () => assign(vm, fd, 5),
        () => deassign(vm, fd, 5),
        () => signal(fd),
        () => readCount(fd),
        () => pendingInterrupt(vm, 5),
      );
    }
  });
};

/** Two machines want one eventfd. */
export const twoVms: Scenario = ({ thread, choose, stays }) => {
  const vm = createVm();
  const other = createVm();
  createInterruptController(vm);
  createInterruptController(other);
  const fd = createEventfd();
  stays(vm, other, fd);
  thread(() => {
    for (let i = 0; i < 3; i += 1) {
      choose(
        () => assign(vm, fd, 5),
        () => assign(other, fd, 6),
        () => deassign(vm, fd, 5),
        () => deassign(other, fd, 6),
        () => close(fd),
      );
    }
  });
};

/** Two eventfds for one machine, on one line or on two. */
export const twoEventfds: Scenario = ({ thread, choose, stays }) => {
  const vm = createVm();
  createInterruptController(vm);
  const fd = createEventfd();
  const other = createEventfd();
  assign(vm, fd, 5);
  stays(vm, fd, other);
  thread(() => {
    for (let i = 0; i < 3; i += 1) {
      choose(
        () => assign(vm, other, 5),
        () => assign(vm, fd, 6),
        () => deassign(vm, fd, 6),
        () => deassign(vm, fd, 5),
        () => signal(other),
        () => pendingInterrupt(vm, 5),
      );
    }
  });
};

/** A flag that does not exist yet, before and after the eventfd is assigned. */
export const unknownFlag: Scenario = ({ thread, stays }) => {
  const vm = createVm();
  createInterruptController(vm);
  const fd = createEventfd();
  stays(vm, fd);
  thread(() => {
    assignWithFlags(vm, fd, 5, 4);
    assignWithFlags(vm, fd, 5, 0);
    assignWithFlags(vm, fd, 5, 8);
  });
};

/** Arguments that are wrong, or look so. The last descriptor is closed, the last but one is no eventfd. */
export const wrongArguments: Scenario = ({ thread, choose, stays }) => {
  const vm = createVm();
  createInterruptController(vm);
  const bare = createVm();
  const fd = createEventfd();
  const other = openOtherFile();
  const closed = createEventfd();
  close(closed);
  stays(vm, bare, fd, other, closed);
  thread(() => {
    for (let i = 0; i < 2; i += 1) {
      choose(
        () => assign(vm, fd, 5),
        () => assign(vm, fd, 30),
        () => assign(bare, fd, 5),
        () => assign(vm, closed, 5),
        () => assign(vm, other, 5),
        () => assignWithFlags(vm, fd, 5, 4),
        () => deassign(vm, fd, 5),
        () => deassign(bare, fd, 5),
        () => deassign(vm, closed, 5),
        () => deassign(vm, other, 5),
        () => signal(closed),
        () => readCount(closed),
        () => close(closed),
        () => close(other),
        () => updateRouting(bare),
        () => createInterruptController(vm),
      );
    }
  });
};

/** Level-triggered interrupts, and what can be wrong with their second descriptor. */
export const resample: Scenario = ({ thread, choose, stays }) => {
  const vm = createVm();
  createInterruptController(vm);
  const fd = createEventfd();
  const resampleFd = createEventfd();
  const other = openOtherFile();
  const closed = createEventfd();
  close(closed);
  stays(vm, fd, resampleFd, other, closed);
  thread(() => {
    for (let i = 0; i < 2; i += 1) {
      choose(
        () => assignResample(vm, fd, 5, resampleFd),
        () => assignResample(vm, fd, 5, closed),
        () => assignResample(vm, fd, 5, other),
        () => assignResample(vm, resampleFd, 5, fd),
        () => assign(vm, fd, 5),
        () => deassign(vm, fd, 5),
        () => signal(fd),
        () => close(resampleFd),
        () => readCount(resampleFd),
        () => pendingInterrupt(vm, 5),
      );
    }
  });
};

/** The routing is replaced under an irqfd. */
export const routingReplaced: Scenario = ({ thread, choose, stays }) => {
  const vm = createVm();
  createInterruptController(vm);
  const fd = createEventfd();
  stays(vm, fd);
  thread(() => {
    for (let i = 0; i < 3; i += 1) {
      choose(
        () => assign(vm, fd, 5),
        () => deassign(vm, fd, 5),
        () => signal(fd),
        () => updateRouting(vm),
        () => pendingInterrupt(vm, 5),
      );
    }
  });
};

/** The machine goes, with or without an irqfd; what is left of the eventfd is looked at afterwards. */
export const afterTheVm: Scenario = ({ thread, choose, stays }) => {
  const vm = createVm();
  const other = createVm();
  createInterruptController(vm);
  createInterruptController(other);
  const fd = createEventfd();
  stays(other, fd);
  thread(() => {
    choose(
      () => assign(vm, fd, 5),
      () => assign(other, fd, 5),
    );
    choose(
      () => signal(fd),
      () => deassign(vm, fd, 5),
      () => close(fd),
    );
    closeVm(vm);
    choose(
      () => assign(other, fd, 5),
      () => deassign(other, fd, 5),
      () => readCount(fd),
      () => signal(fd),
      () => close(fd),
    );
  });
};

// ---- Several callers at once

/** One assigns or deassigns while another does the same, signals or closes. */
export const twoCallers: Scenario = ({ thread, choose, stays }) => {
  const vm = createVm();
  createInterruptController(vm);
  const fd = createEventfd();
  stays(vm, fd);
  thread(() => {
    choose(
      () => assign(vm, fd, 5),
      () => deassign(vm, fd, 5),
    );
  });
  thread(() => {
    choose(
      () => assign(vm, fd, 6),
      () => deassign(vm, fd, 5),
      () => signal(fd),
      () => close(fd),
    );
  });
};

/** An assigned eventfd is deassigned or closed while another does that too, signals, reads, or asks for the interrupt. */
export const twoCallersAssigned: Scenario = ({ thread, choose, stays }) => {
  const vm = createVm();
  createInterruptController(vm);
  const fd = createEventfd();
  assign(vm, fd, 5);
  stays(vm, fd);
  thread(() => {
    choose(
      () => deassign(vm, fd, 5),
      () => close(fd),
    );
  });
  thread(() => {
    choose(
      () => assign(vm, fd, 5),
      () => deassign(vm, fd, 5),
      () => signal(fd),
      () => readCount(fd),
      () => close(fd),
      () => pendingInterrupt(vm, 5),
    );
  });
};

/** Two machines are given one eventfd at once. */
export const twoVmsAtOnce: Scenario = ({ thread, choose, stays }) => {
  const vm = createVm();
  const other = createVm();
  createInterruptController(vm);
  createInterruptController(other);
  const fd = createEventfd();
  stays(vm, other, fd);
  thread(() => assign(vm, fd, 5));
  thread(() => {
    choose(
      () => assign(other, fd, 5),
      () => deassign(other, fd, 5),
    );
  });
};

/** Assigning, deassigning and closing, all at once. */
export const threeCallers: Scenario = ({ thread, choose, stays }) => {
  const vm = createVm();
  createInterruptController(vm);
  const fd = createEventfd();
  stays(vm, fd);
  thread(() => assign(vm, fd, 5));
  thread(() => deassign(vm, fd, 5));
  thread(() => {
    choose(
      () => signal(fd),
      () => close(fd),
    );
  });
};

/** An eventfd is signalled while it is assigned; afterwards either the interrupt came, or the event came too late for it. */
export const signalDuringAssign: Scenario = ({ thread, stays }) => {
  const vm = createVm();
  createInterruptController(vm);
  const fd = createEventfd();
  stays(vm, fd);
  thread(() => {
    assign(vm, fd, 5);
    deassign(vm, fd, 5);
    pendingInterrupt(vm, 5);
  });
  thread(() => signal(fd));
};

/** The routing table is replaced while an interrupt goes through the old one. */
export const routingDuringSignal: Scenario = ({ thread, choose, stays }) => {
  const vm = createVm();
  createInterruptController(vm);
  const fd = createEventfd();
  assign(vm, fd, 5);
  stays(vm, fd);
  thread(() => updateRouting(vm));
  thread(() => {
    choose(
      () => signal(fd),
      () => updateRouting(vm),
      () => deassign(vm, fd, 5),
    );
    pendingInterrupt(vm, 5);
  });
};
