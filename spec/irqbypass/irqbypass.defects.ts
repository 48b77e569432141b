/** What must not be done when the two sides of a bypass come and go. */
import {
  always,
  assertHeld,
  type Defect,
  flushQueue,
  free,
  get,
  lock,
  lockIrq,
  put,
  queue,
  readLock,
  readUnlock,
  synchronize,
  unlock,
  unlockIrq,
} from '../language.ts';
import * as devices from './device.ts';
import * as scenarios from './irqbypass.scenarios.ts';
import type { Spec } from './irqbypass.spec.ts';
import * as bypasses from './irqbypass.ts';
import * as irqfds from './irqfd.ts';
import * as kvms from './kvm.ts';
import * as lines from './line.ts';

// ---- The machine's side

/**
 * The machine's note of the producer is written without the lock under which a change of the routing reads it.
 * @source Linux f1fb088d9cec, "KVM: x86: Take irqfds.lock when adding/deleting IRQ bypass producer"
 * @fact D422
 */
export const notedWithoutListLock: Defect<Spec> = {
  breaks: [
    { rule: irqfds.irqfdGuards, in: scenarios.routingRacesProducer },
    { rule: kvms.messagesArePosted, in: scenarios.routingRacesProducer },
  ],
  instead: {
    addProducer: (irqfd, producer) => {
      irqfd.producer = producer;
      const result = irqfd.route === 'msi' ? lines.post(producer.line, irqfd.kvm) : 0;
      if (result !== 0) irqfd.producer = null;
      return result;
    },
    deleteProducer: (irqfd, producer) => {
      irqfd.producer = null;
      if (irqfd.route === 'msi') lines.post(producer.line, null);
    },
  },
};

/**
 * Who deassigns clears the route, to keep a change of the routing from it. So the line is not known to be posted, and stays so when the irqfd and the machine go.
 * @source Linux b4d37cdb77a0, "KVM: Don't clobber irqfd routing type when deassigning irqfd", CVE-2026-23198
 */
export const routeClobbered: Defect<Spec> = {
  breaks: [
    { rule: bypasses.postedIsConnected, in: scenarios.bothUnregister },
    { rule: lines.postedMachineIsAlive, in: scenarios.bothUnregister },
  ],
  instead: {
    deassign: (vm, eventfd) => {
      const kvm = vm.kvm;
      lockIrq(kvm.irqfdsLock);
      for (const irqfd of kvm.irqfds) {
        if (irqfd.eventfd === eventfd) {
          irqfd.route = 'pin';
          irqfds.deactivate(irqfd);
        }
      }
      unlockIrq(kvm.irqfdsLock);
      flushQueue(kvms.kvmModule.cleanupQueue);
    },
  },
};

/**
 * The line cannot be posted, and the machine's note of the producer stays. The producer goes with its vector, and a change of the routing follows the note.
 * @source Linux 6.18.40, "KVM: x86: Nullify irqfd->producer if updating IRTE for bypass fails", CVE-2026-72283
 */
export const failureLeavesNote: Defect<Spec> = {
  breaks: [
    { rule: devices.producerOfIrqfdIsAlive, in: scenarios.cannotPost },
    { rule: always.neverTouchedAfterFree, in: scenarios.cannotPost },
  ],
  instead: {
    addProducer: (irqfd, producer) => {
      const kvm = irqfd.kvm;
      lockIrq(kvm.irqfdsLock);
      irqfd.producer = producer;
      const result = irqfd.route === 'msi' ? lines.post(producer.line, kvm) : 0;
      unlockIrq(kvm.irqfdsLock);
      return result;
    },
  },
};

/**
 * A change of the routing does not look at the bypass.
 * @source no known occurrence: Linux 6.17, virt/kvm/eventfd.c, kvm_irq_routing_update(), kvm_arch_update_irqfd_routing()
 */
export const routingLeavesLine: Defect<Spec> = {
  breaks: [{ rule: kvms.messagesArePosted, in: scenarios.routingRacesDeassign }],
  instead: {
    updateRoute: irqfd => {
      assertHeld(irqfd.kvm.irqfdsLock);
      irqfd.route = irqfd.kvm.routing.route;
    },
  },
};

/**
 * An irqfd is assigned with the route that it would have had at first.
 * @source no known occurrence: Linux 6.17, virt/kvm/eventfd.c, kvm_irqfd_register(), irqfd_update()
 */
export const routeNotLookedUp: Defect<Spec> = {
  breaks: [{ rule: kvms.routesAgree, in: scenarios.routingRacesAssign }],
  instead: {
    assign: (vm, eventfd) => {
      const kvm = vm.kvm;
      get(eventfd.refs);
      const irqfd = irqfds.newIrqfd(kvm, eventfd);
      readLock(kvm.irqSrcu);
      lockIrq(kvm.irqfdsLock);
      kvm.irqfds.add(irqfd);
      unlockIrq(kvm.irqfdsLock);
      bypasses.registerConsumer(irqfd);
      readUnlock(kvm.irqSrcu);
    },
  },
};

/**
 * Deassigning returns before the host has its line again.
 * @source no known occurrence: Linux 6.17, virt/kvm/eventfd.c, kvm_irqfd_deassign(), flush_workqueue()
 */
export const deassignDoesNotWait: Defect<Spec> = {
  breaks: [{ rule: always.bugNeverReached, in: scenarios.hostHasItAgain }],
  instead: {
    deassign: (vm, eventfd) => {
      const kvm = vm.kvm;
      lockIrq(kvm.irqfdsLock);
      for (const irqfd of kvm.irqfds) {
        if (irqfd.eventfd === eventfd) irqfds.deactivate(irqfd);
      }
      unlockIrq(kvm.irqfdsLock);
    },
  },
};

/**
 * The list of irqfds is locked before the routing.
 * @source no known occurrence: Linux 6.17, virt/kvm/irqchip.c, kvm_set_irq_routing()
 */
export const listLockedBeforeRouting: Defect<Spec> = {
  breaks: [{ rule: kvms.routingOrder, in: scenarios.routingRacesProducer }],
  instead: {
    setRouting: (kvm, route) => {
      const table = kvms.newTable(route);
      lockIrq(kvm.irqfdsLock);
      lock(kvm.irqLock);
      const old = kvm.routing;
      kvm.routing = table;
      for (const irqfd of kvm.irqfds) irqfds.updateRoute(irqfd);
      unlock(kvm.irqLock);
      unlockIrq(kvm.irqfdsLock);
      synchronize(kvm.irqSrcu);
      free(old);
    },
  },
};

/**
 * The machine goes before its irqfds are gone: the line is posted to what is not there.
 * @source no known occurrence: Linux 6.17, virt/kvm/eventfd.c, kvm_irqfd_release(), flush_workqueue()
 */
export const vmPutBeforeFlush: Defect<Spec> = {
  breaks: [
    { rule: lines.postedMachineIsAlive, in: scenarios.interruptRacesRelease },
    { rule: always.neverTouchedAfterFree, in: scenarios.interruptRacesRelease },
  ],
  instead: {
    releaseVm: file => {
      const kvm = file.kvm;
      lockIrq(kvm.irqfdsLock);
      for (const irqfd of kvm.irqfds) irqfds.deactivate(irqfd);
      unlockIrq(kvm.irqfdsLock);
      put(kvm.users);
      flushQueue(kvms.kvmModule.cleanupQueue);
      free(file);
    },
  },
};

/**
 * The list is gone through without its lock, while another takes an irqfd off it.
 * @source no known occurrence: Linux 6.17, virt/kvm/eventfd.c, kvm_irqfd_deassign(), spin_lock_irq()
 */
export const deactivatedWithoutLock: Defect<Spec> = {
  breaks: [
    { rule: kvms.kvmGuards, in: scenarios.assignRacesDeassign },
    { rule: irqfds.deactivatedOnce, in: scenarios.assignRacesDeassign },
  ],
  instead: {
    deassign: (vm, eventfd) => {
      const kvm = vm.kvm;
      for (const irqfd of kvm.irqfds) {
        if (irqfd.eventfd === eventfd) {
          kvm.irqfds.delete(irqfd);
          queue(irqfd.shutdown, kvms.kvmModule.cleanupQueue);
        }
      }
      flushQueue(kvms.kvmModule.cleanupQueue);
    },
  },
};

/**
 * Who takes an irqfd off the list ends its bypass at once, under the list's spinlock.
 * @source no known occurrence: Linux 6.17, virt/kvm/eventfd.c, irqfd_shutdown(), which ends the bypass from a work item
 */
export const endedUnderListLock: Defect<Spec> = {
  breaks: [
    { rule: bypasses.connectOrder, in: scenarios.bothUnregister },
    { rule: always.neverSleepsInAtomic, in: scenarios.bothUnregister },
  ],
  instead: {
    deactivate: irqfd => {
      assertHeld(irqfd.kvm.irqfdsLock);
      irqfd.kvm.irqfds.delete(irqfd);
      lock(bypasses.bypass.lock);
      bypasses.bypass.consumers.delete(irqfd);
      unlock(bypasses.bypass.lock);
      queue(irqfd.shutdown, kvms.kvmModule.cleanupQueue);
    },
  },
};

/**
 * An irqfd goes, and stays registered.
 * @source no known occurrence: Linux 6.17, virt/kvm/eventfd.c, irqfd_shutdown(), irq_bypass_unregister_consumer()
 */
export const consumerStaysRegistered: Defect<Spec> = {
  breaks: [{ rule: always.freedWhenIdle, in: scenarios.bothUnregister }],
  instead: {
    shutDown: irqfd => {
      synchronize(irqfd.kvm.irqSrcu);
      put(irqfd.eventfd.refs);
      free(irqfd);
    },
  },
};

/**
 * Shutting down does not wait for the assignment, which registers what was freed.
 * @source no known occurrence: Linux 6.17, virt/kvm/eventfd.c, irqfd_shutdown(), synchronize_srcu_expedited()
 */
export const assignmentNotAwaited: Defect<Spec> = {
  breaks: [{ rule: always.neverTouchedAfterFree, in: scenarios.assignRacesDeassign }],
  instead: {
    shutDown: irqfd => {
      bypasses.unregisterConsumer(irqfd);
      put(irqfd.eventfd.refs);
      free(irqfd);
    },
  },
};

// ---- Both sides

/**
 * The assignment is waited for under the mutex that it takes.
 * @source no known occurrence: Linux 6.17, virt/kvm/eventfd.c, irqfd_shutdown(), synchronize_srcu_expedited()
 */
export const assignmentAwaitedUnderMutex: Defect<Spec> = {
  breaks: [
    { rule: bypasses.registeredByReader, in: scenarios.assignRacesDeassign },
    { rule: always.everyWaitEnds, in: scenarios.assignRacesDeassign },
  ],
  instead: {
    shutDown: irqfd => {
      lock(bypasses.bypass.lock);
      synchronize(irqfd.kvm.irqSrcu);
      unlock(bypasses.bypass.lock);
      bypasses.unregisterConsumer(irqfd);
      put(irqfd.eventfd.refs);
      free(irqfd);
    },
  },
};

/**
 * Who is taken off is looked for by its eventfd. One whose registration failed, because another was there first, takes that other one off.
 * @source Linux 4f3dbdf47e15, "KVM: eventfd: fix NULL deref irqbypass consumer", where it was the list that broke
 */
export const unregisteredByEventfd: Defect<Spec> = {
  breaks: [{ rule: kvms.messagesArePosted, in: scenarios.twoConsumers }],
  instead: {
    unregisterConsumer: irqfd => {
      lock(bypasses.bypass.lock);
      const other = bypasses.consumerOf(irqfd.eventfd);
      if (other !== null) {
        const producer = other.connected;
        if (producer !== null) bypasses.disconnect(producer, irqfd);
        bypasses.bypass.consumers.delete(other);
      }
      unlock(bypasses.bypass.lock);
    },
  },
};

/**
 * Only a device that comes looks for an irqfd; an irqfd that comes second looks for no device.
 * @source no known occurrence: Linux 6.17, virt/lib/irqbypass.c, irq_bypass_register_consumer(), the loop over producers
 */
export const onlyDevicesLook: Defect<Spec> = {
  breaks: [{ rule: bypasses.connectedOnBothSides, in: scenarios.bothRegister }],
  instead: {
    joinConsumers: irqfd => {
      assertHeld(bypasses.bypass.lock);
      if (bypasses.consumerOf(irqfd.eventfd) !== null) return 'EBUSY';
      bypasses.bypass.consumers.add(irqfd);
      return 0;
    },
  },
};

// ---- The device's side

/**
 * The line is given back before the producer is unregistered: it is posted to a machine, and has no driver any more.
 * @source Linux d567fb881916, "vfio/pci: call irq_bypass_unregister_producer() before freeing irq"
 * @fact D423
 */
export const lineFreedFirst: Defect<Spec> = {
  breaks: [{ rule: lines.freedLineIsNotPosted, in: scenarios.bothUnregister }],
  instead: {
    takeDown: device => {
      const vector = device.vector;
      if (vector === null) return;
      lines.freeLine(device.line);
      bypasses.unregisterProducer(vector);
      put(vector.trigger.refs);
      device.vector = null;
      free(vector);
    },
  },
};

/**
 * A producer is taken off without the mutex.
 * @source no known occurrence: Linux 6.17, virt/lib/irqbypass.c, irq_bypass_unregister_producer(), guard(mutex)
 */
export const unregisteredWithoutMutex: Defect<Spec> = {
  breaks: [
    { rule: bypasses.bypassGuards, in: scenarios.bothUnregister },
    { rule: devices.producerGuards, in: scenarios.bothUnregister },
  ],
  instead: {
    unregisterProducer: producer => {
      if (!bypasses.bypass.producers.has(producer)) return;
      const irqfd = producer.consumer;
      lock(bypasses.bypass.lock);
      if (irqfd !== null) bypasses.disconnect(producer, irqfd);
      producer.eventfd = null;
      bypasses.bypass.producers.delete(producer);
      unlock(bypasses.bypass.lock);
    },
  },
};

/**
 * A vector is taken down without the device's mutex.
 * @source no known occurrence: Linux 6.17, drivers/vfio/pci/vfio_pci_core.c, vfio_pci_ioctl_set_irqs(), igate
 */
export const takenDownWithoutMutex: Defect<Spec> = {
  breaks: [{ rule: devices.deviceGuards, in: scenarios.twoSetTriggers }],
  instead: { clearTrigger: device => devices.takeDown(device) },
};

/**
 * Where the line goes is written without its lock.
 * @source no known occurrence: Linux 6.17, kernel/irq/manage.c, irq_set_vcpu_affinity(), irq_get_desc_lock()
 */
export const postedWithoutLock: Defect<Spec> = {
  breaks: [{ rule: lines.lineGuards, in: scenarios.interruptRacesRelease }],
  instead: {
    post: (line, kvm) => {
      if (line.cannotPost && kvm !== null) return 'EIO';
      line.postedTo = kvm;
      return 0;
    },
  },
};
