/** The programs that are compared: what is wrong with each, and what right ones there are. */
export interface Compared {
  /** File in `programs/`, without its ending. */
  readonly name: string;
  /** What is wrong, in a few words; null: nothing is. */
  readonly bug: string | null;
  /** How this run of it is, or what it does right. */
  readonly what: string;
  /** What a report has to be about to be of this bug: threads that wait for ever, a free, or any memory. */
  readonly about: 'waits' | 'free' | 'memory';
}

export const compared: readonly Compared[] = [
  { name: 'inversion', bug: 'two mutexes in opposite orders', what: 'two threads, one after the other', about: 'waits' },
  { name: 'ring-of-three', bug: 'three mutexes in a ring', what: 'three threads, no two in opposite orders', about: 'waits' },
  {
    name: 'flush-under-lock',
    bug: 'waits for a work item under a mutex that the item takes',
    what: 'the item has ended before',
    about: 'waits',
  },
  { name: 'touch-after-put', bug: 'uses an object after putting its reference', what: 'the other reference is put later', about: 'free' },
  { name: 'late-get', bug: 'gets a reference that nothing keeps alive', what: 'the get comes in time', about: 'free' },
  { name: 'put-under-lock', bug: 'puts a reference under a mutex that the release takes', what: 'another put is the last', about: 'waits' },
  { name: 'free-before-grace', bug: 'frees without waiting for readers', what: 'the reader is done', about: 'free' },
  { name: 'grace-too-early', bug: 'waits for readers before it withdraws the pointer', what: 'the reader is done', about: 'free' },
  { name: 'plain-race', bug: 'two threads add to a plain number', what: 'no rule of lifetime or locking', about: 'memory' },
  { name: 'gate', bug: null, what: 'opposite orders under one mutex', about: 'waits' },
  { name: 'before-and-after', bug: null, what: 'opposite orders, the second thread made after the first ended', about: 'waits' },
  { name: 'references', bug: null, what: 'each uses the object and then puts its reference', about: 'free' },
  { name: 'grace-period', bug: null, what: 'withdrawn, waited for, freed', about: 'free' },
];
