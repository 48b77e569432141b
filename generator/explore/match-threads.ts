/** Whether one thread does to its objects what another does to its, node by node. */
import { fieldOf } from '../interpret/program-index.ts';
import type { Action, Program, Thread, Value } from '../program.ts';
import { isSameKind, type Kind, kindOfField, kindOfValue } from './slot-kinds.ts';

/** By thread. */
export type SlotKinds = readonly ReadonlyMap<number, Kind>[];

/** Whether the second object stands where the first does. */
export type SameObject = (type: string, a: number, b: number) => boolean;

/** Whether one thread does to its objects what the other does to its. */
export function matchThreads(program: Program, kinds: SlotKinds, a: number, b: number, same: SameObject): boolean {
  const one = program.threads[a],
    other = program.threads[b];
  const slots = kinds[a],
    otherSlots = kinds[b];
  if (one === undefined || other === undefined || slots === undefined || otherSlots === undefined) return false;
  if (one.context !== other.context || one.start !== other.start || one.nodes.length !== other.nodes.length) return false;
  if ((one.work === null) !== (other.work === null)) return false;
  if (one.work !== null && other.work !== null) {
    if (one.work.type !== other.work.type || one.work.field !== other.work.field) return false;
    if (!same(one.work.type, one.work.instance, other.work.instance)) return false;
  }
  if (!same('Process', one.process ?? 0, other.process ?? 0)) return false;
  if (
    JSON.stringify(one.slots.map(({ max, type, word }) => [max, type, word])) !==
    JSON.stringify(other.slots.map(({ max, type, word }) => [max, type, word]))
  )
    return false;
  if (
    [...slots].length !== [...otherSlots].length ||
    [...slots].some(([slot, kind]) => !isSameKind(kind, otherSlots.get(slot) ?? { of: 'plain' }))
  )
    return false;
  const match: Matching = { program, slots, same };
  const isAlike = one.nodes.every((node, at) => {
    const twin = other.nodes[at];
    if (twin === undefined || node.next !== twin.next || node.otherwise !== twin.otherwise || node.call !== twin.call) return false;
    if (JSON.stringify(program.sites[node.site]?.in) !== JSON.stringify(program.sites[twin.site]?.in)) return false;
    return matchActions(match, node.action, twin.action, one, node.call);
  });
  if (!isAlike || one.calls.length !== other.calls.length) return false;
  const start = program.initial.threads[a]?.slots ?? {},
    otherStart = program.initial.threads[b]?.slots ?? {};
  return (
    one.calls.every((call, at) => {
      const twin = other.calls[at];
      return (
        twin !== undefined &&
        call.operation === twin.operation &&
        call.contract === twin.contract &&
        call.arguments.length === twin.arguments.length &&
        call.arguments.every((given, index) => {
          const its = twin.arguments[index];
          return its !== undefined && given.type === its.type && matchValues(match, given.value, its.value, ofType(given.type));
        })
      );
    }) && one.slots.every((_, slot) => matchNumbers(match, start[slot] ?? 0, otherStart[slot] ?? 0, slots.get(slot) ?? null))
  );
}

interface Matching {
  readonly program: Program;
  readonly slots: ReadonlyMap<number, Kind>;
  readonly same: SameObject;
}

const ofType = (type: string | null): Kind => (type === null ? { of: 'plain' } : { of: 'object', type });

function matchNumbers({ same }: Matching, a: number, b: number, kind: Kind | null): boolean {
  if (a === 0 || b === 0 || kind === null || kind.of === 'plain') return a === b;
  return kind.of === 'object' ? same(kind.type, a, b) : false;
}

/** A value of this kind in its place; `null` where only whether it is 0 matters. */
function matchValues(match: Matching, a: Value, b: Value, kind: Kind | null): boolean {
  const own = kindOfValue(a, match.slots);
  if (kind !== null && own !== null && !isSameKind(kind, own)) return false;
  switch (a.kind) {
    case 'constant':
      return b.kind === 'constant' && matchNumbers(match, a.value, b.value, kind);
    case 'slot':
      return b.kind === 'slot' && a.slot === b.slot;
    case 'operator': {
      if (b.kind !== 'operator' || a.operator !== b.operator || a.of.length !== b.of.length) return false;
      const inside = insideOf(match, a, kind);
      return (
        inside !== undefined &&
        a.of.every((one, at) => matchValues(match, one, b.of[at] ?? one, a.operator === '&&' && at === 0 ? null : inside))
      );
    }
  }
}

/** Kind of the operands; undefined if objects are counted with. */
function insideOf({ slots }: Matching, of: Extract<Value, { kind: 'operator' }>, kind: Kind | null): Kind | null | undefined {
  switch (of.operator) {
    case '&&':
    case '||':
      return kind;
    case '!':
      return null;
    case '===':
    case '!==':
      return of.of.map(one => kindOfValue(one, slots)).find(one => one !== null) ?? { of: 'plain' };
    default:
      return of.of.every(one => (kindOfValue(one, slots)?.of ?? 'plain') === 'plain') ? { of: 'plain' } : undefined;
  }
}

function matchActions(match: Matching, a: Action, b: Action, thread: Thread, call: number): boolean {
  const { program } = match;
  const others = new Map(Object.entries(b));
  return (
    Object.keys(a).length === others.size &&
    Object.entries(a).every(([name, part]) => {
      const its: unknown = others.get(name);
      if (isTarget(part))
        return (
          isTarget(its) &&
          part.type === its.type &&
          part.field === its.field &&
          matchValues(match, part.object, its.object, ofType(part.type))
        );
      if (a.kind === 'called' && b.kind === 'called' && name === 'with') return matchArguments(match, a, b);
      const kind = kindOfPart(program, a, name, thread, match, call);
      if (isValue(part)) return kind !== undefined && isValue(its) && matchValues(match, part, its, kind);
      if (a.kind === 'alloc' && b.kind === 'alloc' && name === 'fields')
        return (
          Object.keys(a.fields).length === Object.keys(b.fields).length &&
          Object.entries(a.fields).every(([field, value]) => {
            const given = b.fields[field];
            return given !== undefined && matchValues(match, value, given, kindOfField(program, a.type, field));
          })
        );
      return JSON.stringify(part) === JSON.stringify(its);
    })
  );
}

type Called = Extract<Action, { kind: 'called' }>;

/** Of arguments only those matter that some rule asks for. */
function matchArguments(match: Matching, a: Called, b: Called): boolean {
  return (
    a.with.length === b.with.length &&
    match.program.rules.every(rule => {
      if (rule.kind !== 'at-every' || rule.verb !== 'called' || rule.field !== a.of) return true;
      return (rule.given ?? []).every((name, place) => {
        const [given, its] = [a.with[place], b.with[place]];
        const type = rule.over.find(one => one.name === name)?.type;
        return type === undefined || given === undefined || its === undefined || matchValues(match, given, its, ofType(type));
      });
    })
  );
}

/** What kind of value this part of the action has; undefined if that is not known here. */
function kindOfPart(
  program: Program,
  action: Action,
  name: string,
  thread: Thread,
  { slots }: Matching,
  call: number,
): Kind | null | undefined {
  switch (action.kind) {
    case 'branch':
      return null;
    case 'set':
      return slots.get(action.slot) ?? { of: 'plain' };
    case 'write':
      return kindOfField(program, action.target.type, action.target.field);
    case 'add':
    case 'remove':
    case 'has':
      return name === 'member' ? ofType(fieldOf(program, action.target.type, action.target.field).to) : undefined;
    case 'free':
    case 'assert-sole':
      return ofType(action.type);
    case 'return': {
      const of = thread.calls[call]?.result;
      return of === undefined ? undefined : ofType(of.word ? null : of.type);
    }
    default:
      return undefined;
  }
}

function isValue(part: unknown): part is Value {
  return (
    typeof part === 'object' &&
    part !== null &&
    'kind' in part &&
    (part.kind === 'constant' || part.kind === 'slot' || part.kind === 'operator')
  );
}

function isTarget(part: unknown): part is { readonly object: Value; readonly type: string; readonly field: string } {
  return typeof part === 'object' && part !== null && 'object' in part && 'field' in part;
}
