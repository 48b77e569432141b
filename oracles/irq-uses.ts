/** Spinning locks by how they are taken: in an interrupt, and elsewhere with interrupts on. One on which both is done can wait for itself for ever. */
import type { Judge } from './judge.ts';

interface Take {
  readonly thread: string;
  readonly event: number;
  readonly toRead: boolean;
}
/** The first of each way. */
interface Use {
  inIrq: Take | null;
  irqsOn: Take | null;
  told: boolean;
}
export type Way = 'inIrq' | 'irqsOn';

export interface IrqUses {
  /** Before the thread holds it. `irq`: it turns interrupts off itself. */
  readonly takes: (judge: Judge, what: string, irq: boolean, toRead: boolean) => void;
  /** The class is known to be taken in this way, so that to do it again says nothing new. */
  readonly knows: (what: string, way: Way) => boolean;
}

export function createIrqUses(): IrqUses {
  const uses = new Map<string, Use>();
  return {
    takes(judge, what, irq, toRead) {
      const { thread, seq, always } = judge;
      const isIrq = thread.context === 'hardirq';
      if (!isIrq && (irq || thread.held.some(({ irqsOff }) => irqsOff))) return;
      const use = uses.get(what) ?? { inIrq: null, irqsOn: null, told: false };
      uses.set(what, use);
      use[isIrq ? 'inIrq' : 'irqsOn'] ??= { thread: thread.name, event: seq, toRead };
      always.irqLocksKeepIrqsOff.exercised++;
      const { inIrq, irqsOn, told } = use;
      // Readers do not exclude each other.
      if (inIrq === null || irqsOn === null || told || (inIrq.toRead && irqsOn.toRead)) return;
      use.told = true;
      judge.report(
        always.irqLocksKeepIrqsOff,
        `${what} is taken in an interrupt by ${inIrq.thread} (event ${inIrq.event}), and with interrupts on by ${irqsOn.thread} (event ${irqsOn.event}).`,
        { strength: 'possible', earlier: isIrq ? irqsOn.event : inIrq.event },
      );
    },
    knows: (what, way) => (uses.get(what)?.[way] ?? null) !== null,
  };
}
