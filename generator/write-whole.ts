/** Writing a file so that nobody ever finds half of it. */
import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';

/** Written under another name first, with the folders it lies in. Throws what the system says; then what was there is as it was, and nothing else is left. */
export function writeWhole(path: string, content: string | Uint8Array): void {
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

/** Where nothing can be written, nothing may be there to take away, nor even a folder. */
function discard(file: string): void {
  try {
    rmSync(file, { force: true });
  } catch {
    return;
  }
}
