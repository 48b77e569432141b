/** The system of 2009 with scenarios that are larger than those it is verified with, in a folder of its own. */
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const system = 'irqfd-2009';

export async function withManyIrqfds<Result>(run: (specFolder: string) => Promise<Result>): Promise<Result> {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-bench-'));
  const spec = fileURLToPath(new URL('../../spec', import.meta.url));
  try {
    cpSync(join(spec, 'language.ts'), join(folder, 'language.ts'));
    cpSync(join(spec, system), join(folder, system), { recursive: true });
    cpSync(
      fileURLToPath(new URL('testdata/many-irqfds.scenarios.ts.txt', import.meta.url)),
      join(folder, system, `${system}.many.scenarios.ts`),
    );
    return await run(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
