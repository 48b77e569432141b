/** What a generated oracle consists of: the tables of a system, and its rules as functions. */

import type { Scalar } from './event.ts';
import type { FastRules } from './fast/conditions.ts';
import type { Cells, Identity, Thing } from './thing.ts';
import type { Thread } from './thread.ts';

export type FieldKind =
  | 'mutex'
  | 'spinlock'
  | 'rwlock'
  | 'rwsem'
  | 'flag'
  | 'srcu'
  | 'rcu'
  | 'refcount'
  | 'work'
  | 'work-queue'
  | 'ordered-work-queue'
  | 'wait-queue'
  | 'wait-entry'
  | 'completion'
  | 'notifier-chain'
  | 'notifier-block'
  | 'set'
  | 'pointer'
  | 'word'
  | 'boolean'
  | 'number';
export interface FieldTable {
  readonly kind: FieldKind;
  /** Never written after the object was made. */
  readonly constant: boolean;
  /** Object type of a pointer or of a set's members. */
  readonly to?: string;
  readonly words?: readonly string[];
  /** Largest value of a number. */
  readonly max?: number;
}
export interface TypeTable {
  readonly fields: Readonly<Record<string, FieldTable>>;
  /** Fields that own a reference, and the counter of the other object they own; or that of a declared object: `kvmModule.pins`. */
  readonly owns: Readonly<Record<string, string>>;
  readonly make: (self: Identity) => Cells;
}

/** What the variables of a rule stand for. */
export type Bound = Record<string, Thing | Scalar>;
export interface Here {
  readonly thread: Thread;
  readonly globals: Readonly<Record<string, Thing>>;
}
/** A method's type, so that a generated function may say which object types it takes. */
export type Condition = { condition(objects: Bound, here: Here): boolean }['condition'];

/** Any of `read` to read the field, all of `write` to write it. `names` says them for people. */
export interface GuardTable {
  readonly read: readonly Condition[];
  readonly write: readonly Condition[];
  readonly names: { readonly read: string; readonly write: string };
}

/**
 * Fields that a condition reads (`Irqfd.kvm`), and object types whose lifetime it asks for (`Irqfd`).
 * A rule is looked at again only when one of them changed.
 */
type LooksAt = readonly string[];

interface Head {
  readonly name: string;
  readonly sentence: string;
  readonly source: string | null;
}
interface Quantified {
  /** Object types by variable. */
  readonly over: Readonly<Record<string, string>>;
  readonly looksAt: LooksAt;
  readonly when: Condition | null;
  readonly then: Condition;
}
export interface GuardsRule extends Head {
  readonly kind: 'guards';
  readonly type: string;
  readonly looksAt: LooksAt;
  readonly fields: Readonly<Record<string, GuardTable | null>>;
}
/** Classes from outside to inside. */
export interface OrderRule extends Head {
  readonly kind: 'order';
  readonly classes: readonly string[];
  readonly nested: boolean;
}
export interface OrderException extends Head {
  readonly kind: 'order-exception';
  readonly outer: string;
  readonly inner: string;
}
/** While a lock of this class is held, none is taken and nothing sleeps. */
export interface InnermostRule extends Head {
  readonly kind: 'innermost';
  readonly lock: string;
}
/** During these calls only these classes are taken. Without a call that is offered a trace cannot show it. */
export interface TakesOnlyRule extends Head {
  readonly kind: 'takes-only';
  readonly calls: readonly string[];
  readonly classes: readonly string[];
}
/** A call reads this class of fields once of an object. Where no call is offered a trace cannot show it. */
export interface ReadOnceRule extends Head {
  readonly kind: 'read-once';
  readonly field: string;
  readonly hasCalls: boolean;
}
export interface StateRule extends Head, Quantified {
  readonly kind: 'invariant' | 'settled';
  /** Not looked at while this is true. */
  readonly busy: Condition | null;
  /** It depends on fields of its one object only. */
  readonly ownFieldsOnly: boolean;
}
export interface AtEveryRule extends Head, Quantified {
  readonly kind: 'at-every';
  /** An action of the model, and the class it acts on; for an object as a whole its type. */
  readonly verb: string;
  readonly on: string;
  /** Variable that stands for the object acted on. */
  readonly object: string;
}
export interface ContractRule extends Head {
  readonly kind: 'contract';
  /** Names under which the operation is offered. */
  readonly calls: readonly string[];
  readonly parameters: readonly string[];
  readonly looksAt: LooksAt;
  /** By errno, when it is due. Null: allowed at any time, and never due. */
  readonly fails: Readonly<Record<string, Condition | null>>;
  readonly ensures: Condition | null;
  /** Classes of fields, sets and counters that a failing call may leave changed; absent: any. */
  readonly mayLeave?: readonly string[];
}
export type RuleDefinition =
  | GuardsRule
  | OrderRule
  | OrderException
  | InnermostRule
  | TakesOnlyRule
  | ReadOnceRule
  | StateRule
  | AtEveryRule
  | ContractRule;

export interface OracleDefinition {
  readonly system: string;
  readonly types: Readonly<Record<string, TypeTable>>;
  /** Declared objects: name to object type. Those of one type are its first, in this order. */
  readonly globals: Readonly<Record<string, string>>;
  /** Work classes by the class of the work queue that they are queued on. */
  readonly queues: Readonly<Record<string, readonly string[]>>;
  readonly rules: readonly RuleDefinition[];
  /** Object types of which a thread may say that it alone can reach one. */
  readonly sole?: readonly string[];
  /** The conditions of the rules over the numbers of the fast engine. Absent: it does not know something that the system has. */
  readonly fast?: FastRules;
}
