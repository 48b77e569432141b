/** Processes, unions of object types and durations, in a spec. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { allAgree, broken, programOf, readText, systemOf } from '../tiny/spec-text.ts';

const test = suite('processes, unions and durations');

const club = `/** A club: members enter with a card of one kind or another; the door belongs to who opened it. */
import {
  alloc, always, bug, closeFd, current, fget, free, get, guard, put, seconds, unlock, lock, waitEventTimeout, wakeAll,
  type AtEvery, type Contract, type Defect, type Descriptor, type Duration, type GuardedBy, type Invariant, type Mutex, type Natural, type Owns, type Process, type RefCount, type Runs,
  type Scenario, type WaitQueue, implies,
} from '../language.ts';
import * as shop from './shop.ts';

/** The club. */
export interface Club { lock: Mutex; owner: Process | null; inside: Natural; patience: Duration; leaving: WaitQueue }
/** What one enters with. */
export type Card = GuestCard | MemberCard;
/** For a day. */
export interface GuestCard { readonly kind: 'guest'; readonly club: Club; refs: RefCount }
/** For ever. */
export interface MemberCard { readonly kind: 'member'; readonly home: Club; refs: RefCount; used: boolean }

/**
 * All under one lock.
 * @source our own example
 */
export const clubGuards: GuardedBy<Club> = { owner: club => club.lock, inside: club => club.lock, patience: club => club.lock };
/**
 * A member's card is stamped under the lock of the club.
 * @source our own example
 */
export const cardGuards: GuardedBy<MemberCard> = { used: card => card.home.lock };
/** The owner is kept. */
export const clubOwns: Owns<Club> = { owner: process => process.users };
/** The last reference throws a card away. */
export const cardRuns: Runs<Card> = { refs: card => throwAway(card) };
/**
 * A member's card is stamped by who owns the club, if somebody does.
 * @source our own example
 */
export const stampedByOwner: AtEvery<{ card: MemberCard }> = {
  event: ({ card }) => { card.used = true; },
  then: ({ card }) => card.home.owner === null || card.home.owner === current,
};
/**
 * A guest's card leads to a club.
 * @source our own example
 */
export const guestsHaveClubs: Invariant<{ card: GuestCard; club: Club }> = ({ card, club }) => implies(card.club !== club, card.refs.count > 0);

/**
 * Only administrators lose their patience.
 * @source our own example
 */
export const hurryContract: Contract<typeof hurry> = { fails: { EPERM: () => !current.admin } };

/** The club a card is for. */
export function clubOf(card: Card): Club {
  if (card.kind === 'guest') return card.club;
  return card.home;
}
/** Thrown away. */
export function throwAway(card: Card): void { free(card); }
/** Enter with the card that a descriptor is open on. */
export function enter(fd: Descriptor<Card>): 0 | 'EBADF' | 'EPERM' {
  const card = fget(fd);
  if (card === null) return 'EBADF';
  const result = enterWith(clubOf(card), card);
  put(card.refs);
  return result;
}
/** With the card. */
export function enterWith(club: Club, card: Card): 0 | 'EPERM' {
  using _ = guard(club.lock);
  const owner = club.owner;
  if (owner !== null && owner !== current) return 'EPERM';
  if (owner === null) {
    get(current.users);
    club.owner = current;
  }
  if (card.kind === 'member') card.used = true;
  club.inside += 1;
  return 0;
}
/** Wait for others to leave. */
export function wait(club: Club): void {
  lock(club.lock);
  const patience = club.patience;
  const result = waitEventTimeout(club.leaving, () => club.inside === 0, patience, club.lock);
  if (result === 'woken' && club.inside > 0) bug();
  unlock(club.lock);
}
/** Leave. */
export function leave(club: Club): void {
  lock(club.lock);
  if (club.inside > 0) club.inside -= 1;
  unlock(club.lock);
  wakeAll(club.leaving);
}
/** No more patience. */
export function hurry(club: Club): 0 | 'EPERM' {
  if (!current.admin) return 'EPERM';
  using _ = guard(club.lock);
  club.patience = seconds(0);
  return 0;
}

/** Two processes and two cards. */
export const twoOwners: Scenario = ({ user, process, descriptor, stays }) => {
  const one = process();
  const other = process({ admin: true });
  const club = alloc<Club>({ patience: seconds(30) });
  stays(club);
  const guest = descriptor<Card>(alloc<GuestCard>({ kind: 'guest', club, refs: 1 }));
  const member = descriptor<Card>(alloc<MemberCard>({ kind: 'member', home: club, refs: 1 }));
  stays(guest, member, member.file);
  user(one, () => { enter(guest); closeFd(guest); });
  user(other, () => { enter(member); hurry(club); });
};
/** One leaves while the host waits. */
export const hostWaits: Scenario = ({ thread, stays }) => {
  const club = alloc<Club>({ patience: seconds(30) });
  stays(club);
  club.inside = 1;
  thread(() => wait(club));
  thread(() => leave(club));
};

/** The owner is not asked. */
export const everybodyEnters: Defect<typeof shop> = {
  breaks: [{ rule: stampedByOwner, in: twoOwners }],
  instead: { enterWith: (club, card) => {
    lock(club.lock);
    if (card.kind === 'member') card.used = true;
    club.inside += 1;
    if (club.owner === null) { get(current.users); club.owner = current; }
    unlock(club.lock);
    return 0;
  } },
};
/** The owner is not kept. */
export const ownerNotKept: Defect<typeof shop> = {
  breaks: [{ rule: shop.hurryContract, in: twoOwners }],
  instead: { hurry: club => { lock(club.lock); club.patience = seconds(0); unlock(club.lock); return 'EPERM'; } },
};
/** The condition takes a mutex. */
export const conditionLocks: Defect<typeof shop> = {
  breaks: [{ rule: always.conditionNeverSleeps, in: hostWaits }],
  instead: { wait: club => { waitEventTimeout(club.leaving, () => isEmpty(club), seconds(30)); } },
};
function isEmpty(club: Club): boolean {
  lock(club.lock);
  const empty = club.inside === 0;
  unlock(club.lock);
  return empty;
}
`;

test('explorer, interpreter and oracle agree on processes, unions and timed waits', () => {
  const system = systemOf(club);
  assert.equal(broken(system, 'twoOwners'), []);
  assert.equal(broken(system, 'hostWaits'), []);
  allAgree(system, 'twoOwners');
  allAgree(system, 'hostWaits');
  allAgree(system, 'twoOwners', 'everybodyEnters');
  allAgree(system, 'twoOwners', 'ownerNotKept');
  allAgree(system, 'hostWaits', 'conditionLocks');
});

test('each mistake is found by the rule that is meant', () => {
  const system = systemOf(club);
  assert.equal(broken(system, 'twoOwners', 'everybodyEnters'), ['stampedByOwner']);
  assert.equal(broken(system, 'twoOwners', 'ownerNotKept'), ['hurryContract']);
  assert.ok(broken(system, 'hostWaits', 'conditionLocks').includes('always.conditionNeverSleeps'));
});

test('a thread runs on behalf of its process, and everything else of the first', () => {
  const system = systemOf(club);
  assert.equal(
    programOf(system, 'twoOwners').threads.map(({ process }) => process),
    [2, 3],
  );
  assert.equal(
    programOf(system, 'hostWaits').threads.map(({ process }) => process),
    [1, 1],
  );
});

test('objects of a union are of one type, and a rule about one member leaves the others alone', () => {
  const system = systemOf(club);
  assert.equal(Object.keys(system.objects).sort(), ['Card', 'Club', 'Descriptor', 'Process']);
  const rule = system.rules.find(({ name }) => name === 'guestsHaveClubs');
  assert.match(JSON.stringify(rule), /card is a GuestCard/);
});

test('what is wrong with a union or a duration is said', () => {
  assert.match(readText(club.replace("{ readonly kind: 'guest'; ", '{ ')).said, /type-error|union-without-tag/);
  assert.match(
    readText(
      club.replace('  using _ = guard(club.lock);\n  club.patience = seconds(0);', '  const some = 3;\n  club.patience = seconds(some);'),
    ).said,
    'duration-without-number',
  );
  assert.match(
    readText(club.replace('implies(card.club !== club, card.refs.count > 0)', 'implies(club.owner === current, card.refs.count > 0)')).said,
    'rule-without-thread',
  );
});

test.run();
