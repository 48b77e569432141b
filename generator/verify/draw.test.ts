import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import stringWidth from 'string-width';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Event } from '../../oracles/event.ts';
import type { Counterexample, CounterexampleStep } from './counterexample.ts';
import { type Drawing, LETTER, LINE, layOut } from './draw-layout.ts';
import { storyOf } from './draw-story.ts';
import { drawCounterexample } from './draw-svg.ts';

const test = suite('drawing a counterexample');

type Happening = Event extends infer One ? (One extends Event ? Omit<One, 'seq' | 'thread' | 'site'> : never) : never;
interface Told {
  readonly thread: string;
  readonly text: string;
  readonly in?: string;
  readonly happens?: readonly Happening[];
}

const heading = {
  rule: 'accountsBalance',
  sentence: 'Money is counted under the locks of both accounts, in the order of their numbers.',
  where: 'bank, scenario <both ways>',
};

function exampleOf(told: readonly Told[], more: Partial<Counterexample> = {}): Counterexample {
  const events: Event[] = [];
  const add = (thread: string, happening: Happening): number => events.push({ ...happening, seq: events.length, thread } as Event) - 1;
  add('setup', { kind: 'alloc', object: 'Account#1', fields: { users: 2 } });
  const eventsOf = told.map(({ thread, happens = [] }) => happens.map(one => add(thread, one)));
  const steps = told.map(
    ({ thread, text, in: place }, index): CounterexampleStep => ({
      thread,
      text,
      in: place === undefined ? [] : [place],
      at: { file: 'bank/bank.ts', line: index + 1, column: 1 },
    }),
  );
  const names = [...new Set(told.map(({ thread }) => thread))];
  return {
    threads: names.map(name => ({ name, text: `transfer(${name}, other)` })),
    steps,
    kind: 'step',
    loopFrom: null,
    detail: 'Account#1.money is written without Account#1.lock',
    objects: {},
    parts: [{ text: 'account.lock held by this thread', value: 'false' }],
    waiting: [],
    events,
    eventsOf,
    ...more,
  };
}

const small = exampleOf([
  { thread: 'T1', text: 'lock(from.lock)', in: 'transfer', happens: [{ kind: 'got', lock: 'Account#1.lock' }] },
  { thread: 'T2', text: 'tryLock(from.lock)', in: 'transfer', happens: [{ kind: 'tried', lock: 'Account#1.lock', got: false }] },
  { thread: 'T1', text: 'put(from.users)', in: 'transfer', happens: [{ kind: 'put', counter: 'Account#1.users' }] },
  { thread: 'T1', text: 'unlock(from.lock)', in: 'transfer', happens: [{ kind: 'released', lock: 'Account#1.lock' }] },
  { thread: 'T2', text: 'from.money = 0 & "gone"', in: 'transfer', happens: [{ kind: 'write', field: 'Account#1.money', value: 0 }] },
]);

/** As many steps as asked for, in three lanes, with locks inside each other, changing counts, and texts of all lengths. */
function long(steps: number, more: Partial<Counterexample> = {}): Counterexample {
  const threads = ['T1', 'T2', 'worker Account#1.settle'];
  const told = Array.from({ length: steps }, (_, index): Told => {
    const thread = threads[Math.floor(index / 7) % 3] ?? 'T1';
    const place = index % 7;
    const happens: Happening[][] = [
      [{ kind: 'got', lock: `Account#${(index % 4) + 1}.lock` }],
      [{ kind: 'enter', domain: `Bank#1.${'x'.repeat(index % 23)}srcu` }],
      [{ kind: 'get', counter: 'Account#1.users' }],
      [],
      [
        { kind: 'put', counter: 'Account#1.users' },
        { kind: 'get', counter: 'Bank#1.usersOfTheWholeBank' },
      ],
      [{ kind: 'exit', domain: `Bank#1.${'x'.repeat(Math.max(0, index - 4) % 23)}srcu` }],
      [{ kind: 'released', lock: `Account#${(Math.max(0, index - 6) % 4) + 1}.lock` }],
    ];
    return {
      thread,
      text: `step(${'account.'.repeat(index % 11)}lock, 'kind ${index}'): its end`,
      in: `function${index % 5}`,
      happens: happens[place] ?? [],
    };
  });
  return exampleOf(told, more);
}

interface Box {
  readonly what: string;
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
}

function boxesOf({ texts, bars }: Drawing): { readonly texts: Box[]; readonly bars: Box[] } {
  return {
    texts: texts.flatMap(({ x, y, text, style, anchor }) => {
      // A tag is inside its bar.
      if (style === 'tag' || text === '') return [];
      const width = stringWidth(text) * LETTER * (style === 'title' ? 1.25 : 1);
      const left = anchor === 'start' ? x : anchor === 'end' ? x - width : x - width / 2;
      return [{ what: text, left, right: left + width, top: y - LINE / 2, bottom: y + LINE / 2 }];
    }),
    bars: bars.map(({ x, y, width, height, lock }) => ({ what: `bar ${lock}`, left: x, right: x + width, top: y, bottom: y + height })),
  };
}

function meet(one: Box, other: Box): boolean {
  return one.left < other.right && other.left < one.right && one.top < other.bottom && other.top < one.bottom;
}

function assertNothingMeets(drawing: Drawing): void {
  const { texts, bars } = boxesOf(drawing);
  const all = [...texts, ...bars];
  all.forEach((one, index) => {
    assert.ok(one.left >= 0 && one.right <= drawing.width && one.top >= 0 && one.bottom <= drawing.height, `${one.what} is on the page`);
    for (const other of all.slice(index + 1)) assert.not(meet(one, other), `${one.what} lies over ${other.what}`);
  });
}

for (const steps of [5, 20, 60]) {
  test(`with ${steps} steps no text lies over another, nor over a bar, nor leaves the page`, () => {
    const drawing = layOut(long(steps), heading);
    assert.is(drawing.points.length, steps);
    assertNothingMeets(drawing);
  });
}

test('of a deadlock, all who wait are marked, one that has taken no step too', () => {
  const waits = (thread: string): CounterexampleStep => ({
    thread,
    text: 'lock(account.lock)',
    in: [],
    at: { file: 'a.ts', line: 1, column: 1 },
  });
  const drawing = layOut(long(20, { kind: 'deadlock', waiting: [waits('T1'), waits('T2'), waits('T9')] }), heading);
  assert.is(drawing.points.filter(({ kind }) => kind === 'waiting').length, 3);
  assert.is(drawing.lanes.length, 4);
  assertNothingMeets(drawing);
});

test('of a loop, a bracket goes round the steps that come again', () => {
  const drawing = layOut(long(20, { kind: 'loop', loopFrom: 12 }), heading);
  const first = drawing.points[12]?.y ?? 0,
    before = drawing.points[11]?.y ?? 0;
  assert.ok(drawing.loop !== null && drawing.loop.from > before && drawing.loop.from < first);
  assertNothingMeets(drawing);
});

test('a lock is held from the step that takes it to the step that releases it, and to the end if none does', () => {
  const { holdings, changes } = storyOf(small);
  assert.equal(holdings, [{ thread: 'T1', lock: 'Account#1.lock', from: 0, to: 3 }]);
  assert.equal(changes, [{ step: 2, counter: 'Account#1.users', before: 2, after: 1 }]);
  const first = exampleOf([{ thread: 'T1', text: 'lock', happens: [{ kind: 'got', lock: 'Account#1.lock' }] }]);
  assert.is(storyOf(first).holdings[0]?.to, null);
});

test('the step that breaks the rule is marked, and only it', () => {
  const { points } = layOut(small, heading);
  assert.equal(
    points.map(({ kind }) => kind),
    ['step', 'step', 'step', 'step', 'broken'],
  );
});

test('a small drawing is as it was when somebody last looked at it', () => {
  const file = fileURLToPath(new URL('testdata/five-steps.expected.svg', import.meta.url));
  const actual = drawCounterexample(small, heading);
  if (process.env['UPDATE_GOLDEN'] !== undefined) writeFileSync(file, actual);
  assert.ok(existsSync(file), 'it is missing; make update-golden writes it');
  assert.fixture(actual, readFileSync(file, 'utf8'));
});

test.run();
