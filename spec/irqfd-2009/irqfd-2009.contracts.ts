/** What calls return, and when. */
import { atAnyTime, type Contract } from '../language.ts';
import type { assign, write } from './irqfd-2009.ts';

/**
 * Assigning fails only on a closed descriptor, or where polling the file fails; polling an eventfd never did.
 * @source kvm mailing list, June 2009, Haskins and McKenney on irqfd and POLLHUP, kvm_irqfd()
 */
export const assignContract: Contract<typeof assign> = { fails: { EBADF: (_kvm, fd) => fd.file === null, EIO: atAnyTime } };

/**
 * Writing fails only on a closed descriptor.
 * @source write(2)
 */
export const writeContract: Contract<typeof write> = { fails: { EBADF: fd => fd.file === null } };
