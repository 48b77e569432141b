import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { bundleCommand } from './bundle-command.ts';

const packageFolder = resolve(fileURLToPath(new URL('..', import.meta.url)));

/** A package of one source, with a bundle that is told apart by what it prints. */
function inPackage(run: (folder: string, starts: () => string) => void): void {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-bundle-'));
  try {
    for (const name of ['conformance/command', 'build/command']) mkdirSync(join(folder, name), { recursive: true });
    cpSync(join(packageFolder, 'conformance/holdfast.js'), join(folder, 'conformance/holdfast.js'));
    symlinkSync(join(packageFolder, 'node_modules'), join(folder, 'node_modules'));
    writeFileSync(join(folder, 'package.json'), '{ "type": "module" }');
    const source = join(folder, 'conformance/command/main.ts');
    writeFileSync(source, `const text: string = 'sources';\nconsole.log(text);\n`);
    writeFileSync(join(folder, 'build/command/main.js'), `console.log('bundle');\n`);
    const { mtimeMs, size } = statSync(source);
    const sha256 = createHash('sha256').update(readFileSync(source)).digest('hex');
    writeFileSync(
      join(folder, 'build/command/sources.json'),
      JSON.stringify([{ path: 'conformance/command/main.ts', changed: mtimeMs, bytes: size, sha256 }]),
    );
    run(folder, () => execFileSync('node', [join(folder, 'conformance/holdfast.js')], { encoding: 'utf8' }).trim());
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const test = suite('bundled command line');

test('it is used while its sources are as they were, also if they are a fresh copy of the same text', () => {
  inPackage((folder, starts) => {
    assert.is(starts(), 'bundle');
    utimesSync(join(folder, 'conformance/command/main.ts'), 1, 1);
    assert.is(starts(), 'bundle');
  });
});

test('it is not used once a source was changed, also by as many letters at another time', () => {
  inPackage((folder, starts) => {
    const source = join(folder, 'conformance/command/main.ts');
    writeFileSync(source, readFileSync(source, 'utf8').replace('sources', 'changed'));
    utimesSync(source, 2, 2);
    assert.is(starts(), 'changed');
  });
});

test('it is not used if its list of sources is cut short, or a source is gone', () => {
  inPackage((folder, starts) => {
    const list = join(folder, 'build/command/sources.json'),
      text = readFileSync(list, 'utf8');
    writeFileSync(list, text.slice(0, 40));
    assert.is(starts(), 'sources');
    writeFileSync(list, text.replace('command/main.ts', 'command/gone.ts'));
    assert.is(starts(), 'sources');
    rmSync(join(folder, 'build/command'), { recursive: true });
    assert.is(starts(), 'sources');
  });
});

test('a bundle of the command line answers as the sources do, from wherever it lies in the package', async () => {
  mkdirSync(join(packageFolder, 'build'), { recursive: true });
  const into = mkdtempSync(join(packageFolder, 'build/bundle-test-'));
  try {
    const files = await bundleCommand(into);
    assert.ok(files.some(({ path }) => path === 'generator/explore/explore.ts'));
    const bundled = (...given: string[]): string => execFileSync('node', [join(into, 'main.js'), ...given], { encoding: 'utf8' });
    const plain = (...given: string[]): string =>
      execFileSync('node', [join(packageFolder, 'conformance/holdfast.js'), ...given], {
        encoding: 'utf8',
        env: { ...process.env, HOLDFAST_SOURCES: '1' },
      });
    for (const given of [['--help'], ['list', 'scenarios'], ['explain', 'irqfd-2009/bothSidesClose']])
      assert.is(bundled(...given), plain(...given), given.join(' '));
  } finally {
    rmSync(into, { recursive: true, force: true });
  }
});

test.run();
