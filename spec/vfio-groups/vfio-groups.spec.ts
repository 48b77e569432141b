/** All that a variant may exchange. */
import type * as cdevs from './cdev.ts';
import type * as containers from './container.ts';
import type * as groups from './group.ts';
import type * as iommus from './iommu.ts';
import type * as unregistering from './unregister.ts';
import type * as calls from './vfio-groups.calls.ts';
import type * as large from './vfio-groups.large.scenarios.ts';
import type * as rules from './vfio-groups.rules.ts';
import type * as scenarios from './vfio-groups.scenarios.ts';
import type * as objects from './vfio-groups.ts';
import type * as vectors from './vfio-groups.vectors.ts';

export type Spec = typeof calls &
  typeof cdevs &
  typeof containers &
  typeof groups &
  typeof iommus &
  typeof large &
  typeof objects &
  typeof rules &
  typeof scenarios &
  typeof unregistering &
  typeof vectors;
