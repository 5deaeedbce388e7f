import crypto from 'node:crypto';
import type { ReportPage } from '../model/report-page.ts';
import { fitPage } from './fit.ts';
import { band, statement, stickyBar } from './html-band.ts';
import { provenance, signOff } from './html-provenance.ts';
import { checks, decision, followUps, objectives, steps } from './html-sections.ts';
import { timelineSection } from './html-timeline.ts';
import { trendSection } from './html-trend.ts';
import { type Markup, markup, NOTHING } from './markup.ts';
import { styleSheet } from './style.ts';

/**
 * A report as one file: no script, nothing fetched, every string from data escaped. Its content security policy allows the one style
 * sheet in it, by hash, and nothing else; under 300 KB and five printed pages whatever the record holds.
 */
export function renderHtml(given: ReportPage): string {
  const fitted = fitPage(given);
  const { page, leftOut } = fitted;
  const sections: { id: string; title: string; piece: Markup }[] = [
    { id: 'timeline', title: 'Timeline', piece: page.timeline === null ? NOTHING : timelineSection(page.timeline, leftOut.timeline) },
    { id: 'objectives', title: 'Objectives', piece: objectives(fitted) },
    { id: 'decision', title: 'Decision', piece: decision(fitted) },
    { id: 'steps', title: 'Steps', piece: steps(fitted) },
    { id: 'checks', title: 'Checks', piece: checks(fitted, given) },
    { id: 'follow-ups', title: 'Follow-ups', piece: followUps(fitted) },
    { id: 'trend', title: 'Trend', piece: page.trend === null ? NOTHING : trendSection(page.trend, leftOut.trend) },
    { id: 'provenance', title: 'Provenance', piece: provenance(fitted) },
  ].filter((one) => one.piece !== NOTHING);
  const css = styleSheet(`${page.kind} ${page.id}`);
  const policy = `default-src 'none'; style-src 'sha256-${crypto.createHash('sha256').update(css).digest('base64')}'; base-uri 'none'; form-action 'none'`;
  const document = markup`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="no-referrer">
<title>${page.verdict} ${page.title} ${page.id}</title>
`;
  const body = markup`</head>
<body>
${band(page, leftOut.facts)}
${stickyBar(page, sections)}
<main>
${statement(page)}
${sections.map((one) => one.piece)}
${signOff(page)}
</main>
</body>
</html>
`;
  // The style sheet is ours alone, and goes in as it is: its hash is over exactly these bytes.
  return `${document.text}<style>${css}</style>\n${body.text}`;
}
