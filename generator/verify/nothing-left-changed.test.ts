/** Contracts that ask that a failing call leaves all as it found it, in a spec. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { promela } from '../export/promela.ts';
import { allAgree, broken, programOf, systemOf } from '../tiny/spec-text.ts';

const test = suite('nothing left changed');

const lodge = `/** A lodge lets rooms; who is refused finds all as it was. */
import {
  alloc, free, get, lock, maybe, put, unlock,
  type Contract, type Defect, type GuardedBy, type Mutex, type Natural, type Owns, type RefCount, type Runs, type Scenario, atAnyTime,
} from '../language.ts';
import * as shop from './shop.ts';

/** A lodge. */
export interface Lodge { lock: Mutex; rooms: Set<Room>; asked: boolean; guests: Natural; last: Room | null }
/** A room. */
export interface Room { users: RefCount }
/**
 * All under the lock.
 * @source our own example
 */
export const lodgeGuards: GuardedBy<Lodge> = { rooms: lodge => lodge.lock, asked: lodge => lodge.lock, guests: lodge => lodge.lock, last: lodge => lodge.lock };
/** The last one leaves the room. */
export const roomRuns: Runs<Room> = { users: room => free(room) };
/** The last room let is kept. */
export const lodgeOwns: Owns<Lodge> = { last: room => room.users, rooms: room => room.users };
/**
 * Refused or not, that somebody asked may be remembered.
 * @source our own example
 */
export const letContract: Contract<typeof letRoom> = {
  fails: { ENOMEM: atAnyTime, EEXIST: (lodge, room) => lodge.rooms.has(room) },
  mayLeave: lodge => [lodge.asked],
};
/** A room is let. */
export function letRoom(lodge: Lodge, room: Room): 0 | 'ENOMEM' | 'EEXIST' {
  lock(lodge.lock);
  lodge.asked = true;
  if (lodge.rooms.has(room)) {
    unlock(lodge.lock);
    return 'EEXIST';
  }
  get(room.users);
  lodge.rooms.add(room);
  lodge.guests += 1;
  if (maybe()) {
    undo(lodge, room);
    unlock(lodge.lock);
    return 'ENOMEM';
  }
  get(room.users);
  lodge.last = room;
  unlock(lodge.lock);
  return 0;
}
/** As before. */
export function undo(lodge: Lodge, room: Room): void {
  lodge.guests -= 1;
  lodge.rooms.delete(room);
  put(room.users);
}
/** Two ask for one room. */
export const twoGuests: Scenario = ({ thread, stays }) => {
  const lodge = alloc<Lodge>({});
  const room = alloc<Room>({ users: 1 });
  stays(lodge, room);
  thread(() => letRoom(lodge, room));
  thread(() => letRoom(lodge, room));
};
/** A count stays. */
export const countStays: Defect<typeof shop> = {
  breaks: [{ rule: letContract, in: twoGuests }],
  instead: { undo: (lodge, room) => { lodge.rooms.delete(room); put(room.users); } },
};
/** A member stays. */
export const memberStays: Defect<typeof shop> = {
  breaks: [{ rule: letContract, in: twoGuests }],
  instead: { undo: lodge => { lodge.guests -= 1; } },
};
/** A reference stays. */
export const referenceStays: Defect<typeof shop> = {
  breaks: [{ rule: letContract, in: twoGuests }],
  instead: { undo: (lodge, room) => { lodge.guests -= 1; lodge.rooms.delete(room); } },
};
/** A pointer stays. */
export const pointerStays: Defect<typeof shop> = {
  breaks: [{ rule: letContract, in: twoGuests }],
  instead: { undo: (lodge, room) => { lodge.guests -= 1; lodge.rooms.delete(room); lodge.last = room; } },
};
`;

test('explorer, interpreter and oracle agree on what a failing call leaves', () => {
  const system = systemOf(lodge);
  assert.equal(broken(system, 'twoGuests'), []);
  allAgree(system, 'twoGuests');
  for (const { name } of system.variants) {
    assert.ok(broken(system, 'twoGuests', name).includes('letContract'), name);
    allAgree(system, 'twoGuests', name);
  }
});

test('the export judges this too', () => {
  assert.match(promela(programOf(systemOf(lodge), 'twoGuests')).text, /letContract/);
});

test('what may be left is a class, also behind a null', () => {
  const system = systemOf(lodge.replace('mayLeave: lodge => [lodge.asked]', 'mayLeave: lodge => [lodge.asked, lodge.last?.users]'));
  const contract = system.rules.find(({ name }) => name === 'letContract');
  assert.equal(contract?.kind === 'contract' ? contract.mayLeave : null, ['Lodge.asked', 'Room.users']);
});

test.run();
