/** Calls that return the wrong thing. Nobody is known to have made one of these mistakes; each leaves out a line of what the kernel does. */
import { closeFd, type Defect, fget, flushQueue, get, lock, lockIrq, put, unlock, unlockIrq, wake } from '../language.ts';
import * as eventfds from './eventfd.ts';
import * as calls from './irqfd.calls.ts';
import * as scenarios from './irqfd.scenarios.ts';
import * as irqfds from './irqfd.ts';
import type { Spec } from './irqfd.variants.ts';
import * as vectors from './irqfd.vectors.ts';
import * as kvms from './kvm.ts';

/**
 * An eventfd is assigned to a machine that has nothing to interrupt.
 * @source no known occurrence: Linux 6.18, virt/kvm/eventfd.c, kvm_irqfd_assign(), kvm_arch_intc_initialized()
 */
export const noControllerNeeded: Defect<Spec> = {
  breaks: [{ rule: calls.assignContract, in: vectors.wrongArguments }],
  instead: {
    assign: (vm, fd, gsi) => {
      const kvm = vm.kvm;
      const file = fget(fd);
      if (file === null) return 'EBADF';
      const eventfd = file.eventfd;
      if (eventfd === null) {
        put(file.refs);
        return 'EINVAL';
      }
      get(eventfd.refs);
      const irqfd = irqfds.newIrqfd(kvm, eventfd, gsi);
      const result = irqfds.activate(irqfd);
      if (result !== 0) irqfds.abandon(irqfd);
      put(file.refs);
      return result;
    },
  },
};

/**
 * A second descriptor that is closed is called an invalid one.
 * @source no known occurrence: Linux 6.18, virt/kvm/eventfd.c, kvm_irqfd_assign(), eventfd_ctx_fdget() of the second
 */
export const closedIsInvalid: Defect<Spec> = {
  breaks: [{ rule: calls.assignResampleContract, in: vectors.resample }],
  instead: {
    assignResample: (vm, fd, gsi, resampleFd) => {
      const resampleFile = fget(resampleFd);
      if (resampleFile === null) return 'EINVAL';
      put(resampleFile.refs);
      return irqfds.assign(vm, fd, gsi);
    },
  },
};

/**
 * Flags that the kernel does not know are ignored.
 * @source no known occurrence: Linux 6.18, virt/kvm/eventfd.c, kvm_irqfd(), the test of the flags
 */
export const unknownFlagIgnored: Defect<Spec> = {
  breaks: [{ rule: calls.assignWithFlagsContract, in: vectors.unknownFlag }],
  instead: { assignWithFlags: (vm, fd, gsi, _flags) => irqfds.assign(vm, fd, gsi) },
};

/**
 * Deassigning what is not assigned is an error.
 * @source kvm mailing list, June 2009, Haskins and McKenney on irqfd and POLLHUP, the deassignment that the patch removes
 */
export const noMatchIsAnError: Defect<Spec> = {
  breaks: [{ rule: calls.deassignContract, in: scenarios.deassignOther }],
  instead: {
    deassign: (vm, fd, gsi) => {
      const kvm = vm.kvm;
      const file = fget(fd);
      if (file === null) return 'EBADF';
      const eventfd = file.eventfd;
      if (eventfd === null) {
        put(file.refs);
        return 'EINVAL';
      }
      get(eventfd.refs);
      put(file.refs);
      lockIrq(kvm.irqfdsLock);
      const irqfd = theMatch(kvm, eventfd, gsi);
      if (irqfd !== null) irqfds.deactivate(irqfd);
      unlockIrq(kvm.irqfdsLock);
      put(eventfd.refs);
      flushQueue(kvms.kvmModule.cleanupQueue);
      return irqfd === null ? 'EINVAL' : 0;
    },
  },
};

/** The irqfd that is meant, if there is one. */
function theMatch(kvm: kvms.Kvm, eventfd: eventfds.Eventfd, gsi: number): irqfds.Irqfd | null {
  for (const irqfd of kvm.irqfds) {
    if (irqfd.eventfd === eventfd && irqfd.gsi === gsi) return irqfd;
  }
  return null;
}

/**
 * A machine gets a second interrupt controller.
 * @source no known occurrence: Linux 6.18, arch/x86/kvm/x86.c, kvm_arch_vm_ioctl(), KVM_CREATE_IRQCHIP, "if (irqchip_in_kernel(kvm))"
 */
export const secondController: Defect<Spec> = {
  breaks: [{ rule: calls.createInterruptControllerContract, in: vectors.wrongArguments }],
  instead: {
    createInterruptController: vm => {
      const kvm = vm.kvm;
      lock(kvm.lock);
      kvms.setRouting(kvm, 'pin');
      kvm.hasInterruptController = true;
      unlock(kvm.lock);
      return 0;
    },
  },
};

/**
 * A machine without an interrupt controller is given a routing.
 * @source no known occurrence: Linux 6.18, arch/x86/kvm/irq.c, kvm_arch_can_set_irq_routing()
 */
export const routingWithoutController: Defect<Spec> = {
  breaks: [{ rule: calls.updateRoutingContract, in: vectors.wrongArguments }],
  instead: {
    updateRouting: vm => {
      kvms.setRouting(vm.kvm, 'pin');
      return 0;
    },
  },
};

/**
 * Signalling and closing what is closed succeeds.
 * @source no known occurrence: Linux 6.18, fs/read_write.c, ksys_write(), and fs/open.c, close(), which look at the descriptor first
 */
export const closedIsFine: Defect<Spec> = {
  breaks: [
    { rule: calls.signalContract, in: vectors.wrongArguments },
    { rule: calls.closeContract, in: vectors.wrongArguments },
  ],
  instead: {
    signal: fd => {
      const file = fget(fd);
      if (file === null) return 0;
      const eventfd = file.eventfd;
      if (eventfd !== null) eventfds.countEvent(eventfd);
      put(file.refs);
      return 0;
    },
    close: fd => {
      closeFd(fd);
      return 0;
    },
  },
};

/**
 * Reading tells the count and leaves it.
 * @source no known occurrence: Linux 6.18, fs/eventfd.c, eventfd_ctx_do_read()
 */
export const countLeft: Defect<Spec> = {
  breaks: [{ rule: calls.readCountContract, in: vectors.eventBefore }],
  instead: {
    readCount: fd => {
      const file = fget(fd);
      if (file === null) return 'EBADF';
      const eventfd = file.eventfd;
      if (eventfd === null) return 'EBADF';
      lockIrq(eventfd.lock);
      const count = eventfd.count;
      unlockIrq(eventfd.lock);
      put(file.refs);
      if (count === 0) return 'EAGAIN';
      return count === 1 ? 1 : count === 2 ? 2 : count === 3 ? 3 : 4;
    },
  },
};

/**
 * An event is counted without the lock under which others are woken for it.
 * @source no known occurrence: Linux 6.18, fs/eventfd.c, eventfd_signal_mask(), spin_lock_irqsave()
 */
export const countedWithoutLock: Defect<Spec> = {
  breaks: [{ rule: eventfds.eventfdGuards, in: scenarios.signalRacesClose }],
  instead: {
    countEvent: eventfd => {
      eventfd.count += 1;
      lockIrq(eventfd.lock);
      wake<eventfds.PollKey>(eventfd.wait, 'POLLIN');
      unlockIrq(eventfd.lock);
    },
  },
};
