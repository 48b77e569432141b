/** Writing a file so that nobody ever finds half of it. */
import { lstatSync, mkdirSync, realpathSync, renameSync, rmSync, type Stats, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';

/**
 * Written under another name first, with the folders it lies in. Throws what the system says; then what was there is as it was, and nothing else
 * is left. What is no file, as a pipe or `/dev/stdout`, is written to as it is; of a link it is the file that it leads to.
 */
export function writeWhole(path: string, content: string | Uint8Array): void {
  const there = lookedAt(path);
  if (there !== null && !there.isFile() && !there.isDirectory() && !there.isSymbolicLink()) {
    writeFileSync(path, content);
    return;
  }
  if (there?.isSymbolicLink()) {
    writeWhole(realpathSync(path), content);
    return;
  }
  const draft = `${path}.${process.pid}`;
  try {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(draft, content);
    renameSync(draft, path);
  } catch (fault) {
    discard(draft);
    throw fault;
  }
}

/** As `writeWhole`, but throws `EEXIST` if there is something already, and leaves it. The folder has to be there. */
export function writeNew(path: string, content: string | Uint8Array): void {
  writeFileSync(path, '', { flag: 'wx' });
  try {
    writeWhole(path, content);
  } catch (fault) {
    discard(path);
    throw fault;
  }
}

function lookedAt(path: string): Stats | null {
  try {
    return lstatSync(path);
  } catch {
    return null;
  }
}

/** Where nothing can be written, nothing may be there to take away, nor even a folder. */
function discard(file: string): void {
  try {
    rmSync(file, { force: true });
  } catch {
    return;
  }
}
