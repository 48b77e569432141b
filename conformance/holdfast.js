#!/usr/bin/env node
// Starts the command line: from the bundle under build/ if there is one and every source it was made of is as it was then;
// else from the sources, which tsx loads as they are.
import { createHash } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';

const packageFolder = new URL('../', import.meta.url);
const bundle = new URL('build/command/', packageFolder);

function isUpToDate() {
  try {
    return JSON.parse(readFileSync(new URL('sources.json', bundle), 'utf8')).every(({ path, changed, bytes, sha256 }) => {
      const file = new URL(path, packageFolder);
      const now = statSync(file);
      if (now.size !== bytes) return false;
      // A fresh copy has other times and the same text.
      return now.mtimeMs === changed || createHash('sha256').update(readFileSync(file)).digest('hex') === sha256;
    });
  } catch {
    return false;
  }
}

if (process.env.HOLDFAST_SOURCES !== '1' && isUpToDate()) await import(new URL('main.js', bundle).href);
else {
  const { register } = await import('tsx/esm/api');
  register();
  await import('./command/main.ts');
}
