/** Steps on plain fields, counters and descriptors. */
import { fieldOf, indexOf } from '../interpret/program-index.ts';
import type { Action } from '../program.ts';
import { any, type Code, compare, has, minus, not, plus } from './code.ts';
import { withField } from './left-behind.ts';
import type { OnTarget } from './on-target.ts';
import { fatal, fork, memberType, type Path, touch, touchTarget, valueOf, type Way, withMusts, withSlot } from './step.ts';

export type FieldAction = Extract<
  Action,
  { kind: 'read' | 'write' | 'get' | 'get-unless-zero' | 'put' | 'put-later' | 'fget' | 'close-fd' }
>;

export function fieldWays({ stand, path, node, of, value, go, then, judge, touched }: OnTarget, action: FieldAction): readonly Way[] {
  const { cells } = stand,
    { type, field } = action.target;
  const changed = (path: Path, to: Code): Path => withField(stand, node, path, type, of, field, to);
  switch (action.kind) {
    case 'read':
      return touched(path, path => {
        const read = withSlot(path, action.slot, value);
        if (action.once === undefined) return then(read);
        const before = valueOf(stand, path, { kind: 'slot', slot: action.once });
        const musts = indexOf(cells.program)
          .readOnce.filter(rule => rule.type === type && rule.field === field)
          .map(({ name }) => ({ rule: name, condition: not(has(before, of)) }));
        return then(withSlot(withMusts(read, musts), action.once, `(${before} | only(${of}))`));
      });
    case 'write': {
      const isWord = cells.program.types.some(
        one => one.name === type && one.fields.some(({ name, kind }) => name === field && kind === 'word'),
      );
      const given = isWord && action.value.kind === 'constant' ? cells.word(action.value.value) : valueOf(stand, path, action.value);
      const { kind, max } = fieldOf(cells.program, type, field);
      const beyond = kind === 'number' ? any([compare('<', given, 0), compare('>', given, max)]) : 0;
      return touched(path, path => fatal(path, 'always.valuesInBounds', beyond, path => then(changed(path, given))));
    }
    case 'get':
      return touched(path, path =>
        fatal(path, 'always.neverResurrected', compare('==', value, 0), path => then(changed(path, plus(value, 1)))),
      );
    case 'get-unless-zero':
      return touched(path, path =>
        fork(
          path,
          compare('!=', value, 0),
          path => then(withSlot(changed(path, plus(value, 1)), action.slot, 1)),
          path => then(withSlot(path, action.slot, 0)),
        ),
      );
    case 'put':
      return touched(path, path =>
        fatal(path, 'always.referencesBalance', compare('==', value, 0), path =>
          fork(
            path,
            compare('==', value, 1),
            path => go(changed(path, 0), node.otherwise),
            path => then(changed(path, minus(value, 1))),
          ),
        ),
      );
    case 'put-later':
      return touched(path, path =>
        fatal(path, 'always.referencesBalance', compare('==', value, 0), path => {
          const less = changed(path, minus(value, 1));
          const later = valueOf(stand, path, { kind: 'slot', slot: action.later });
          return fork(less, compare('==', value, 1), path => then(withSlot(path, action.later, `(${later} | only(${of}))`)), then);
        }),
      );
    case 'fget': {
      const file = memberType(cells, action.target);
      return touchTarget(stand, path, action.target, path =>
        fork(
          path,
          compare('==', value, 0),
          path => then(withSlot(judge(path), action.slot, 0)),
          path =>
            touch(stand, path, file, value, path => {
              const refs = cells.field(file, value, 'refs');
              return fatal(judge(path), 'always.neverResurrected', compare('==', refs, 0), path =>
                then(withSlot(withField(stand, node, path, file, value, 'refs', plus(refs, 1)), action.slot, value)),
              );
            }),
        ),
      );
    }
    case 'close-fd':
      return touched(path, path => then(withSlot(changed(path, 0), action.slot, value)));
  }
}
