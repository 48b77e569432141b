/** Modules that can go, symbols that pin them, pointers to functions, and what a function of a setup returns. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { allAgree, broken, readText, systemOf } from '../tiny/spec-text.ts';

const test = suite('modules and pointers to functions');

const garage = `/** A garage lends cars; the module of the cars may be unloaded. */
import {
  alloc, bug, get, lock, put, symbolGet, symbolPut, unlock, unguarded,
  type Defect, type Exports, type GuardedBy, type Module, type Mutex, type Owns, type RefCount, type Runs, type Scenario, free,
} from '../language.ts';
import * as shop from './shop.ts';

/** Drives. */
export interface Car { users: RefCount; readonly module: Module }
/** How a garage starts and stops cars. */
export interface Driver { readonly start: (garage: Garage) => 0 | 'EBUSY'; readonly stop: (garage: Garage) => void }
/** Lends cars. */
export interface Garage { lock: Mutex; readonly driver: Driver; car: Car | null; giveBack: typeof putCar | null; running: boolean }

/** The module of the cars. */
export declare const carModule: Module;
/** What garages reach by name. */
export const carExports: Exports = { module: carModule, symbols: [putCar] };
/** A car pins its module. */
export const carOwns: Owns<Car> = { module: module => module.pins };
/** The last user scraps the car. */
export const carRuns: Runs<Car> = { users: car => scrap(car) };
/** A garage holds the car, and pins the function that gives it back. */
export const garageOwns: Owns<Garage> = { car: car => car.users, giveBack: () => carModule.pins };
/**
 * A garage is changed under its lock.
 * @source our own example
 */
export const garageGuards: GuardedBy<Garage> = { car: garage => garage.lock, giveBack: garage => garage.lock, running: garage => garage.lock };

/** Give a car back. */
export function putCar(car: Car): void { put(car.users); }
/** The last user is gone. */
export function scrap(car: Car): void {
  const module = car.module;
  free(car);
  put(module.pins);
}
/** Lend the car. */
export function lend(garage: Garage, car: Car): 0 | 'EBUSY' | 'ENODEV' {
  lock(garage.lock);
  const giveBack = symbolGet(putCar);
  if (giveBack === null) {
    unlock(garage.lock);
    return 'ENODEV';
  }
  const result = garage.driver.start(garage);
  if (result !== 0) {
    giveBack(car);
    symbolPut(putCar);
    unlock(garage.lock);
    return result;
  }
  garage.car = car;
  garage.giveBack = giveBack;
  unlock(garage.lock);
  return 0;
}
/** Give it back, by the function that came with it. */
export function giveBackCar(garage: Garage): void {
  lock(garage.lock);
  const car = garage.car;
  const giveBack = garage.giveBack;
  if (car !== null && giveBack !== null) {
    garage.driver.stop(garage);
    garage.car = null;
    garage.giveBack = null;
    giveBack(car);
    symbolPut(putCar);
  }
  unlock(garage.lock);
}
/** The module's own reference goes. */
export function unload(): void { put(carModule.pins); }

/** Starts whatever there is. */
export const plainDriver: Driver = { start: () => 0, stop: () => undefined };
/** Notes that it runs. */
export const carefulDriver: Driver = {
  start: garage => {
    if (garage.running) return 'EBUSY';
    garage.running = true;
    return 0;
  },
  stop: garage => {
    if (!garage.running) bug();
    garage.running = false;
  },
};

/** A garage with this driver, and a car for it. */
export function opened(driver: Driver): { garage: Garage; car: Car } {
  get(carModule.pins);
  const car = alloc<Car>({ users: 1, module: carModule });
  const garage = alloc<Garage>({ driver });
  return { garage, car };
}
/** Garages of both kinds. */
export const unloadsWhileLending: Scenario = ({ thread, stays }) => {
  const { garage, car } = opened(carefulDriver);
  stays(garage, carModule);
  thread(() => {
    if (lend(garage, car) === 0) giveBackCar(garage);
  });
  thread(() => unload());
};
/** The other driver. */
export const plain: Scenario = ({ thread, stays }) => {
  const { garage, car } = opened(plainDriver);
  stays(garage, carModule);
  thread(() => {
    if (lend(garage, car) === 0) giveBackCar(garage);
  });
};

/** The module is unpinned before its function is called. */
export const unpinsTooSoon: Defect<typeof shop> = {
  breaks: [{ rule: garageGuards, in: unloadsWhileLending }],
  instead: {
    giveBackCar: garage => {
      lock(garage.lock);
      const car = garage.car;
      const giveBack = garage.giveBack;
      if (car !== null && giveBack !== null) {
        garage.driver.stop(garage);
        garage.car = null;
        garage.giveBack = null;
        symbolPut(putCar);
        put(carModule.pins);
        giveBack(car);
      }
      unlock(garage.lock);
    },
  },
};
`;
const text = garage.replace(' unlock, unguarded,', ' unlock,');

test('a function that is pinned can be called while the module goes', () => {
  const system = systemOf(text);
  for (const scenario of ['unloadsWhileLending', 'plain']) {
    assert.equal(broken(system, scenario), []);
    allAgree(system, scenario);
  }
});

test('a function whose module is gone must not be called', () => {
  const system = systemOf(text);
  const rules = broken(system, 'unloadsWhileLending', 'unpinsTooSoon');
  assert.ok(rules.includes('always.neverTouchedAfterFree'), rules.join());
  allAgree(system, 'unloadsWhileLending', 'unpinsTooSoon');
});

test('a function that is not exported cannot be looked up', () => {
  const { said } = readText(text.replace('symbols: [putCar]', 'symbols: [scrap]'));
  assert.match(said, /symbol-not-exported\n {2}putCar is exported by no module of this system\./);
});

test.run();
