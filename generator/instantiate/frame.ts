/** What the making of one program hands around. */
import { firstProcess } from '../../oracles/thread.ts';
import type { Scenario, System } from '../model.ts';
import type { Contract, Thread } from '../program.ts';
import { globalInstance } from './globals.ts';
import type { Graph } from './graph.ts';

/** What every thread of the scenario shares, setup included. */
export interface Frame {
  readonly system: System;
  readonly scenario: Scenario;
  readonly variant: string | null;
  readonly words: readonly string[];
  readonly contracts: readonly Contract[];
}

export interface DraftThread {
  readonly name: string;
  readonly text: string;
  readonly context: Thread['context'];
  readonly process?: number;
  readonly work: Thread['work'];
  readonly graph: Graph;
}

/** What nobody else does is done by the first process. */
export function ofFirst(frame: Frame): { process?: number } {
  const process = globalInstance(frame.system.globals, firstProcess);
  return process === 0 ? {} : { process };
}
