/** What the functions of a spec do with fields, as far as its oracle has to know: what is queued where, which objects are said to be nobody else's. */
import type { Expression, FieldOf, System } from '../model.ts';

type Verb = Extract<Expression, { kind: 'verb' }>;

/** Which work is queued where, in all that the spec says. */
export function queuedWorks(system: System): Record<string, string[]> {
  const found: Record<string, string[]> = {};
  for (const {
    on,
    with: [queue],
  } of verbsIn([system.operations, system.scenarios])) {
    if (on === null || queue === undefined || 'kind' in queue) continue;
    const works = (found[className(queue)] ??= []);
    if (!works.includes(className(on))) works.push(className(on));
  }
  return found;
}
const className = ({ type, field }: FieldOf): string => `${type}.${field}`;

/** Types of objects of which some function says that nobody else can reach them. */
export function soleTypes(system: System): string[] {
  return [...new Set([...verbsIn(system.operations, 'assertSole')].flatMap(({ on }) => (on === null ? [] : [on.type])))].sort();
}

/** Every use of a verb in a tree of plain data. */
function* verbsIn(tree: unknown, verb = 'queue'): Generator<Verb> {
  if (typeof tree !== 'object' || tree === null) return;
  if (isVerb(tree, verb)) yield tree;
  for (const inside of Object.values(tree)) yield* verbsIn(inside, verb);
}
const isVerb = (tree: object, verb: string): tree is Verb => 'kind' in tree && tree.kind === 'verb' && 'verb' in tree && tree.verb === verb;
