import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type Adapter, AdapterFailure } from './adapter.ts';
import { readKnownFailing } from './known-failing.ts';
import type { Moment, RunRequest } from './protocol.ts';
import type { JudgeTrace } from './run-vector.ts';
import { type RunOptions, runVectors } from './runner.ts';
import { checkAgainst } from './schema.ts';
import { readReplay } from './seed.ts';
import { assignRace, assignTwice, called } from './testdata/assign-vectors.ts';
import { UsageFault } from './usage-fault.ts';
import type { Vector } from './vector.ts';

const test = suite('runner');
const given = 'toy';
const vectors = ['a/x', 'a/y', 'b/x'].map(id => called(id, assignTwice));

interface Toy extends Adapter {
  readonly requests: RunRequest[];
  starts: number;
  stops: number;
}

/** Obeys in this process; `second(request)` is what the second assign returns. */
function toy(
  second: (request: RunRequest) => 'EBUSY' | 0 = () => 'EBUSY',
  more: { observes?: string[]; calls?: string[]; trace?: object[] } = {},
): Toy {
  const adapter: Toy = {
    requests: [],
    starts: 0,
    stops: 0,
    async start() {
      adapter.starts += 1;
      return {
        type: 'welcome',
        protocol: 1,
        name: 'toy',
        version: '1',
        profile: 'linux-6.1',
        about: {},
        calls: more.calls ?? ['createVm', 'createInterruptController', 'createEventfd', 'assign'],
        observes: more.observes ?? [],
      };
    },
    async run(request) {
      adapter.requests.push(request);
      const result = second(request);
      const history: Moment[] = [
        { caller: 0, at: 'call' },
        { caller: 0, at: 'return', result: 0 },
        { caller: 1, at: 'call' },
        { caller: 1, at: 'return', result },
      ];
      return { type: 'ran', id: request.id, setup: [null, 0, null], history, ...(more.trace === undefined ? {} : { trace: more.trace }) };
    },
    async stop() {
      adapter.stops += 1;
    },
  };
  return adapter;
}

async function outcomes(adapter: Adapter, options: Partial<RunOptions> = {}, of: readonly Vector[] = vectors): Promise<string[]> {
  const report = await runVectors(of, adapter, { given, ...options });
  return report.vectors.map(vector => `${vector.id} ${vector.outcome}`);
}

test('patterns select, and what they leave out is not run', async () => {
  assert.equal(await outcomes(toy(), { patterns: ['a/*', '**/y'] }), ['a/x conforming', 'a/y conforming']);
  const report = await runVectors(vectors, toy(), { given, patterns: ['c/**'] });
  assert.is(report.verdict, 'nothing-selected');
});

test('shards together run every vector once', async () => {
  const parts = await Promise.all([1, 2, 3].map(index => outcomes(toy(), { shard: { index, count: 3 } })));
  assert.equal(parts.flat().sort(), ['a/x conforming', 'a/y conforming', 'b/x conforming']);
});

test('vectors whose callers run at once run each round with a seed of its own, the others once', async () => {
  const adapter = toy();
  await runVectors([assignTwice, assignRace], adapter, { given, rounds: 5, seed: 9 });
  assert.is(adapter.requests.filter(request => request.order !== null).length, 1);
  const seeds = adapter.requests.filter(request => request.order === null).map(request => request.seed);
  assert.is(new Set(seeds).size, 5);
  const again = toy();
  await runVectors([assignRace], again, { given, rounds: 5, seed: 9 });
  assert.equal(
    again.requests.map(request => request.seed),
    seeds,
  );
});

test('the first round that does not conform decides, and its token replays it', async () => {
  const seen: number[] = [];
  const third = toy(request => {
    seen.push(request.seed);
    return seen.length === 3 ? 0 : 'EBUSY';
  });
  const report = await runVectors([assignRace], third, { given: "'my adapter' --observe", rounds: 5 });
  const [vector] = report.vectors;
  assert.is(vector?.outcome, 'violation');
  assert.is(vector?.rounds, 3);
  assert.is(vector?.reproduce, `npx holdfast run --adapter 'my adapter' --observe --replay irqfd/assignTwice/at-once@${seen[2]}`);
  assert.equal(vector?.finding, {
    history: ['caller 0 calls assign(vm, efd, 4)', 'caller 0 returns 0', 'caller 1 calls assign(vm, efd, 4)', 'caller 1 returns 0'],
    at: 3,
    seen: 'r1=0',
    allowed: ['EBUSY'],
  });
  const replay = readReplay(vector?.reproduce?.split(' ').at(-1) ?? '');
  const again = toy(request => (request.seed === seen[2] ? 0 : 'EBUSY'));
  assert.equal(await outcomes(again, { replay }, [assignTwice, assignRace]), ['irqfd/assignTwice/at-once violation']);
  assert.is(again.requests.length, 1);
});

test('known failures are run, pass as such, and an unexpected pass is wrong', async () => {
  const knownFailing = readKnownFailing('a/* busy is not told yet', 'known.txt');
  const report = await runVectors(
    vectors,
    toy(request => (request.vector === 'a/x' ? 0 : 'EBUSY')),
    { given, knownFailing },
  );
  assert.equal(report.counts, { conforming: 1, 'unexpected-pass': 1, 'known-failing': 1 });
  assert.is(report.verdict, 'violation');
  assert.is(report.vectors[1]?.message, 'It conforms, but known.txt:1 says that it fails: busy is not told yet');
});

test('what does not fit the vectors is a usage fault', async () => {
  for (const options of [{ knownFailing: readKnownFailing('c/* gone', 'k') }, { replay: { vector: 'c/x', seed: 1 } }]) {
    try {
      await runVectors(vectors, toy(), { given, ...options });
      assert.unreachable();
    } catch (error) {
      assert.instance(error, UsageFault);
    }
  }
});

test('a call that the adapter does not offer is unsupported, and is not run', async () => {
  const adapter = toy(undefined, { calls: ['createVm', 'createEventfd', 'assign'] });
  const report = await runVectors(vectors, adapter, { given });
  assert.equal(report.counts, { unsupported: 3 });
  assert.is(report.vectors[0]?.message, 'The adapter does not offer createInterruptController(vm).');
  assert.is(adapter.requests.length, 0);
});

test('a trace is judged by the oracle, and a promised one that is missing is a lie', async () => {
  const judgeTrace: JudgeTrace = lines =>
    lines.length === 2
      ? { verdict: 'violation', findings: [{ rule: 'irqfdGuards', detail: 'Irqfd#1.kvm' }] }
      : { verdict: 'inconclusive', findings: [] };
  const one = vectors.slice(0, 1);
  const broken = await runVectors(one, toy(undefined, { observes: ['want'], trace: [{}, {}] }), { given, judgeTrace });
  assert.is(broken.vectors[0]?.outcome, 'violation');
  assert.is(broken.vectors[0]?.message, 'The trace breaks irqfdGuards: Irqfd#1.kvm.');
  assert.equal(await outcomes(toy(undefined, { observes: ['want'], trace: [{}] }), { judgeTrace }, one), ['a/x inconclusive']);
  assert.equal(await outcomes(toy(undefined, { observes: ['want'] }), { judgeTrace }, one), ['a/x lied']);
});

test('an adapter that fails is stopped and started again', async () => {
  const adapter = toy(request => {
    if (request.vector === 'a/y') throw new AdapterFailure('hung', 'It did not answer.');
    return 'EBUSY';
  });
  assert.equal(await outcomes(adapter), ['a/x conforming', 'a/y hung', 'b/x conforming']);
  assert.is(adapter.starts, 2);
  assert.is(adapter.stops, 2);
});

test('an adapter that throws something else has crashed, without a stack', async () => {
  const report = await runVectors(
    vectors.slice(0, 1),
    toy(() => {
      throw new TypeError('x is\nnot a function');
    }),
    { given },
  );
  assert.is(report.vectors[0]?.outcome, 'crashed');
  assert.is(report.vectors[0]?.message, 'The adapter threw: x is not a function');
});

test('one that does not come back is tried twice more and then no longer', async () => {
  const adapter = toy(() => {
    throw new AdapterFailure('exited', 'It is gone.');
  });
  const { start } = adapter;
  let tries = 0;
  adapter.start = () => {
    tries += 1;
    return tries === 1 ? start() : Promise.reject(new AdapterFailure('could-not-start', 'It is still gone.'));
  };
  const many = Array.from({ length: 6 }, (_, index) => called(`a/${index}`, assignTwice));
  const report = await runVectors(many, adapter, { given });
  assert.equal(report.counts, { crashed: 1, 'could-not-start': 5 });
  assert.is(report.verdict, 'broken-adapter');
  assert.is(tries, 3);
});

test('a run that is broken off says which vectors were not run', async () => {
  const stop = new AbortController();
  const report = await runVectors(vectors, toy(), { given, signal: stop.signal, onVector: () => stop.abort() });
  assert.equal(report.counts, { conforming: 1, 'not-run': 2 });
  assert.is(report.verdict, 'inconclusive');
});

test('progress is told in order', async () => {
  const told: string[] = [];
  await runVectors(vectors, toy(), { given, onVector: (vector, done, total) => told.push(`${vector.id} ${done}/${total}`) });
  assert.equal(told, ['a/x 1/3', 'a/y 2/3', 'b/x 3/3']);
});

test('a report has the shape of its schema, and with a stopped clock the same seed gives the same bytes', async () => {
  const once = () =>
    runVectors(
      [assignTwice, assignRace],
      toy(() => 0),
      { given, rounds: 3, seed: 5, shard: { index: 1, count: 1 }, now: () => 0 },
    );
  const report = await once();
  const checked = checkAgainst('report.schema.json')(report);
  assert.ok('value' in checked, 'problem' in checked ? checked.problem : '');
  assert.is(JSON.stringify(await once()), JSON.stringify(report));
});

test.run();
