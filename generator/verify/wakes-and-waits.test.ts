/** A thread that sleeps until a condition is true is woken by whoever makes it true, or never. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { allAgree, broken, systemOf } from '../tiny/spec-text.ts';

const test = suite('wake-ups');

const station = `/** Passengers wait for a train. */
import {
  alloc, lock, some, unlock, waitEvent, waitEventUnlocked, wakeAll,
  type Defect, type GuardedBy, type Mutex, type Scenario, type WaitQueue, unguarded,
} from '../language.ts';
import * as shop from './shop.ts';

/** Where trains stop. */
export interface Station { lock: Mutex; board: WaitQueue; trains: Set<Train>; left: boolean }
/** Is ready or not. */
export interface Train { ready: boolean }

/**
 * Trains are announced under the lock.
 * @source our own example
 */
export const stationGuards: GuardedBy<Station> = { trains: station => station.lock, left: unguarded };
/**
 * Looked at while waiting.
 * @source our own example
 */
export const trainGuards: GuardedBy<Train> = { ready: unguarded };

/** Wait until a train is ready, without the lock while asleep. */
export function waitForTrain(station: Station): void {
  lock(station.lock);
  waitEventUnlocked(station.board, () => some(station.trains, train => train.ready), station.lock);
  unlock(station.lock);
  waitEvent(station.board, () => station.left);
}
/** A train comes, and leaves. */
export function arrive(station: Station, train: Train): void {
  lock(station.lock);
  station.trains.add(train);
  train.ready = true;
  unlock(station.lock);
  wakeAll(station.board);
  station.left = true;
  wakeAll(station.board);
}
/** One passenger, one train. */
export const oneTrain: Scenario = ({ thread, stays }) => {
  const station = alloc<Station>({});
  const train = alloc<Train>({});
  stays(station, train);
  thread(() => waitForTrain(station));
  thread(() => arrive(station, train));
};
/** Wakes before it is true. */
export const wakesTooSoon: Defect<typeof shop> = {
  breaks: [{ rule: stationGuards, in: oneTrain }],
  instead: {
    arrive: (station, train) => {
      lock(station.lock);
      station.trains.add(train);
      unlock(station.lock);
      wakeAll(station.board);
      train.ready = true;
      station.left = true;
    },
  },
};
`;
const system = systemOf(station);

test('every passenger is woken where the wake-up comes after the condition', () => {
  assert.equal(broken(system, 'oneTrain'), []);
  allAgree(system, 'oneTrain');
});

test('a wake-up that comes before the condition is lost, and the thread sleeps for ever', () => {
  assert.equal(broken(system, 'oneTrain', 'wakesTooSoon'), ['always.everyWaitEnds']);
  allAgree(system, 'oneTrain', 'wakesTooSoon');
});

test.run();
