/** All that a variant may exchange. */
import type * as devices from './device.ts';
import type * as scenarios from './irqbypass.scenarios.ts';
import type * as bypasses from './irqbypass.ts';
import type * as irqfds from './irqfd.ts';
import type * as kvms from './kvm.ts';
import type * as lines from './line.ts';

export type Spec = typeof bypasses & typeof devices & typeof irqfds & typeof kvms & typeof lines & typeof scenarios;
