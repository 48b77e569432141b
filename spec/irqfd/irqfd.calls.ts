/** What an implementation offers to user space, and what each call returns when. */
import { atAnyTime, type Contract, every, type Interface, some } from '../language.ts';
import { close, createEventfd, createEventfdWith, openOtherFile, readCount, signal } from './eventfd.ts';
import { assign, assignResample, assignWithFlags, deassign } from './irqfd.ts';
import { closeVm, createInterruptController, createVm, pendingInterrupt, updateRouting } from './kvm.ts';

/** The calls. Tests that make no others need not look inside. */
export const calls: Interface = {
  createVm,
  createInterruptController,
  createEventfd,
  createEventfdWith,
  openOtherFile,
  assign,
  assignResample,
  assignWithFlags,
  deassign,
  updateRouting,
  signal,
  readCount,
  pendingInterrupt,
  closeFd: close,
  closeVm,
};

/** The behaviour described by the functions themselves, as adapters name it. */
export const baseProfile = 'linux-6.17' as const;

/**
 * Assigning needs an interrupt controller and an eventfd that no other irqfd has; it needs no such interrupt.
 * An eventfd that has been deassigned is another's until that irqfd is gone, which nothing but its wait queue knows.
 * @source Linux 6.18, virt/kvm/eventfd.c, kvm_irqfd_assign(); arch/x86/kvm/irq.c, kvm_arch_irqfd_allowed()
 * @fact R415
 */
export const assignContract: Contract<typeof assign> = {
  fails: {
    EINVAL: (vm, fd) => !vm.kvm.hasInterruptController || (fd.file !== null && fd.file.eventfd === null),
    EBADF: (_vm, fd) => fd.file === null,
    EBUSY: atAnyTime,
    ENOMEM: atAnyTime,
  },
  ensures: (vm, _fd, gsi) => some(vm.kvm.irqfds, irqfd => irqfd.gsi === gsi),
};

/**
 * As for `assign`; the second descriptor is looked at after the first.
 * @source Linux 6.18, virt/kvm/eventfd.c, kvm_irqfd_assign()
 * @fact R415
 */
export const assignResampleContract: Contract<typeof assignResample> = {
  fails: {
    EINVAL: (vm, fd, _gsi, resampleFd) =>
      !vm.kvm.hasInterruptController ||
      (fd.file !== null && fd.file.eventfd === null) ||
      (resampleFd.file !== null && resampleFd.file.eventfd === null),
    EBADF: (_vm, fd, _gsi, resampleFd) => fd.file === null || resampleFd.file === null,
    EBUSY: atAnyTime,
    ENOMEM: atAnyTime,
  },
  ensures: (vm, _fd, gsi) => some(vm.kvm.irqfds, irqfd => irqfd.gsi === gsi && irqfd.resampler !== null),
};

/**
 * A flag that the kernel does not know is refused, so that it can mean something later.
 * @source Linux 6.18, virt/kvm/eventfd.c, kvm_irqfd()
 * @fact R415
 */
export const assignWithFlagsContract: Contract<typeof assignWithFlags> = {
  fails: {
    EINVAL: (vm, fd, _gsi, flags) => flags > 3 || !vm.kvm.hasInterruptController || (fd.file !== null && fd.file.eventfd === null),
    EBADF: (_vm, fd) => fd.file === null,
    EBUSY: atAnyTime,
    ENOMEM: atAnyTime,
  },
};

/**
 * Deassigning asks for an eventfd and for nothing else; where nothing matches it has nothing to do.
 * @source Linux 6.18, virt/kvm/eventfd.c, kvm_irqfd_deassign()
 * @fact R416
 */
export const deassignContract: Contract<typeof deassign> = {
  fails: {
    EINVAL: (_vm, fd) => fd.file !== null && fd.file.eventfd === null,
    EBADF: (_vm, fd) => fd.file === null,
  },
  ensures: (vm, fd, gsi) => every(vm.kvm.irqfds, irqfd => fd.file === null || irqfd.eventfd !== fd.file.eventfd || irqfd.gsi !== gsi),
};

/**
 * Signalling fails only on a closed descriptor: the counter is far from full.
 * @source eventfd(2)
 */
export const signalContract: Contract<typeof signal> = { fails: { EBADF: fd => fd.file === null } };

/**
 * Reading takes all that was counted, and finds nothing where nothing was, or where an irqfd has taken it.
 * @source eventfd(2); Linux 6.18, virt/kvm/eventfd.c, irqfd_wakeup()
 */
export const readCountContract: Contract<typeof readCount> = {
  fails: {
    EAGAIN: fd => fd.file !== null && fd.file.eventfd !== null && fd.file.eventfd.count === 0,
    EBADF: fd => fd.file === null,
  },
  ensures: fd => fd.file !== null && fd.file.eventfd !== null && fd.file.eventfd.count === 0,
};

/**
 * A descriptor is closed once.
 * @source close(2)
 */
export const closeContract: Contract<typeof close> = { fails: { EBADF: fd => fd.file === null } };

/**
 * A machine has one interrupt controller.
 * @source Linux 6.18, arch/x86/kvm/x86.c, kvm_arch_vm_ioctl(), KVM_CREATE_IRQCHIP
 */
export const createInterruptControllerContract: Contract<typeof createInterruptController> = {
  fails: { EEXIST: vm => vm.kvm.hasInterruptController },
  ensures: vm => vm.kvm.hasInterruptController,
};

/**
 * Routing needs an interrupt controller to route to.
 * @source Linux 6.18, arch/x86/kvm/irq.c, kvm_arch_can_set_irq_routing()
 */
export const updateRoutingContract: Contract<typeof updateRouting> = { fails: { EINVAL: vm => !vm.kvm.hasInterruptController } };
