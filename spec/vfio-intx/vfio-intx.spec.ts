/** All that a variant may exchange. */
import type * as eventfds from './eventfd.ts';
import type * as handlers from './handler.ts';
import type * as lines from './irq-line.ts';
import type * as scenarios from './vfio-intx.scenarios.ts';
import type * as intx from './vfio-intx.ts';
import type * as virqfds from './virqfd.ts';

export type Spec = typeof eventfds & typeof handlers & typeof intx & typeof lines & typeof scenarios & typeof virqfds;
