/**
 * A program as a model of SPIN: the second opinion on what the explorer finds.
 *
 * - A thread is a proctype. A label is a place where it can stand; one `d_step` is one step of the program, with everything that is pure
 *   after it. A step that goes on in several ways is an `if` with one `d_step` for each, its condition in front.
 * - A field is an array over the instances of its type; a pointer is an index into it, 0 is null. A set is a bit mask.
 * - `must(rule, condition)` is the assertion of a rule, `broken(rule)` that of one that is broken there for certain. A step that breaks a
 *   rule and has no way on leaves the state as it is, so that SPIN counts the states that the explorer counts, also where it is told to go
 *   on after errors (`pan -c0`). It is an `atomic`, because SPIN refuses more than 2,048 `d_step`s; steps past that are `atomic` too.
 * - The proctype `rules` judges every state: invariants, and what is left where all has ended. It changes nothing. A deadlock is an
 *   invalid end state. Rules that are judged without exploring (a cycle in the lock order, locks that do not balance) are not in the model.
 * - A local that no step will read any more is 0, and so is every field of a freed object: states that behave alike are one state.
 *   Variables that follow from others (`ended`, `..._runs`, `..._watches`) are there for the reader, and tell no states apart.
 *
 * SPIN has to be told to leave the variables alone (`spin -o1 -o2 -o3 -a`): else it forgets values that it thinks nobody reads, and with
 * them states. Then without reduction (`gcc -DSAFETY -DNOREDUCE`) it stores exactly the states of the explorer, and takes its steps and one
 * for the first state, one for each time that a state is judged to be broken or at rest, one for each step that has no way on.
 */
import { indexOf } from '../interpret/program-index.ts';
import { END, type Node, type Program } from '../program.ts';
import { type Cells, cellsOf, declaration, type Variable } from './cells.ts';
import { oneAfterTheOther } from './changes.ts';
import { bare, type Code, not, together } from './code.ts';
import { seen, type Watching, watching } from './contract.ts';
import type { Must } from './judge.ts';
import { type Locals, localsOf } from './locals.ts';
import { commented, identifier, namer } from './names.ts';
import { isAhead, isPure, placesOf } from './places.ts';
import { brokenForSome } from './predicate.ts';
import { atRest, quiescence } from './rest.ts';
import { type Stand, type Way, waysFrom } from './step.ts';

interface Plan {
  readonly thread: number;
  readonly places: readonly number[];
  readonly locals: Locals;
  readonly label: (place: number) => string;
  readonly watching: Watching | null;
}

export interface Model {
  readonly text: string;
  /** Rules by the names that their assertions have in the text. */ readonly rules: ReadonlyMap<string, string>;
}

/** The same program gives the same text. */
export function promela(program: Program): Model {
  const isThere = (kind: string): boolean => program.threads.some(({ nodes }) => nodes.some(({ action }) => action.kind === kind));
  if (program.ordered !== undefined || isThere('queue-after-grace'))
    throw new Error(
      `${program.scenario} has work on an ordered queue, or work that waits for a grace period, which the exported model does not have yet`,
    );
  const asks = program.contracts.find(({ mayLeave }) => mayLeave !== undefined);
  if (asks !== undefined)
    throw new Error(
      `${asks.rule} asks what a failing call leaves changed (mayLeave), which the exported model cannot judge: export a variant without it`,
    );
  const cells = cellsOf(program);
  const ended = cells.single(
    'ended',
    program.threads.length,
    program.threads.filter((_, thread) => (cells.start.threads[thread]?.node ?? END) === END).length,
  );
  const plans = program.threads.map((_, thread) => planOf(cells, thread));
  const threads = plans.map(plan => proctype(cells, plan, plans, ended));
  const rules = judging(cells, ended);
  const inlines = plans.flatMap(({ watching }) => watching?.looking.map(({ text }) => text) ?? []);
  const text = [heading(program), defines(cells, program), declarations(cells, plans), macros, ...inlines, ...threads, rules].join('\n');
  return { text: withinRoom(text), rules: cells.rules };
}

/** `d_step`s in one model: SPIN refuses more than 2,048. */
const mostSteps = 2000;

/** Those beyond are written with the slower word for the same. */
function withinRoom(text: string): string {
  let steps = 0;
  return text.replace(/d_step \{/g, word => (++steps > mostSteps ? 'atomic {' : word));
}

const macros = `#define has(set, member) (((set) << 1 >> (member)) & 1)
#define only(member) (1 << (member) >> 1)
inline must(rule, condition) { rule = (condition); assert(rule) }
/* For certain. The rule is there to be named in what SPIN says. */
inline broken(rule) { assert(false && rule) }
/* Null or freed, and touched all the same. */
inline dead(object) { assert(object != 0 || (false && always_nullNeverFollowed)); assert(object == 0 || (false && always_neverTouchedAfterFree)) }
`;

function heading({ system, variant, scenario }: Program): string {
  return `${commented(`${system}${variant === null ? '' : `, variant ${variant}`}, scenario ${scenario}`)}
/* Code generated by \`holdfast export --to promela\`. DO NOT EDIT.
   All states:  spin -o1 -o2 -o3 -a MODEL && gcc -O2 -DSAFETY -DNOREDUCE -o pan pan.c && ./pan -c0 -m1000000
   One error:   ./pan, then spin -t -p -g MODEL */
`;
}

function defines(cells: Cells, program: Program): string {
  const owners = program.threads.map((_, thread) => `#define ${cells.owner(thread)} ${thread + 1}`);
  const words = program.words.map((word, at) => `#define ${cells.word(at + 1)} ${at + 1} ${commented(word)}`);
  return `/* Owners of locks */\n${owners.join('\n')}\n${words.length === 0 ? '' : `/* Words of the spec */\n${words.join('\n')}\n`}`;
}

function planOf(cells: Cells, thread: number): Plan {
  const { program } = cells;
  const owner = program.threads[thread];
  if (owner === undefined) throw new Error(`there is no thread ${thread}`);
  const places = placesOf(program, thread, cells.start),
    locals = localsOf(owner, places, cells.thread(thread));
  const name = namer();
  for (const { name: local } of locals.all) name(`local ${local}`, local);
  const label = (place: number): string => {
    if (place === END) return name('end', `end_${cells.thread(thread)}`);
    const node = owner.nodes[place];
    // Labels that begin so are places where a thread may stay for ever.
    const mayStay = node?.action.kind === 'take' ? 'end_idle_' : 'at_';
    return name(`place ${place}`, `${mayStay}${identifier(program.sites[node?.site ?? -1]?.in[0] ?? 'scenario')}`);
  };
  for (const place of places) label(place);
  return { thread, places, locals, label, watching: watching(cells, thread, locals) };
}

function proctype(cells: Cells, plan: Plan, plans: readonly Plan[], ended: string): string {
  const { thread, places, locals, label } = plan;
  const owner = cells.program.threads[thread];
  const slots = cells.start.threads[thread]?.slots ?? {};
  const declared = locals.all
    .filter(({ global }) => !global)
    .map(({ name, max, slots: of }) => {
      const first = of.map(slot => slots[slot] ?? 0).find(value => value !== 0) ?? 0;
      return `  ${declaration({ name, max, first: [first], array: false, hidden: false })}\n`;
    });
  const body = places.map(place =>
    place === END
      ? `${label(END)}:\n  false\n`
      : `${label(place)}: ${commentOf(cells, thread, place)}\n  if\n${optionsAt({ cells, thread, locals, from: place }, plan, plans, ended)}  fi;\n`,
  );
  return `${commented(owner?.text ?? '')}\nactive proctype ${cells.thread(thread)}() {\n${declared.join('')}${body.join('')}}\n`.replace(
    /;\n}\n$/,
    '\n}\n',
  );
}

/** What the spec says there, up to the next step, and where. */
function commentOf({ program }: Cells, thread: number, place: number): string {
  const nodes = program.threads[thread]?.nodes ?? [];
  const texts = new Set<string>();
  let node: Node | undefined = nodes[place];
  const first = program.sites[node?.site ?? -1];
  for (let count = 0; node !== undefined && count < nodes.length; count++) {
    const text = program.sites[node.site]?.text ?? '';
    if (!isPure(node) && text !== '') texts.add(text);
    if (!isPure(node) && !isAhead(node)) break;
    node = nodes[node.next];
  }
  const where = first === undefined ? '' : `${[...first.in.slice(0, 1), `${first.at.file}:${first.at.line}`].join(', ')}`;
  return commented(`${[...texts].join('; ')}${where === '' ? '' : `  (${where})`}`);
}

function optionsAt(stand: Stand, plan: Plan, plans: readonly Plan[], ended: string): string {
  return waysFrom(stand)
    .map(way => {
      const condition = together(way.conditions);
      const guard = condition === 1 ? '' : `${bare(condition)} -> `;
      const judging = musts(stand.cells, way.musts);
      if (way.to === null) return `  :: atomic { ${guard}${[...judging, ...stuck(way)].join('; ')} } goto ${plan.label(stand.from)}\n`;
      const lines = [...judging, ...moved(stand, plans, ended, way, way.to)];
      return `  :: d_step { ${guard}${lines.length === 0 ? 'skip' : lines.join('; ')} } goto ${plan.label(way.to)}\n`;
    })
    .join('');
}

function musts(cells: Cells, of: readonly Must[]): readonly string[] {
  return of.map(({ rule, condition }) =>
    condition === 0 ? `broken(${cells.rule(rule)})` : `must(${cells.rule(rule)}, ${bare(condition)})`,
  );
}

function stuck({ touched }: Way): readonly string[] {
  return touched === null ? [] : [`dead(${bare(touched)})`];
}

/** All that changes, then what the contracts of running calls see of it. */
function moved({ cells, thread, locals, from }: Stand, plans: readonly Plan[], ended: string, way: Way, to: number): readonly string[] {
  const changes = new Map(way.changes);
  const before = locals.live[from] ?? new Set<number>(),
    after = (to === END ? undefined : locals.live[to]) ?? new Set<number>();
  const used = new Set<string>();
  for (const slot of after) {
    const local = locals.of.get(slot);
    if (local === undefined) continue;
    used.add(local.name);
    const value: Code = way.slots.get(slot) ?? (before.has(slot) ? local.name : 0);
    if (value !== local.name) changes.set(local.name, value);
  }
  for (const slot of before) {
    const local = locals.of.get(slot);
    if (local !== undefined && !used.has(local.name) && !way.conditions.includes(not(local.name))) changes.set(local.name, 0);
  }
  const nodes = cells.program.threads[thread]?.nodes ?? [];
  const own = plans[thread]?.watching ?? null;
  const number = own?.at(nodes[to]) ?? 0,
    begins = number !== (own?.at(nodes[from]) ?? 0);
  if (own !== null && begins) changes.set(own.variable, number);
  if (to === END) changes.set(ended, `(${ended} + 1)`);
  const changed = new Set([...changes.keys()].map(variable => /^\w+/.exec(variable)?.[0] ?? variable));
  const looking = plans.flatMap(({ watching }, index) =>
    watching === null ? [] : seen(watching, changed, index === thread ? { number, begins } : null),
  );
  const text = oneAfterTheOther(
    [...changes].map(([to, value]) => ({ to, value })),
    number => cells.single(`saved_${number + 1}`, 2 ** 31 - 1, 0, true),
  );
  return [...text, ...looking];
}

/** The proctype that judges every state. */
function judging(cells: Cells, ended: string): string {
  const look = { cells, thread: null, variables: new Map<string, Code>() };
  const states = indexOf(cells.program).stateRules.flatMap(rule => {
    const broken = brokenForSome(look, rule.over, { busy: rule.kind === 'settled' ? rule.busy : null, when: rule.when, then: rule.then });
    return broken === 0 ? [] : [`  :: ${commented(rule.doc)}\n     d_step { ${bare(broken)} -> broken(${cells.rule(rule.name)}) }\n`];
  });
  const rest = `  :: /* All has ended. */\n     d_step { ${bare(atRest(cells, ended))} ->\n     ${quiescence(cells).join(';\n     ')} }\n`;
  return `/* Judges every state, and changes none. */\nactive proctype rules() {\nend_rules:\n  do\n${states.join('')}${rest}  od\n}\n`;
}

/** After all else, because a variable is declared if something needs it. */
function declarations(cells: Cells, plans: readonly Plan[]): string {
  cells.rule('always.nullNeverFollowed');
  cells.rule('always.neverTouchedAfterFree');
  const watched = plans.flatMap(({ thread, locals }) =>
    locals.all
      .filter(({ global }) => global)
      .map(({ name, max, slots }): Variable => {
        const first = slots.map(slot => cells.start.threads[thread]?.slots[slot] ?? 0).find(value => value !== 0) ?? 0;
        return { name, max, first: [first], array: false, hidden: false };
      }),
  );
  const all = [...cells.declared.values(), ...watched];
  return `/* State */\n${all
    .filter(({ hidden }) => !hidden)
    .map(declaration)
    .join('\n')}\n/* Constants, and what is only looked at within a step: no part of a state */\n${all
    .filter(({ hidden }) => hidden)
    .map(declaration)
    .join('\n')}\n`;
}
