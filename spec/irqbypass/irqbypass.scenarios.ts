/** Smallest situations in which the rules are put to the test. */
import { bug, get, type Scenario } from '../language.ts';
import { clearTrigger, openDevice, openDeviceThatCannotPost, setTrigger } from './device.ts';
import { assign, deassign } from './irqfd.ts';
import { closeVm, createEventfd, createVm, setRouting } from './kvm.ts';
import { fire, isPosted } from './line.ts';

/** Both sides come at once. */
export const bothRegister: Scenario = ({ thread, stays }) => {
  const vm = createVm('msi');
  const device = openDevice();
  const eventfd = createEventfd();
  stays(vm, device, eventfd);
  thread(() => setTrigger(device, eventfd));
  thread(() => assign(vm, eventfd));
};

/** Both sides go at once. */
export const bothUnregister: Scenario = ({ thread, stays }) => {
  const vm = createVm('msi');
  const device = openDevice();
  const eventfd = createEventfd();
  setTrigger(device, eventfd);
  assign(vm, eventfd);
  stays(device, eventfd);
  thread(() => clearTrigger(device));
  thread(() => {
    deassign(vm, eventfd);
    closeVm(vm);
  });
};

/** When both sides have come, in whichever order, the line is posted. */
export const postedWhenBothAreThere: Scenario = ({ thread, choose, stays }) => {
  const vm = createVm('msi');
  const device = openDevice();
  const eventfd = createEventfd();
  stays(vm, device, eventfd);
  thread(() => {
    choose(
      () => {
        setTrigger(device, eventfd);
        assign(vm, eventfd);
      },
      () => {
        assign(vm, eventfd);
        setTrigger(device, eventfd);
      },
    );
    if (!isPosted(device.line)) bug();
  });
};

/** When the irqfd has been deassigned, the host has its line again. */
export const hostHasItAgain: Scenario = ({ thread, stays }) => {
  const vm = createVm('msi');
  const device = openDevice();
  const eventfd = createEventfd();
  setTrigger(device, eventfd);
  assign(vm, eventfd);
  stays(vm, device, eventfd);
  thread(() => {
    deassign(vm, eventfd);
    if (isPosted(device.line)) bug();
  });
};

/** The irqfd is deassigned while it is assigned. */
export const assignRacesDeassign: Scenario = ({ thread, stays }) => {
  const vm = createVm('msi');
  const device = openDevice();
  const eventfd = createEventfd();
  setTrigger(device, eventfd);
  stays(vm, device, eventfd);
  thread(() => assign(vm, eventfd));
  thread(() => deassign(vm, eventfd));
};

/** The routing changes while the irqfd is assigned. */
export const routingRacesAssign: Scenario = ({ thread, stays }) => {
  const vm = createVm('msi');
  const device = openDevice();
  const eventfd = createEventfd();
  setTrigger(device, eventfd);
  stays(vm, device, eventfd);
  thread(() => assign(vm, eventfd));
  thread(() => setRouting(vm.kvm, 'pin'));
};

/** Two set the same device's trigger, and the device's interrupt is posted. */
export const twoSetTriggers: Scenario = ({ thread, stays }) => {
  const vm = createVm('msi');
  const device = openDevice();
  const eventfd = createEventfd();
  assign(vm, eventfd);
  stays(vm, device, eventfd);
  thread(() => setTrigger(device, eventfd));
  thread(() => clearTrigger(device));
};

/** The routing changes while the device's side comes or goes. */
export const routingRacesProducer: Scenario = ({ thread, stays }) => {
  const vm = createVm('msi');
  const device = openDevice();
  const eventfd = createEventfd();
  assign(vm, eventfd);
  stays(vm, device, eventfd);
  thread(() => {
    setTrigger(device, eventfd);
    clearTrigger(device);
  });
  thread(() => setRouting(vm.kvm, 'pin'));
};

/** The routing changes while the irqfd goes, and then the machine. */
export const routingRacesDeassign: Scenario = ({ thread, stays }) => {
  const vm = createVm('msi');
  const device = openDevice();
  const eventfd = createEventfd();
  setTrigger(device, eventfd);
  assign(vm, eventfd);
  get(vm.refs);
  stays(device, eventfd);
  thread(() => {
    deassign(vm, eventfd);
    closeVm(vm);
  });
  thread(() => {
    setRouting(vm.kvm, 'pin');
    closeVm(vm);
  });
};

/** The device interrupts while the machine goes. */
export const interruptRacesRelease: Scenario = ({ thread, interrupt, stays }) => {
  const vm = createVm('msi');
  const device = openDevice();
  const eventfd = createEventfd();
  setTrigger(device, eventfd);
  assign(vm, eventfd);
  stays(device, eventfd);
  interrupt(() => fire(device.line));
  thread(() => closeVm(vm));
};

/** The line cannot be posted: there is no bypass, and nothing of it is left when the device's side goes. */
export const cannotPost: Scenario = ({ thread, stays }) => {
  const vm = createVm('msi');
  const device = openDeviceThatCannotPost();
  const eventfd = createEventfd();
  assign(vm, eventfd);
  stays(vm, device, eventfd);
  thread(() => {
    setTrigger(device, eventfd);
    clearTrigger(device);
  });
  thread(() => setRouting(vm.kvm, 'pin'));
};

/** Two machines have the same eventfd: the second has no bypass, and leaves the first one its own. */
export const twoConsumers: Scenario = ({ thread, stays }) => {
  const vm = createVm('msi');
  const other = createVm('msi');
  const device = openDevice();
  const eventfd = createEventfd();
  setTrigger(device, eventfd);
  assign(vm, eventfd);
  stays(vm, device, eventfd);
  thread(() => {
    assign(other, eventfd);
    closeVm(other);
  });
  thread(() => setRouting(vm.kvm, 'pin'));
};

/** Two devices have the same eventfd: the second has no bypass, and leaves the first one its own. */
export const twoProducers: Scenario = ({ thread, stays }) => {
  const vm = createVm('msi');
  const device = openDevice();
  const other = openDevice();
  const eventfd = createEventfd();
  setTrigger(device, eventfd);
  assign(vm, eventfd);
  stays(vm, device, other, eventfd);
  thread(() => {
    setTrigger(other, eventfd);
    clearTrigger(other);
  });
  thread(() => clearTrigger(device));
};

/** A trigger is exchanged for another while the other one is assigned to a second machine, and the first machine goes. */
export const exchangedBetweenMachines: Scenario = ({ thread, stays }) => {
  const vm = createVm('msi');
  const other = createVm('msi');
  const device = openDevice();
  const eventfd = createEventfd();
  const second = createEventfd();
  setTrigger(device, eventfd);
  assign(vm, eventfd);
  stays(other, device, eventfd, second);
  thread(() => setTrigger(device, second));
  thread(() => assign(other, second));
  thread(() => closeVm(vm));
};
