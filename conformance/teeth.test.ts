/**
 * Proof that the vectors bite: run against the simulator made wrong in each of the ways that the spec knows, they fail wherever the wrong can
 * be seen by callers at all. What callers cannot see is listed with the reason; inside events show it (generator/emit/every-transition.test.ts).
 */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { readSystem } from '../generator/read/read-spec.ts';
import { type Adapter, AdapterFailure } from './adapter.ts';
import { judge } from './judge.ts';
import { readVectors } from './read-vectors.ts';
import { roundSeed } from './seed.ts';
import { simulator } from './simulator.ts';
import type { Vector } from './vector.ts';

const test = suite('teeth');
const { system } = readSystem(fileURLToPath(new URL('../spec', import.meta.url)), 'irqfd');
if (system === null) throw new Error('irqfd cannot be read');
const irqfd = system;
const { vectors } = readVectors(readFileSync(new URL('./vectors/irqfd.json', import.meta.url), 'utf8'), 'irqfd.json');

/** Schedules tried for a vector whose callers run at once, and for one with an order, where only work items interleave. */
const rounds = { atOnce: 150, inOrder: 4 };

/** Defects that change nothing a caller gets to see, and why. */
const unseen: Readonly<Record<string, string>> = {
  countedWithoutLock: 'an event is lost only if two signal one eventfd at once, and no vector makes two signal',
  routeReadTooEarly: 'the wrong route is used for one interrupt, and which route was taken is not visible',
  failureKeepsEventfd: 'an eventfd that is never freed takes memory only',
  mutexInCallback: 'sleeping with interrupts off goes well until it does not',
  keyComparedWhole: 'an eventfd never reports its end and data at once; other files do',
  routeReadOutside: 'a torn read of the route needs a machine word that is not modelled',
  routesNotUpdated: 'all routes of the interface lead to the same line',
  eventfdNotPut: 'an eventfd that is never freed takes memory only',
  resamplerFreedAtOnce: 'the acknowledgement that would touch it comes from a guest, which is no caller',
  leaverNotAwaited: 'the acknowledgement that would touch it comes from a guest, which is no caller',
  listLockedBeforeRouting: 'locks taken the wrong way round go well until two meet',
  resamplersLockedInsideRouting: 'locks taken the wrong way round go well until two meet',
  acknowledgedUnderLock: 'the acknowledgement that would wait comes from a guest, which is no caller',
  leavesWithoutLock: 'two that leave at once lose one removal; only an acknowledgement would follow it',
};

/** First vector that does not conform, and how. */
async function firstFailure(adapter: Adapter, profile: string): Promise<{ vector: Vector; how: string } | null> {
  const atOnce = (vector: Vector) => vector.order === null;
  for (const vector of [...vectors.filter(atOnce), ...vectors.filter(vector => !atOnce(vector))]) {
    for (let round = 0; round < (atOnce(vector) ? rounds.atOnce : rounds.inOrder); round += 1) {
      const { id, setup, callers, order } = vector;
      try {
        const answer = await adapter.run({ type: 'run', id: 1, vector: id, setup, callers, order, seed: roundSeed(1, id, round) });
        if (answer.type === 'refused') return { vector, how: 'refused' };
        const judgement = judge(vector, profile, answer);
        if (judgement.kind !== 'conforming') return { vector, how: judgement.kind };
      } catch (fault) {
        if (!(fault instanceof AdapterFailure)) throw fault;
        return { vector, how: fault.kind };
      }
    }
  }
  return null;
}

test('the simulator as it should be conforms to every vector, in many schedules', async () => {
  const adapter = simulator([irqfd]);
  assert.is(await firstFailure(adapter, (await adapter.start()).profile), null);
});

for (const { name } of irqfd.variants.filter(variant => variant.breaks.length > 0)) {
  const reason = unseen[name];
  test(reason === undefined ? `vectors fail on ${name}` : `no caller sees ${name}: ${reason}`, async () => {
    const adapter = simulator([irqfd], { variant: name });
    const failure = await firstFailure(adapter, (await adapter.start()).profile);
    if (reason !== undefined) return assert.is(failure, null, `a caller does see it: ${failure?.vector.id} is ${failure?.how}`);
    assert.ok(failure, 'no vector fails');
    assert.ok(['violation', 'exited', 'hung', 'could-not-set-up'].includes(failure.how), failure.how);
  });
}

test('nothing is excused that is no defect', () => {
  const known = irqfd.variants.map(variant => variant.name);
  for (const name of Object.keys(unseen)) assert.ok(known.includes(name), name);
});

test.run();
