import type { ReportPage, ReportTile } from '../model/report-page.ts';
import { join, type Markup, markup, NOTHING, when } from './markup.ts';
import { round } from './scale.ts';
import { NOT_MEASURED, toneOf } from './words.ts';

const STATEMENT_HEADS: Readonly<Record<ReportPage['kind'], readonly string[]>> = {
  drill: ['What broke', 'What was done', 'What is proven', 'Not tested', 'Objectives'],
  recovery: ['What broke', 'What was done', 'What is proven', 'Not proven', 'What remains'],
};

/** The first thing a reader sees: the verdict as a stamp, what it is about, and four figures. */
export function band(page: ReportPage, leftOut: string | null): Markup {
  const facts = [{ name: 'date', value: page.date }, { name: page.kind === 'drill' ? 'drill' : 'recovery', value: page.id }, ...page.facts];
  const failure =
    page.failure === null
      ? NOTHING
      : markup`<p class="failure">${page.failure.text}${page.failure.step === null ? NOTHING : markup` <a href="#step-${page.failure.step}">Step ${page.failure.step}</a>`}</p>`;
  return markup`<header class="band v-${toneOf(page.verdict)}">
<div class="head"><p class="stamp">${page.verdict}</p><div><p class="kind">${page.kind === 'drill' ? 'Recovery drill' : 'Recovery report'}</p><h1>${page.title}</h1></div></div>
${failure}<dl class="facts">${facts.map((one) => markup`<div><dt>${one.name}</dt><dd>${one.value}</dd></div>`)}</dl>${leftOutNote(leftOut)}
<div class="tiles">${page.tiles.map((one) => tile(one, page.kind))}</div></header>`;
}

function tile(one: ReportTile, kind: ReportPage['kind']): Markup {
  const isMeasured = one.measured !== NOT_MEASURED;
  const tone = one.ok === null || !isMeasured ? 't-unknown' : one.ok ? 't-held' : 't-missed';
  const word = !isMeasured ? 'not measured' : one.ok === null ? '' : one.ok ? 'held' : 'missed';
  const change = one.change !== null ? `${one.change.replace(/^-/, '−')} since the last run` : kind === 'drill' ? 'no earlier value' : '';
  return markup`<div class="tile ${tone}"><h2>${one.name}</h2><p class="measured">${figure(one.measured)}</p>${limitLine(one, kind, word)}${when(change !== '', () => markup`<p class="change">${change}</p>`)}</div>`;
}

/** A recovery has no limits: nobody knew beforehand that it would be. */
function limitLine(one: ReportTile, kind: ReportPage['kind'], word: string): Markup {
  if (kind === 'recovery' && one.limit === null) return NOTHING;
  return markup`${bar(one)}<p class="limit">${one.limit === null ? 'no limit' : `limit ${one.limit}`} <b>${word}</b></p>`;
}

/** The number large and its unit small. */
function figure(text: string): Markup {
  const parts = /^([−+-]?[\d.]+)\s+(\S.*)$/.exec(text);
  return parts === null ? markup`${text}` : markup`${parts[1] ?? ''}<small>${parts[2] ?? ''}</small>`;
}

const TRACK = 200;
/** A limit of nothing stands at the beginning. Any other stands at four fifths of the track, so that a miss can be seen to pass it. */
const LIMIT_AT = 160;

function bar({ ratio, limit, name, measured }: ReportTile): Markup {
  const label = limit === null ? `${name}: ${measured}, no limit` : `${name}: ${measured} of ${limit}`;
  const used = ratio === null || !Number.isFinite(ratio) ? null : Math.min(TRACK, Math.max(ratio > 0 ? 3 : 0, round(ratio * LIMIT_AT)));
  return markup`<svg class="bar" viewBox="0 0 ${TRACK} 14" preserveAspectRatio="none" role="img" aria-label="${label}"><rect class="track" x="0" y="5" width="${TRACK}" height="5" rx="2.5"/>${used === null ? NOTHING : markup`<rect class="used" x="0" y="5" width="${used}" height="5" rx="2.5"/>`}${when(limit !== null, () => markup`<path class="stop" d="M${limit === '0' ? 1 : LIMIT_AT} 1V14"/>`)}</svg>`;
}

/** What was broken, done, proven, not tested, and whether the objectives held. */
export function statement(page: ReportPage): Markup {
  if (page.statement.length === 0) return NOTHING;
  const heads = STATEMENT_HEADS[page.kind];
  if (page.statement.length !== heads.length) return markup`<section id="statement" class="statement"><h2 class="sr">In short</h2>${page.statement.map((one) => markup`<p>${one}</p>`)}</section>`;
  return markup`<section id="statement" class="statement"><h2 class="sr">In short</h2><dl>${page.statement.map((one, at) => markup`<div><dt>${heads[at] ?? ''}</dt><dd>${one}</dd></div>`)}</dl></section>`;
}

/** Stays at the top while the reader scrolls. */
export function stickyBar(page: ReportPage, sections: readonly { id: string; title: string }[]): Markup {
  return markup`<nav class="sticky v-${toneOf(page.verdict)}" aria-label="Sections"><b>${page.verdict}</b><span class="of">${page.title}</span><span class="links">${join(
    sections.map((one) => markup`<a href="#${one.id}">${one.title}</a>`),
    ' ',
  )}</span></nav>`;
}

export function leftOutNote(text: string | null): Markup {
  return text === null ? NOTHING : markup`<p class="left-out">${text}</p>`;
}
