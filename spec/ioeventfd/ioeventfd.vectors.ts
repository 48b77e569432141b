/** What callers may do from outside, in few enough ways to try all of them: conformance vectors are made of these. */
import type { Scenario } from '../language.ts';
import { close, createEventfd, openOtherFile, readCount } from './eventfd.ts';
import {
  assignMemory,
  assignPort,
  assignPortData,
  assignPortWithFlags,
  deassignMemory,
  deassignPort,
  deassignPortData,
} from './ioeventfd.ts';
import { closeVm, createVcpu, createVm, writePort } from './kvm.ts';
import { registerZone, unregisterZones } from './zones.ts';

// ---- One caller

/** One port and one eventfd, three calls. */
export const onePort: Scenario = ({ thread, choose, stays }) => {
  const vm = createVm();
  const vcpu = createVcpu(vm);
  const fd = createEventfd();
  stays(vm, vcpu, fd);
  thread(() => {
    for (let i = 0; i < 3; i += 1) {
      choose(
        () => assignPort(vm, fd, 16, 1),
        () => deassignPort(vm, fd, 16, 1),
        () => writePort(vcpu, 16, 1, 3),
        () => readCount(fd),
        () => close(fd),
      );
    }
  });
};

/** As before, four calls of the four that matter most. */
export const onePortLonger: Scenario = ({ thread, choose, stays }) => {
  const vm = createVm();
  const vcpu = createVcpu(vm);
  const fd = createEventfd();
  stays(vm, vcpu, fd);
  thread(() => {
    for (let i = 0; i < 4; i += 1) {
      choose(
        () => assignPort(vm, fd, 16, 1),
        () => deassignPort(vm, fd, 16, 1),
        () => writePort(vcpu, 16, 1, 3),
        () => readCount(fd),
      );
    }
  });
};

/** What is in the way of what at one port: lengths and values. */
export const inTheWay: Scenario = ({ thread, choose, stays }) => {
  const vm = createVm();
  const fd = createEventfd();
  const other = createEventfd();
  stays(vm, fd, other);
  thread(() => {
    choose(
      () => assignPort(vm, fd, 16, 0),
      () => assignPort(vm, fd, 16, 1),
      () => assignPortData(vm, fd, 16, 1, 3),
    );
    choose(
      () => assignPort(vm, other, 16, 0),
      () => assignPort(vm, other, 16, 1),
      () => assignPort(vm, other, 16, 2),
      () => assignPort(vm, other, 17, 1),
      () => assignPortData(vm, other, 16, 1, 3),
      () => assignPortData(vm, other, 16, 1, 4),
      () => assignMemory(vm, other, 16, 1),
    );
  });
};

/** What is in the way of what in memory, where the length may not matter. */
export const inTheWayInMemory: Scenario = ({ thread, choose, stays }) => {
  const vm = createVm();
  const fd = createEventfd();
  stays(vm, fd);
  thread(() => {
    choose(
      () => assignMemory(vm, fd, 16, 0),
      () => assignMemory(vm, fd, 16, 4),
    );
    choose(
      () => assignMemory(vm, fd, 16, 0),
      () => assignMemory(vm, fd, 16, 4),
      () => assignMemory(vm, fd, 16, 8),
      () => assignPort(vm, fd, 16, 0),
    );
  });
};

/** Which writes are whose. */
export const whoseWrite: Scenario = ({ thread, choose, stays }) => {
  const vm = createVm();
  const vcpu = createVcpu(vm);
  const fd = createEventfd();
  const other = createEventfd();
  stays(vm, vcpu, fd, other);
  thread(() => {
    choose(
      () => assignPort(vm, fd, 16, 0),
      () => assignPort(vm, fd, 16, 2),
      () => assignPortData(vm, fd, 16, 1, 4),
      () => assignMemory(vm, fd, 16, 1),
    );
    assignPortData(vm, other, 16, 1, 3);
    choose(
      () => writePort(vcpu, 16, 1, 3),
      () => writePort(vcpu, 16, 1, 4),
      () => writePort(vcpu, 16, 1, 5),
      () => writePort(vcpu, 16, 2, 3),
      () => writePort(vcpu, 17, 1, 3),
    );
    choose(
      () => readCount(fd),
      () => readCount(other),
    );
  });
};

/** What must be the same to deassign it. */
export const sameToDeassign: Scenario = ({ thread, choose, stays }) => {
  const vm = createVm();
  const fd = createEventfd();
  const other = createEventfd();
  stays(vm, fd, other);
  thread(() => {
    choose(
      () => assignPort(vm, fd, 16, 1),
      () => assignPortData(vm, fd, 16, 1, 3),
      () => assignMemory(vm, fd, 16, 0),
      () => assignMemory(vm, fd, 16, 1),
    );
    for (let i = 0; i < 2; i += 1) {
      choose(
        () => deassignPort(vm, fd, 16, 1),
        () => deassignPort(vm, fd, 16, 0),
        () => deassignPort(vm, fd, 17, 1),
        () => deassignPort(vm, other, 16, 1),
        () => deassignPortData(vm, fd, 16, 1, 3),
        () => deassignPortData(vm, fd, 16, 1, 4),
        () => deassignMemory(vm, fd, 16, 0),
        () => deassignMemory(vm, fd, 16, 1),
      );
    }
  });
};

/** The length does not matter, and the device is on two buses: after it was deassigned nothing is in the way on either. */
export const anyLengthAgain: Scenario = ({ thread, choose, stays }) => {
  const vm = createVm();
  const fd = createEventfd();
  stays(vm, fd);
  thread(() => {
    assignMemory(vm, fd, 16, 0);
    deassignMemory(vm, fd, 16, 0);
    choose(
      () => assignMemory(vm, fd, 16, 0),
      () => assignMemory(vm, fd, 16, 4),
      () => deassignMemory(vm, fd, 16, 0),
    );
  });
};

/** Arguments that are wrong. The last descriptor is closed, the last but one is no eventfd. */
export const wrongArguments: Scenario = ({ thread, choose, stays }) => {
  const vm = createVm();
  const fd = createEventfd();
  const other = openOtherFile();
  const closed = createEventfd();
  close(closed);
  stays(vm, fd, other, closed);
  thread(() => {
    for (let i = 0; i < 2; i += 1) {
      choose(
        () => assignPort(vm, fd, 16, 3),
        () => assignPort(vm, closed, 16, 1),
        () => assignPort(vm, other, 16, 1),
        () => assignPort(vm, closed, 16, 3),
        () => assignPortData(vm, fd, 16, 0, 3),
        () => assignPortWithFlags(vm, fd, 16, 2),
        () => assignPortWithFlags(vm, fd, 16, 34),
        () => assignMemory(vm, fd, 16, 7),
        () => assignMemory(vm, closed, 16, 0),
        () => deassignPort(vm, fd, 16, 3),
        () => deassignPort(vm, closed, 16, 1),
        () => deassignPort(vm, other, 16, 1),
        () => deassignMemory(vm, other, 16, 0),
        () => close(closed),
        () => close(other),
      );
    }
  });
};

/** Zones and ioeventfds at one port: neither is in the other's way. */
export const zones: Scenario = ({ thread, choose, stays }) => {
  const vm = createVm();
  const vcpu = createVcpu(vm);
  const fd = createEventfd();
  stays(vm, vcpu, fd);
  thread(() => {
    registerZone(vm, 16);
    for (let i = 0; i < 2; i += 1) {
      choose(
        () => registerZone(vm, 16),
        () => unregisterZones(vm, 16),
        () => unregisterZones(vm, 17),
        () => assignPort(vm, fd, 17, 1),
        () => writePort(vcpu, 17, 1, 3),
        () => writePort(vcpu, 16, 1, 3),
      );
    }
  });
};

/** Two machines share an eventfd: what is assigned in one is in nobody's way in the other. */
export const twoVms: Scenario = ({ thread, choose, stays }) => {
  const vm = createVm();
  const other = createVm();
  const fd = createEventfd();
  stays(other, fd);
  thread(() => {
    assignPort(vm, fd, 16, 1);
    choose(
      () => assignPort(other, fd, 16, 1),
      () => deassignPort(other, fd, 16, 1),
      () => close(fd),
    );
    closeVm(vm);
    choose(
      () => deassignPort(other, fd, 16, 1),
      () => assignPort(other, fd, 16, 1),
    );
  });
};

// ---- Several callers at once

/** The same port twice at once. */
export const bothAssign: Scenario = ({ thread, choose, stays }) => {
  const vm = createVm();
  const fd = createEventfd();
  const other = createEventfd();
  stays(vm, fd, other);
  thread(() => assignPort(vm, fd, 16, 1));
  thread(() => {
    choose(
      () => assignPort(vm, other, 16, 1),
      () => assignPort(vm, other, 16, 2),
      () => deassignPort(vm, fd, 16, 1),
      () => close(fd),
    );
  });
};

/** The guest writes while its ioeventfd goes, or another one comes. */
export const guestAtOnce: Scenario = ({ thread, choose, stays }) => {
  const vm = createVm();
  const vcpu = createVcpu(vm);
  const fd = createEventfd();
  const other = createEventfd();
  assignPort(vm, fd, 16, 1);
  stays(vm, vcpu, fd, other);
  thread(() => {
    writePort(vcpu, 16, 1, 3);
    readCount(fd);
  });
  thread(() => {
    choose(
      () => deassignPort(vm, fd, 16, 1),
      () => assignPort(vm, other, 17, 1),
      () => readCount(fd),
    );
  });
};
