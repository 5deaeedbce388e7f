import type { LogIndex } from '../core/types.ts';
import { quorumOf } from '../core/types.ts';
import { type Finding, finding } from '../model/finding.ts';
import type { MemberReport } from '../model/member-report.ts';
import type { EntryDecoder, LogEntry, MemberReading } from '../model/reading.ts';
import { type Check, checksOf, fitFindings, LogWatch } from './fsck-member.ts';

export interface FsckMember {
  label: string;
  path: string;
  entries: number;
  checks: Check[];
}

export interface FsckReport {
  members: FsckMember[];
  /** Over all members: indexes compared on two or more. */
  compared: number;
  conflicts: { index: LogIndex; term: number; members: string[] }[];
}

export interface FsckOptions {
  decoderOf(reading: MemberReading): EntryDecoder | null;
}

const LISTED_CONFLICTS = 100;

/** Walks all logs side by side once: memory stays flat, and each index is compared while every member stands on it. */
export function fsck(readings: readonly MemberReading[], options: FsckOptions): { report: FsckReport; findings: Finding[] } {
  const lanes = readings.map((reading) => {
    const decode = options.decoderOf(reading);
    return { reading, decode, watch: new LogWatch(reading, decode), records: reading.records(), current: null as LogEntry | null };
  });
  const advance = (lane: (typeof lanes)[number]): void => {
    lane.current = null;
    for (let next = lane.records.next(); !next.done; next = lane.records.next()) {
      if (next.value.type === 'damage') {
        lane.watch.damage();
        continue;
      }
      lane.watch.entry(next.value);
      lane.current = next.value;
      return;
    }
  };
  const across = new Across();
  for (const lane of lanes) advance(lane);
  for (;;) {
    const lowest = Math.min(...lanes.map((lane) => lane.current?.index ?? Number.POSITIVE_INFINITY));
    if (!Number.isFinite(lowest)) break;
    const here = lanes.filter((lane) => lane.current?.index === lowest);
    if (here.length > 1) across.compare(here.map((lane) => ({ reading: lane.reading, entry: lane.current as LogEntry })));
    for (const lane of here) advance(lane);
  }
  const own = lanes.flatMap((lane) => [...lane.reading.findings, ...lane.watch.findings, ...fitFindings(lane.reading)]);
  const findings = [...own, ...across.findings, ...voteFindings(readings)];
  const members = lanes.map(({ reading, watch, decode }) => ({
    label: reading.report.label,
    path: reading.report.path,
    entries: watch.entries,
    checks: checksOf(reading, watch, findings.filter((one) => one.member === reading.report.label), decode !== null),
  }));
  return { report: { members, compared: across.compared, conflicts: across.conflicts }, findings };
}

/** Same index and term must mean the same content on every member (log matching, Raft §5.3). */
class Across {
  readonly findings: Finding[] = [];
  readonly conflicts: FsckReport['conflicts'] = [];
  compared = 0;

  compare(here: readonly { reading: MemberReading; entry: LogEntry }[]): void {
    this.compared += 1;
    here.forEach((a, at) => {
      for (const b of here.slice(at + 1)) {
        if (a.entry.term !== b.entry.term || isForeign(a.reading, b.reading)) continue;
        if (a.entry.kind === b.entry.kind && Buffer.compare(a.entry.data, b.entry.data) === 0) continue;
        this.conflict(a, b);
      }
    });
  }

  private conflict(a: { reading: MemberReading; entry: LogEntry }, b: { reading: MemberReading; entry: LogEntry }): void {
    const { index, term } = a.entry;
    const members = [a.reading.report.label, b.reading.report.label];
    if (sameServers(a.reading, b.reading, index)) {
      this.findings.push(finding('configuration-order', 'info', `entry ${index} lists the same servers in another order on ${members.join(' and ')}, which is normal`, {}));
      return;
    }
    if (this.conflicts.length >= LISTED_CONFLICTS) return;
    this.conflicts.push({ index, term, members });
    if (this.conflicts.length > 5) return;
    this.findings.push(finding('content-differs', 'error', `entry ${term}/${index} differs between ${members.join(' and ')}: same index and term must be the same entry`, { fix: 'They are not of one history, or one was changed: do not recover before this is explained' }));
  }
}

function isForeign(a: MemberReading, b: MemberReading): boolean {
  return a.report.clusterId !== null && b.report.clusterId !== null && lineageKey(a.report) !== lineageKey(b.report);
}

/** A forced recovery counts terms anew in a new generation. */
function lineageKey({ clusterId, generation }: MemberReport): string {
  return `${clusterId}/${generation ?? ''}`;
}

function sameServers(a: MemberReading, b: MemberReading, index: LogIndex): boolean {
  const at = (reading: MemberReading): string | null => {
    const found = reading.configurations.find((one) => one.source === 'log' && one.index === index);
    return found ? JSON.stringify([[...found.voters].sort(), [...found.learners].sort()]) : null;
  };
  const left = at(a);
  return left !== null && left === at(b);
}

/** A member votes once in a term, and a term has one winner (Raft §5.2). */
function voteFindings(readings: readonly MemberReading[]): Finding[] {
  const found: Finding[] = [];
  const ballots = readings.flatMap(({ report }) => (report.hardState.votedFor === null ? [] : [{ report, term: report.hardState.currentTerm, vote: report.hardState.votedFor }]));
  ballots.forEach((a, at) => {
    for (const b of ballots.slice(at + 1)) {
      const isSame = a.report.memberId !== null && a.report.memberId === b.report.memberId && lineageKey(a.report) === lineageKey(b.report);
      if (!isSame || a.term !== b.term || a.vote === b.vote) continue;
      found.push(finding('two-votes-in-term', 'error', `member ${a.report.memberId} voted for ${a.vote} and for ${b.vote} in term ${a.term} (${a.report.label}, ${b.report.label})`, { fix: 'One of the two copies ran on from an older state: keep only one of them' }));
    }
  });
  const winners = new Map<string, Set<string>>();
  for (const { report, term } of ballots) {
    const key = `${lineageKey(report)} ${term}`;
    const same = ballots.filter((one) => one.term === term && lineageKey(one.report) === lineageKey(report));
    for (const vote of new Set(same.map((one) => one.vote))) {
      const votes = new Set(same.filter((one) => one.vote === vote).map((one) => one.report.memberId ?? one.report.label)).size;
      if (report.confState !== null && votes >= quorumOf(report.confState.voters.length)) winners.set(key, (winners.get(key) ?? new Set()).add(vote));
    }
  }
  for (const [key, votes] of winners) {
    if (votes.size > 1) found.push(finding('two-leaders-in-term', 'error', `term ${key.slice(key.lastIndexOf(' ') + 1)} has two winners: ${[...votes].join(', ')}`, { fix: 'The members are not of one cluster, or their hard states were edited' }));
  }
  return found;
}
