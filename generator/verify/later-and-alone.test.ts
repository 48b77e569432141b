/** Puts whose release is put off to the end of the call, and objects that a thread says are its alone. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { allAgree, broken, systemOf } from '../tiny/spec-text.ts';

const test = suite('releases put off, and objects that are alone');

const office = `/** A folder holds papers; closing it gives them back. The last reference of a paper takes the lock of the office. */
import {
  alloc, assertSole, free, get, lock, put, putLater, unlock,
  type Defect, type GuardedBy, type Mutex, type Owns, type RefCount, type Runs, type Scenario,
} from '../language.ts';
import * as shop from './shop.ts';

/** Where papers are. */
export interface Office { lock: Mutex; shredded: boolean; folder: Folder | null }
/** Holds papers. */
export interface Folder { lock: Mutex; papers: Set<Paper> }
/** Is read by some. */
export interface Paper { readonly office: Office; refs: RefCount }

/**
 * What was shredded, and the folder, are under the office's lock.
 * @source our own example
 */
export const officeGuards: GuardedBy<Office> = { shredded: office => office.lock, folder: office => office.lock };
/**
 * Papers of a folder are under its lock.
 * @source our own example
 */
export const folderGuards: GuardedBy<Folder> = { papers: folder => folder.lock };
/** A folder holds its papers. */
export const folderOwns: Owns<Folder> = { papers: paper => paper.refs };
/** The last reader shreds it. */
export const paperRuns: Runs<Paper> = { refs: paper => shred(paper) };

/** Shreds a paper, under the lock of the office. */
export function shred(paper: Paper): void {
  const office = paper.office;
  lock(office.lock);
  office.shredded = true;
  unlock(office.lock);
  free(paper);
}
/** Files a paper. */
export function file(folder: Folder, paper: Paper): void {
  lock(folder.lock);
  get(paper.refs);
  folder.papers.add(paper);
  unlock(folder.lock);
}
/** Closes the folder under the office's lock; nobody has it any more. */
export function close(office: Office): void {
  lock(office.lock);
  const folder = office.folder;
  if (folder !== null) {
    office.folder = null;
    assertSole(folder);
    for (const paper of folder.papers) {
      folder.papers.delete(paper);
      putLater(paper.refs);
    }
    free(folder);
  }
  unlock(office.lock);
}
/** Reads and is done. */
export function readPaper(paper: Paper): void { put(paper.refs); }
/** Takes the folder and looks. */
export function lookInside(office: Office): void {
  lock(office.lock);
  const folder = office.folder;
  if (folder !== null) {
    lock(folder.lock);
    unlock(folder.lock);
  }
  unlock(office.lock);
}

/** Two papers, closed while they are read. */
export const closesWhileRead: Scenario = ({ thread, stays }) => {
  const folder = alloc<Folder>({});
  const office = alloc<Office>({ folder });
  const one = alloc<Paper>({ office, refs: 1 });
  const other = alloc<Paper>({ office, refs: 1 });
  file(folder, one);
  file(folder, other);
  put(other.refs);
  stays(office);
  thread(() => close(office));
  thread(() => readPaper(one));
  thread(() => lookInside(office));
};

/** The release takes the lock that is held. */
export const putsNow: Defect<typeof shop> = {
  breaks: [{ rule: officeGuards, in: closesWhileRead }],
  instead: {
    close: office => {
      lock(office.lock);
      const folder = office.folder;
      if (folder !== null) {
        office.folder = null;
        assertSole(folder);
        for (const paper of folder.papers) {
          folder.papers.delete(paper);
          put(paper.refs);
        }
        free(folder);
      }
      unlock(office.lock);
    },
  },
};
/** Others can still reach the folder. */
export const notAlone: Defect<typeof shop> = {
  breaks: [{ rule: officeGuards, in: closesWhileRead }],
  instead: {
    lookInside: office => {
      lock(office.lock);
      const folder = office.folder;
      unlock(office.lock);
      if (folder !== null) {
        lock(folder.lock);
        unlock(folder.lock);
      }
    },
  },
};
`;
const system = systemOf(office);

test('a release that is put off runs without the locks of the put, and what is alone needs no guard', () => {
  assert.equal(broken(system, 'closesWhileRead'), []);
  allAgree(system, 'closesWhileRead');
});

test('a release made at once takes a lock that is held', () => {
  const rules = broken(system, 'closesWhileRead', 'putsNow');
  assert.ok(rules.includes('always.neverTakenTwice') && rules.includes('always.lastPutTakesNoHeldLock'), rules.join());
});

test('a touch of what another thread says is its alone is found', () => {
  const rules = broken(system, 'closesWhileRead', 'notAlone');
  assert.ok(rules.includes('always.soleWhereAsserted'), rules.join());
  allAgree(system, 'closesWhileRead', 'notAlone');
});

test.run();
