import crypto from 'node:crypto';
import type { MemberReport } from '../../src/engine/model/member-report.ts';
import type { LogEntry, MemberReading } from '../../src/engine/model/reading.ts';
import type { TruthComparison } from '../helpers/truth-fields.ts';
import { jumpsOf, walkLog } from './case-reading.ts';

interface Server {
  id: string;
  address: string;
  suffrage: string;
}

interface Snapshot {
  id: string;
  index: number;
  term: number;
  size: number;
  open_error: string | null;
  read_error?: string | null;
  configuration: Server[];
}

/** `LogType` of hashicorp/raft, log.go v1.7.3, for the kinds that servers of the corpus wrote. */
const LOG_TYPE: Record<string, number> = { command: 0, noop: 1, barrier: 4, confChange: 5 };

/** Compares one hashicorp/raft or Consul member with `members.M` of truth.json. */
export function compareHashicorpMember(truth: TruthComparison, member: string, reading: MemberReading): void {
  const base = `members/${member}`;
  compareVote(truth, base, reading.report);
  compareLog(truth, base, reading);
  compareSnapshots(truth, base, reading.report);
  compareConfiguration(truth, base, reading);
  // The library starts with a changed entry in the middle and does not notice; ours has a gap there.
  const served = truth.peek(`${base}/boot_check/outcome`) === 'serves';
  const isSilentlyChanged = ((truth.peek(`${base}/against_before_damage/entries_changed`) ?? []) as unknown[]).length > 0;
  truth.derived(`${base}/startable`, [`${base}/boot_check/outcome`], reading.report.startable.ok, served && !isSilentlyChanged);
}

const textOrNull = (value: unknown): string | null => (typeof value === 'string' ? value : null);

function compareVote(truth: TruthComparison, base: string, { hardState }: MemberReport): void {
  truth.derived(`${base}/hardState.commitIndex`, [], hardState.commitIndex, null);
  if (typeof truth.peek(`${base}/stable/CurrentTerm`) !== 'number') return;
  truth.equal(`${base}/stable/CurrentTerm`, hardState.currentTerm);
  const valid = truth.peek(`${base}/stable/LastVoteTerm`) === truth.peek(`${base}/stable/CurrentTerm`);
  truth.derived(`${base}/votedFor`, [`${base}/stable/LastVoteTerm`, `${base}/stable/LastVoteCand`], hardState.votedFor, valid ? textOrNull(truth.peek(`${base}/stable/LastVoteCand`)) : null);
}

/**
 * The library returns every stored entry, those before a snapshot jump too, and does not check sealed segments. Ours is the
 * run that ends the log (contract, MemberReport); the walk over all records is compared with the library's whole list.
 */
function compareLog(truth: TruthComparison, base: string, reading: MemberReading): void {
  const { log, lastEntry } = reading.report;
  truth.derived(`${base}/log: entries of the run`, [], log.entries, log.lastIndex - log.firstIndex + 1);
  const count = truth.peek(`${base}/log/count`) as number | undefined;
  if (count === undefined) return compareUnopened(truth, base, reading);
  truth.equal(`${base}/effective_last`, { term: lastEntry.term, index: lastEntry.index }, ({ term, index }: { term: number; index: number }) => ({ term, index }));
  if (count === 0) {
    truth.derived(`${base}/log`, ['first_index', 'last_index', 'count', 'entries_sha256', 'missing_ranges', 'term_runs', 'by_type', 'entries_with_extensions'].map((field) => `${base}/log/${field}`), log.entries, 0);
    return;
  }
  truth.equal(`${base}/log/last_index`, log.lastIndex);
  truth.equal(`${base}/log/last_term`, log.lastTerm);
  const mismatched = mismatchedSegments(truth, base);
  const changed = (truth.peek(`${base}/against_before_damage/entries_changed`) ?? []) as [number, number][];
  if (changed.length > 0) return compareSealedDamage(truth, base, reading, mismatched, changed);
  compareWalk(truth, base, reading);
  if (mismatched.length > 0 || ((truth.peek(`${base}/against_before_damage/entries_lost`) ?? []) as unknown[]).length > 0) compareLostTail(truth, base, reading, mismatched);
}

/** All stored entries: digest, kinds, runs, gaps. */
function compareWalk(truth: TruthComparison, base: string, reading: MemberReading): void {
  const { log } = reading.report;
  const digest = crypto.createHash('sha256');
  const kinds: Record<string, number> = {};
  const appended: string[] = [];
  const runs: { first: number; last: number; term: number }[] = [];
  let withExtensions = 0;
  const visit = (entry: LogEntry): void => {
    digest.update(`${entry.index} ${entry.term} ${LOG_TYPE[entry.kind]} `).update(entry.data);
    kinds[entry.kind] = (kinds[entry.kind] ?? 0) + 1;
    if (entry.appendedAt !== undefined) appended.push(entry.appendedAt); // the bootstrap entry has none
    if (appended.length > 2) appended.splice(1, 1);
    if ((entry.extensions?.length ?? 0) > 0) withExtensions += 1;
    const run = runs.at(-1);
    if (run !== undefined && run.term === entry.term && run.last + 1 === entry.index) run.last = entry.index;
    else runs.push({ first: entry.index, last: entry.index, term: entry.term });
  };
  const { indexes } = walkLog(reading, visit);
  truth.equal(`${base}/log/first_index`, indexes[0]);
  truth.equal(`${base}/log/count`, indexes.length);
  truth.equal(`${base}/log/by_type`, kinds, (types: Record<string, number>) => Object.fromEntries(Object.entries(types).map(([type, n]) => [type === 'configuration' ? 'confChange' : type, n])));
  truth.equal(`${base}/log/term_runs`, byFirst(runs), (expected: typeof runs) => byFirst(expected));
  truth.equal(`${base}/log/entries_sha256`, digest.digest('hex'));
  truth.equal(`${base}/log/entries_with_extensions`, withExtensions);
  truth.equal(`${base}/log/appended_at_first`, toInstant(appended[0]), toInstant);
  truth.equal(`${base}/log/appended_at_last`, toInstant(appended.at(-1)), toInstant);
  const missing = (truth.peek(`${base}/log/missing_ranges`) ?? []) as { first: number; last: number }[];
  truth.derived(`${base}/gaps`, [`${base}/log/missing_ranges`], jumpsOf(indexes), missing.map(({ first, last }) => [first - 1, last + 1]));
  const start = missing.at(-1);
  truth.derived(`${base}/log.firstIndex`, [], log.firstIndex, start === undefined ? truth.peek(`${base}/log/first_index`) : start.last + 1);
  truth.derived(`${base}/log.termRuns`, [], byFirst(log.termRuns.map(({ first, last, term }) => ({ first, last, term }))), byFirst(runs.filter(({ first }) => first >= log.firstIndex)));
}

const byFirst = (runs: { first: number; last: number; term: number }[]): [number, number, number][] => runs.map(({ first, last, term }) => [first, last, term]);
const toInstant = (text: string | undefined): number | null => (text === undefined ? null : Date.parse(text));

interface Mismatch {
  file: string;
  batchStart: number;
}

function mismatchedSegments(truth: TruthComparison, base: string): Mismatch[] {
  const files = (truth.peek(`${base}/wal/segment_files`) ?? []) as { file: string; commit_crc_mismatches?: { batch_start: number }[] }[];
  return files.flatMap(({ file, commit_crc_mismatches: bad }) => (bad ?? []).map(({ batch_start: batchStart }) => ({ file: `wal/${file}`, batchStart })));
}

/** A damaged batch of a sealed segment: the library hands it out unchecked, ours names it and starts the run behind it. */
function compareSealedDamage(truth: TruthComparison, base: string, { report }: MemberReading, mismatched: Mismatch[], changed: [number, number][]): void {
  const [first, last] = changed[0] ?? [0, 0];
  truth.holds(
    `${base}/damage in a sealed segment`,
    ['log/first_index', 'log/count', 'log/by_type', 'log/term_runs', 'log/entries_sha256', 'log/missing_ranges', 'log/appended_at_first', 'log/appended_at_last', 'log/entries_with_extensions', 'against_before_damage'].map((field) => `${base}/${field}`),
    report.health === 'damaged' &&
      report.log.firstIndex > last &&
      report.damage.some((place) => mismatched.some(({ file, batchStart }) => place.file === file && place.byteOffset === batchStart) && (place.fromIndex ?? 0) <= first && (place.toIndex ?? 0) >= last),
    `health ${report.health}, first ${report.log.firstIndex}, damage ${JSON.stringify(report.damage)}, truth ${JSON.stringify(mismatched)} changes entries ${first}..${last}`,
  );
}

/** Entries at the end that the library drops without a word: ours drops them too, and says so. */
function compareLostTail(truth: TruthComparison, base: string, { report, findings }: MemberReading, mismatched: Mismatch[]): void {
  truth.holds(
    `${base}/lost tail`,
    [`${base}/against_before_damage`],
    report.health !== 'ok' && findings.some(({ severity }) => severity !== 'info'),
    `health ${report.health}, findings ${JSON.stringify(findings.map(({ rule }) => rule))}`,
  );
  for (const { file, batchStart } of mismatched) {
    truth.holds(`${base}/lost batch`, [], [...report.damage, ...findings].some((place) => place.file === file && place.byteOffset === batchStart), `nothing names ${file}, byte ${batchStart}`);
  }
}

/** What the library refuses to open: nothing is made up, and where segments are intact the end of the log is still known. */
function compareUnopened(truth: TruthComparison, base: string, { report }: MemberReading): void {
  truth.holds(`${base}/log`, [`${base}/log`, `${base}/effective_last`], report.health === 'damaged' || report.health === 'unreadable', `health is ${report.health}`);
  const before = truth.peek(`${base}/before_damage/effective_last`);
  const covers = [`${base}/before_damage/effective_last`, `${base}/before_damage/log/last_index`];
  const { term, index } = report.lastEntry;
  if (before === undefined) truth.derived(`${base}/lastEntry`, covers, { term, index }, { term: 0, index: 0 });
  else truth.equal(`${base}/before_damage/effective_last`, { term, index });
}

function compareSnapshots(truth: TruthComparison, base: string, { snapshots }: MemberReport): void {
  const stored = (truth.peek(`${base}/snapshots`) ?? []) as Snapshot[];
  const shape = (voters: string[], learners: string[]): { voters: string[]; learners: string[] } => ({ voters: [...voters].sort(), learners: [...learners].sort() });
  truth.derived(
    `${base}/snapshots`,
    stored.flatMap((_, at) => ['id', 'index', 'term', 'size', 'open_error', 'read_error', 'state_bytes', 'configuration'].map((field) => `${base}/snapshots/${at}/${field}`)),
    snapshots.map(({ file, index, term, bytes, status, confState }) => ({
      id: file.split('/').find((step) => /^\d+-\d+-\d+$/.test(step)),
      index,
      term,
      status,
      bytes: status === 'bad' ? null : bytes,
      ...shape(confState?.voters ?? [], confState?.learners ?? []),
    })),
    stored.map(({ id, index, term, size, open_error: openError, read_error: readError, configuration }) => {
      const bad = openError !== null || (readError ?? null) !== null;
      const ids = (learner: boolean): string[] => configuration.filter(({ suffrage }) => (suffrage !== 'Voter') === learner).map((server) => server.id);
      return { id, index, term, status: bad ? 'bad' : 'verified', bytes: bad ? null : size, ...shape(ids(false), ids(true)) };
    }),
  );
}

function compareConfiguration(truth: TruthComparison, base: string, { report: { confState }, configurations }: MemberReading): void {
  const latest = truth.peek(`${base}/latest_configuration`) as { index: number; servers: Server[] | null } | null | undefined;
  const inLog = (truth.peek(`${base}/log/configurations`) ?? []) as { index: number; term: number; servers: Server[] }[];
  const read = configurations.filter(({ source }) => source === 'log');
  const idsOf = (servers: Server[], learner: boolean): string[] => servers.filter(({ suffrage }) => (suffrage !== 'Voter') === learner).map(({ id }) => id).sort();
  truth.derived(
    `${base}/configurations`,
    [`${base}/log/configurations`],
    read.filter(({ index }) => inLog.some((change) => change.index === index)).map(({ index, term, voters, learners }) => ({ index, term, voters: [...voters].sort(), learners: [...learners].sort() })),
    inLog.map(({ index, term, servers }) => ({ index, term, voters: idsOf(servers, false), learners: idsOf(servers, true) })),
  );
  if (latest?.servers === null || latest?.servers === undefined) return;
  const servers = latest.servers;
  truth.derived(
    `${base}/confState`,
    [`${base}/latest_configuration`, `${base}/raft_GetConfiguration`],
    confState === null
      ? null
      : { index: confState.index, voters: [...confState.voters].sort(), learners: [...confState.learners].sort(), addresses: confState.members.map(({ id, addresses }) => `${id} ${addresses.join()}`).sort() },
    { index: latest.index, voters: idsOf(servers, false), learners: idsOf(servers, true), addresses: servers.map(({ id, address }) => `${id} ${address}`).sort() },
  );
}
