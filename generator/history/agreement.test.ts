import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { randomFrom } from '../../conformance/seed.ts';
import { systemForTests } from './for-tests.ts';
import { type HistoryJudge, judgeHistory } from './judge-history.ts';
import { type HistoryMoment, namedAnew, randomHistory } from './random-history.ts';
import { irqfdCalls } from './random-irqfd.ts';

const test = suite('histories, reduced and not');
const system = await systemForTests('irqfd');
const room = { callers: 2, pools: Object.fromEntries(Object.keys(system.objects).map(type => [type, 3])) };
const perSeed = 30;

const mayReturn = (judge: HistoryJudge, thread: string): string => [...judge.mayReturn(thread)].map(String).sort().join(' or ');

function follow(judge: HistoryJudge, { at, thread, call, arguments: given, result }: HistoryMoment): void {
  assert.is(at === 'call' ? judge.call(thread, call, given) : judge.return(thread, result), null, `${thread} ${at} ${call}`);
}

test('at every moment every call under way may return the same, whether all hidden steps are tried or those that matter', () => {
  const quick = judgeHistory(system, { room });
  const slow = judgeHistory(system, { room, unreduced: true });
  let compared = 0;
  let several = 0;
  for (const seed of [2, 3, 5, 7, 11, 13, 17, 19]) {
    const underWay = new Set<string>();
    let moments = 0;
    for (const moment of randomHistory(system, room, randomFrom(seed), irqfdCalls(1, 2))) {
      const named = namedAnew(moment, seed);
      follow(quick, named);
      follow(slow, named);
      if (named.at === 'call') underWay.add(named.thread);
      else underWay.delete(named.thread);
      for (const thread of underWay) {
        const may = mayReturn(slow, thread);
        assert.is(mayReturn(quick, thread), may, `seed ${seed}, ${moments} moments before: ${thread}`);
        compared += 1;
        if (may.includes(' or ')) several += 1;
      }
      moments += 1;
      if (moments === perSeed) break;
    }
  }
  assert.ok(compared > 100, `${compared} compared`);
  assert.ok(several > 3, `${several} of them with more than one result`);
});

// A signal that has counted, and not let go of the lock, is waited for by whoever reads the count.
test('who stands at a lock waits for whoever has it, whatever else it might have come to', () => {
  for (const unreduced of [false, true]) {
    const judge = judgeHistory(system, { unreduced });
    judge.call('A', 'createEventfd', []);
    judge.return('A', 'fd');
    judge.call('A', 'signal', ['fd']);
    judge.call('B', 'readCount', ['fd']);
    assert.is(mayReturn(judge, 'B'), '1 or EAGAIN');
  }
});

test.run();
