#!/usr/bin/env node
// Starts the command line; the rest is TypeScript, which tsx loads as it is.
import { register } from 'tsx/esm/api';

register();
await import('./command/main.ts');
