import { existsSync, lstatSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { writeNew, writeWhole } from './write-whole.ts';

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
test('what is no file is written to, and stays what it is', () => {
  writeWhole('/dev/null', 'text');
  assert.ok(lstatSync('/dev/null').isCharacterDevice());
  if (existsSync('/dev/full')) {
    assert.throws(() => writeWhole('/dev/full', 'text'), /ENOSPC/);
    assert.ok(lstatSync('/dev/full').isCharacterDevice());
  }
});
test('of a link the file is written that it leads to', () => {
  writeFileSync(join(folder, 'file'), 'old');
  symlinkSync(join(folder, 'file'), join(folder, 'link'));
  writeWhole(join(folder, 'link'), 'new');
  assert.ok(lstatSync(join(folder, 'link')).isSymbolicLink());
  assert.is(readFileSync(join(folder, 'file'), 'utf8'), 'new');
});
test('a new file is not written over what is there', () => {
  writeNew(join(folder, 'file'), 'first');
  assert.throws(() => writeNew(join(folder, 'file'), 'second'), /EEXIST/);
  assert.is(readFileSync(join(folder, 'file'), 'utf8'), 'first');
});

test.run();
