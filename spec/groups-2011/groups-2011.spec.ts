/** All that a variant may exchange. */
import type * as contexts from './context.ts';
import type * as devices from './devices.ts';
import type * as files from './files.ts';
import type * as contracts from './groups-2011.contracts.ts';
import type * as going from './groups-2011.devices.scenarios.ts';
import type * as large from './groups-2011.large.scenarios.ts';
import type * as questions from './groups-2011.questions.ts';
import type * as rules from './groups-2011.rules.ts';
import type * as scenarios from './groups-2011.scenarios.ts';
import type * as setup from './groups-2011.setup.ts';
import type * as groups from './groups-2011.ts';
import type * as merging from './merge.ts';

export type Spec = typeof contexts &
  typeof contracts &
  typeof devices &
  typeof files &
  typeof going &
  typeof setup &
  typeof groups &
  typeof large &
  typeof merging &
  typeof questions &
  typeof rules &
  typeof scenarios;
