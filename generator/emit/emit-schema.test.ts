import { readFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { emitSchemas } from './emit-schema.ts';

const test = suite('emit schema');

test('the committed schemas are what the types say, byte for byte', async () => {
  const texts = await emitSchemas();
  assert.is(Object.keys(texts).length, 8);
  for (const [file, text] of Object.entries(texts)) assert.fixture(text, readFileSync(new URL(`../../${file}`, import.meta.url), 'utf8'));
});
test('definitions are named by their types, and nothing names a folder of this machine', async () => {
  for (const text of Object.values(await emitSchemas())) {
    const schema: unknown = JSON.parse(text);
    const definitions =
      typeof schema === 'object' && schema !== null && 'definitions' in schema ? Object.keys(schema.definitions ?? {}) : [];
    assert.is(definitions.length > 0, text.includes('"$ref"'));
    for (const name of definitions) assert.match(name, /^[A-Z][A-Za-z]*$/);
    assert.not.match(text, process.cwd());
  }
});

test.run();
