/** A line of the interrupt controller, as far as one driver that has it alone can tell. */
import {
  bug,
  type GuardedBy,
  type Invariant,
  implies,
  isLive,
  lockIrq,
  maybe,
  type RcuDomain,
  readLock,
  readUnlock,
  type SpinLock,
  synchronize,
  type UpTo,
  unlockIrq,
} from '../language.ts';
import { handleIntx } from './handler.ts';
import type { IntxContext } from './vfio-intx.ts';

/** The line (`struct irq_desc`). */
export interface IrqLine {
  lock: SpinLock;
  /** What the handler that was asked for is given; null while none is. */
  action: IntxContext | null;
  /** How often it was disabled and not enabled again. No interrupt comes unless it is 0. */
  depth: UpTo<3>;
  /** Handlers that run. Each is an interrupt, so this is atomic context. */
  inFlight: RcuDomain;
}

/**
 * Who handles a line, and how often it is disabled, is under the line's lock.
 * @source Linux 6.12, kernel/irq/manage.c, __setup_irq(), __free_irq() and __disable_irq()
 */
export const irqLineGuards: GuardedBy<IrqLine> = { action: line => line.lock, depth: line => line.lock };

/**
 * What a handler is given is there as long as the handler may be called.
 * @source Linux 6.12, drivers/vfio/pci/vfio_pci_intrs.c, vfio_intx_disable(), free_irq() before the context is freed
 * @fact R018
 */
export const handlersContextIsLive: Invariant<{ line: IrqLine }> = ({ line }) => implies(line.action !== null, isLive(line.action));

/** An interrupt comes. */
export function raise(line: IrqLine): void {
  readLock(line.inFlight);
  lockIrq(line.lock);
  const context = line.depth === 0 ? line.action : null;
  unlockIrq(line.lock);
  if (context !== null) handleIntx(context);
  readUnlock(line.inFlight);
}

/** Have interrupts handled (`request_irq`): from now on, or when the line is enabled (`IRQF_NO_AUTOEN`). Somebody else may have the line. */
export function requestIrq(line: IrqLine, context: IntxContext, enabled: boolean): 0 | 'EBUSY' {
  if (maybe()) return 'EBUSY';
  lockIrq(line.lock);
  line.action = context;
  line.depth = enabled ? 0 : 1;
  unlockIrq(line.lock);
  return 0;
}

/** Have them handled no more (`free_irq`). When it returns, no handler runs. */
export function freeIrq(line: IrqLine): void {
  lockIrq(line.lock);
  line.action = null;
  line.depth = 1;
  unlockIrq(line.lock);
  synchronize(line.inFlight);
}

/** Wait for the handlers that run (`synchronize_irq`). */
export function synchronizeIrq(line: IrqLine): void {
  synchronize(line.inFlight);
}

/** No interrupts, one more time; handlers that run are not waited for (`disable_irq_nosync`). */
export function disableIrq(line: IrqLine): void {
  lockIrq(line.lock);
  line.depth += 1;
  unlockIrq(line.lock);
}

/** The reverse (`enable_irq`). Enabling what is enabled is a mistake ("Unbalanced enable for IRQ"). */
export function enableIrq(line: IrqLine): void {
  lockIrq(line.lock);
  if (line.depth === 0) bug();
  line.depth -= 1;
  unlockIrq(line.lock);
}
