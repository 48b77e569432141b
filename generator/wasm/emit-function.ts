/** One function of generated code as the instructions of WebAssembly. All values are numbers of 32 bits; what is false is 0. */
import { builtIns, type Item } from './built-ins.ts';
import { bytes, written } from './bytes.ts';
import type { Expression, FunctionCode, Statement } from './code-tree.ts';
import { hasEffect, isBit, isNumber, isShiftedByNothing, isSmall } from './expressions.ts';
import {
  ADD,
  AND,
  BLOCK,
  BR,
  BR_IF,
  BR_TABLE,
  CALL,
  COMPARING,
  CONSTANT,
  DROP,
  ELSE,
  END,
  EQZ,
  GLOBAL_GET,
  GLOBAL_SET,
  I32,
  IF,
  LOAD,
  LOAD_BYTE,
  LOCAL_GET,
  LOCAL_SET,
  LOCAL_TEE,
  LOOP,
  NOTHING,
  OPERATORS,
  OR,
  RETURN,
  SHL,
  STORE,
  STORE_BYTE,
  SUB,
  XOR,
} from './instructions.ts';
import { returnsValue } from './statements.ts';

/** What a function can refer to. */
export interface Surroundings {
  /** Places of variables of the module. */ readonly variables: ReadonlyMap<string, number>;
  readonly functions: ReadonlyMap<string, { readonly at: number; readonly parameters: number; readonly gives: boolean }>;
  readonly arrays: ReadonlyMap<string, ArrayPlace>;
}

/** Where an array begins: an address, or the variable that has it. */
export interface ArrayPlace {
  readonly at: number | string;
  /** Of one number. */ readonly bytes: 1 | 4;
}

/** Labels of a switch lie close together. */
const WIDEST_SWITCH = 4096;

/** What a jump can go to. */
type Level = 'plain' | 'break' | 'continue';

interface Scope {
  readonly names: Map<string, number>;
  readonly outer: Scope | null;
}

/** Makes functions: locals and code, with its length before it. */
export function functionEmitter(around: Surroundings): (of: FunctionCode) => Uint8Array {
  const code = bytes();
  const levels: Level[] = [];
  let scope: Scope = { names: new Map(), outer: null },
    used = 0,
    most = 0,
    named = '';

  const fault = (what: string): Error => new Error(`${what} in ${named}, which was generated`);
  const local = (name: string): number | undefined => {
    for (let at: Scope | null = scope; at !== null; at = at.outer) {
      const found = at.names.get(name);
      if (found !== undefined) return found;
    }
    return undefined;
  };
  const fresh = (): number => {
    const at = used++;
    if (used > most) most = used;
    return at;
  };
  const within = (run: () => void): void => {
    const before = used;
    scope = { names: new Map(), outer: scope };
    run();
    scope = scope.outer ?? scope;
    used = before;
  };
  const constant = (value: number): void => {
    code.put(CONSTANT);
    code.signed(value);
  };
  const op = (instruction: number, operand: number): void => {
    code.put(instruction);
    code.count(operand);
  };
  const open = (instruction: number, type: number, level: Level): void => {
    code.put(instruction, type);
    levels.push(level);
  };
  const close = (): void => {
    code.put(END);
    levels.pop();
  };
  const jump = (instruction: number, to: Level): void => {
    const at = levels.lastIndexOf(to);
    if (at < 0) throw fault(`${to} that leads nowhere`);
    op(instruction, levels.length - 1 - at);
  };

  const get = (name: string): void => {
    const at = local(name),
      variable = around.variables.get(name);
    if (at !== undefined) op(LOCAL_GET, at);
    else if (variable !== undefined) op(GLOBAL_GET, variable);
    else throw fault(`unknown name ${name}`);
  };
  /** The address of an item; returns what is still to be added to it. */
  const address = (name: string, index: Expression): Item => {
    const array = around.arrays.get(name);
    if (array === undefined) throw fault(`unknown array ${name}`);
    const shift = array.bytes === 4 ? 2 : 0;
    const base = typeof array.at === 'number' ? array.at : 0;
    if (index.kind === 'number') {
      if (typeof array.at === 'string') get(array.at);
      else constant(0);
      return { offset: base + (index.value << shift), bytes: array.bytes };
    }
    const more =
      index.kind === 'binary' && index.operator === '+' && index.right.kind === 'number' && index.right.value >= 0 ? index : null;
    value(more === null ? index : more.left);
    if (shift > 0) {
      constant(shift);
      code.put(SHL);
    }
    if (typeof array.at === 'string') {
      get(array.at);
      code.put(ADD);
    }
    return { offset: base + (more?.right.kind === 'number' ? more.right.value << shift : 0), bytes: array.bytes };
  };
  const memory = (whole: number, byte: number, { offset, bytes }: Item): void => {
    code.put(bytes === 4 ? whole : byte, bytes === 4 ? 2 : 0);
    code.count(offset);
  };

  const builtIn = builtIns({ code, value: of => value(of), address, fault });
  const call = (name: string, given: readonly Expression[]): boolean => {
    if (builtIn(name, given)) return true;
    const called = around.functions.get(name);
    if (called === undefined) throw fault(`unknown function ${name}`);
    if (called.parameters !== given.length) throw fault(`${given.length} arguments of ${name}`);
    given.forEach(value);
    op(CALL, called.at);
    return called.gives;
  };

  const binary = ({ operator, left, right }: Extract<Expression, { kind: 'binary' }>): void => {
    if (operator === '&&') {
      value(left);
      open(IF, I32, 'plain');
      value(right);
      code.put(ELSE);
      constant(0);
      close();
    } else if (operator === '||') {
      const before = used,
        kept = fresh();
      value(left);
      op(LOCAL_TEE, kept);
      open(IF, I32, 'plain');
      op(LOCAL_GET, kept);
      code.put(ELSE);
      value(right);
      close();
      used = before;
    } else if ((operator === '===' || operator === '!==') && right.kind === 'number' && right.value === 0) {
      value(left);
      code.put(EQZ);
      if (operator === '!==') code.put(EQZ);
    } else if (operator === '>>>' && right.kind === 'number' && right.value === 0) {
      value(left);
    } else {
      value(left);
      value(right);
      const instruction = OPERATORS[operator];
      if (instruction === undefined) throw fault(`unknown operator ${operator}`);
      // Numbers without a sign are compared as such.
      const isUnsigned = isShiftedByNothing(left) || isShiftedByNothing(right);
      code.put(isUnsigned && COMPARING.has(operator) && instruction >= 0x48 ? instruction + 1 : instruction);
    }
  };
  const unary = ({ operator, of }: Extract<Expression, { kind: 'unary' }>): void => {
    if (operator === '!') {
      truth(of);
      code.put(EQZ);
    } else if (of.kind === 'number') {
      constant(operator === '-' ? -of.value : ~of.value);
    } else if (operator === '-') {
      constant(0);
      value(of);
      code.put(SUB);
    } else {
      value(of);
      constant(-1);
      code.put(XOR);
    }
  };
  const assign = (one: Extract<Expression, { kind: 'assign' }>, isUsed: boolean): void => {
    const { to, operator, value: given, gives } = one;
    const changed = (): void => {
      if (operator === null) value(given);
      else binary({ kind: 'binary', operator, left: to, right: given });
    };
    if (isUsed && gives === 'before') value(to);
    if (to.kind === 'item') {
      if ((operator !== null || gives === 'before') && hasEffect(to.index)) throw fault('an item that is counted on');
      const before = used,
        kept = isUsed && gives === 'after' ? fresh() : -1;
      const at = address(to.array, to.index);
      changed();
      if (kept >= 0) op(LOCAL_TEE, kept);
      memory(STORE, STORE_BYTE, at);
      if (kept >= 0) op(LOCAL_GET, kept);
      used = before;
      return;
    }
    changed();
    const at = local(to.name),
      variable = around.variables.get(to.name);
    const isWanted = isUsed && gives === 'after';
    if (at !== undefined) op(isWanted ? LOCAL_TEE : LOCAL_SET, at);
    else if (variable !== undefined) {
      op(GLOBAL_SET, variable);
      if (isWanted) op(GLOBAL_GET, variable);
    } else throw fault(`unknown name ${to.name}`);
  };
  const value = (of: Expression): void => {
    switch (of.kind) {
      case 'number':
        return constant(of.value);
      case 'name':
        return get(of.name);
      case 'item':
        return memory(LOAD, LOAD_BYTE, address(of.array, of.index));
      case 'call':
        if (!call(of.name, of.given)) throw fault(`a value of ${of.name}`);
        return;
      case 'unary':
        return unary(of);
      case 'binary':
        return binary(of);
      case 'assign':
        return assign(of, true);
      case 'choice': {
        const isTrue = isNumber(of.then, 1) && isNumber(of.otherwise, 0),
          isFalse = isNumber(of.then, 0) && isNumber(of.otherwise, 1);
        if (isFalse) {
          truth(of.when);
          code.put(EQZ);
        } else if (isTrue) bit(of.when);
        else {
          truth(of.when);
          open(IF, I32, 'plain');
          value(of.then);
          code.put(ELSE);
          value(of.otherwise);
          close();
        }
      }
    }
  };
  /** 1 if it is true, else 0. */
  const bit = (of: Expression): void => {
    if (isBit(of)) return value(of);
    if (of.kind === 'binary' && of.operator === '&&' && isSmall(of.right)) {
      bit(of.left);
      bit(of.right);
      code.put(AND);
      return;
    }
    truth(of);
    code.put(EQZ, EQZ);
  };
  /** 0 if it is false, else any other number. */
  const truth = (of: Expression): void => {
    if (of.kind === 'choice' && isNumber(of.then, 1) && isNumber(of.otherwise, 0)) return truth(of.when);
    if (of.kind === 'unary' && of.operator === '!') {
      truth(of.of);
      code.put(EQZ);
      return;
    }
    if (of.kind === 'binary' && of.operator === '!==' && isNumber(of.right, 0)) return value(of.left);
    if (of.kind === 'binary' && (of.operator === '&&' || of.operator === '||')) {
      const isBoth = of.operator === '&&';
      if (isSmall(of.right)) {
        if (isBoth) {
          bit(of.left);
          bit(of.right);
          code.put(AND);
        } else {
          truth(of.left);
          truth(of.right);
          code.put(OR);
        }
        return;
      }
      truth(of.left);
      open(IF, I32, 'plain');
      if (isBoth) truth(of.right);
      else constant(1);
      code.put(ELSE);
      if (isBoth) constant(0);
      else truth(of.right);
      close();
      return;
    }
    value(of);
  };

  const each = (body: readonly Statement[]): void => within(() => body.forEach(statement));
  const perform = (what: Expression): void => {
    if (what.kind === 'assign') assign(what, false);
    else if (what.kind !== 'call') throw fault('an expression without effect');
    else if (call(what.name, what.given)) code.put(DROP);
  };
  const statement = (one: Statement): void => {
    switch (one.kind) {
      case 'let': {
        if (one.value === null) constant(0);
        else value(one.value);
        const at = fresh();
        scope.names.set(one.name, at);
        return op(LOCAL_SET, at);
      }
      case 'do':
        return perform(one.what);
      case 'block':
        return each(one.body);
      case 'if':
        if (one.then.length === 0 && one.otherwise.length === 0) return;
        truth(one.when);
        if (one.then.length === 0) code.put(EQZ);
        open(IF, NOTHING, 'plain');
        each(one.then.length === 0 ? one.otherwise : one.then);
        if (one.then.length > 0 && one.otherwise.length > 0) {
          code.put(ELSE);
          each(one.otherwise);
        }
        return close();
      case 'loop':
        return within(() => {
          one.first.forEach(statement);
          open(BLOCK, NOTHING, 'break');
          open(LOOP, NOTHING, 'plain');
          if (one.when !== null) {
            truth(one.when);
            code.put(EQZ);
            op(BR_IF, 1);
          }
          open(BLOCK, NOTHING, 'continue');
          each(one.body);
          close();
          one.then.forEach(perform);
          op(BR, 0);
          close();
          close();
        });
      case 'switch':
        return choose(one);
      case 'return':
        if (one.value !== null) value(one.value);
        return code.put(RETURN);
      case 'break':
        return jump(BR, 'break');
      case 'continue':
        return jump(BR, 'continue');
    }
  };
  const choose = ({ on, arms }: Extract<Statement, { kind: 'switch' }>): void => {
    const labels = arms.flatMap((arm, at) => arm.labels.map(label => ({ label, at })));
    if (labels.length === 0 && arms.length === 0) return;
    const least = Math.min(...labels.map(({ label }) => label)),
      count = labels.length === 0 ? 0 : Math.max(...labels.map(({ label }) => label)) - least + 1;
    if (count > WIDEST_SWITCH) throw fault('a switch that is too wide');
    const otherwise = arms.findIndex(arm => arm.isDefault);
    // Depths are counted from the innermost block, which the first arm follows.
    const depths = new Array<number>(count).fill(otherwise < 0 ? arms.length : otherwise);
    for (const { label, at } of labels) depths[label - least] = at;
    open(BLOCK, NOTHING, 'break');
    for (const _ of arms) open(BLOCK, NOTHING, 'plain');
    value(on);
    if (labels.length > 0 && least !== 0) {
      constant(least);
      code.put(SUB);
    }
    code.put(BR_TABLE);
    code.count(count);
    for (const depth of depths) code.count(depth);
    code.count(otherwise < 0 ? arms.length : otherwise);
    within(() => {
      for (const arm of arms) {
        close();
        arm.body.forEach(statement);
      }
    });
    close();
  };

  return of => {
    code.clear();
    named = of.name;
    scope = { names: new Map(of.parameters.map((name, at) => [name, at])), outer: null };
    used = most = of.parameters.length;
    within(() => of.body.forEach(statement));
    if (returnsValue(of.body)) constant(0);
    code.put(END);
    const locals = most - of.parameters.length;
    const body = written(into => {
      into.count(locals > 0 ? 1 : 0);
      if (locals > 0) {
        into.count(locals);
        into.put(I32);
      }
      into.append(code.taken());
    });
    return written(into => {
      into.count(body.length);
      into.append(body);
    });
  };
}
