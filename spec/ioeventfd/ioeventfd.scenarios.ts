/** Smallest situations in which the rules are put to the test. */
import { bug, type Scenario } from '../language.ts';
import { close, createEventfd, readCount } from './eventfd.ts';
import { sendTo } from './io-bus.ts';
import { assignMemory, assignPort, assignPortData, deassignMemory, deassignPort, deassignPortData } from './ioeventfd.ts';
import {
  closeVcpu,
  closeVm,
  createStoppedVcpu,
  createVcpu,
  createVm,
  createVmShortOfMemory,
  readMemory,
  startVcpu,
  updateSlots,
  writePort,
} from './kvm.ts';
import { registerZone, unregisterZones } from './zones.ts';

/** The guest writes while its ioeventfd is deassigned. */
export const writeRacesDeassign: Scenario = ({ thread, stays }) => {
  const vm = createVm();
  const vcpu = createVcpu(vm);
  const fd = createEventfd();
  assignPort(vm, fd, 16, 1);
  stays(vm, vcpu, fd);
  thread(() => writePort(vcpu, 16, 1, 0));
  thread(() => deassignPort(vm, fd, 16, 1));
};

/** When a deassignment has returned, writes of the guest are events no more. */
export const silentAfterDeassign: Scenario = ({ thread, stays }) => {
  const vm = createVm();
  const vcpu = createVcpu(vm);
  const fd = createEventfd();
  assignPort(vm, fd, 16, 1);
  stays(vm, vcpu, fd);
  thread(() => {
    deassignPort(vm, fd, 16, 1);
    if (writePort(vcpu, 16, 1, 0)) bug();
    if (readCount(fd) !== 'EAGAIN') bug();
  });
};

/** The guest writes to one port while another one is assigned: its own bus is replaced under it. */
export const writeRacesAssign: Scenario = ({ thread, stays }) => {
  const vm = createVm();
  const vcpu = createVcpu(vm);
  const fd = createEventfd();
  assignPort(vm, fd, 16, 1);
  stays(vm, vcpu, fd);
  thread(() => {
    // Nothing that is assigned meanwhile makes this one go missing.
    if (!writePort(vcpu, 16, 1, 0)) bug();
  });
  thread(() => assignPort(vm, fd, 17, 1));
};

/** Two values of one port are events; one of them is deassigned, and the other stays. */
export const otherValueStays: Scenario = ({ thread, stays }) => {
  const vm = createVm();
  const vcpu = createVcpu(vm);
  const fd = createEventfd();
  assignPortData(vm, fd, 16, 1, 3);
  assignPortData(vm, fd, 16, 1, 4);
  stays(vm, vcpu, fd);
  thread(() => {
    deassignPortData(vm, fd, 16, 1, 3);
    if (writePort(vcpu, 16, 1, 3)) bug();
    if (!writePort(vcpu, 16, 1, 4)) bug();
  });
};

/** The same port is assigned twice at once. */
export const assignTwice: Scenario = ({ thread, stays }) => {
  const vm = createVm();
  const fd = createEventfd();
  const other = createEventfd();
  stays(vm, fd, other);
  thread(() => assignPort(vm, fd, 16, 1));
  thread(() => assignPortData(vm, other, 16, 1, 3));
};

/** One is assigned while another is deassigned, and two processors write. */
export const twoVcpus: Scenario = ({ thread, stays }) => {
  const vm = createVm();
  const vcpu = createVcpu(vm);
  const other = createVcpu(vm);
  const fd = createEventfd();
  assignPort(vm, fd, 16, 1);
  stays(vm, vcpu, other, fd);
  thread(() => writePort(vcpu, 16, 1, 0));
  thread(() => writePort(other, 17, 1, 0));
  thread(() => deassignPort(vm, fd, 16, 1));
  thread(() => assignPort(vm, fd, 17, 1));
};

/** Memory is short while one of two is deassigned, and the guest writes to the other. */
export const busEndsUnderWrite: Scenario = ({ thread, stays }) => {
  const vm = createVmShortOfMemory();
  const vcpu = createVcpu(vm);
  const fd = createEventfd();
  const other = createEventfd();
  assignPort(vm, fd, 16, 1);
  assignPort(vm, other, 17, 1);
  stays(vm, vcpu, fd, other);
  thread(() => writePort(vcpu, 17, 1, 0));
  thread(() => deassignPort(vm, fd, 16, 1));
};

/** Memory is short while one of two is deassigned; then the machine goes, with what is left of it. */
export const vmGoesAfterTheBus: Scenario = ({ thread, stays }) => {
  const vm = createVmShortOfMemory();
  const fd = createEventfd();
  assignPort(vm, fd, 16, 1);
  assignPort(vm, fd, 17, 1);
  stays(fd);
  thread(() => {
    deassignPort(vm, fd, 16, 1);
    closeVm(vm);
  });
};

/** Memory is short while an ioeventfd is assigned on two buses, and perhaps deassigned. */
export const halfAssigned: Scenario = ({ thread, stays }) => {
  const vm = createVmShortOfMemory();
  const fd = createEventfd();
  stays(vm, fd);
  thread(() => {
    if (assignMemory(vm, fd, 16, 0) === 0) deassignMemory(vm, fd, 16, 0);
  });
};

/** Two zones at one port go together while the guest writes there. */
export const zonesGo: Scenario = ({ thread, stays }) => {
  const vm = createVm();
  const vcpu = createVcpu(vm);
  registerZone(vm, 16);
  registerZone(vm, 16);
  stays(vm, vcpu);
  thread(() => writePort(vcpu, 16, 1, 0));
  thread(() => unregisterZones(vm, 16));
};

/** As before, and memory is short. */
export const zonesGoWithTheBus: Scenario = ({ thread, stays }) => {
  const vm = createVmShortOfMemory();
  const vcpu = createVcpu(vm);
  registerZone(vm, 16);
  registerZone(vm, 16);
  stays(vm, vcpu);
  thread(() => writePort(vcpu, 16, 1, 0));
  thread(() => unregisterZones(vm, 16));
};

/** Another part of the kernel looks a device up while it goes. */
export const lookupRacesDeassign: Scenario = ({ thread, stays }) => {
  const vm = createVm();
  const fd = createEventfd();
  assignPort(vm, fd, 16, 1);
  stays(vm, fd);
  thread(() => sendTo(vm.kvm, 'port', 16));
  thread(() => deassignPort(vm, fd, 16, 1));
};

/** A processor sleeps until it is started, by who assigns an ioeventfd first. */
export const stoppedVcpu: Scenario = ({ thread, stays }) => {
  const vm = createVm();
  const vcpu = createStoppedVcpu(vm);
  const fd = createEventfd();
  stays(vm, vcpu, fd);
  thread(() => writePort(vcpu, 16, 1, 0));
  thread(() => {
    assignPort(vm, fd, 16, 1);
    startVcpu(vcpu);
  });
};

/** One processor changes the slots while another one reads memory, and writes to a port. */
export const slotsReplaced: Scenario = ({ thread, stays }) => {
  const vm = createVm();
  const vcpu = createVcpu(vm);
  const other = createVcpu(vm);
  stays(vm, vcpu, other);
  thread(() => {
    if (!readMemory(vcpu)) bug();
    writePort(vcpu, 16, 1, 0);
  });
  thread(() => updateSlots(other));
};

/** The machine is closed while its processor still writes: the processor's descriptor keeps it. */
export const vmClosedUnderWrite: Scenario = ({ thread, stays }) => {
  const vm = createVm();
  const vcpu = createVcpu(vm);
  const fd = createEventfd();
  assignPort(vm, fd, 16, 1);
  stays(fd);
  thread(() => {
    writePort(vcpu, 16, 1, 0);
    closeVcpu(vcpu);
  });
  thread(() => {
    closeVm(vm);
    close(fd);
  });
};
