import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { exitStatus, verdictOf } from './verdict.ts';

const test = suite('verdict');
const cases: readonly [Record<string, number>, string, number][] = [
  [{}, 'nothing-selected', 2],
  [{ conforming: 3 }, 'pass', 0],
  [{ conforming: 3, 'known-failing': 1, unsupported: 2 }, 'pass', 0],
  [{ unsupported: 2 }, 'inconclusive', 3],
  [{ conforming: 3, refused: 1 }, 'inconclusive', 3],
  [{ conforming: 3, 'could-not-set-up': 1 }, 'inconclusive', 3],
  [{ conforming: 3, 'not-run': 1 }, 'inconclusive', 3],
  [{ conforming: 3, refused: 1, violation: 1 }, 'violation', 1],
  [{ conforming: 3, 'unexpected-pass': 1 }, 'violation', 1],
  [{ conforming: 3, crashed: 1 }, 'violation', 1],
  [{ crashed: 2, unsupported: 1 }, 'broken-adapter', 4],
  [{ hung: 1, 'could-not-start': 2 }, 'broken-adapter', 4],
];
for (const [counts, verdict, status] of cases) {
  test(`${JSON.stringify(counts)} is ${verdict}, exit status ${status}`, () => {
    assert.is(verdictOf(counts).verdict, verdict);
    assert.is(exitStatus(verdictOf(counts).verdict), status);
  });
}

test.run();
