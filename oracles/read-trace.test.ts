import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { checkTrace } from './check-trace.ts';
import { longestLine } from './read-trace.ts';
import { asTrace, type Happening, machine, t1, t2, takes, tinySystem } from './tiny-system.ts';
import { TraceError } from './trace-error.ts';

const test = suite('reading a trace');

const header = '{"holdfast":"trace","version":1,"system":"tiny"}';
async function* chunks(text: string, size: number): AsyncGenerator<Uint8Array> {
  const bytes = new TextEncoder().encode(text);
  for (let at = 0; at < bytes.length; at += size) yield bytes.slice(at, at + size);
}
const check = (text: string, size = 100_000) => checkTrace(chunks(text, size), system => (system === 'tiny' ? tinySystem : undefined));
const traceOf = (happenings: readonly Happening[]): string =>
  [header, ...asTrace(happenings).map(event => JSON.stringify(event))].join('\n');

async function refuses(text: string, line: number, field: string, words: RegExp, size?: number): Promise<void> {
  try {
    await check(text, size);
  } catch (error) {
    if (!(error instanceof TraceError)) throw error;
    assert.equal({ line: error.line, field: error.field }, { line, field }, error.message);
    assert.match(error.message, words);
    return;
  }
  assert.unreachable('the trace was accepted');
}
const event = (fields: object): string => `${header}\n${JSON.stringify({ seq: 1, thread: 'T1', ...fields })}\n`;

test('a whole trace is judged, however it is cut into chunks', async () => {
  const text = `${traceOf([...machine, ...takes(t1, 'Vm#1.lock'), t1.want('Vm#1.lock')])}\n`;
  const whole = await check(text);
  assert.is(whole.verdict, 'violation');
  assert.is(whole.events, 6);
  assert.equal(await check(text, 1), whole);
  assert.equal(await check(text.trimEnd(), 7), whole);
});
test('characters of several bytes may be cut in two', async () => {
  const text = `${header}\n${JSON.stringify({ seq: 1, thread: 'Größe', kind: 'thread-end' })}\n`;
  assert.is((await check(text, 1)).events, 1);
});
test('a trace that is cut off is told at its last line', () => refuses(traceOf(machine).slice(0, -9), 4, '', /cut off/));
test('an empty trace has no header', () => refuses('', 1, '', /is empty/));
test('a trace without a header is told to have one', () =>
  refuses(traceOf(machine).split('\n').slice(1).join('\n'), 1, 'holdfast', /Begin with/));
test('an unknown system is told', () =>
  refuses('{"holdfast":"trace","version":1,"system":"other"}\n', 1, 'system', /no oracle for a system other/));
test('an unknown event kind in the header is told', () =>
  refuses('{"holdfast":"trace","version":1,"system":"tiny","observes":["wnat"]}', 1, 'observes', /"wnat" is not an event kind/));
test('another version is told', () => refuses('{"holdfast":"trace","version":2,"system":"tiny"}', 1, 'version', /not 2/));
test('an unknown field of the header is told', () =>
  refuses('{"holdfast":"trace","version":1,"system":"tiny","colour":1}', 1, 'colour', /no field colour/));

test('an unknown kind is told', () => refuses(event({ kind: 'lock' }), 2, 'kind', /"lock" is not an event kind/));
test('a missing field is told', () => refuses(event({ kind: 'want' }), 2, 'lock', /lock of want is missing/));
test('a field too many is told', () =>
  refuses(event({ kind: 'free', object: 'Vm#1', why: 'done' }), 2, 'why', /no field why. It has object/));
test('a field of the wrong type is told', () =>
  refuses(event({ kind: 'tried', lock: 'Vm#1.lock', got: 'yes' }), 2, 'got', /is "yes", not true or false/));
test('an unknown object type is told', () =>
  refuses(event({ kind: 'free', object: 'Bus#1' }), 2, 'object', /tiny has no object type Bus; it has Vm, Device, Hub/));
test('a name inherited by every object is no type', () =>
  refuses(event({ kind: 'free', object: 'constructor#1' }), 2, 'object', /no object type constructor/));
test('an unknown field of a type is told', () =>
  refuses(event({ kind: 'want', lock: 'Vm#1.mutex' }), 2, 'lock', /names the field mutex, but Vm has lock/));
test('a field of the wrong kind is told', () => refuses(event({ kind: 'want', lock: 'Vm#1.users' }), 2, 'lock', /Vm.users, a refcount/));
test('a value that the field cannot hold is told', () =>
  refuses(event({ kind: 'write', field: 'Device#1.state', value: 'asleep' }), 2, 'value', /"asleep", not one of idle, busy/));
test('a pointer to another type is told', () =>
  refuses(event({ kind: 'alloc', object: 'Device#1', fields: { vm: 'Hub#1' } }), 2, 'fields.vm', /not a Vm/));
test('a name without a number is told', () => refuses(event({ kind: 'free', object: 'Vm' }), 2, 'object', /such as Type#1/));
test('numbers that do not count up are told', () => {
  const line = '{"seq":3,"thread":"T1","kind":"bug"}';
  return refuses([header, line, line].join('\n'), 3, 'seq', /seq is 3 after 3/);
});
test('an event that cannot have happened is told with its line', () =>
  refuses(traceOf([...machine, t1.free('Device#1'), t2.alloc('Device#1')]), 6, 'object', /cannot be given again/));
test('a line that is too long is told before it is all there', () =>
  refuses(`${header}\n${'x'.repeat(longestLine + 10)}`, 2, '', /longer than/, 65_536));
test('a line that is nested too deep is told', () => refuses(`${header}\n${'['.repeat(100_000)}`, 2, '', /nested deeper/));
test('what is not JSON is told', () => refuses(`${header}\nhello\n`, 2, '', /not JSON/));
test('what is not text is told', async () => {
  const bytes = async function* (): AsyncGenerator<Uint8Array> {
    yield new Uint8Array([0x7b, 0xff, 0xfe, 0x0a]);
  };
  try {
    await checkTrace(bytes(), () => tinySystem);
  } catch (error) {
    assert.ok(error instanceof TraceError);
    assert.match(error.message, /UTF-8/);
    return;
  }
  assert.unreachable('the trace was accepted');
});

test.run();
