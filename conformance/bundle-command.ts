/**
 * Puts the command line into a few files under build/, which load in a fraction of the time that hundreds of sources take.
 *
 * `holdfast.js` uses them while every source that went into them is as it was, and the sources themselves otherwise.
 */
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build, type Plugin } from 'esbuild';

/** What `holdfast.js` compares: path from the package's folder, time of the last change in milliseconds, bytes, SHA-256. */
export interface BundledFile {
  readonly path: string;
  readonly changed: number;
  readonly bytes: number;
  readonly sha256: string;
}

const packageFolder = resolve(dirname(fileURLToPath(import.meta.url)), '..');

/** A source asks where it is to find what lies beside it; in a bundle it still has to be told where the source is. */
const whereItWas: Plugin = {
  name: 'where it was',
  setup: ({ onLoad }) => {
    onLoad({ filter: /\.ts$/ }, ({ path }) => {
      const place = JSON.stringify(relative(packageFolder, path).replaceAll('\\', '/'));
      const text = readFileSync(path, 'utf8').replaceAll('import.meta.url', `new URL(${place}, holdfastPackage).href`);
      return { contents: text, loader: 'ts' };
    });
  },
};

function stamp(path: string): BundledFile {
  const file = join(packageFolder, path);
  const { mtimeMs, size } = statSync(file);
  return { path, changed: mtimeMs, bytes: size, sha256: createHash('sha256').update(readFileSync(file)).digest('hex') };
}

/** Whole or not at all: the folder appears under its name when everything is in it. */
export async function bundleCommand(into: string): Promise<readonly BundledFile[]> {
  const began = Date.now();
  const draft = `${into}.${process.pid}`;
  try {
    const { metafile } = await build({
      absWorkingDir: packageFolder,
      entryPoints: ['conformance/command/main.ts'],
      outdir: draft,
      bundle: true,
      splitting: true,
      format: 'esm',
      platform: 'node',
      target: 'node20',
      metafile: true,
      logLevel: 'silent',
      // Loaded by few commands, and large.
      external: ['ts-morph', 'typescript', 'typescript-json-schema', 'esbuild', 'ajv', 'execa'],
      plugins: [whereItWas],
      banner: {
        js: [
          `import { createRequire as holdfastRequire } from 'node:module';`,
          `const require = holdfastRequire(import.meta.url), holdfastPackage = new URL(${JSON.stringify(`${relative(into, packageFolder).replaceAll('\\', '/')}/`)}, import.meta.url);`,
        ].join('\n'),
      },
    });
    const files = [...Object.keys(metafile.inputs), 'package-lock.json'].sort().map(stamp);
    const late = files.find(({ changed }) => changed > began);
    if (late !== undefined) throw new Error(`${late.path} was changed meanwhile`);
    mkdirSync(draft, { recursive: true });
    writeFileSync(join(draft, 'package.json'), '{ "type": "module" }\n');
    writeFileSync(join(draft, 'sources.json'), `${JSON.stringify(files)}\n`);
    rmSync(into, { recursive: true, force: true });
    renameSync(draft, into);
    return files;
  } finally {
    rmSync(draft, { recursive: true, force: true });
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  try {
    await bundleCommand(join(packageFolder, 'build/command'));
  } catch (thrown) {
    // The sources do as well.
    process.stderr.write(
      `The command line was not bundled, and starts slower: ${thrown instanceof Error ? thrown.message : String(thrown)}\n`,
    );
  }
}
