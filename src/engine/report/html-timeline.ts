import type { DrillTimeline } from '../model/drill-record.ts';
import { legend, timelineChart } from './chart.ts';
import { writesWords } from './chart-writes.ts';
import { leftOutNote } from './html-band.ts';
import { type Markup, markup, NOTHING, when } from './markup.ts';
import { counted, offsetWords, secondsWords } from './words.ts';

/** Stretches of a lane that the table names one by one. */
const MOST_SPANS = 10;

/** The picture, and the same facts as tables: for screen readers and grey paper. */
export function timelineSection(timeline: DrillTimeline, leftOut: string | null): Markup {
  return markup`<section id="timeline"><h2>Timeline</h2>
<figure><div class="scroll">${timelineChart(timeline)}</div>${legend(timeline)}</figure>
${leftOutNote(leftOut)}<div class="pair facts-table">${stretches(timeline)}${ticks(timeline)}</div>${lanes(timeline)}</section>`;
}

function stretches({ brackets, phases }: DrillTimeline): Markup {
  if (brackets.length + phases.length === 0) return NOTHING;
  const times = (one: { fromMs: number; toMs: number }): Markup => markup`<td class="num">${offsetWords(one.fromMs)}</td><td class="num">${offsetWords(one.toMs)}</td><td class="num">${secondsWords(one.toMs - one.fromMs)}</td>`;
  return markup`<table class="small"><thead><tr><th>Stretch</th><th class="num">from</th><th class="num">to</th><th class="num">length</th></tr></thead><tbody>${brackets.map((one) => markup`<tr><th scope="row">${one.name}<small>${one.fromEvent} → ${one.toEvent}</small></th>${times(one)}</tr>`)}${phases.map((one) => markup`<tr><td>${one.name}${when(!one.ok, () => markup` <b class="bad">FAIL</b>`)}</td>${times(one)}</tr>`)}</tbody></table>`;
}

function ticks({ ticks: all }: DrillTimeline): Markup {
  if (all.length === 0) return NOTHING;
  return markup`<table class="small"><thead><tr><th class="num">no.</th><th class="num">at</th><th>Command or fault</th></tr></thead><tbody>${all.map((one) => markup`<tr><td class="num">${one.n}</td><td class="num">${offsetWords(one.atMs)}</td><td>${when(one.kind === 'fault', () => markup`<b class="bad">fault</b> `)}${one.step === null ? markup`${one.label}` : markup`<a href="#step-${one.step}">${one.label}</a>`}</td></tr>`)}</tbody></table>`;
}

function lanes(timeline: DrillTimeline): Markup {
  const words = writesWords(timeline);
  if (timeline.lanes.length === 0 && words === null) return NOTHING;
  return markup`<table class="small lanes-table"><thead><tr><th>Member</th><th>States</th></tr></thead><tbody>${timeline.lanes.map((lane) => markup`<tr><th scope="row">${lane.member}</th><td>${spanWords(lane.spans)}</td></tr>`)}${words === null ? NOTHING : markup`<tr><th scope="row">writes</th><td>${words}</td></tr>`}</tbody></table>`;
}

/** Each stretch, or where there are many, how long and how often each state was. */
function spanWords(spans: DrillTimeline['lanes'][number]['spans']): string {
  if (spans.length <= MOST_SPANS) return spans.map((one) => `${one.state} ${offsetWords(one.fromMs)} to ${offsetWords(one.toMs)}`).join(', ');
  const states = [...new Set(spans.map((one) => one.state))];
  return states.map((state) => {
    const of = spans.filter((one) => one.state === state);
    return `${state} ${secondsWords(of.reduce((sum, one) => sum + one.toMs - one.fromMs, 0))} in ${counted(of.length, 'stretch', 'stretches')}`;
  }).join(', ');
}
