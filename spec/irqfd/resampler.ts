/** Level-triggered irqfds: an interrupt stays raised until the guest has handled it, which each of them is told through a second eventfd. */
import {
  alloc,
  anyOf,
  assertHeld,
  free,
  type GuardedBy,
  lock,
  put,
  readLock,
  readUnlock,
  synchronize,
  type UpTo,
  unlock,
} from '../language.ts';
import { countEvent } from './eventfd.ts';
import type { Irqfd } from './irqfd.ts';
import { isOutOfMemory, type Kvm } from './kvm.ts';

/** The level-triggered irqfds of one interrupt, which are told together that the guest has handled it. The level itself is not modelled. */
export interface Resampler {
  readonly kvm: Kvm;
  readonly gsi: UpTo<30>;
  irqfds: Set<Irqfd>;
}

// ---- Rules

/**
 * Who joins or leaves holds the lock; acknowledgements only read.
 * @source Linux 6.18, virt/kvm/eventfd.c, irqfd_resampler_notify()
 */
export const resamplerGuards: GuardedBy<Resampler> = {
  irqfds: { read: resampler => [resampler.kvm.irqSrcu, resampler.kvm.resamplerLock], write: resampler => resampler.kvm.resamplerLock },
};

// ---- Joining, acknowledging, leaving

/** The resampler of an interrupt: the one there is, or a new one. Null where there is no memory for it. */
export function resamplerOf(kvm: Kvm, gsi: UpTo<30>): Resampler | null {
  assertHeld(kvm.resamplerLock);
  for (const resampler of kvm.resamplers) {
    if (resampler.gsi === gsi) return resampler;
  }
  if (isOutOfMemory(kvm)) return null;
  const created = alloc<Resampler>({ kvm, gsi });
  kvm.resamplers.add(created);
  lock(kvm.irqLock);
  kvm.ackNotifiers.add(created);
  unlock(kvm.irqLock);
  return created;
}

/** The guest has handled an interrupt: signal every level-triggered irqfd of it. */
export function acknowledge(kvm: Kvm, gsi: UpTo<30>): void {
  readLock(kvm.irqSrcu);
  for (const resampler of kvm.ackNotifiers) {
    if (resampler.gsi === gsi) {
      for (const irqfd of resampler.irqfds) {
        const resamplefd = irqfd.resamplefd;
        if (resamplefd !== null) countEvent(resamplefd);
      }
    }
  }
  readUnlock(kvm.irqSrcu);
}

/** Leave the resampler, if there is one; the last to leave ends it. Acknowledgements may be looking at either until they have left. */
export function leaveResampler(irqfd: Irqfd): void {
  const resampler = irqfd.resampler;
  const resamplefd = irqfd.resamplefd;
  if (resampler === null || resamplefd === null) return;
  const kvm = irqfd.kvm;
  lock(kvm.resamplerLock);
  resampler.irqfds.delete(irqfd);
  const other = anyOf(resampler.irqfds);
  if (other === null) endResampler(resampler);
  else synchronize(kvm.irqSrcu);
  unlock(kvm.resamplerLock);
  put(resamplefd.refs);
}

/** The last irqfd has left. */
export function endResampler(resampler: Resampler): void {
  const kvm = resampler.kvm;
  kvm.resamplers.delete(resampler);
  lock(kvm.irqLock);
  kvm.ackNotifiers.delete(resampler);
  unlock(kvm.irqLock);
  grace: synchronize(kvm.irqSrcu);
  free(resampler);
}
