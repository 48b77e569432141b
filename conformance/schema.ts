/** Committed schemas, compiled when first asked for. What comes from outside passes through one of these before anything reads it. */
import { readFileSync } from 'node:fs';
import { Ajv, type ErrorObject, type ValidateFunction } from 'ajv';
import type { CheckDocument, HistoryCheckDocument, VerifyDocument } from './command/documents.ts';
import type { Refusal, Request, RunAnswer, Welcome } from './protocol.ts';
import type { RunReport } from './report.ts';
import type { VectorFile } from './vector.ts';

interface Shapes {
  'vectors.schema.json': VectorFile;
  'report.schema.json': RunReport;
  'verify.schema.json': VerifyDocument;
  'check.schema.json': CheckDocument;
  'check-history.schema.json': HistoryCheckDocument;
  'protocol.schema.json#/definitions/Request': Request;
  'protocol.schema.json#/definitions/Welcome': Welcome;
  'protocol.schema.json#/definitions/RunAnswer': RunAnswer;
  'protocol.schema.json#/definitions/Refusal': Refusal;
}

/** The value itself, now typed; or where it first departs from the shape, in a sentence. */
export type Check<Shape> = (value: unknown) => { readonly value: Shape } | { readonly problem: string };

let loaded: Ajv | null = null;

function ajv(): Ajv {
  if (loaded !== null) return loaded;
  loaded = new Ajv({ strict: true, allowUnionTypes: true });
  for (const file of [
    'vectors.schema.json',
    'protocol.schema.json',
    'report.schema.json',
    'verify.schema.json',
    'check.schema.json',
    'check-history.schema.json',
  ]) {
    loaded.addSchema(JSON.parse(readFileSync(new URL(file, import.meta.url), 'utf8')));
  }
  return loaded;
}

export function checkAgainst<Name extends keyof Shapes>(name: Name): Check<Shapes[Name]> {
  let validate: ValidateFunction<Shapes[Name]> | undefined;
  return value => {
    validate ??= ajv().getSchema<Shapes[Name]>(name);
    if (validate === undefined) throw new Error(`There is no schema ${name}.`);
    return validate(value) ? { value } : { problem: sentence(validate.errors?.[0]) };
  };
}

function sentence(error: ErrorObject | undefined): string {
  if (error === undefined) return 'It does not have the shape that the schema asks for.';
  const where = error.instancePath === '' ? 'The message' : `Field ${error.instancePath.slice(1).replaceAll('/', '.')}`;
  const extra: unknown = error.params['additionalProperty'] ?? error.params['allowedValue'];
  return `${where} ${error.message ?? 'does not have the right shape'}${extra === undefined ? '' : `: ${JSON.stringify(extra)}`}.`;
}
