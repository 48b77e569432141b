/** Rules that are judged where a function is called, by its name or through a pointer. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { allAgree, broken, readText, systemOf } from '../tiny/spec-text.ts';

const test = suite('rules at calls');

const stage = `/** A stage with a curtain; players of two kinds appear when it is up. */
import { alloc, lock, unlock, type AtEvery, type Defect, type GuardedBy, type Mutex, type Scenario } from '../language.ts';
import * as shop from './shop.ts';

/** A stage. */
export interface Stage { lock: Mutex; up: boolean; noise: boolean; readonly player: Player }
/** Who plays. */
export interface Player { readonly appear: (stage: Stage, voice: boolean) => 0 | 'EBUSY' }

/**
 * Under the lock.
 * @source our own example
 */
export const stageGuards: GuardedBy<Stage> = { up: stage => stage.lock, noise: stage => stage.lock };
/**
 * A player appears when the curtain is up, and under the lock.
 * @source our own example
 */
export const curtainIsUp: AtEvery<{ stage: Stage }> = {
  event: ({ stage }) => stage.player.appear(stage, true),
  then: ({ stage }, past) => stage.up && past.holds(stage.lock),
};
/**
 * Noise is made when the curtain is up, on every stage.
 * @source our own example
 */
export const noNoiseBehind: AtEvery<{ stage: Stage }> = { event: ({ stage }) => shout(stage), then: ({ stage }) => stage.up };

/** Makes a noise. */
export function shout(stage: Stage): void { stage.noise = true; }
/** Only there. */
export const mime: Player = { appear: () => 0 };
/** Heard as well. */
export const singer: Player = { appear: (stage, voice) => { if (voice) shout(stage); return 0; } };

/** The play. */
export function play(stage: Stage): 0 | 'EBUSY' {
  lock(stage.lock);
  stage.up = true;
  const result = stage.player.appear(stage, true);
  stage.up = false;
  unlock(stage.lock);
  return result;
}
/** Two plays on two stages. */
export const evening: Scenario = ({ thread, stays }) => {
  const one = alloc<Stage>({ player: mime });
  const other = alloc<Stage>({ player: singer });
  stays(one, other);
  thread(() => play(one));
  thread(() => play(other));
  thread(() => play(other));
};
/** The curtain stays down. */
export const curtainDown: Defect<typeof shop> = {
  breaks: [{ rule: shop.curtainIsUp, in: evening }, { rule: shop.noNoiseBehind, in: evening }],
  instead: { play: stage => {
    lock(stage.lock);
    const result = stage.player.appear(stage, true);
    unlock(stage.lock);
    return result;
  } },
};
`;

test('a rule is judged where a function is called, by name or through a pointer', () => {
  const system = systemOf(stage);
  assert.equal(broken(system, 'evening'), []);
  assert.equal(broken(system, 'evening', 'curtainDown'), ['curtainIsUp', 'noNoiseBehind']);
  allAgree(system, 'evening', null, ['curtainIsUp', 'noNoiseBehind']);
  allAgree(system, 'evening', 'curtainDown', ['curtainIsUp', 'noNoiseBehind']);
});

test('a call of something that is no function of the system is no event', () => {
  assert.match(
    readText(stage.replace('event: ({ stage }) => shout(stage)', 'event: ({ stage }) => Boolean(stage)')).said,
    'not an event that a rule can be judged at',
  );
});

test.run();
