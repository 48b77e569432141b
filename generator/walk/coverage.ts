/** How much of a program some runs went through. */
import type { StepperSource } from '../explore/emit-stepper.ts';
import { reachable, timing } from '../explore/liveness.ts';
import { successorsOf } from '../instantiate/pools.ts';
import type { Program } from '../program.ts';

export interface Share {
  readonly covered: number;
  readonly of: number;
}

export interface Coverage {
  /** Steps of the code that were taken, of those that its shape lets be reached. */ readonly steps: Share;
  /** Ways on from where there is more than one. */ readonly branches: Share;
  /** Some step took the node, or went through it. */ readonly node: (thread: number, node: number) => boolean;
  /** State rules whose condition came about. */ readonly tested: ReadonlySet<string>;
}

export function coverageOf(program: Program, { leaves, tested }: StepperSource, taken: Uint8Array, arisen: Uint8Array): Coverage {
  const through = new Set<string>(),
    gone = new Set<string>();
  leaves.forEach(({ thread, nodes, to }, index) => {
    if (taken[index] !== 1) return;
    nodes.forEach((node, at) => {
      through.add(`${thread} ${node}`);
      const next = nodes[at + 1] ?? to;
      if (next !== null) gone.add(`${thread} ${node} ${next}`);
    });
  });
  const steps: string[] = [],
    branches: string[] = [];
  program.threads.forEach((thread, number) => {
    for (const index of reachable(thread)) {
      const node = thread.nodes[index];
      if (node === undefined) continue;
      if (timing(node.action) === 'step') steps.push(`${number} ${index}`);
      const ways = new Set(successorsOf(node));
      if (ways.size > 1) for (const to of ways) branches.push(`${number} ${index} ${to}`);
    }
  });
  return {
    steps: { covered: steps.filter(step => through.has(step)).length, of: steps.length },
    branches: { covered: branches.filter(branch => gone.has(branch)).length, of: branches.length },
    node: (thread, node) => through.has(`${thread} ${node}`),
    tested: new Set(tested.filter((_, index) => arisen[index] === 1)),
  };
}
