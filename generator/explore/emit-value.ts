/** Code for values of a program: slots, constants, and what is computed from them. */

import { typeOf } from '../interpret/program-index.ts';
import type { Value } from '../program.ts';
import { registerCell } from './cells.ts';
import { bounded, cell, type Emission, type Path, withSlot } from './emission.ts';
import { type Code, fork, operate } from './generated-code.ts';
import { largest } from './registers.ts';

export function slotIn(e: Emission, path: Path, slot: number): Code {
  const given = path.slots.get(slot);
  if (given !== undefined) return given;
  const plan = e.layout.threads[path.thread];
  const register = plan?.registers.of.get(slot);
  // Its register belongs to another slot where this one is dead.
  return register === undefined || plan?.live[path.from]?.has(slot) !== true ? 0 : cell(e.layout, registerCell(path.thread, register));
}

export function evaluateCode(value: Value, slot: (slot: number) => Code): Code {
  switch (value.kind) {
    case 'constant':
      return value.value;
    case 'slot':
      return slot(value.slot);
    case 'operator':
      return operate(
        value.operator,
        value.of.map(one => evaluateCode(one, slot)),
      );
  }
}

export function valueOf(e: Emission, path: Path, value: Value): Code {
  return evaluateCode(value, slot => slotIn(e, path, slot));
}

/** What the value can be at most, or Infinity if it may be below 0. */
export function mostOf(e: Emission, path: Path, value: Value): number {
  switch (value.kind) {
    case 'constant':
      return value.value;
    case 'slot': {
      const known = slotIn(e, path, value.slot);
      return typeof known === 'number' ? known : largest(e.program, path.thread, value.slot);
    }
    case 'operator': {
      const of = value.of.map(one => mostOf(e, path, one));
      switch (value.operator) {
        case '+':
          return of.reduce((sum, one) => sum + one, 0);
        case '-':
          return Infinity;
        case '&&':
        case '||':
          return Math.max(...of);
        default:
          return 1;
      }
    }
  }
}

/** Longer expressions are computed once. */
const WORTH_A_NAME = 60;

/** Gives the slot a value and goes on. */
export function assign(
  e: Emission,
  path: Path,
  node: number,
  slot: number,
  value: Code,
  most: number,
  then: (path: Path) => string,
): string {
  if (slot < 0) return then(path);
  if (e.watch !== undefined && typeof value === 'string') {
    const { watch } = e;
    const values = watch.values(value, largest(e.program, path.thread, slot));
    if (values !== null) return values.map(one => then(withSlot(watch.assuming(path, value, one), slot, one))).join('');
  }
  const name = e.program.threads[path.thread]?.slots[slot]?.name ?? `slot ${slot}`;
  return bounded(e, path, node, value, most, largest(e.program, path.thread, slot), name, () => {
    if (typeof value === 'number' || value.length < WORTH_A_NAME) return then(withSlot(path, slot, value));
    const temporary = `t${e.temporaries++}`;
    return `const ${temporary} = ${value}; ${then(withSlot(path, slot, temporary))}`;
  });
}

/** One way for each instance that the code may denote, with the instance known on it. */
export function cases(e: Emission, of: Code, type: string, none: () => string, one: (instance: number) => string): string {
  if (typeof of === 'number') return of === 0 ? none() : one(of);
  const { pool } = typeOf(e.program, type);
  const values = e.watch?.values(of, pool) ?? null;
  if (values !== null) return values.map(value => (value === 0 ? none() : one(value))).join('');
  if (pool === 0) return none();
  if (pool === 1) return fork(of, () => one(1), none);
  const ways = Array.from({ length: pool }, (_, at) => `case ${at + 1}: { ${one(at + 1)}break; } `).join('');
  return `switch (${of}) { ${ways}default: { ${none()}} } `;
}

/** As `cases` for a value; if it is a slot, later uses of the slot know the instance too. */
export function denoted(
  e: Emission,
  path: Path,
  value: Value,
  type: string,
  none: () => string,
  one: (instance: number, path: Path) => string,
): string {
  return cases(e, valueOf(e, path, value), type, none, instance =>
    one(instance, value.kind === 'slot' ? withSlot(path, value.slot, instance) : path),
  );
}
