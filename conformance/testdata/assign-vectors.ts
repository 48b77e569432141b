/** Vectors made by hand: an eventfd is assigned to a VM once, and a second time it is busy. */
import type { Expected, SetupCall, Vector } from '../vector.ts';

const profiles = ['linux-6.1', 'linux-6.17'];
const assign = { call: 'assign', with: [{ handle: 'vm' }, { handle: 'efd' }, 4] };
const setup: SetupCall[] = [
  { call: 'createVm', with: [], keep: 'vm', result: null },
  { call: 'createInterruptController', with: [{ handle: 'vm' }], keep: null, result: 0 },
  { call: 'createEventfd', with: [], keep: 'efd', result: null },
];

/** One caller after the other. */
export const assignTwice: Vector = {
  id: 'irqfd/assignTwice/in-turn',
  title: 'A second assign of the same eventfd is refused.',
  scenario: 'assignTwice',
  setup,
  callers: [[assign], [assign]],
  order: [0, 1],
  expected: [
    {
      profiles,
      allowed: [[[0]], [['EBUSY']]],
      states: [{ c0: 1 }, { 'r0=0': 2 }, { c1: 3 }, { 'r1=EBUSY': 4 }, {}],
    },
  ],
  exercises: ['assignErrnos'],
};

/** Both at once: either may win, and one does. */
export const assignRace: Vector = {
  id: 'irqfd/assignTwice/at-once',
  title: 'Of two assigns of the same eventfd one is refused.',
  scenario: 'assignTwice',
  setup,
  callers: [[assign], [assign]],
  order: null,
  expected: [raceOf(profiles)],
  exercises: ['assignErrnos'],
};

function raceOf(of: string[]): Expected {
  return {
    profiles: of,
    allowed: [[[0, 'EBUSY']], [[0, 'EBUSY']]],
    states: [
      { c0: 1, c1: 2 },
      { c1: 3, 'r0=0': 4 },
      { c0: 3, 'r1=0': 5 },
      { 'r0=0': 6, 'r0=EBUSY': 7, 'r1=0': 8, 'r1=EBUSY': 9 },
      { c1: 6 },
      { c0: 8 },
      { 'r1=EBUSY': 10 },
      { 'r1=0': 10 },
      { 'r0=EBUSY': 10 },
      { 'r0=0': 10 },
      {},
    ],
  };
}

/** The same vector under another id. */
export function called(id: string, vector: Vector): Vector {
  return { ...vector, id };
}
