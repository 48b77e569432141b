/** What is known of buses and is no rule with a name of its own. */
import { always, type Facts } from '../language.ts';
import { busGuards } from './io-bus.ts';
import { kvmGuards } from './kvm.ts';

export const facts: Facts = {
  R430: {
    says: 'A device that was looked up on a bus is used only under the lock or in the read section in which it was found.',
    source: 'kvm mailing list, June 2026, Marc Zyngier, "KVM: Move kvm_io_bus_get_dev() locking responsibilities to callers"',
    sure: 'read',
    from: [busGuards, kvmGuards, always.neverTouchedAfterFree],
  },
};
