import type { CheckLine } from './check-line.ts';
import type { DrillObjective, DrillStep, DrillTimeline, FollowUp } from './drill-record.ts';

/** One of the four figures that a manager reads first. */
export interface ReportTile {
  name: string;
  /** With its unit: `3.8 s`, `0`. */
  measured: string;
  limit: string | null;
  /** Part of the limit that was used, 0 and up; null without a limit. */
  ratio: number | null;
  ok: boolean | null;
  /** Since the last run: `-0.6 s`; null without one. */
  change: string | null;
}

/** A past run of the same scenario. */
export interface TrendPoint {
  id: string;
  /** RFC 3339 full-date. */
  date: string;
  rtoMs: number | null;
  limitMs: number | null;
  verdict: 'pass' | 'fail' | 'could-not-run';
}

/** What a report shows, of a drill or of a real recovery: HTML, Markdown, JUnit and the terminal all come from it. */
export interface ReportPage {
  kind: 'drill' | 'recovery';
  verdict: 'PASS' | 'FAIL' | 'COULD NOT RUN' | 'RECOVERED' | 'NOT RECOVERED';
  title: string;
  id: string;
  /** With zone, for people. */
  date: string;
  /** Service, environment, cluster and the like. */
  facts: { name: string; value: string }[];
  /** For FAIL: what failed, and the step it belongs to. */
  failure: { text: string; step: number | null } | null;
  tiles: ReportTile[];
  statement: string[];
  timeline: DrillTimeline | null;
  objectives: DrillObjective[];
  decision: string[];
  steps: DrillStep[];
  checks: CheckLine[];
  followUps: (FollowUp & { ageDays: number; fate: string | null })[];
  trend: { points: TrendPoint[]; scenarios: string[]; quarters: string[]; cells: { scenario: string; quarter: string; verdict: TrendPoint['verdict'] }[] } | null;
  provenance: { name: string; value: string }[];
  artefacts: { name: string; sha256: string }[];
  /** The drill file or the plan, in full. */
  source: { name: string; text: string } | null;
  controls: string[];
}
