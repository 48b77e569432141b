/**
 * How an irqfd of Linux 6.12 has its interrupt's route at hand: as a copy that its callback reads while somebody changes it.
 *
 * The callback runs in an interrupt, perhaps, so it can wait for no lock. The copy is more than a word, so it could be read half old and half new. A sequence
 * number tells: it is odd while somebody writes, and another one afterwards. Who reads tries again until it was even and the same before and
 * after. What becomes of the irqfd otherwise is the system irqfd, where a route is one word.
 */
import {
  type AtEvery,
  alloc,
  assertHeld,
  bug,
  free,
  type GuardedBy,
  type LockOrder,
  lock,
  lockIrq,
  type Mutex,
  readLock,
  readUnlock,
  type Settled,
  type SpinLock,
  type SrcuDomain,
  synchronize,
  type UpTo,
  unlock,
  unlockIrq,
} from '../language.ts';

/** A virtual machine with one irqfd. */
export interface Kvm {
  irqLock: Mutex;
  irqfdsLock: SpinLock;
  irqSrcu: SrcuDomain;
  table: Table;
}

/** Where the interrupt goes: to a processor by an address and a value that belong together. */
export interface Table {
  readonly address: Half;
  readonly value: Half;
}
export type Half = 'first' | 'second' | 'third';

/** An irqfd, with its copy. */
export interface Irqfd {
  readonly kvm: Kvm;
  /** Odd while the copy is written. */
  sequence: UpTo<7>;
  address: Half;
  value: Half;
}

// ---- Rules

/**
 * The table is changed under the mutex of the routing, and read in a read section too.
 * @source Linux 6.12, virt/kvm/irqchip.c, kvm_set_irq_routing()
 */
export const kvmGuards: GuardedBy<Kvm> = { table: { read: kvm => [kvm.irqSrcu, kvm.irqLock], write: kvm => kvm.irqLock } };

/**
 * The copy and its sequence number are written under the lock of the list, and read in a read section.
 * @source Linux 6.12, virt/kvm/eventfd.c, irqfd_update() and irqfd_wakeup()
 * @fact R402
 */
export const irqfdGuards: GuardedBy<Irqfd> = {
  sequence: { read: irqfd => [irqfd.kvm.irqSrcu, irqfd.kvm.irqfdsLock], write: irqfd => irqfd.kvm.irqfdsLock },
  address: { read: irqfd => [irqfd.kvm.irqSrcu, irqfd.kvm.irqfdsLock], write: irqfd => irqfd.kvm.irqfdsLock },
  value: { read: irqfd => [irqfd.kvm.irqSrcu, irqfd.kvm.irqfdsLock], write: irqfd => irqfd.kvm.irqfdsLock },
};

/**
 * The routing is changed outside the list's lock, and its readers are waited for outside it.
 * @source Linux 6.12, virt/kvm/irqchip.c, kvm_set_irq_routing()
 */
export const routingOrder: LockOrder<[Kvm]> = kvm => [kvm.irqLock, kvm.irqfdsLock];

/**
 * The sequence number is even when nobody writes.
 * @source Linux 6.12, include/linux/seqlock.h, write_seqcount_end()
 * @fact R402
 */
export const evenAtRest: Settled<{ irqfd: Irqfd }> = ({ irqfd }) => !isOdd(irqfd.sequence);

/**
 * At rest the copy is what the table says.
 * @source Linux 6.12, virt/kvm/eventfd.c, irqfd_update()
 * @fact R402
 */
export const copyIsTheTable: Settled<{ irqfd: Irqfd }> = ({ irqfd }) =>
  irqfd.address === irqfd.kvm.table.address && irqfd.value === irqfd.kvm.table.value;

/**
 * An irqfd is written while its sequence number says so.
 * @source Linux 6.12, include/linux/seqlock.h, write_seqcount_begin()
 * @fact R402
 */
export const writtenWhileOdd: AtEvery<{ irqfd: Irqfd }> = {
  event: ({ irqfd }) => {
    irqfd.value = 'first';
  },
  then: ({ irqfd }) => isOdd(irqfd.sequence),
};

// ---- The copy

/** Of a number that is no larger than a scenario makes it. */
export function isOdd(sequence: UpTo<7>): boolean {
  return sequence === 1 || sequence === 3 || sequence === 5 || sequence === 7;
}

/** Copy what the table says (`irqfd_update`). */
export function update(irqfd: Irqfd): void {
  assertHeld(irqfd.kvm.irqfdsLock);
  const table = irqfd.kvm.table;
  irqfd.sequence += 1;
  irqfd.address = table.address;
  irqfd.value = table.value;
  irqfd.sequence += 1;
}

/** The eventfd was signalled: send the interrupt where the copy says. Never waits for who writes; tries again instead. */
export function wakeUp(irqfd: Irqfd): void {
  readLock(irqfd.kvm.irqSrcu);
  for (;;) {
    const before = irqfd.sequence;
    if (!isOdd(before)) {
      const address = irqfd.address;
      const value = irqfd.value;
      if (irqfd.sequence === before) {
        send(address, value);
        break;
      }
    }
  }
  readUnlock(irqfd.kvm.irqSrcu);
}

/** The same from a work item, which has the time to look into the table itself (`irqfd_inject`). */
export function inject(irqfd: Irqfd): void {
  readLock(irqfd.kvm.irqSrcu);
  const table = irqfd.kvm.table;
  send(table.address, table.value);
  readUnlock(irqfd.kvm.irqSrcu);
}

/** Write the value to the address. Together they are one of the routes that user space has set, or a processor gets an interrupt that nobody sent. */
export function send(address: Half, value: Half): void {
  if (address !== value) bug();
}

// ---- The machine

/** A machine whose irqfd has the first route. */
export function createIrqfd(): Irqfd {
  const kvm = alloc<Kvm>({ table: newTable('first') });
  return alloc<Irqfd>({ kvm, address: 'first', value: 'first' });
}

/** A table that nobody sees yet. */
export function newTable(route: Half): Table {
  return alloc<Table>({ address: route, value: route });
}

/** Put another table in place (`KVM_SET_GSI_ROUTING`). */
export function setRouting(irqfd: Irqfd, route: Half): void {
  const kvm = irqfd.kvm;
  const table = newTable(route);
  lock(kvm.irqLock);
  const old = kvm.table;
  kvm.table = table;
  lockIrq(kvm.irqfdsLock);
  update(irqfd);
  unlockIrq(kvm.irqfdsLock);
  unlock(kvm.irqLock);
  grace: synchronize(kvm.irqSrcu);
  free(old);
}
