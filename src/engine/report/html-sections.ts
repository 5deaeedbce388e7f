import type { ReportPage } from '../model/report-page.ts';
import type { FittedPage } from './fit.ts';
import { leftOutNote } from './html-band.ts';
import { type Markup, markup, NOTHING } from './markup.ts';
import { counted, objectiveTitle, objectiveValue, offsetWords, secondsWords } from './words.ts';

/** Each limit, what was measured, between which events and by which clock. */
export function objectives({ page, leftOut }: FittedPage): Markup {
  if (page.objectives.length === 0) return NOTHING;
  const rows = page.objectives.map((one) => markup`<tr><th scope="row">${objectiveTitle(one.name)}</th><td class="num">${objectiveValue(one.name, one.limit)}</td><td class="num">${objectiveValue(one.name, one.measured)}</td><td>${verdictWord(one.ok, 'held', 'MISSED')}</td><td>${one.from} <span class="arrow">→</span> ${one.to}</td><td>${one.clock}</td></tr>`);
  return markup`<section id="objectives"><h2>Objectives</h2><table><thead><tr><th>Objective</th><th class="num">limit</th><th class="num">measured</th><th></th><th>from → to</th><th>clock</th></tr></thead><tbody>${rows}</tbody></table>${leftOutNote(leftOut.objectives)}</section>`;
}

/** The pick screen of the run, as the operator saw it. */
export function decision({ page, leftOut }: FittedPage): Markup {
  if (page.decision.length === 0) return NOTHING;
  return markup`<section id="decision"><h2>Decision</h2><pre class="screen" tabindex="0">${page.decision.map((line) => markup`<span>${line === '' ? ' ' : line}</span>`)}</pre>${leftOutNote(leftOut.decision)}</section>`;
}

/** Every command exactly as it can be typed. */
export function steps({ page, leftOut }: FittedPage): Markup {
  if (page.steps.length === 0) return NOTHING;
  const rows = page.steps.map((one) => markup`<tr id="step-${one.n}"${one.ok ? NOTHING : markup` class="missed"`}><td class="num"><a href="#step-${one.n}">${one.n}</a></td><td class="num">${offsetWords(one.atMs)}</td><td class="num">${secondsWords(one.durationMs)}</td><td><code>${one.command}</code></td><td class="num">${one.exit}</td><td>${one.by === 'hand' ? 'by hand' : 'auto'}</td><td>${verdictWord(one.ok, 'ok', 'FAIL')}</td></tr>`);
  return markup`<section id="steps"><h2>Steps</h2><table class="steps-table"><thead><tr><th class="num">no.</th><th class="num">start</th><th class="num">took</th><th>command</th><th class="num">exit</th><th>run</th><th></th></tr></thead><tbody>${rows}</tbody></table>${leftOutNote(leftOut.steps)}</section>`;
}

/** What was looked at: passed, failed, or not run and why. */
export function checks({ page, leftOut }: FittedPage, given: ReportPage): Markup {
  if (given.checks.length === 0) return NOTHING;
  const passed = given.checks.filter((one) => one.ok === true).length;
  const notRun = given.checks.filter((one) => one.ok === null).length;
  const count = `${passed} of ${given.checks.length} passed${notRun === 0 ? '' : `, ${notRun} not run`}`;
  const items = page.checks.map((one) => markup`<li class="${one.ok === null ? 'not-run' : one.ok ? 'passed' : 'failed-check'}"><span class="mark-word">${one.ok === null ? 'not run' : one.ok ? 'ok' : 'FAIL'}</span><span><b>${one.name}</b>${one.detail === '' ? NOTHING : markup` <span class="detail">${one.detail}</span>`}</span></li>`);
  return markup`<section id="checks"><h2>Checks <small>${count}</small></h2><ul class="checks">${items}</ul>${leftOutNote(leftOut.checks)}</section>`;
}

/** What is left to do, who does it, and what became of the last drill's. */
export function followUps({ page, leftOut }: FittedPage): Markup {
  if (page.followUps.length === 0) return page.kind === 'drill' ? markup`<section id="follow-ups"><h2>Follow-ups</h2><p class="none">None open.</p></section>` : NOTHING;
  const rows = page.followUps.map((one) => markup`<tr><th scope="row">${one.id}</th><td>${one.text}</td><td>${one.owner === null ? markup`<b class="caution">no owner</b>` : markup`${one.owner}`}</td><td class="num">${one.due ?? '-'}</td><td class="num">${counted(one.ageDays, 'day')}</td><td>${one.state === 'closed' ? markup`<span class="good">closed</span>` : markup`open`}${one.fate === null ? NOTHING : markup`<small>${one.fate}</small>`}</td></tr>`);
  return markup`<section id="follow-ups"><h2>Follow-ups</h2><table class="follow-ups"><thead><tr><th>id</th><th>what</th><th>owner</th><th class="num">due</th><th class="num">age</th><th>state</th></tr></thead><tbody>${rows}</tbody></table>${leftOutNote(leftOut.followUps)}</section>`;
}

function verdictWord(ok: boolean, good: string, bad: string): Markup {
  return ok ? markup`<span class="good">${good}</span>` : markup`<b class="bad">${bad}</b>`;
}
