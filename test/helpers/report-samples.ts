import fs from 'node:fs';
import path from 'node:path';
import type { DrillRecord } from '../../src/engine/model/drill-record.ts';
import type { ReportPage } from '../../src/engine/model/report-page.ts';
import { type PastDrill, pageOfDrill } from '../../src/engine/report/drill-page.ts';
import { ROOT } from './run-cli.ts';

/** `drill-real` is the record of a real run of three processes; the others are written by hand. */
export type SampleName = 'drill' | 'drill-fail' | 'drill-could-not-run' | 'drill-real';

function load<T>(name: string): T {
  return JSON.parse(fs.readFileSync(path.join(ROOT, 'test/testdata/report', `${name}.json`), 'utf8')) as T;
}

export function sampleRecord(name: SampleName): DrillRecord {
  return load<DrillRecord>(name);
}

export function pastDrills(): PastDrill[] {
  return load<PastDrill[]>('past-drills');
}

export function samplePage(name: SampleName): ReportPage {
  return pageOfDrill(sampleRecord(name), pastDrills());
}

/** What tries to leave its place in HTML, SVG, CSS, XML, Markdown or a terminal, all in one. */
export const HOSTILE = `</title></style></pre></svg><script>alert(1)</script><img src=x onerror=alert(2)> "onload='x' --> ]]> {{}} \${x} \`\`\`\n# h\n|a|b| [l](javascript:alert(3)) <!-- &lt;b&gt; url(http://example.invalid/x) \u001b[31m\u202e\u0000\ud800`;

/** The same value with every string in it, at any depth, replaced; `keep` decides which stay (enumerations, dates). */
export function withStrings<T>(value: T, replace: (text: string, key: string) => string, key = ''): T {
  if (typeof value === 'string') return replace(value, key) as T;
  if (Array.isArray(value)) return value.map((one: unknown) => withStrings(one, replace, key)) as T;
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(Object.entries(value).map(([name, field]) => [name, withStrings(field, replace, name)])) as T;
}

/** Fields whose values the types fix: they cannot come from outside. */
const FIXED = new Set(['kind', 'verdict', 'state', 'by']);

/** A page in which every free string is hostile. Objective names stay, since their type fixes them. */
export function hostilePage(page: ReportPage): ReportPage {
  const hostile = withStrings(page, (text, key) => (FIXED.has(key) ? text : HOSTILE));
  return { ...hostile, objectives: hostile.objectives.map((one, at) => ({ ...one, name: page.objectives[at]?.name ?? 'rtoMs' })) };
}

/** The same page with thousands of everything. */
export function enlarged(page: ReportPage): ReportPage {
  const { timeline } = page;
  const times = <T>(count: number, make: (at: number) => T): T[] => Array.from({ length: count }, (_, at) => make(at));
  if (timeline === null) throw new Error('the sample has no time line');
  return {
    ...page,
    steps: [...page.steps, ...times(3000, (at) => ({ n: at + 14, command: `raft-inspector kv put key-${at} ${'v'.repeat(at % 900)} --lab results/lab`, atMs: at * 10, durationMs: 9, exit: 0, by: 'automatic' as const, ok: true }))],
    checks: [...page.checks, ...times(5000, (at) => ({ name: `check ${at} ${'x'.repeat(at % 60)}`, ok: true, detail: 'd'.repeat(at % 200) }))],
    decision: times(400, (at) => `line ${at} ${'='.repeat(at % 140)}`),
    followUps: times(300, (at) => ({ id: `DR-${at}`, text: 'something to do '.repeat(at % 20), owner: null, openedAt: '2026-01-01', due: null, state: 'open' as const, ageDays: at, fate: 'carried over' })),
    artefacts: times(500, (at) => ({ name: `file-${at}`, sha256: 'ab'.repeat(32) })),
    provenance: times(200, (at) => ({ name: `fact ${at}`, value: 'w'.repeat(at * 3) })),
    source: { name: 'Drill file', text: times(4000, (at) => `key${at}: ${'y'.repeat(at % 300)}`).join('\n') },
    timeline: {
      ...timeline,
      phases: times(60, (at) => ({ name: `phase ${at}`, fromMs: -9000 + at * 1800, toMs: -7200 + at * 1800, ok: at !== 7 })),
      lanes: times(12, (lane) => ({ member: `member-with-a-long-name-${lane}`, spans: times(4000, (at) => ({ state: at % 2 === 0 ? ('voter' as const) : ('down' as const), fromMs: -9000 + at * 27, toMs: -8973 + at * 27 })) })),
      bucketMs: 1,
      writes: times(108_000, (at) => ({ atMs: -9000 + at, acknowledged: at % 3, failed: at % 50 === 0 ? 1 : 0 })),
      ticks: [...timeline.ticks, ...times(3000, (at) => ({ n: at + 14, atMs: at * 10, kind: 'command' as const, label: `put ${at}`, step: at + 14 }))],
      brackets: times(9, (at) => ({ name: `bracket ${at}`, fromMs: at * 100, toMs: at * 9000, fromEvent: 'from here', toEvent: 'to there' })),
    },
    controls: times(80, (at) => `CTRL-${at}`),
  };
}
