/**
 * The small part of JavaScript that generated code is written in: functions on whole numbers of 32 bits, and arrays of them that live as long
 * as the module. So the same text can be run as it is, or be made into WebAssembly.
 */

export type Expression =
  | { readonly kind: 'number'; readonly value: number }
  | { readonly kind: 'name'; readonly name: string }
  | { readonly kind: 'item'; readonly array: string; readonly index: Expression }
  | { readonly kind: 'call'; readonly name: string; readonly given: readonly Expression[] }
  | { readonly kind: 'unary'; readonly operator: string; readonly of: Expression }
  | { readonly kind: 'binary'; readonly operator: string; readonly left: Expression; readonly right: Expression }
  | { readonly kind: 'choice'; readonly when: Expression; readonly then: Expression; readonly otherwise: Expression }
  | Assignment;

export interface Assignment {
  readonly kind: 'assign';
  readonly to: Extract<Expression, { kind: 'name' | 'item' }>;
  /** `+` of `+=` and of `++`; null of `=`. */ readonly operator: string | null;
  readonly value: Expression;
  /** What it is worth: of `x++` the value before. */ readonly gives: 'before' | 'after';
}

export type Statement =
  | { readonly kind: 'let'; readonly name: string; readonly value: Expression | null }
  | { readonly kind: 'do'; readonly what: Expression }
  | { readonly kind: 'block'; readonly body: readonly Statement[] }
  | { readonly kind: 'if'; readonly when: Expression; readonly then: readonly Statement[]; readonly otherwise: readonly Statement[] }
  | {
      readonly kind: 'loop';
      readonly first: readonly Statement[];
      /** Null: without end. */ readonly when: Expression | null;
      readonly then: readonly Expression[];
      readonly body: readonly Statement[];
    }
  | { readonly kind: 'switch'; readonly on: Expression; readonly arms: readonly Arm[] }
  | { readonly kind: 'return'; readonly value: Expression | null }
  | { readonly kind: 'break' | 'continue' };

/** Goes on with the next arm where it does not break. */
export interface Arm {
  readonly labels: readonly number[];
  readonly isDefault: boolean;
  readonly body: readonly Statement[];
}

export interface FunctionCode {
  readonly name: string;
  readonly parameters: readonly string[];
  readonly body: readonly Statement[];
}

export interface ModuleCode {
  readonly functions: readonly FunctionCode[];
  /** Variables of the module, and what they are at first. */ readonly variables: ReadonlyMap<string, number>;
  /** Arrays that the code brings along, each of 32 bits. */ readonly arrays: ReadonlyMap<string, Int32Array>;
}
