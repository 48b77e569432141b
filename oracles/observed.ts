/** Which event kinds a trace can show, and what follows for each rule. */
import { builtInNames, builtInRules } from './built-in.ts';
import type { FieldKind, OracleDefinition, RuleDefinition } from './definition.ts';
import type { EventKind } from './event.ts';
import { isEventKind } from './event-fields.ts';

export interface Judgeable {
  readonly judged: 'fully' | 'partly' | 'not';
  readonly missing: readonly EventKind[];
}

/** Event kinds that change or act on a field of each kind. */
const kindsOfField: Readonly<Record<FieldKind, readonly EventKind[]>> = {
  mutex: ['want', 'got', 'released', 'tried', 'assert-held'],
  spinlock: ['want', 'got', 'released', 'tried', 'assert-held'],
  rwlock: ['want', 'got', 'released', 'tried', 'assert-held'],
  rwsem: ['want', 'got', 'released', 'tried', 'assert-held'],
  flag: ['read', 'write', 'assert-held'],
  srcu: ['enter', 'exit', 'grace-begin', 'grace-end'],
  rcu: ['enter', 'exit', 'grace-begin', 'grace-end'],
  refcount: ['get', 'put', 'put-later', 'get-unless-zero'],
  work: ['queue', 'run-begin', 'run-end', 'flush-begin', 'flush-end', 'cancel-begin', 'cancel-end'],
  'work-queue': ['flush-queue-begin', 'flush-queue-end'],
  'ordered-work-queue': ['flush-queue-begin', 'flush-queue-end'],
  'wait-queue': ['want', 'got', 'released', 'link', 'unlink', 'callback', 'wait-prepare', 'wait-sleep', 'wait-finish', 'wake-all'],
  'wait-entry': ['link', 'unlink', 'callback'],
  completion: ['complete', 'wait-done'],
  'notifier-chain': ['want', 'got', 'released', 'link', 'unlink', 'callback', 'assert-held'],
  'notifier-block': ['link', 'unlink', 'callback'],
  set: ['add', 'remove', 'has', 'next'],
  pointer: ['read', 'write', 'null-followed'],
  word: ['read', 'write'],
  boolean: ['read', 'write'],
  number: ['read', 'write'],
};
const ofEverySystem: readonly EventKind[] = ['thread-start', 'thread-end', 'call', 'return', 'alloc', 'free', 'bug', 'quiesce'];

/** Kinds that can occur at all: a system without sets never adds to one. */
function possibleKinds(definition: OracleDefinition): ReadonlySet<EventKind> {
  const kinds = new Set(ofEverySystem);
  for (const type of Object.values(definition.types))
    for (const field of Object.values(type.fields)) for (const kind of kindsOfField[field.kind]) kinds.add(kind);
  return kinds;
}

/** What it takes to know the value of `Irqfd.kvm`, or the lifetime of `Irqfd`. */
function kindsToSee(definition: OracleDefinition, what: string): readonly EventKind[] {
  const [type = '', field] = what.split('.');
  const table = definition.types[type];
  if (field === undefined)
    return [
      'alloc',
      'free',
      ...(Object.values(table?.fields ?? {}).some(({ kind }) => kind === 'refcount') ? (['get', 'put', 'get-unless-zero'] as const) : []),
    ];
  const kind = table?.fields[field]?.kind;
  switch (kind) {
    case undefined:
      return [];
    case 'mutex':
    case 'spinlock':
    case 'rwlock':
    case 'rwsem':
      return ['got', 'released', 'tried'];
    case 'wait-queue':
    case 'notifier-chain':
      return ['got', 'released'];
    case 'completion':
      return ['complete'];
    case 'srcu':
    case 'rcu':
      return ['enter', 'exit'];
    case 'refcount':
      return ['alloc', 'get', 'put', 'get-unless-zero'];
    case 'work':
      return ['queue', 'run-begin', 'run-end', 'cancel-begin'];
    case 'work-queue':
    case 'ordered-work-queue':
      return [];
    case 'wait-entry':
    case 'notifier-block':
      return ['link', 'unlink'];
    case 'set':
      return ['add', 'remove'];
    case 'flag':
      return ['write'];
    case 'pointer':
    case 'word':
    case 'boolean':
    case 'number':
      return ['alloc', 'write'];
  }
}

function brokenAt(rule: RuleDefinition): readonly EventKind[] {
  switch (rule.kind) {
    case 'guards':
      return ['read', 'write', 'add', 'remove', 'has', 'next'];
    case 'order':
      return ['want', 'grace-begin', 'flush-begin', 'cancel-begin', 'flush-queue-begin'];
    case 'order-exception':
      return [];
    case 'innermost':
      return ['want', 'tried', 'grace-begin', 'flush-begin', 'cancel-begin', 'flush-queue-begin', 'wait-sleep', 'wait-done'];
    case 'takes-only':
      return ['want', 'tried', 'enter'];
    case 'read-once':
      return ['read'];
    case 'invariant':
    case 'settled':
      return [];
    case 'at-every': {
      const kind = kindOfAction(rule.verb);
      return kind === null ? [] : [kind];
    }
    case 'contract':
      return ['call', 'return'];
  }
}
function needs(definition: OracleDefinition, rule: RuleDefinition): readonly EventKind[] {
  switch (rule.kind) {
    case 'order':
      return ['got', 'released', 'tried', 'enter', 'exit', 'run-begin', 'run-end'];
    case 'order-exception':
      return [];
    case 'innermost':
      return ['got', 'released', 'tried'];
    case 'takes-only':
    case 'read-once':
      return ['call', 'return'];
    case 'guards':
    case 'invariant':
    case 'settled':
    case 'at-every':
    case 'contract':
      return rule.looksAt.flatMap(what => kindsToSee(definition, what));
  }
}

/** The event that an action of the model makes before it has any effect. None: no rule can be judged there. */
export function kindOfAction(action: string): EventKind | null {
  switch (action) {
    case 'lock':
    case 'read-lock':
    case 'write-lock':
      return 'want';
    case 'unlock':
    case 'read-unlock':
      return 'released';
    case 'try-lock':
      return 'tried';
    case 'flag-take':
    case 'flag-free':
      return 'write';
    case 'pick':
      return 'next';
    default:
      return isEventKind(action) ? action : null;
  }
}

/** For each rule, by its name, how far a trace that shows these kinds lets it be judged. */
export function judgeable(definition: OracleDefinition, observes: readonly EventKind[] | null): ReadonlyMap<string, Judgeable> {
  const possible = possibleKinds(definition);
  const absent = (kinds: readonly EventKind[]) =>
    observes === null ? [] : [...new Set(kinds)].filter(kind => possible.has(kind) && !observes.includes(kind));
  const judge = (needed: readonly EventKind[], breaking: readonly EventKind[]): Judgeable => {
    const guessing = absent(needed);
    const missing = [...new Set([...guessing, ...absent(breaking)])];
    return { judged: guessing.length > 0 ? 'not' : missing.length > 0 ? 'partly' : 'fully', missing };
  };
  const all = new Map<string, Judgeable>();
  for (const name of builtInNames) all.set(`always.${name}`, judge(builtInRules[name].needs, builtInRules[name].brokenAt));
  for (const rule of definition.rules) {
    // Calls that are not offered make no events.
    const unseen =
      (rule.kind === 'at-every' && rule.verb === 'called') ||
      (rule.kind === 'takes-only' && rule.calls.length === 0) ||
      (rule.kind === 'read-once' && !rule.hasCalls);
    all.set(rule.name, unseen ? { judged: 'not', missing: ['call'] } : judge(needs(definition, rule), brokenAt(rule)));
  }
  return all;
}
