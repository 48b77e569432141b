import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Program, State } from '../program.ts';
import { field, objectType, tiny } from '../tiny/tiny-program.ts';
import { underMutex, workAndFlush } from '../tiny/tiny-programs.ts';
import { runAlone, startOf } from './interpret.ts';
import { atRest, mayStay, quiescenceFindings, reachable } from './quiescence.ts';

const test = suite('quiescence');

/** A root with a set of files that it owns, a pointer to one more, and one that nobody leads to. */
function files(cells: Readonly<Record<string, number>>, counts: readonly [number, number, number]): Program {
  const file = objectType('File', [field('refs', 'refcount', 3), field('entry', 'wait-entry', 1)], 3, 3);
  const root = objectType(
    'Root',
    [field('open', 'set', 7, 'File'), field('last', 'pointer', 3, 'File'), field('wait', 'wait-queue', 1)],
    1,
    1,
    { open: 'refs', last: 'refs' },
  );
  const refs = Object.fromEntries(counts.map((count, index) => [`File#${index + 1}.refs`, count]));
  return tiny({
    name: 'files',
    types: [file, root],
    cells: { ...refs, ...cells },
    waitQueues: [{ type: 'Root', instance: 1, field: 'wait' }],
    globals: { root: 'Root' },
    stays: [],
    threads: [{ nodes: [] }],
  });
}
const details = (program: Program, state: State) => quiescenceFindings(program, state).map(({ rule, detail }) => `${rule}: ${detail}`);

test('a pending work item, a worker that runs and a thread that has not ended are not rest', () => {
  const program = workAndFlush();
  const { state } = runAlone(program);
  assert.ok(atRest(program, state));
  assert.not(atRest(program, { ...state, cells: { ...state.cells, 'Job#1.work': 1 } }));
  assert.not(atRest(program, { ...state, threads: state.threads.map((one, index) => (index === 1 ? { ...one, node: 1 } : one)) }));
  assert.not(atRest(underMutex(), startOf(underMutex())));
});

test('what the declared objects lead to stays, through pointers and sets', () => {
  const program = files({ 'Root#1.open': 1, 'Root#1.last': 2 }, [1, 1, 1]);
  assert.equal(mayStay(program), ['Root#1']);
  assert.equal([...reachable(program, program.initial)].sort(), ['File#1', 'File#2', 'Root#1']);
  assert.equal(details(program, program.initial), ['always.quietAtTheEnd: File#3 was not freed']);
});

test('an entry of an object that was left behind is named as well', () => {
  const program = files({ 'Root#1.open': 3, 'File#3.entry': 1 }, [1, 1, 1]);
  assert.equal(details(program, program.initial), [
    'always.quietAtTheEnd: File#3 was not freed',
    'always.quietAtTheEnd: File#3.entry is on a wait queue',
  ]);
});

test('a counter may differ from its owners by what it differed at the beginning, and by no more', () => {
  const program = files({ 'Root#1.open': 7 }, [1, 1, 2]);
  assert.equal(details(program, program.initial), []);
  const later = { ...program.initial, cells: { ...program.initial.cells, 'Root#1.last': 3, 'File#1.refs': 2 } };
  assert.equal(details(program, later), [
    'always.referencesBalance: File#1.refs is 2 and should be 1: owned by Root#1.open',
    'always.referencesBalance: File#3.refs is 2 and should be 3: owned by Root#1.open, Root#1.last, and 1 held by the scenario',
  ]);
});

test('who holds a lock or is in a read section at the end is named', () => {
  const program = tiny({
    name: 'held',
    types: [objectType('Box', [field('lock', 'mutex', 1), field('srcu', 'srcu', 1)])],
    threads: [{ nodes: [] }],
  });
  const [first] = program.initial.threads;
  if (!first) throw new Error('there is no thread');
  const state: State = { ...program.initial, cells: { 'Box#1.lock': 1 }, threads: [{ ...first, readers: { 'Box#1.srcu': 1 } }] };
  assert.equal(details(program, state), [
    'always.quietAtTheEnd: T1 holds Box#1.lock',
    'always.quietAtTheEnd: T1 is in a read section of Box#1.srcu',
  ]);
});

test.run();
