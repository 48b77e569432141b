/**
 * Files with what was made of a scenario. They are a cache and nothing else: one that is cut short, damaged, of another version or unwritable is
 * made again, or done without.
 */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { deserialize, serialize } from 'node:v8';
import { writeWhole } from '../write-whole.ts';

/** Where to keep what was made, and what names the text of the spec. */
export interface Keeping {
  readonly folder: string;
  readonly specHash: string;
}

/** One thing that is kept, whatever it was made from. */
export interface KeptFile<Content> {
  /** Null if it is not there, or is not what it should be. */ readonly read: () => Content | null;
  /** What was kept of an older spec goes. A disk that is full or read-only only costs time. */ readonly write: (content: Content) => void;
}

/** Bytes of the digest before what is kept. */
const DIGEST = 32;

/** `names`: what it is of; `what`: which of the things that are made of it; `madeBy`: all else that decides what it is. */
export function keptFile<Content>(
  { folder, specHash }: Keeping,
  names: readonly string[],
  what: string,
  madeBy = textHash(exploring),
): KeptFile<Content> {
  const key = createHash('sha256')
    .update(JSON.stringify([specHash, madeBy, process.version, ...names, what]))
    .digest('hex');
  const stem = `${names.join('.')}.${what}.`;
  const file = join(folder, `${stem}${key.slice(0, 16)}.bin`);
  return {
    read: () => {
      try {
        const bytes = readFileSync(file);
        const text = bytes.subarray(DIGEST);
        if (!createHash('sha256').update(text).digest().equals(bytes.subarray(0, DIGEST))) return null;
        const kept: { readonly key: string; readonly content: Content } = deserialize(text);
        return kept.key === key ? kept.content : null;
      } catch {
        return null;
      }
    },
    write: content => {
      try {
        const text = serialize({ key, content });
        writeWhole(file, Buffer.concat([createHash('sha256').update(text).digest(), text]));
        for (const other of readdirSync(folder))
          if (other.startsWith(stem) && /^[0-9a-f]+\.bin$/.test(other.slice(stem.length)) && join(folder, other) !== file)
            rmSync(join(folder, other), { force: true });
      } catch {
        return;
      }
    },
  };
}

/** What is kept, or else what is made now, which is kept then. */
export function keptOr<Content>(file: KeptFile<Content> | null, make: () => Content): Content {
  const known = file?.read() ?? null;
  if (known !== null) return known;
  const made = make();
  file?.write(made);
  return made;
}

/** Everything that decides what is explored of a spec once it was read: folders of the project, without those below them. */
const exploring = ['explore', 'instantiate', 'interpret', 'temporal', 'verify', 'wasm', ''].map(folder => `generator/${folder}`);

const project = fileURLToPath(new URL('../..', import.meta.url));
const hashed = new Map<string, string>();

/** Of all that people wrote in these folders, tests left out. */
export function textHash(folders: readonly string[]): string {
  const key = folders.join();
  const before = hashed.get(key);
  if (before !== undefined) return before;
  const hash = createHash('sha256');
  for (const folder of folders)
    for (const file of readdirSync(join(project, folder)).sort())
      if (file.endsWith('.ts') && !file.endsWith('.test.ts') && !file.endsWith('.oracle.ts'))
        hash.update(`${folder}/${file}\n`).update(readFileSync(join(project, folder, file)));
  const text = hash.digest('hex');
  hashed.set(key, text);
  return text;
}
