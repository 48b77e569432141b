/**
 * Locks that an interrupt takes, taken elsewhere with interrupts on: on the processor of who has it the interrupt would wait for ever. An interrupt is
 * a thread like any other when a program is explored, so this is judged by the code alone: what could happen, not what was seen.
 */
import { fieldOf } from '../interpret/program-index.ts';
import type { Node, Program } from '../program.ts';
import type { StaticFinding } from './held.ts';
import { classOf, heldAt } from './held-ways.ts';

interface Take {
  readonly class: string;
  readonly thread: number;
  readonly node: number;
  readonly isRead: boolean;
  /** An interrupt that comes now is kept off until it is released. */ readonly irqsOff: boolean;
}

export function irqFindings(program: Program): StaticFinding[] {
  const takes = program.threads.flatMap((_, thread) => takesOf(program, thread));
  const isIrq = (take: Take): boolean => program.threads[take.thread]?.context === 'hardirq';
  const told = new Set<string>();
  return takes.flatMap(take => {
    if (isIrq(take) || take.irqsOff || told.has(take.class)) return [];
    // Readers do not exclude each other.
    const inIrq = takes.find(other => isIrq(other) && other.class === take.class && !(other.isRead && take.isRead));
    if (inIrq === undefined) return [];
    told.add(take.class);
    return [
      {
        rule: 'always.irqLocksKeepIrqsOff',
        fatal: false,
        objects: {},
        thread: take.thread,
        node: take.node,
        detail: `${take.class} is taken in an interrupt (${siteOf(program, inIrq)}), and elsewhere with interrupts on (${siteOf(program, take)})`,
      },
    ];
  });
}

function takesOf(program: Program, index: number): Take[] {
  const thread = program.threads[index];
  if (thread === undefined || !thread.nodes.some(node => isSpinning(program, node))) return [];
  const ways = heldAt(thread);
  return thread.nodes.flatMap((node, at) => {
    const { action } = node;
    if (!isSpinning(program, node) || !('target' in action)) return [];
    const irqsOff = (action.kind === 'lock' && action.irq) || (ways[at] ?? []).every(way => way.held.some(one => one.irqsOff));
    return [{ class: classOf(action.target), thread: index, node: at, isRead: action.kind === 'read-lock', irqsOff }];
  });
}

const taking = ['lock', 'try-lock', 'read-lock', 'write-lock'];

function isSpinning(program: Program, { action }: Node): boolean {
  if (!taking.includes(action.kind) || !('target' in action)) return false;
  return ['spinlock', 'rwlock', 'wait-queue'].includes(fieldOf(program, action.target.type, action.target.field).kind);
}

function siteOf(program: Program, { thread, node }: Take): string {
  const site = program.sites[program.threads[thread]?.nodes[node]?.site ?? -1];
  return site === undefined ? '' : `${site.in[0] ?? 'scenario'}, ${site.at.file}:${site.at.line}`;
}
