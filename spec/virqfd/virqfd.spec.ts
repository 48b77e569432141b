/** All that a variant may exchange. */
import type * as eventfds from './eventfd.ts';
import type * as interrupts from './interrupt.ts';
import type * as calls from './virqfd.calls.ts';
import type * as scenarios from './virqfd.scenarios.ts';
import type * as virqfds from './virqfd.ts';
import type * as vectors from './virqfd.vectors.ts';

export type Spec = typeof calls & typeof eventfds & typeof interrupts & typeof scenarios & typeof vectors & typeof virqfds;
