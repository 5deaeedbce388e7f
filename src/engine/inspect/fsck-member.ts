import type { LogIndex, Term } from '../core/types.ts';
import { type Finding, finding } from '../model/finding.ts';
import type { EntryDecoder, LogEntry, MemberReading } from '../model/reading.ts';

export const CHECKS = ['indexes', 'terms', 'checksums', 'hard state', 'vote', 'snapshots', 'state', 'content'] as const;
export type CheckName = (typeof CHECKS)[number];

/** `ok` null when it could not be made. */
export interface Check {
  name: CheckName;
  ok: boolean | null;
  detail: string;
}

const LISTED_UNDECODABLE = 20;

/** Watches one member's entries as they stream by. */
export class LogWatch {
  readonly findings: Finding[] = [];
  entries = 0;
  damaged = 0;
  gaps = 0;
  falls = 0;
  undecodable = 0;
  private last: { index: LogIndex; term: Term } | null = null;
  private sawDamage = false;

  constructor(
    private readonly reading: MemberReading,
    private readonly decode: EntryDecoder | null,
  ) {}

  damage(): void {
    this.damaged += 1;
    this.sawDamage = true;
  }

  entry(entry: LogEntry): void {
    this.entries += 1;
    const { last } = this;
    if (last !== null && entry.index !== last.index + 1 && !this.sawDamage) this.gap(last.index, entry);
    if (last !== null && entry.term < last.term) {
      this.falls += 1;
      this.add('term-falls', 'error', `entry ${entry.index} has term ${entry.term}, the one before it ${last.term}: terms never fall`, entry, 'Do not use this member as a source');
    }
    this.last = { index: entry.index, term: entry.term };
    this.sawDamage = false;
    if (this.decode !== null && entry.kind === 'command' && this.decode(entry).undecodable) this.undecoded(entry);
  }

  /** A jump that a snapshot explains is how a log goes on after one was installed. */
  private gap(before: LogIndex, entry: LogEntry): void {
    const explained = entry.index > before && this.reading.report.snapshots.some((one) => one.status !== 'bad' && one.index >= entry.index - 1);
    if (explained) return;
    this.gaps += 1;
    const words = entry.index > before ? `entries ${before + 1} to ${entry.index - 1} are missing` : `index ${entry.index} comes after ${before}`;
    this.add('index-gap', 'error', words, entry, 'Take the entries from another member: inspect member lists what each still holds');
  }

  private undecoded(entry: LogEntry): void {
    this.undecodable += 1;
    if (this.undecodable <= LISTED_UNDECODABLE) this.add('undecodable-entry', 'warn', `entry ${entry.index} holds no operation that is known`, entry, 'If another program wrote it, name its decoder: --decode');
  }

  private add(rule: string, severity: Finding['severity'], message: string, entry: LogEntry, fix: string): void {
    this.findings.push(finding(rule, severity, message, { file: entry.file, byteOffset: entry.byteOffset, member: this.reading.report.label, fix }));
  }
}

/** What the report alone shows: positions that must fit each other. Findings that the reader made already are not repeated. */
export function fitFindings(reading: MemberReading): Finding[] {
  const { report } = reading;
  const { hardState, lastEntry, label: member } = report;
  const found: Finding[] = [];
  if (lastEntry.term > hardState.currentTerm && report.health === 'ok') {
    found.push(finding('term-behind-log', 'error', `the hard state says term ${hardState.currentTerm}, the log ends in term ${lastEntry.term}`, { member, fix: 'The hard state was lost or is from an older copy: do not start this member' }));
  }
  if (hardState.commitIndex !== null && hardState.commitIndex > lastEntry.index && report.damage.length === 0) {
    found.push(finding('commit-beyond-log', 'error', `the hard state says ${hardState.commitIndex} is committed, the log ends at ${lastEntry.index}`, { member, fix: 'Acknowledged entries are missing here: do not start this member' }));
  }
  const readableTo = report.damage.reduce((most, one) => Math.max(most, one.tail?.index ?? 0), lastEntry.index);
  if (report.appliedIndex !== null && report.appliedIndex > readableTo) {
    found.push(finding('applied-beyond-log', 'error', `the state has applied ${report.appliedIndex}, the log ends at ${lastEntry.index}`, { member, fix: 'Log and state are not of one moment: copy both again with the server stopped' }));
  }
  return found.filter((one) => !reading.findings.some((known) => known.severity === 'error' && (known.rule === one.rule || SAID_BY_READERS[one.rule]?.includes(known.rule) === true)));
}

/** Readers' findings that say the same as one of ours under another name: they know more of the store, so ours is dropped. */
const SAID_BY_READERS: Readonly<Record<string, readonly string[]>> = {
  'applied-beyond-log': ['db-ahead-of-log'],
};

/** The rows of the screen: each question once, answered by the findings and the watch. */
export function checksOf(reading: MemberReading, watch: LogWatch, findings: readonly Finding[], decoded: boolean): Check[] {
  const { report } = reading;
  const bad = (pattern: RegExp): Finding | undefined => findings.find((one) => one.severity === 'error' && pattern.test(one.rule));
  const range = report.log.entries > 0 ? `${report.log.firstIndex}-${report.log.lastIndex}` : 'empty log';
  const { votedFor, currentTerm, commitIndex } = report.hardState;
  const voter = votedFor === null || voterNames(reading).includes(votedFor);
  const badSnapshots = report.snapshots.filter((one) => one.status === 'bad').length;
  const fit = bad(/^(?:term-behind|commit-beyond)/);
  return [
    { name: 'indexes', ok: watch.gaps === 0 && watch.damaged === 0, detail: watch.gaps + watch.damaged === 0 ? range : `${watch.gaps + watch.damaged} gaps` },
    { name: 'terms', ok: watch.falls === 0, detail: watch.falls === 0 ? `${report.log.termRuns.length} runs, never fall` : `fall ${watch.falls} times` },
    { name: 'checksums', ok: watch.damaged > 0 ? false : report.checked === 'checksums' ? true : null, detail: watch.damaged > 0 ? `${watch.damaged} damaged` : report.checked === 'checksums' ? `${watch.entries} entries` : 'not throughout; structure is sound' },
    { name: 'hard state', ok: fit === undefined, detail: fit?.message ?? `term ${currentTerm}, commit ${commitIndex ?? 'not stored'}` },
    { name: 'vote', ok: voter ? true : null, detail: votedFor === null ? 'none in this term' : voter ? `for ${votedFor}` : `for ${votedFor}, no member now` },
    { name: 'snapshots', ok: badSnapshots === 0, detail: badSnapshots > 0 ? `${badSnapshots} bad` : `${report.snapshots.length} sound` },
    { name: 'state', ok: bad(/^applied-beyond/) ? false : report.state === null && report.appliedIndex === null ? null : report.health === 'damaged' && report.damage.length === 0 ? false : true, detail: report.appliedIndex === null ? 'stores no applied index' : `applied ${report.appliedIndex}` },
    { name: 'content', ok: decoded ? watch.undecodable === 0 : null, detail: decoded ? (watch.undecodable === 0 ? 'all decoded' : `${watch.undecodable} undecodable`) : 'no decoder' },
  ];
}

function voterNames(reading: MemberReading): string[] {
  const conf = reading.report.confState;
  return conf === null ? [] : [...conf.voters, ...conf.learners, ...conf.members.flatMap((one) => [one.id, ...one.addresses])];
}
