import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';

const command = fileURLToPath(new URL('../holdfast.js', import.meta.url));
const language = fileURLToPath(new URL('../../spec/language.ts', import.meta.url));

const door = `/** A door. */
import { alloc, type Contract, type Defect, type GuardedBy, lock, type Mutex, type Scenario, unlock } from '../language.ts';
import type * as all from './door.ts';
/** A door with a lock. */
export interface Door { lock: Mutex; open: boolean }
/**
 * The door is moved under its lock.
 * @source none
 */
export const doorGuards: GuardedBy<Door> = { open: door => door.lock };
/** Open it. */
export function open(door: Door): 0 | 'EBUSY' {
  lock(door.lock);
  const busy = door.open;
  door.open = true;
  unlock(door.lock);
  return busy ? 'EBUSY' : 0;
}
/** One opens it twice. */
export const twice: Scenario = ({ thread, stays }) => {
  const door = alloc<Door>({});
  stays(door);
  thread(() => {
    open(door);
    open(door);
  });
};
`;
const contract = `
/**
 * A door that is open is busy.
 * @source none
 */
export const openContract: Contract<typeof open> = { fails: { EBUSY: door => door.open } };
`;
const defect = (breaks: string) => `
/**
 * The lock is left out.
 * @source none
 */
export const unlocked: Defect<typeof all> = {
  breaks: [${breaks}],
  instead: { open: door => { door.open = true; return 0; } },
};
`;

async function verify(text: string): Promise<{ status: number | undefined; idle: string[] }> {
  const folder = mkdtempSync(join(tmpdir(), 'idle-rules-'));
  try {
    copyFileSync(language, join(folder, 'language.ts'));
    mkdirSync(join(folder, 'door'));
    writeFileSync(join(folder, 'door', 'door.ts'), text);
    const { exitCode, stdout } = await execa('node', [command, 'verify', '--spec', folder, '--json'], { reject: false });
    const { diagnostics }: { diagnostics: { name: string; what: string }[] } = JSON.parse(stdout);
    return { status: exitCode, idle: diagnostics.map(({ name, what }) => `${name}: ${what.split(' ')[0]}`) };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const test = suite('rules that find nothing');
const guards = '{ rule: doorGuards, in: twice }';

test('a rule that no defect breaks fails the spec, once the spec has defects', async () =>
  assert.equal(await verify(door + contract + defect(guards)), { status: 1, idle: ['rule-finds-nothing: openContract'] }));
test('one that a defect breaks does not', async () =>
  assert.equal(await verify(door + contract + defect(`${guards}, { rule: openContract, in: twice }`)), { status: 0, idle: [] }));
test('of a spec without defects nothing is said', async () => assert.equal(await verify(door + contract), { status: 0, idle: [] }));

test.run();
