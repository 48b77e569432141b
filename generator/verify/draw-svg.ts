/** A counterexample as a picture that a browser, a document or a terminal's viewer can show, on a light or a dark page. */
import type { Counterexample } from './counterexample.ts';
import { type Drawing, type Heading, layOut, type Text } from './draw-layout.ts';

/** Colours of locks: white letters can be read on each, and each can be told from either background. */
const LOCKS = ['#0969da', '#8250df', '#1a7f37', '#9a6700', '#bf3989', '#5a6772'];

/** From the middle of a line to where its letters stand. Not every viewer can be told to centre them. */
const HALF_A_LETTER = 4.2;

const STYLES = `
text { font: 12px ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, monospace; fill: #1f2328; }
.title { font-size: 15px; font-weight: bold; }
.strong { font-weight: bold; }
.dim, .number { fill: #59636e; }
.broken { fill: #b3001b; font-weight: bold; }
.tag { fill: #ffffff; font-weight: bold; font-size: 11px; }
.page { fill: #ffffff; }
.odd { fill: #f3f5f7; }
.bad { fill: #ffe3e3; }
.lane { stroke: #c4cbd2; stroke-width: 1.5; stroke-dasharray: 2 4; }
.active { stroke: #59636e; stroke-width: 2; }
.point { fill: #1f2328; }
.wrong { fill: none; stroke: #b3001b; stroke-width: 2.5; }
.empty { fill: #ffffff; }
.round { fill: none; stroke: #b3001b; stroke-width: 2; }
@media (prefers-color-scheme: dark) {
text { fill: #e6edf3; }
.dim, .number { fill: #9aa6b2; }
.broken { fill: #ff8a8a; }
.tag { fill: #ffffff; }
.page, .empty { fill: #0d1117; }
.odd { fill: #161c24; }
.bad { fill: #3d1518; }
.lane { stroke: #3a434d; }
.active { stroke: #9aa6b2; }
.point { fill: #e6edf3; }
.wrong, .round { stroke: #ff8a8a; }
}`;

export function drawCounterexample(example: Counterexample, heading: Heading): string {
  const drawing = layOut(example, heading);
  const { width, height } = drawing;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" role="img" width="${round(width)}" height="${round(height)}" viewBox="0 0 ${round(width)} ${round(height)}">`,
    `<title>${escape(`${heading.rule} is broken in ${heading.where}`)}</title>`,
    `<style>${STYLES}\n</style>`,
    `<rect class="page" width="${round(width)}" height="${round(height)}"/>`,
    ...shapes(drawing),
    ...drawing.texts.map(written),
    '</svg>',
    '',
  ].join('\n');
}

function shapes({ width, bands, lanes, bars, points, loop }: Drawing): string[] {
  return [
    ...bands.map(
      ({ y, height, kind }) =>
        `<rect class="${kind === 'odd' ? 'odd' : 'bad'}" x="0" y="${round(y)}" width="${round(width)}" height="${round(height)}"/>`,
    ),
    ...lanes.map(({ x, from, to }) => line('lane', x, from, to)),
    ...lanes.flatMap(({ x, active }) => (active === null ? [] : [line('active', x, active[0], active[1])])),
    ...bars.map(
      ({ x, y, width, height, lock }) =>
        `<rect x="${round(x)}" y="${round(y)}" width="${round(width)}" height="${round(height)}" rx="3" fill="${LOCKS[lock % LOCKS.length] ?? '#5a6772'}"/>`,
    ),
    ...points.flatMap(({ x, y, kind }) => {
      if (kind === 'step') return [`<circle class="point" cx="${round(x)}" cy="${round(y)}" r="4"/>`];
      const ring = `<circle class="empty" cx="${round(x)}" cy="${round(y)}" r="6"/><circle class="wrong" cx="${round(x)}" cy="${round(y)}" r="6"/>`;
      return kind === 'waiting' ? [ring] : [ring, `<path class="wrong" d="M${round(x - 3)} ${round(y - 3)}l6 6m0 -6l-6 6"/>`];
    }),
    ...(loop === null
      ? []
      : [
          `<path class="round" d="M${round(loop.x + 10)} ${round(loop.to)}H${round(loop.x)}V${round(loop.from)}H${round(loop.x + 10)}m-4 -4l5 4l-5 4"/>`,
        ]),
  ];
}

function line(style: string, x: number, from: number, to: number): string {
  return `<line class="${style}" x1="${round(x)}" y1="${round(from)}" x2="${round(x)}" y2="${round(to)}"/>`;
}

function written({ x, y, text, style, anchor }: Text): string {
  const end = anchor === 'start' ? '' : ` text-anchor="${anchor}"`;
  return `<text class="${style}" x="${round(x)}" y="${round(y + HALF_A_LETTER)}"${end}>${escape(text)}</text>`;
}

function escape(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

function round(pixels: number): number {
  return Math.round(pixels * 10) / 10;
}
