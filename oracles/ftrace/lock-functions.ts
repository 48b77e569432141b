/** The kernel's functions for locks and read sections, by the names that probes carry. */
import type { ReadMode } from '../event.ts';

export interface LockFunction {
  readonly do: 'take' | 'try' | 'release' | 'enter' | 'exit' | 'wait-readers';
  readonly argument: 'lock' | 'ssp';
  readonly mode?: ReadMode;
  /** It turns interrupts or bottom halves off. */
  readonly irq?: boolean;
}

const take = (more: Partial<LockFunction> = {}): LockFunction => ({ do: 'take', argument: 'lock', ...more });
const release = (more: Partial<LockFunction> = {}): LockFunction => ({ do: 'release', argument: 'lock', ...more });
const irq = { irq: true };
const read: { readonly mode: ReadMode } = { mode: 'read' };

export const lockFunctions: Readonly<Record<string, LockFunction>> = {
  mutex_lock: take(),
  mutex_lock_killable: take(),
  mutex_lock_interruptible: take(),
  mutex_unlock: release(),
  _raw_spin_lock: take(),
  _raw_spin_lock_irq: take(irq),
  _raw_spin_lock_irqsave: take(irq),
  _raw_spin_lock_bh: take(irq),
  _raw_spin_unlock: release(),
  _raw_spin_unlock_irq: release(irq),
  _raw_spin_unlock_irqrestore: release(irq),
  _raw_spin_unlock_bh: release(irq),
  _raw_read_lock: take(read),
  _raw_read_unlock: release(read),
  _raw_write_lock: take(),
  _raw_write_unlock: release(),
  down_read: take(read),
  up_read: release(read),
  down_write: take(),
  up_write: release(),
  __srcu_read_lock: { do: 'enter', argument: 'ssp' },
  __srcu_read_unlock: { do: 'exit', argument: 'ssp' },
  synchronize_srcu: { do: 'wait-readers', argument: 'ssp' },
  synchronize_srcu_expedited: { do: 'wait-readers', argument: 'ssp' },
  // What both of them end in; a second witness of the same wait.
  __synchronize_srcu: { do: 'wait-readers', argument: 'ssp' },
};
