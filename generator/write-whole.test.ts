import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { writeWhole } from './write-whole.ts';

const test = suite('writing whole files');
let folder = '';
test.before.each(() => {
  folder = mkdtempSync(join(tmpdir(), 'holdfast-whole-'));
});
test.after.each(() => rmSync(folder, { recursive: true }));

test('a file is written with the folders it lies in, and nothing beside it', () => {
  writeWhole(join(folder, 'a/b.txt'), 'text');
  assert.is(readFileSync(join(folder, 'a/b.txt'), 'utf8'), 'text');
  assert.equal(readdirSync(join(folder, 'a')), ['b.txt']);
});
test('what cannot be written throws, and leaves what was there', () => {
  mkdirSync(join(folder, 'taken'));
  assert.throws(() => writeWhole(join(folder, 'taken'), 'text'));
  assert.equal(readdirSync(folder), ['taken']);
});
test('a file where a folder should be throws, and is left', () => {
  writeFileSync(join(folder, 'file'), 'mine');
  assert.throws(() => writeWhole(join(folder, 'file/below'), 'text'));
  assert.is(readFileSync(join(folder, 'file'), 'utf8'), 'mine');
  assert.not(existsSync(join(folder, 'file/below')));
});

test.run();
