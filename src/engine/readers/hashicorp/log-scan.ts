import type { LogIndex, LogPosition } from '../../core/types.ts';
import { emptyLog, type DamageReport, type LogReport } from '../../model/member-report.ts';
import type { LogDamage, LogEntry, LogRecord } from '../../model/reading.ts';
import { decodeServers, type PlacedConfiguration } from './configuration.ts';

const MAX_KEPT = 1000;

/** A range of indexes that the log does not hold, between two entries that it does. */
export interface Hole {
  from: LogIndex;
  to: LogIndex;
}

/** What one pass over the log tells. */
export interface ScannedLog {
  /** The run that ends the log (command contract, MemberReport.log). */
  log: LogReport;
  /** First entry stored, history before the run included; null for none. */
  first: LogPosition | null;
  /** Last entry stored, behind damage as well. */
  last: LogPosition | null;
  holes: Hole[];
  damage: (DamageReport & { reason: string })[];
  damagedPlaces: number;
  /** Where the term falls: the entry that has the lower term. */
  termDrops: (LogPosition & { before: number })[];
  /** Configurations in the log up to the end of the run, oldest first. */
  configurations: PlacedConfiguration[];
  /** Configuration entries that do not decode. */
  badConfigurations: { index: LogIndex; file: string; byteOffset: number }[];
  /** Kinds no version of raft knows, by name. */
  unknownKinds: Set<string>;
}

export interface ScanRules {
  /** Index of the newest usable snapshot, 0 for none: what is damaged at or below it is history. */
  snapshotIndex: LogIndex;
  /** The file that takes appends: damage in it ends the run, damage in an older one begins a new run behind it. */
  newestFile: string;
}

/** Reads the log once and counts. */
export function scanLog(records: Iterable<LogRecord>, rules: ScanRules): ScannedLog {
  const scan = new Scan(rules);
  for (const record of records) {
    if (record.type === 'entry') scan.entry(record);
    else scan.damage(record);
  }
  return scan.finish();
}

class Scan {
  private run: LogReport | null = null;
  private ended = false;
  private broken = false;
  /** How many of the damage reports have an entry behind them. */
  private tailed = 0;
  private readonly result: ScannedLog;

  constructor(private readonly rules: ScanRules) {
    this.result = {
      log: emptyLog(rules.snapshotIndex + 1),
      first: null,
      last: null,
      holes: [],
      damage: [],
      damagedPlaces: 0,
      termDrops: [],
      configurations: [],
      badConfigurations: [],
      unknownKinds: new Set(),
    };
  }

  entry(entry: LogEntry): void {
    const { result } = this;
    const { last } = result;
    if (last !== null && entry.index !== last.index + 1) this.gap(last.index + 1, entry.index - 1);
    if (last !== null && entry.term < last.term && result.termDrops.length < MAX_KEPT) {
      result.termDrops.push({ index: entry.index, term: entry.term, before: last.term });
    }
    result.first ??= { term: entry.term, index: entry.index };
    if (last === null) result.last = { term: entry.term, index: entry.index };
    else [last.term, last.index] = [entry.term, entry.index];
    this.tailed = result.damage.length;
    if (this.ended) return;
    this.count(entry);
    if (entry.kind === 'confChange') this.configuration(entry);
  }

  /** A hole begins a new run; where damage lies in it, the damage has said so already. */
  private gap(from: LogIndex, to: LogIndex): void {
    if (!this.broken && !this.ended && this.result.holes.length < MAX_KEPT) this.result.holes.push({ from, to });
    this.broken = true;
  }

  private count(entry: LogEntry): void {
    if (this.run === null || this.broken) this.run = emptyLog(entry.index);
    this.broken = false;
    const { run } = this;
    run.lastIndex = entry.index;
    run.entries++;
    run.bytes += entry.bytes;
    run.byKind[entry.kind] = (run.byKind[entry.kind] ?? 0) + 1;
    const runs = run.termRuns.at(-1);
    if (runs?.term === entry.term) runs.last = entry.index;
    else run.termRuns.push({ term: entry.term, first: entry.index, last: entry.index });
    run.lastTerm = entry.term;
    if (entry.kind.startsWith('unknown') && this.result.unknownKinds.size < 10) this.result.unknownKinds.add(entry.kind);
  }

  private configuration(entry: LogEntry): void {
    const servers = decodeServers(entry.data);
    const { configurations, badConfigurations } = this.result;
    if (servers === null) {
      if (badConfigurations.length < MAX_KEPT) badConfigurations.push({ index: entry.index, file: entry.file, byteOffset: entry.byteOffset });
      return;
    }
    if (configurations.length >= MAX_KEPT) configurations.splice(1, 1); // the oldest and the newest matter most
    configurations.push({ index: entry.index, term: entry.term, source: 'log', servers });
  }

  damage(damage: LogDamage): void {
    this.result.damagedPlaces++;
    const { file, byteOffset, fromIndex, toIndex, reason } = damage;
    if (this.result.damage.length < MAX_KEPT) this.result.damage.push({ file, byteOffset, fromIndex, toIndex, tail: null, reason });
    const isHistory = toIndex !== null && toIndex <= this.rules.snapshotIndex;
    if (file === this.rules.newestFile && !isHistory) this.ended = true;
    this.broken = true;
  }

  finish(): ScannedLog {
    const { result } = this;
    for (const damage of result.damage.slice(0, this.tailed)) damage.tail = result.last && { ...result.last };
    // A break with nothing readable behind it leaves no run at the end of the log, only history; the last readable run ranks.
    if (this.run !== null) result.log = this.run;
    return result;
  }
}
