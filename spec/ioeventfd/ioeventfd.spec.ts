/** What a variant of ioeventfd may exchange. */
import type * as eventfds from './eventfd.ts';
import type * as buses from './io-bus.ts';
import type * as calls from './ioeventfd.calls.ts';
import type * as scenarios from './ioeventfd.scenarios.ts';
import type * as ioeventfds from './ioeventfd.ts';
import type * as vectors from './ioeventfd.vectors.ts';
import type * as kvms from './kvm.ts';
import type * as zones from './zones.ts';

export type Spec = typeof buses &
  typeof calls &
  typeof eventfds &
  typeof ioeventfds &
  typeof kvms &
  typeof scenarios &
  typeof vectors &
  typeof zones;
