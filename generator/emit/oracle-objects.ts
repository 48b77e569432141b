/** Object types of a system in its oracle: a TypeScript type, what makes one, and its table. */
import type { Field, FieldType, ObjectType } from '../model.ts';
import { quoted } from './emit-oracle-condition.ts';
import { doc, list, record } from './oracle-text.ts';

export function emitType({ name, doc: text, fields }: ObjectType): string {
  const members = fields.map(
    field => `  ${isPrimitive(field.type) || field.type.kind === 'set' ? 'readonly ' : ''}${field.name}: ${typeOf(field.type)};`,
  );
  const values = fields.map(field => `  ${field.name}: ${startOf(field)},`);
  return [
    `${doc(text)}type ${name} = {`,
    '  readonly [identity]: known.Identity;',
    ...members,
    '};',
    `const new${name} = (self: known.Identity): ${name} => ({`,
    '  [identity]: self,',
    ...values,
    '});',
  ].join('\n');
}

function typeOf(type: FieldType): string {
  switch (type.kind) {
    case 'mutex':
    case 'spinlock':
    case 'rwlock':
    case 'rwsem':
    case 'flag':
      return 'known.Lock';
    case 'wait-queue':
    case 'notifier-chain':
      return 'known.WaitQueue';
    case 'completion':
      return 'known.Completion';
    case 'srcu':
    case 'rcu':
      return 'known.Domain';
    case 'refcount':
      return 'known.Counter';
    case 'work':
      return 'known.Work';
    case 'work-queue':
    case 'ordered-work-queue':
      return 'known.WorkQueue';
    case 'wait-entry':
    case 'notifier-block':
      return 'known.Entry';
    case 'set':
      return `Set<${type.of}>`;
    case 'pointer':
      return `${type.to} | null`;
    case 'word':
      return [...type.values.map(quoted), 'null'].join(' | ');
    case 'boolean':
    case 'number':
      return type.kind;
  }
}

function startOf({ name, type }: Field): string {
  const made = (maker: string): string => `${maker}(self, ${quoted(name)})`;
  switch (type.kind) {
    case 'mutex':
      return made('newMutex');
    case 'spinlock':
      return made('newSpinLock');
    case 'rwlock':
      return made('newRwLock');
    case 'rwsem':
      return made('newRwSemaphore');
    case 'flag':
      return made('newFlag');
    case 'wait-queue':
      return made('newWaitQueue');
    case 'srcu':
      return made('newSrcuDomain');
    case 'rcu':
      return made('newRcuDomain');
    case 'refcount':
      return made('newCounter');
    case 'work':
      return made('newWork');
    case 'work-queue':
    case 'ordered-work-queue':
      return made('newWorkQueue');
    case 'wait-entry':
    case 'notifier-block':
      return made('newWaitEntry');
    case 'completion':
      return made('newCompletion');
    case 'notifier-chain':
      return made('newNotifierChain');
    case 'set':
      return 'new Set()';
    case 'pointer':
    case 'word':
      return 'null';
    case 'boolean':
      return 'false';
    case 'number':
      return '0';
  }
}
const isPrimitive = ({ kind }: FieldType): boolean => !['set', 'pointer', 'word', 'boolean', 'number'].includes(kind);

export function emitTable({ name, fields, owns }: ObjectType): string {
  const tables = fields.map(({ name: field, type, constant }) => {
    const to = type.kind === 'pointer' ? [['to', quoted(type.to)]] : type.kind === 'set' ? [['to', quoted(type.of)]] : [];
    const words = type.kind === 'word' ? [['words', list(type.values)]] : [];
    const max = type.kind === 'number' ? [['max', String(type.max)]] : [];
    return `    ${field}: ${record([['kind', quoted(type.kind)], ['constant', String(constant)], ...to, ...words, ...max])},`;
  });
  return [
    `${name}: {`,
    '  fields: {',
    ...tables,
    '  },',
    `  owns: ${record(Object.entries(owns).map(([field, counter]) => [field, quoted(counter)]))},`,
    `  make: new${name},`,
    '},',
  ].join('\n');
}
