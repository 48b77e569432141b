/** Completions and notifier chains, in a spec. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { allAgree, broken, systemOf } from '../tiny/spec-text.ts';

const test = suite('completions and notifier chains');

const press = `/** A newspaper tells its subscribers; who leaves is told nothing more, and thrown away when the last reader is done. */
import {
  alloc, always, complete, free, lock, notify, register, seconds, unlock, unregister, waitFor, waitForTimeout,
  type AtEvery, type Completion, type Defect, type GuardedBy, type LockOrder, type Mutex, type NotifierBlock, type NotifierChain, type Runs, type Scenario,
} from '../language.ts';
import * as shop from './shop.ts';

/** The paper. */
export interface Paper { readers: NotifierChain<'morning' | 'evening'>; printed: Completion; desk: Mutex }
/** Who reads it. */
export interface Reader { block: NotifierBlock<'morning' | 'evening'>; readonly paper: Paper; told: boolean }

/**
 * Written in the callback only.
 * @source our own example
 */
export const readerGuards: GuardedBy<Reader> = { told: { read: () => [], write: reader => reader.paper.desk } };
/** A reader is told. */
export const readerRuns: Runs<Reader> = { block: (reader, edition) => tell(reader, edition) };
/**
 * The desk is inside the list of readers.
 * @source our own example
 */
export const deskInside: LockOrder<[Paper]> = paper => [paper.readers, paper.desk];
/**
 * Told under the desk's lock and the readers' list.
 * @source our own example
 */
export const toldUnderBoth: AtEvery<{ reader: Reader }> = {
  event: ({ reader }) => { reader.told = true; },
  then: ({ reader }, past) => past.holds(reader.paper.readers) && past.holds(reader.paper.desk),
};
/** The edition has come. */
export function tell(reader: Reader, edition: 'morning' | 'evening'): void {
  if (edition === 'morning') return;
  lock(reader.paper.desk);
  reader.told = true;
  unlock(reader.paper.desk);
}
/** Print, and tell. */
export function print(paper: Paper): void {
  notify(paper.readers, 'morning');
  notify(paper.readers, 'evening');
  complete(paper.printed);
}
/** Leave. */
export function leave(reader: Reader): void {
  unregister(reader.paper.readers, reader.block);
  free(reader);
}
/** The paper closes when all is printed. */
export function close(paper: Paper): void {
  waitFor(paper.printed);
  free(paper);
}
/** Gives up at some time. */
export function watch(paper: Paper): boolean {
  return waitForTimeout(paper.printed, seconds(10)) === 'done';
}

/** One reader leaves while the paper is printed. */
export const leavesEarly: Scenario = ({ thread, stays }) => {
  const paper = alloc<Paper>({});
  const reader = alloc<Reader>({ paper });
  register(paper.readers, reader.block);
  stays(paper);
  thread(() => print(paper));
  thread(() => leave(reader));
  thread(() => watch(paper));
};
/** The paper closes. */
export const closes: Scenario = ({ thread }) => {
  const paper = alloc<Paper>({});
  thread(() => print(paper));
  thread(() => close(paper));
};
/** Freed while it may be told. */
export const neverUnregistered: Defect<typeof shop> = {
  breaks: [{ rule: always.freedWhenIdle, in: leavesEarly }],
  instead: { leave: reader => { free(reader); } },
};
/** Nobody completes. */
export const neverPrinted: Defect<typeof shop> = {
  breaks: [{ rule: always.everyWaitEnds, in: closes }],
  instead: { print: paper => { notify(paper.readers, 'morning'); } },
};
/** A callback leaves. */
export const leavesWhenTold: Defect<typeof shop> = {
  breaks: [{ rule: always.neverTakenTwice, in: leavesEarly }],
  instead: { tell: reader => { unregister(reader.paper.readers, reader.block); } },
};
/** Waits at the desk. */
export const waitsAtDesk: Defect<typeof shop> = {
  breaks: [{ rule: shop.deskInside, in: leavesEarly }],
  instead: { leave: reader => {
    lock(reader.paper.desk);
    unregister(reader.paper.readers, reader.block);
    unlock(reader.paper.desk);
    free(reader);
  } },
};
/** The completion is gone before it is done. */
export const closedEarly: Defect<typeof shop> = {
  breaks: [{ rule: always.neverTouchedAfterFree, in: closes }],
  instead: { close: paper => { waitForTimeout(paper.printed, seconds(1)); free(paper); } },
};
`;

test('explorer, interpreter and oracle agree on completions and notifier chains', () => {
  const system = systemOf(press);
  assert.equal(broken(system, 'leavesEarly'), []);
  assert.equal(broken(system, 'closes'), []);
  allAgree(system, 'leavesEarly');
  allAgree(system, 'closes');
  for (const { name, breaks } of system.variants) for (const { scenario } of breaks) allAgree(system, scenario, name);
});

test('each mistake with a completion or a chain is found by the rule that is meant', () => {
  const system = systemOf(press);
  for (const { name, breaks } of system.variants)
    for (const { rule, scenario } of breaks) assert.ok(broken(system, scenario, name).includes(rule), `${name} breaks ${rule}`);
});

test.run();
