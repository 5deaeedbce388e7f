import path from 'node:path';
import type { CheckLine } from '../../../model/check-line.ts';
import type { MemberReport } from '../../../model/member-report.ts';
import type { PlannedOutcome } from '../../../model/plan.ts';
import type { MemberReading, Progress } from '../../../model/reading.ts';
import { BoltFile } from '../../../readers/bbolt/file.ts';
import { etcdReader } from '../../../readers/etcd/reader.ts';
import { FileSource } from '../../../readers/file-source.ts';
import type { BumpParameters } from './parameters.ts';

/**
 * Reads a finished directory as etcd would and compares it with the plan: log, configuration, ids, commit index, db.
 * @throws {UnreadableError} When there is nothing to read.
 */
export function checkEtcd(directory: string, outcome: PlannedOutcome, bump: BumpParameters | null, db: string | null, progress?: Progress): CheckLine[] {
  const reading = etcdReader.read(directory, progress ? { progress } : {});
  const { report } = reading;
  const [errors, survived] = [unwanted(reading), reading.findings.filter(({ rule }) => SURVIVED.has(rule))];
  return [
    line('readable', errors.length === 0, errors[0]?.message ?? ['every checksum of log and db holds', ...survived.map(({ message }) => `as before: ${message}`)].join('; ')),
    configurationLine(report, outcome),
    entriesLine(reading, outcome),
    line('commit index', report.hardState.commitIndex === outcome.commitIndex, `${report.hardState.commitIndex}, planned ${outcome.commitIndex}`),
    line('ids', report.memberId === outcome.memberId && report.clusterId === outcome.clusterId, `member ${report.memberId}, cluster ${report.clusterId}`),
    startLine(report),
    ...dbLines(directory, report, bump, db),
  ];
}

/** What the source had too, and etcd copes with: it takes an older snapshot, or the other meta page. */
const SURVIVED = new Set(['snap-missing', 'snap-bad', 'db-meta-bad']);

function unwanted({ report, findings }: MemberReading): { message: string }[] {
  const errors = findings.filter(({ severity, rule }) => severity === 'error' && !SURVIVED.has(rule));
  return report.health === 'torn-tail' ? [...errors, { message: 'its log ends in an unfinished record' }] : errors;
}

function line(name: string, ok: boolean, detail: string): CheckLine {
  return { name, ok, detail };
}

function configurationLine({ confState }: MemberReport, { voters }: PlannedOutcome): CheckLine {
  const [found, learners] = [confState?.voters ?? [], confState?.learners ?? []];
  const ok = found.length === voters.length && voters.every((id) => found.includes(id)) && learners.length === 0;
  return line('one voter', ok, ok ? `${voters.join(', ')}, no learner` : `voters ${found.join(', ') || 'none'}, learners ${learners.join(', ') || 'none'}`);
}

/** Without a db, etcd makes a new one and applies the whole log to it (measured on 3.4): then it has to reach back to entry 1. */
function startLine({ serverStarts, state, log }: MemberReport): CheckLine {
  if (state === null && serverStarts !== false) return line('etcd starts from it', log.firstIndex === 1, log.firstIndex === 1 ? 'there is no db: the whole log is applied anew' : 'there is no db, and the log does not begin with entry 1');
  return line('etcd starts from it', serverStarts === true, serverStarts === true ? 'snapshot, log and db fit each other' : 'snapshot, log and db do not fit each other');
}

/** Walks the log once more, entry by entry: consecutive, terms that never fall, and an end where it was planned. */
function entriesLine(reading: MemberReading, { lastEntry }: PlannedOutcome): CheckLine {
  const { report } = reading;
  const { firstIndex, entries } = report.log;
  if (entries === 0) {
    const ok = report.lastEntry.index === lastEntry.index && report.lastEntry.term === lastEntry.term;
    return line('no entry missing', ok, `no entry behind the snapshot at ${report.lastEntry.term}/${report.lastEntry.index}`);
  }
  let [next, term] = [firstIndex, 0];
  for (const record of reading.records({ from: firstIndex })) {
    if (record.type !== 'entry' || record.index !== next || record.term < term) return line('no entry missing', false, `the log breaks before entry ${next}`);
    next++;
    term = record.term;
  }
  const ok = next - 1 === lastEntry.index && term === lastEntry.term;
  return line('no entry missing', ok, `${firstIndex}-${next - 1} without a gap, last ${term}/${next - 1}`);
}

function dbLines(directory: string, { state }: MemberReport, bump: BumpParameters | null, db: string | null): CheckLine[] {
  if (db === null) return [];
  using source = FileSource.open(path.join(directory, db), db);
  const problems = BoltFile.open(source).check();
  const lines = [line('db', problems.length === 0, problems[0]?.problem ?? 'every page of the database is sound and used once')];
  if (bump) lines.push(line('revision', state?.revision === bump.revision, `${state?.revision}, planned ${bump.revision}`));
  return lines;
}
