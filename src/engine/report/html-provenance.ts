import type { ReportPage } from '../model/report-page.ts';
import type { FittedPage } from './fit.ts';
import { leftOutNote } from './html-band.ts';
import { join, type Markup, markup, NOTHING } from './markup.ts';

/** Where it all comes from, and how a reader checks it for himself. */
export function provenance({ page, leftOut, sourceLines }: FittedPage): Markup {
  const facts = page.provenance.map((one) => markup`<div><dt>${one.name}</dt><dd>${one.value}</dd></div>`);
  const controls = page.controls.length === 0 ? NOTHING : markup`<p class="controls">Control tags as given, no compliance claimed: ${join(page.controls.map((one) => markup`<span class="tag">${one}</span>`), ' ')}</p>${leftOutNote(leftOut.controls)}`;
  return markup`<section id="provenance"><h2>Provenance</h2><dl class="provenance">${facts}</dl>${leftOutNote(leftOut.provenance)}${controls}${artefacts(page, leftOut.artefacts)}${source(page, sourceLines, leftOut.source)}</section>`;
}

function artefacts(page: ReportPage, leftOut: string | null): Markup {
  if (page.artefacts.length === 0) return NOTHING;
  const rows = page.artefacts.map((one) => markup`<tr><td>${one.name}</td><td><code class="hash">${one.sha256}</code></td></tr>`);
  return markup`<h3>Artefacts</h3><p class="how">Check one with <code>sha256sum &lt;file&gt;</code>: it prints the same digest, or the file is not the one this report is about.</p><table class="small"><thead><tr><th>file</th><th>SHA-256</th></tr></thead><tbody>${rows}</tbody></table>${leftOutNote(leftOut)}`;
}

function source(page: ReportPage, lines: readonly string[], leftOut: string | null): Markup {
  if (page.source === null) return NOTHING;
  return markup`<h3>${page.source.name}</h3><pre class="source" tabindex="0">${join(lines.map((line) => markup`${line}`), '\n')}</pre>${leftOutNote(leftOut)}`;
}

/** Lines to sign on paper. */
export function signOff(page: ReportPage): Markup {
  const line = (label: string): Markup => markup`<div class="line"><span></span><small>${label}</small></div>`;
  return markup`<section id="sign-off" class="sign-off"><h2>Sign-off</h2><div class="lines">${line(page.kind === 'drill' ? 'run by' : 'recovered by')}${line('reviewed by (another person)')}${line('date')}${line('remarks')}</div></section>`;
}
