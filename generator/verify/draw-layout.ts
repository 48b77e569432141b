/**
 * Where everything in a drawing of a counterexample is: a grid with a row for each step and a lane for each thread. Text is set in a font of one
 * width, so that its size is known without one.
 */
import stringWidth from 'string-width';
import type { Counterexample, CounterexampleStep } from './counterexample.ts';
import { type Story, storyOf } from './draw-story.ts';
import { wrap } from './print-counterexample.ts';

/** All in pixels. A letter may be narrower than this in the viewer's font, never much wider. */
export const LETTER = 7.4;
export const LINE = 16;
const MARGIN = 20;
const GAP = 24;
const BAR = 16;
const BAR_GAP = 3;
const ROW_PADDING = 8;
/** Letters of a step's text in a row: as many as leave room for all lanes in a page, within these. */
const FEWEST_LETTERS = 22;
const MOST_LETTERS = 44;
const PAGE = 1240;

export type Style = 'title' | 'plain' | 'dim' | 'strong' | 'broken' | 'number' | 'tag';
export interface Text {
  readonly x: number;
  /** Middle of the line. */ readonly y: number;
  readonly text: string;
  readonly style: Style;
  /** Which end of the text `x` is. */ readonly anchor: 'start' | 'middle' | 'end';
}
export interface Bar {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  /** Number of the lock, from 0; each has a colour. */ readonly lock: number;
}
export interface Point {
  readonly x: number;
  readonly y: number;
  readonly kind: 'step' | 'broken' | 'waiting';
}
export interface Lane {
  readonly x: number;
  readonly from: number;
  readonly to: number;
  /** The part between the thread's first and last step. */ readonly active: readonly [number, number] | null;
}
export interface Band {
  readonly y: number;
  readonly height: number;
  readonly kind: 'odd' | 'broken';
}
export interface Drawing {
  readonly width: number;
  readonly height: number;
  readonly texts: readonly Text[];
  readonly bars: readonly Bar[];
  readonly points: readonly Point[];
  readonly lanes: readonly Lane[];
  readonly bands: readonly Band[];
  /** Of a loop: the bracket beside the steps that come again and again. */
  readonly loop: { readonly x: number; readonly from: number; readonly to: number } | null;
}

export interface Heading {
  readonly rule: string;
  readonly sentence: string;
  /** System, variant and scenario. */ readonly where: string;
}

interface Column {
  readonly name: string;
  readonly x: number;
  /** Of its line; bars are to the left of it, text to the right. */ readonly line: number;
  readonly letters: number;
}

/** A drawing while it grows downwards. */
interface Page {
  readonly width: number;
  readonly texts: Text[];
  readonly points: Point[];
  readonly bands: Band[];
  readonly bars: Bar[];
  y: number;
}
interface Row {
  readonly top: number;
  /** Of the first line of the step's own text: there its point is. */ readonly middle: number;
  readonly bottom: number;
}

export function layOut(example: Counterexample, heading: Heading): Drawing {
  const story = storyOf(example);
  const lanes = lanesOf(example, story);
  const { columns, counts, width } = columnsOf(lanes, story);
  const page: Page = { width, texts: [], points: [], bands: [], bars: [], y: MARGIN };
  write(page, wrap(heading.rule, Math.floor(lettersAcross(page) / 1.3)), 'title');
  page.y += 4;
  write(page, wrap(heading.sentence, lettersAcross(page)), 'plain');
  write(page, wrap(heading.where, lettersAcross(page)), 'dim');
  page.y += ROW_PADDING;
  nameLanes(page, columns, lanes, story.changes.length > 0 ? counts : null);
  const top = page.y;
  const rows = writeSteps(page, example, columns, story, counts);
  writeWaiting(page, example, columns);
  const bottom = page.y;
  page.y += ROW_PADDING;
  write(page, wrap(endOf(example), lettersAcross(page)), 'broken');
  for (const { text, value } of example.parts) write(page, wrap(`${text} is ${value}`, lettersAcross(page) - 2), 'plain', 2 * LETTER);
  const locks = [...new Set(story.holdings.map(({ lock }) => lock))];
  page.bars.push(...barsOf(story, columns, locks, rows, bottom));
  writeLegend(page, locks);
  for (const { x, y, lock } of page.bars)
    page.texts.push({ x: x + BAR / 2, y: y + LINE / 2, text: tagOf(lock), style: 'tag', anchor: 'middle' });
  const first = example.loopFrom === null ? undefined : rows[example.loopFrom],
    last = rows.at(-1);
  const { texts, points, bands, bars } = page;
  return {
    width,
    height: page.y + MARGIN,
    texts,
    points,
    bands,
    bars,
    lanes: columns.map(({ name, line }): Lane => ({ x: line, from: top, to: bottom, active: activeOf(name, example, rows, bottom) })),
    loop: first === undefined || last === undefined ? null : { x: MARGIN + 4, from: first.top + 4, to: last.bottom - 4 },
  };
}

function lettersAcross({ width }: Page): number {
  return Math.floor((width - 2 * MARGIN) / LETTER);
}

function write(page: Page, lines: readonly string[], style: Style, indent = 0): void {
  page.texts.push(...setAt(lines, MARGIN + indent, page.y + LINE / 2, style));
  page.y += LINE * lines.length;
}

/** Lines of one text, from the middle of the first on. Those after it begin further in. */
function setAt(lines: readonly string[], x: number, y: number, style: Style): Text[] {
  return lines.map((line, at) => {
    const text = line.trimStart();
    return { x: x + (line.length - text.length) * LETTER, y: y + LINE * at, text, style, anchor: 'start' };
  });
}

/** `counts`: where the column of counts begins, if there is one. */
function nameLanes(page: Page, columns: readonly Column[], lanes: readonly { readonly text: string }[], counts: number | null): void {
  const y = page.y + LINE / 2;
  const heads = columns.map(({ line, name, letters }, index) => {
    const said = wrap(lanes[index]?.text ?? '', letters).slice(0, 4);
    page.texts.push(...setAt([name], line + 12, y, 'strong'), ...setAt(said, line + 12, y + LINE, 'dim'));
    return said.length + 1;
  });
  if (counts !== null) page.texts.push(...setAt(['references'], counts, y, 'strong'));
  page.y += LINE * Math.max(1, ...heads) + ROW_PADDING;
}

function writeSteps(page: Page, example: Counterexample, columns: readonly Column[], { changes }: Story, counts: number): Row[] {
  const inFunction = new Map<string, string>();
  return example.steps.map((step, index): Row => {
    const { line, letters } = columns.find(({ name }) => name === step.thread) ?? { line: MARGIN, letters: FEWEST_LETTERS };
    const place = step.in[0] ?? '';
    const above = place === '' || inFunction.get(step.thread) === place ? [] : wrap(`in ${place}`, letters);
    inFunction.set(step.thread, place);
    const own = wrap(step.text, letters),
      changed = changes.filter(change => change.step === index).map(sayChange);
    const breaks = example.kind === 'step' && index === example.steps.length - 1;
    const top = page.y,
      middle = top + ROW_PADDING / 2 + LINE * above.length + LINE / 2,
      height = LINE * (above.length + Math.max(own.length, changed.length)) + ROW_PADDING;
    if (breaks || index % 2 === 1) page.bands.push({ y: top, height, kind: breaks ? 'broken' : 'odd' });
    page.points.push({ x: line, y: middle, kind: breaks ? 'broken' : 'step' });
    page.texts.push(
      { x: MARGIN + 46, y: middle, text: String(index + 1), style: 'number', anchor: 'end' },
      ...setAt(above, line + 12, middle - LINE * above.length, 'dim'),
      ...setAt(own, line + 12, middle, breaks ? 'broken' : 'plain'),
      ...setAt(changed, counts, middle, 'plain'),
    );
    page.y += height;
    return { top, middle, bottom: page.y };
  });
}

/** Who waits for ever, side by side, each in its lane. */
function writeWaiting(page: Page, { waiting }: Counterexample, columns: readonly Column[]): void {
  if (waiting.length === 0) return;
  const middle = page.y + ROW_PADDING / 2 + LINE / 2;
  const lines = waiting.map(step => {
    const { line, letters } = columns.find(({ name }) => name === step.thread) ?? { line: MARGIN, letters: FEWEST_LETTERS };
    const said = wrap(`waits at ${step.text}`, letters);
    page.points.push({ x: line, y: middle, kind: 'waiting' });
    page.texts.push(...setAt(said, line + 12, middle, 'broken'));
    return said.length;
  });
  const height = LINE * Math.max(...lines) + ROW_PADDING;
  page.bands.push({ y: page.y, height, kind: 'broken' });
  page.y += height;
}

/** Which bar is which lock. */
function writeLegend(page: Page, locks: readonly string[]): void {
  if (locks.length === 0) return;
  page.y += ROW_PADDING;
  const left = MARGIN + 6 * LETTER;
  page.texts.push(...setAt(['held:'], MARGIN, page.y + LINE / 2, 'dim'));
  let x = left;
  locks.forEach((name, lock) => {
    const needs = BAR + 6 + stringWidth(name) * LETTER;
    if (x > left && x + needs > page.width - MARGIN) {
      x = left;
      page.y += LINE + 4;
    }
    page.bars.push({ x, y: page.y, width: BAR, height: LINE, lock });
    page.texts.push(...setAt([name], x + BAR + 6, page.y + LINE / 2, 'plain'));
    x += needs + GAP;
  });
  page.y += LINE;
}

/** From a thread's first step to its last, or to where it waits for ever. */
function activeOf(name: string, { steps, waiting }: Counterexample, rows: readonly Row[], bottom: number): Lane['active'] {
  const own = rows.filter((_, index) => steps[index]?.thread === name);
  const [first] = own,
    last = own.at(-1);
  if (first === undefined || last === undefined) return null;
  return [first.middle, waiting.some(({ thread }) => thread === name) ? bottom - ROW_PADDING : last.middle];
}

/** Those that take a step, and those that wait without having taken one. */
function lanesOf(example: Counterexample, { holdings }: Story): { name: string; text: string; depth: number; most: number }[] {
  const named = [
    ...example.threads,
    ...example.waiting
      .filter(({ thread }) => !example.threads.some(({ name }) => name === thread))
      .map(({ thread }) => ({ name: thread, text: '' })),
  ];
  return named.map(({ name, text }) => {
    const own = holdings.filter(({ thread }) => thread === name);
    const depth = Math.max(0, ...own.map(one => slotOf(own, one) + 1));
    const said: CounterexampleStep[] = [...example.steps, ...example.waiting].filter(({ thread }) => thread === name);
    const most = Math.max(stringWidth(name), ...said.map(step => stringWidth(step.text) + 12));
    return { name, text: name.startsWith('worker') ? '' : text, depth, most };
  });
}

function columnsOf(
  lanes: readonly { readonly name: string; readonly depth: number; readonly most: number }[],
  { changes }: Story,
): { columns: Column[]; counts: number; width: number } {
  const said = Math.max(0, ...changes.map(change => stringWidth(sayChange(change))), changes.length > 0 ? 'references'.length : 0);
  const gutter = MARGIN + 46 + 14;
  const fixed = gutter + lanes.reduce((sum, { depth }) => sum + depth * (BAR + BAR_GAP) + 12 + GAP, 0) + said * LETTER + MARGIN;
  const share = Math.floor((PAGE - fixed) / LETTER / Math.max(1, lanes.length));
  const letters = Math.max(FEWEST_LETTERS, Math.min(MOST_LETTERS, share));
  let x = gutter;
  const columns = lanes.map(({ name, depth, most }): Column => {
    const own = Math.max(FEWEST_LETTERS, Math.min(letters, most), Math.min(MOST_LETTERS, stringWidth(name)));
    const line = x + depth * (BAR + BAR_GAP) + 6;
    const column = { name, x, line, letters: own };
    x = line + 12 + own * LETTER + GAP;
    return column;
  });
  const width = Math.ceil(Math.max(x + said * LETTER + MARGIN, 560));
  return { columns, counts: x, width };
}

/** Bars that overlap in time are side by side, the first one held nearest to the line. */
function slotOf(own: Story['holdings'], one: Story['holdings'][number]): number {
  const used = new Set<number>();
  for (const other of own) {
    if (other === one) break;
    if (other.to === null || other.to > one.from) used.add(slotOf(own, other));
  }
  let slot = 0;
  while (used.has(slot)) slot++;
  return slot;
}

function barsOf({ holdings }: Story, columns: readonly Column[], locks: readonly string[], rows: readonly Row[], bottom: number): Bar[] {
  return columns.flatMap(({ name, line }) => {
    const own = holdings.filter(({ thread }) => thread === name);
    return own.flatMap(one => {
      const first = rows[one.from];
      if (first === undefined) return [];
      const y = first.middle - LINE / 2,
        end = one.to === null ? bottom : (rows[one.to]?.middle ?? bottom) + 2;
      const x = line - 6 - (slotOf(own, one) + 1) * (BAR + BAR_GAP);
      return [{ x, y, width: BAR, height: Math.max(LINE, end - y), lock: locks.indexOf(one.lock) }];
    });
  });
}

/** A to Z, then A1 and so on. */
function tagOf(lock: number): string {
  const letter = String.fromCharCode(65 + (lock % 26));
  return lock < 26 ? letter : `${letter}${Math.floor(lock / 26)}`;
}

function sayChange({ counter, before, after }: Story['changes'][number]): string {
  return `${counter} ${before} → ${after ?? 'broken'}`;
}

function endOf({ kind, steps, loopFrom, detail }: Counterexample): string {
  const said = detail === '' ? '' : `: ${detail}`;
  switch (kind) {
    case 'step':
      return `Step ${steps.length} breaks it${said}`;
    case 'state':
      return `After step ${steps.length} it is broken${said}`;
    case 'deadlock':
      return `After step ${steps.length} nobody can go on`;
    case 'rest':
      return `After step ${steps.length} all has ended, and this is left${said}`;
    case 'loop':
      return `Steps ${(loopFrom ?? 0) + 1} to ${steps.length} can be taken again and again${said}`;
  }
}
