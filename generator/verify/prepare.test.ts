import { chmodSync, cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { explore } from '../explore/explore.ts';
import { instantiate } from '../instantiate/instantiate.ts';
import type { System } from '../model.ts';
import { loadSystem } from '../read/load-system.ts';
import { prepare } from './prepare.ts';

const spec = fileURLToPath(new URL('../../spec', import.meta.url));
const loaded = await loadSystem(spec, 'irqfd-2009', null);
assert.ok(loaded.system);
const system: System = loaded.system;

function inFolder(run: (folder: string) => void): void {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-prepare-'));
  try {
    run(folder);
  } finally {
    chmodSync(folder, 0o700);
    rmSync(folder, { recursive: true });
  }
}

/** What a scenario comes to with what was made ready for it. */
function comesTo(folder: string, specHash = loaded.hash, maxBytes?: number): object {
  const { ready, diagnostics } = prepare(system, null, 'bothSidesClose', { folder, specHash });
  assert.ok(ready);
  const { program, source, soFar } = ready;
  const { states, transitions, depth, path } = explore(program, { source, soFar, ...(maxBytes === undefined ? {} : { maxBytes }) });
  ready.keep();
  return { states, transitions, depth, path: path(states - 1), diagnostics };
}

/** With so little room nothing is made as it is needed: the whole code is. */
const LITTLE = 1 << 20;

/** The only file in a folder. */
function onlyFile(folder: string): string {
  const files = readdirSync(folder);
  assert.is(files.length, 1, files.join());
  return join(folder, files[0] ?? '');
}

const test = suite('what is kept of a scenario');

test('what was kept is what is made', () => {
  inFolder(folder => {
    const right = comesTo(folder);
    const before = readFileSync(onlyFile(folder));
    const { ready } = prepare(system, null, 'bothSidesClose', { folder, specHash: loaded.hash });
    assert.equal(ready?.program, instantiate(system, null, 'bothSidesClose').program);
    assert.is(ready?.soFar().code.layout.program, ready?.program);
    assert.equal(comesTo(folder), right);
    assert.equal(readFileSync(onlyFile(folder)), before);
  });
});

test('the whole code is made when it is asked for, kept, and then used at once', () => {
  inFolder(folder => {
    const right = comesTo(folder);
    assert.equal(comesTo(folder, loaded.hash, LITTLE), right);
    assert.equal(
      readdirSync(folder)
        .map(name => name.split('.')[3])
        .sort(),
      ['reached', 'whole'],
    );
    const { ready } = prepare(system, null, 'bothSidesClose', { folder, specHash: loaded.hash });
    assert.type(ready?.source, 'object');
    assert.equal(comesTo(folder), right);
  });
});

test('where the whole code was lost it is made again', () => {
  inFolder(folder => {
    const right = comesTo(folder, loaded.hash, LITTLE);
    const whole = join(folder, readdirSync(folder).find(name => name.includes('.whole.')) ?? '');
    truncateSync(whole, 100);
    assert.equal(comesTo(folder, loaded.hash, LITTLE), right);
    assert.ok(readFileSync(whole).length > 100, 'it was written again');
  });
});

test('a file that was cut short, damaged or is another one is made again, and the answer is right', () => {
  inFolder(folder => {
    const right = comesTo(folder);
    const file = onlyFile(folder),
      whole = readFileSync(file);
    const flipped = Buffer.from(whole);
    flipped[whole.length >> 1] = (flipped[whole.length >> 1] ?? 0) ^ 1;
    for (const bytes of [Buffer.alloc(0), whole.subarray(0, 20), whole.subarray(0, whole.length - 1), flipped, Buffer.from('{}')]) {
      writeFileSync(file, bytes);
      assert.equal(comesTo(folder), right);
      assert.not(readFileSync(file).equals(bytes), 'it was written again');
    }
    truncateSync(file, 100);
    assert.equal(comesTo(folder), right);
  });
});

test('a whole file of another scenario under the name of this one is not believed', () => {
  inFolder(folder => {
    const right = comesTo(folder);
    const file = onlyFile(folder);
    const { ready } = prepare(system, null, 'hangUpUnlocked', { folder, specHash: loaded.hash });
    if (ready !== null) explore(ready.program, ready);
    ready?.keep();
    const other = readdirSync(folder).find(name => name.includes('hangUpUnlocked')) ?? '';
    cpSync(join(folder, other), file);
    assert.equal(comesTo(folder), right);
  });
});

test('another text of the spec is made anew, and what was kept of the old one goes', () => {
  inFolder(folder => {
    comesTo(folder);
    const old = onlyFile(folder);
    comesTo(folder, 'another text');
    assert.is.not(onlyFile(folder), old);
  });
});

test('where nothing can be kept, nothing is, and the answer is right', () => {
  inFolder(folder => {
    const right = comesTo(folder);
    const file = onlyFile(folder);
    // A path through a file cannot be a folder, whoever asks.
    assert.equal(comesTo(join(file, 'below')), right);
  });
});

test('nothing half-written stays behind', () => {
  inFolder(folder => {
    comesTo(folder);
    assert.ok(readdirSync(folder).every(name => name.endsWith('.bin')));
  });
});

test.run();
