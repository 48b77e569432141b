/**
 * What a spec says, as plain data: trees without a syntax node in them. `read-spec.ts` makes it; everything after sees only this.
 *
 * It serialises to JSON. Names are those of the spec; an object type, function, rule or scenario is referred to by its name.
 */

/** A place in a spec file; `file` is relative to the spec's folder, line and column count from 1. */
export interface Place {
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

export type FieldType =
  | {
      readonly kind:
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
        | 'notifier-block';
    }
  | { readonly kind: 'set'; readonly of: string }
  | { readonly kind: 'pointer'; readonly to: string; readonly nullable: boolean }
  /** `callable`: the words are functions, and a pointer to one of them is in the field. */
  | { readonly kind: 'word'; readonly values: readonly string[]; readonly callable?: true }
  | { readonly kind: 'boolean' }
  | { readonly kind: 'number'; readonly max: number };

export interface Field {
  readonly name: string;
  readonly type: FieldType;
  readonly constant: boolean;
}
export interface ObjectType {
  readonly name: string;
  readonly doc: string;
  readonly at: Place;
  readonly fields: readonly Field[];
  /** Function that the field's last put, run or callback goes to, by field. */
  readonly runs: Readonly<Record<string, string>>;
  /** Pointer or set fields that own a reference, and the counter of the other object they own; or that of a declared object: `kvmModule.pins`. */
  readonly owns: Readonly<Record<string, string>>;
}

/** Everything that is compared or computed without a step. */
export type Operator = '!' | '===' | '!==' | '<' | '<=' | '>' | '>=' | '+' | '-' | '&&' | '||';

/** A field of the object that `of` denotes. */
export interface FieldOf {
  readonly of: Expression;
  readonly type: string;
  readonly field: string;
}

/** An expression of an operation. Evaluated from left to right, short circuits kept; each read and verb in it is a step. */
export type Expression =
  | { readonly kind: 'constant'; readonly value: number | boolean | string | null }
  | { readonly kind: 'local'; readonly name: string }
  /** The one instance of a declared object. */
  | { readonly kind: 'global'; readonly name: string; readonly type: string }
  /** The process on whose behalf the thread runs. */
  | { readonly kind: 'current' }
  | { readonly kind: 'operator'; readonly operator: Operator; readonly of: readonly Expression[]; readonly at: Place }
  | {
      readonly kind: 'conditional';
      readonly when: Expression;
      readonly then: Expression;
      readonly otherwise: Expression;
      readonly at: Place;
    }
  | { readonly kind: 'read'; readonly field: FieldOf; readonly at: Place; readonly text: string }
  | {
      readonly kind: 'verb';
      readonly verb: string;
      readonly on: FieldOf | null;
      readonly with: readonly (Expression | FieldOf)[];
      readonly at: Place;
      readonly text: string;
    }
  | { readonly kind: 'call'; readonly of: string; readonly with: readonly Expression[]; readonly at: Place; readonly text: string }
  /** A call through a pointer to one of these functions; `field` is where it was read, null if it is known not to be null. */
  | {
      readonly kind: 'call-through';
      readonly pointer: Expression;
      readonly of: readonly string[];
      readonly field: string | null;
      readonly with: readonly Expression[];
      readonly at: Place;
      readonly text: string;
    }
  /** Several values under names; only what a function of a setup returns. */
  | { readonly kind: 'record'; readonly parts: Readonly<Record<string, Expression>> }
  | { readonly kind: 'part'; readonly record: Expression; readonly name: string }
  /** A loop over the set, ended by the first member that decides. `name` is the member in the condition. */
  | {
      readonly kind: 'quantified';
      readonly every: boolean;
      readonly set: FieldOf;
      readonly of: string;
      readonly name: string;
      readonly condition: Expression;
      readonly at: Place;
      readonly text: string;
    }
  | {
      readonly kind: 'alloc';
      readonly type: string;
      readonly fields: Readonly<Record<string, Expression>>;
      readonly at: Place;
      readonly text: string;
    };

export type Statement = { readonly at: Place; readonly label?: string } & (
  | { readonly kind: 'let'; readonly name: string; readonly value: Expression }
  | { readonly kind: 'write'; readonly field: FieldOf; readonly value: Expression; readonly text: string }
  | { readonly kind: 'do'; readonly value: Expression }
  | { readonly kind: 'if'; readonly when: Expression; readonly then: readonly Statement[]; readonly otherwise: readonly Statement[] }
  | {
      readonly kind: 'each';
      readonly name: string;
      readonly of: string;
      readonly set: FieldOf;
      readonly body: readonly Statement[];
      readonly text: string;
    }
  | { readonly kind: 'repeat'; readonly name: string; readonly from: number; readonly to: number; readonly body: readonly Statement[] }
  | { readonly kind: 'loop'; readonly body: readonly Statement[] }
  | { readonly kind: 'break' | 'continue' }
  | { readonly kind: 'return'; readonly value: Expression | null }
  | { readonly kind: 'block'; readonly body: readonly Statement[] }
  /** `using _ = guard(...)`: released at the end of the block around it. */
  | { readonly kind: 'guard'; readonly lock: FieldOf; readonly text: string }
  | { readonly kind: 'atomic'; readonly reason: string; readonly body: readonly Statement[] }
  // Only in scenarios:
  | {
      readonly kind: 'thread';
      readonly context: 'task' | 'hardirq';
      /** A process of the setup; absent: the first one. */ readonly process?: Expression;
      readonly body: readonly Statement[];
      readonly text: string;
    }
  | { readonly kind: 'choose'; readonly bodies: readonly (readonly Statement[])[] }
  | { readonly kind: 'stays'; readonly what: readonly Expression[] }
);

export interface Parameter {
  readonly name: string /** Object type, or null for a plain value. */;
  readonly type: string | null;
}
export interface Operation {
  readonly name: string;
  readonly doc: string;
  readonly at: Place;
  readonly parameters: readonly Parameter[];
  /** Object type of the result, or null for a plain value or none. */ readonly result: string | null;
  /** What the result is to a caller: nothing, true or false, or a value. */ readonly returns: 'nothing' | 'boolean' | 'value';
  /** Errno names of the signature, in the order written. */ readonly errnos: readonly string[];
  readonly body: readonly Statement[];
}

/** An expression of a rule: looked at in one state, at once. Reading through null or a freed object gives 0. */
export type Predicate =
  | { readonly kind: 'constant'; readonly value: number | boolean | string | null }
  | { readonly kind: 'variable'; readonly name: string; readonly type: string | null }
  | { readonly kind: 'global'; readonly name: string; readonly type: string }
  /** The process of the event's thread. */
  | { readonly kind: 'current' }
  | { readonly kind: 'field'; readonly field: SeenField; readonly text: string }
  | { readonly kind: 'operator'; readonly operator: Operator; readonly of: readonly Predicate[]; readonly text: string }
  | { readonly kind: 'live'; readonly type: string; readonly of: Predicate; readonly text: string }
  /** Work pending or running. */
  | { readonly kind: 'queued'; readonly work: SeenField; readonly text: string }
  /** Wait entry on some queue. */
  | { readonly kind: 'on-queue'; readonly entry: SeenField; readonly text: string }
  | { readonly kind: 'has'; readonly set: SeenField; readonly member: Predicate; readonly text: string }
  /** By the thread of the event: lock owned or read, read section open. `toWrite`: the read side of a lock is not enough. */
  | { readonly kind: 'holds'; readonly lock: SeenField; readonly toWrite?: boolean; readonly text: string }
  /** By any thread. */
  | { readonly kind: 'held'; readonly lock: SeenField; readonly toWrite?: boolean; readonly text: string }
  | {
      readonly kind: 'quantified';
      readonly every: boolean;
      readonly set: SeenField;
      readonly type: string;
      readonly variable: string;
      readonly condition: Predicate;
      readonly text: string;
    };
export interface SeenField {
  readonly of: Predicate;
  readonly type: string;
  readonly field: string;
}
export interface Variable {
  readonly name: string;
  readonly type: string;
}

/** `read`: in source, a mail or a changelog. `known`: from general knowledge. `candidate`: our own reading, that nobody else has confirmed. */
export type Sureness = 'read' | 'known' | 'candidate';
/** What a doc comment says of where something is from. */
interface Origin {
  readonly source: string | null;
  /** Numbers in the rule book that it states: `R101`. Absent: none. */ readonly facts?: readonly string[];
  /** Absent: read. */ readonly sure?: Sureness;
}
/** Known of the domain, and no rule or defect with a name of its own. */
export interface Fact {
  /** `R104`, `D305`. */ readonly id: string;
  readonly at: Place;
  readonly says: string;
  readonly source: string;
  readonly sure: Sureness;
  /** Rules, by name, that it follows from; empty if it is undecided. */ readonly from: readonly string[];
  /** Why neither exploring nor a trace can decide it; null if it follows from rules. */ readonly undecided: string | null;
}

interface RuleHead extends Origin {
  readonly name: string;
  /** The rule in a sentence; first line of what a violation prints. */ readonly doc: string;
  readonly at: Place;
}
export type Rule = RuleHead &
  /** Any of `read` to read the field, all of `write` to write it; each over the variable `object`. Unguarded: both null. */
  (
    | {
        readonly kind: 'guards';
        readonly type: string;
        readonly fields: Readonly<Record<string, { readonly read: readonly Predicate[]; readonly write: readonly Predicate[] } | null>>;
      }
    /** Lock classes (`Kvm.lock`), outside first. */
    | { readonly kind: 'order'; readonly classes: readonly string[]; readonly nested: boolean }
    | { readonly kind: 'order-exception'; readonly outer: string; readonly inner: string }
    /** While this class is held nothing is taken, and nothing sleeps. */
    | { readonly kind: 'innermost'; readonly lock: string }
    /** Inside a call of the function no other class is taken or entered. */
    | { readonly kind: 'takes-only'; readonly operation: string; readonly classes: readonly string[] }
    /** The outermost call of a thread reads this field of an object once. */
    | { readonly kind: 'read-once'; readonly type: string; readonly field: string }
    /** `when` is null if the rule is not an implication; it is what makes the rule exercised. */
    | { readonly kind: 'invariant'; readonly over: readonly Variable[]; readonly when: Predicate | null; readonly then: Predicate }
    /** Holds only in states where `busy` is false: nobody holds a lock that guards writing a field it reads. */
    | {
        readonly kind: 'settled';
        readonly over: readonly Variable[];
        readonly busy: Predicate;
        readonly when: Predicate | null;
        readonly then: Predicate;
      }
    /**
     * Before each event of this verb on a field of this type, `object` bound to the object acted on. The verb `called`: before each call of the
     * function, or through the field `Type.field`, that `field` names; `given` are the variables bound to the arguments, by their places.
     */
    | {
        readonly kind: 'at-every';
        readonly given?: readonly (string | null)[];
        readonly verb: string;
        readonly type: string;
        readonly field: string;
        readonly object: string;
        readonly over: readonly Variable[];
        readonly when: Predicate | null;
        readonly then: Predicate;
      }
    /** Calls of the function end; `given` as long as this stays true. Seconds for people. */
    | {
        readonly kind: 'ends';
        readonly operation: string;
        readonly parameters: readonly Parameter[];
        readonly given: Predicate | null;
        readonly within: number | null;
      }
    | {
        readonly kind: 'contract';
        readonly operation: string;
        readonly parameters: readonly Parameter[];
        readonly fails: readonly { readonly errno: string; readonly when: Predicate }[];
        readonly ensures: Predicate | null;
        /** Classes of fields that a failing call may leave changed; absent: it may leave any. */ readonly mayLeave?: readonly string[];
      }
  );

export interface Scenario {
  readonly name: string;
  readonly doc: string;
  readonly at: Place;
  readonly body: readonly Statement[];
}
export interface Variant extends Origin {
  readonly name: string;
  readonly doc: string;
  readonly at: Place;
  readonly of: string | null;
  readonly profile: string | null;
  /** Operations, rules, `runs` and `owns` by the name they stand in for; null: absent. */
  readonly operations: Readonly<Record<string, Operation | null>>;
  readonly rules: Readonly<Record<string, Rule | null>>;
  readonly runs: Readonly<Record<string, Readonly<Record<string, string>>>>;
  readonly owns: Readonly<Record<string, Readonly<Record<string, string>>>>;
  readonly absentScenarios: readonly string[];
  /** Rules by name that hold here only. */
  readonly also: readonly Rule[];
  /** Not empty: a defect. Built-in rules are named `always.neverTakenTwice` and so on. */
  readonly breaks: readonly { readonly rule: string; readonly scenario: string }[];
}

export interface System {
  readonly name: string;
  readonly doc: string;
  /** Files it was read from, relative to the spec's folder. */ readonly files: readonly string[];
  readonly objects: Readonly<Record<string, ObjectType>>;
  /** Functions that are reached through symbols: name to the declared module that they are in. */ readonly exports: Readonly<
    Record<string, string>
  >;
  /** Fields that declared objects have from the beginning. */ readonly given: Readonly<
    Record<string, Readonly<Record<string, number | boolean | string | null>>>
  >;
  /** Declared objects: name to object type. */ readonly globals: Readonly<Record<string, string>>;
  readonly operations: Readonly<Record<string, Operation>>;
  /** Calls offered to users, in the order of the spec: offered name to operation. */ readonly interface: Readonly<Record<string, string>>;
  readonly rules: readonly Rule[];
  readonly scenarios: readonly Scenario[];
  readonly variants: readonly Variant[];
  /** By id. */ readonly facts?: readonly Fact[];
  /** True of every system: `generic.facts.ts` beside the language, if it is there. */ readonly generic?: readonly Fact[];
  /** Rules that hold for every system, and their sentences: `always.neverTakenTwice`. */ readonly builtIn: Readonly<
    Record<string, string>
  >;
  /** What the profile of the base is called, if the system has profiles. */ readonly profile: string | null;
}
