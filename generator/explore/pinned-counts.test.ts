/** Numbers of states that must not change unless the spec or its meaning does; the slow interpreter counts them too, without the generated code. */
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { instantiate } from '../instantiate/instantiate.ts';
import { exploreSlowly } from '../interpret/explore-slowly.ts';
import { readSystem } from '../read/read-spec.ts';
import { explore } from './explore.ts';

const test = suite('pinned counts');
const specFolder = fileURLToPath(new URL('../../spec', import.meta.url));

const pinned = [
  { system: 'irqfd-2009', scenario: 'hangUpUnlocked', states: 432, transitions: 804, depth: 34 },
  { system: 'irqfd-2009', scenario: 'bothSidesClose', states: 5830, transitions: 17414, depth: 48 },
  { system: 'irqfd', scenario: 'closeRacesDeassign', states: 2397, transitions: 6038, depth: 42 },
];

for (const { system: name, scenario, states, transitions, depth } of pinned) {
  test(`${name}/${scenario} has ${states} states, by the generated code and by the interpreter`, () => {
    const { system } = readSystem(specFolder, name);
    if (system === null) throw new Error(`${name} cannot be read`);
    const { program } = instantiate(system, null, scenario);
    if (program === null) throw new Error(`${scenario} cannot be run`);
    const fast = explore(program);
    assert.equal({ states: fast.states, transitions: fast.transitions, depth: fast.depth }, { states, transitions, depth });
    const slow = exploreSlowly(program);
    assert.equal({ states: slow.states, transitions: slow.transitions }, { states, transitions });
  });
}

test.run();
