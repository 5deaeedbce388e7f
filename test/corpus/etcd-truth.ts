import type { MemberReport } from '../../src/engine/model/member-report.ts';
import type { MemberReading } from '../../src/engine/model/reading.ts';
import type { TruthComparison } from '../helpers/truth-fields.ts';
import { jumpsOf, walkLog } from './case-reading.ts';

interface Counts {
  [kind: string]: number;
}

interface SnapFile {
  file: string;
  index?: number;
  term?: number;
  size: number;
  error: string | null;
  conf_state?: { voters: string[]; learners: string[] };
}

interface ConfChange {
  index: number;
  term: number;
  type: string;
  node_id: string;
}

const sorted = (ids: readonly string[]): string[] => [...ids].sort();

/** Compares one etcd member with `members.M` of truth.json. */
export function compareEtcdMember(truth: TruthComparison, member: string, reading: MemberReading): void {
  const base = `members/${member}`;
  const { report } = reading;
  truth.equal(`${base}/software`, report.software?.name ?? null, (software: string) => software.split(' ')[0]);
  truth.equal(`${base}/node_id`, report.memberId);
  truth.equal(`${base}/cluster_id`, report.clusterId);
  compareHardState(truth, base, report);
  compareLog(truth, base, reading);
  compareSnapshots(truth, base, report);
  compareMembership(truth, base, reading);
  compareState(truth, base, report);
  compareStart(truth, base, report);
}

/** The library gives no hard state where it refuses the log; ours is then the last one before the damage. */
function compareHardState(truth: TruthComparison, base: string, report: MemberReport): void {
  if (truth.peek(`${base}/hardstate`) === null) {
    const before = truth.peek(`${base}/before_damage/hardstate`) as { term: number; commit: number } | undefined;
    const { currentTerm, commitIndex } = report.hardState;
    truth.holds(
      `${base}/hardState`,
      [`${base}/hardstate`, `${base}/before_damage/hardstate`],
      before !== undefined && currentTerm <= before.term && (commitIndex ?? 0) <= before.commit,
      `claims term ${currentTerm}, commit ${commitIndex}; before the damage it was ${JSON.stringify(before)}`,
    );
    return;
  }
  truth.equal(`${base}/hardstate/term`, report.hardState.currentTerm);
  truth.equal(`${base}/hardstate/commit`, report.hardState.commitIndex);
  truth.equal(`${base}/hardstate/vote`, report.hardState.votedFor, (vote: string) => (vote === '0' ? null : vote));
}

/**
 * Truth's log is what the server's library loads from its snapshot on. Ours is the run that ends the log (contract,
 * MemberReport): the same where nothing is missing; behind a jump it starts at the first entry after it; before damage in
 * the newest segment it ends at the last entry that the library's decoder still returned.
 */
function compareLog(truth: TruthComparison, base: string, reading: MemberReading): void {
  const { log, damage, lastEntry } = reading.report;
  const walked = walkLog(reading);
  const beforeDamage = walked.damage.length === 0 ? walked.indexes : walked.indexes.filter((index) => index <= log.lastIndex);
  truth.derived(`${base}/log: entries of the run`, [], log.entries, log.lastIndex - log.firstIndex + 1);
  truth.equal(`${base}/wal_records/first_entry_index`, walked.indexes[0]);
  truth.equal(`${base}/wal_records/last_entry_index`, log.lastIndex);
  truth.equal(`${base}/wal_records/index_jumps`, jumpsOf(beforeDamage));
  const stoppedBy = truth.peek(`${base}/wal_records/stopped_by`) as string | null;
  if (stoppedBy !== null) compareStop(truth, base, reading);
  if (truth.peek(`${base}/log/first_index`) === null) {
    const last = truth.peek(`${base}/wal_records/last_entry_index`) as number;
    truth.derived(`${base}/lastEntry`, [`${base}/log`], lastEntry, { term: truth.peek(`${base}/before_damage/last_term`), index: last });
    truth.derived(`${base}/log.firstIndex`, [`${base}/before_damage/first_index`], log.firstIndex, truth.peek(`${base}/before_damage/first_index`));
    return;
  }
  truth.equal(`${base}/log/last_index`, log.lastIndex);
  truth.equal(`${base}/log/last_term`, log.lastTerm);
  truth.derived(`${base}/lastEntry`, [], lastEntry, { term: truth.peek(`${base}/log/last_term`), index: truth.peek(`${base}/log/last_index`) });
  const lastJump = (truth.peek(`${base}/wal_records/index_jumps`) as [number, number][]).at(-1);
  if (lastJump !== undefined && lastJump[1] !== truth.peek(`${base}/log/first_index`)) {
    const covers = ['first_index', 'entries', 'by_type', 'normal_by_kind', 'term_runs'].map((field) => `${base}/log/${field}`);
    truth.derived(`${base}/log.firstIndex behind the jump`, covers, log.firstIndex, lastJump[1]);
    return;
  }
  truth.equal(`${base}/log/first_index`, log.firstIndex);
  truth.equal(`${base}/log/entries`, log.entries);
  truth.equal(`${base}/log/term_runs`, log.termRuns.map(({ term, first, last }) => ({ first, last, term })), (runs: { first: number; last: number; term: number }[]) =>
    runs.map(({ first, last, term }) => ({ first, last, term })),
  );
  compareKinds(truth, base, reading.report);
  if (damage.length === 0 && stoppedBy === null) truth.derived(`${base}/log: walk`, [], walked.damage.length, 0);
}

function compareKinds(truth: TruthComparison, base: string, { log }: MemberReport): void {
  const types = truth.peek(`${base}/log/by_type`) as Counts;
  const normal = (truth.peek(`${base}/log/normal_by_kind`) ?? {}) as Counts;
  const noop = normal['empty'] ?? 0;
  truth.derived(`${base}/log.byKind`, [`${base}/log/by_type`, `${base}/log/normal_by_kind`], { command: log.byKind.command, noop: log.byKind.noop, confChange: log.byKind.confChange }, {
    command: (types['normal'] ?? 0) - noop,
    noop,
    confChange: Object.entries(types).filter(([type]) => type.startsWith('confchange')).reduce((sum, [, count]) => sum + count, 0),
  });
}

/** Where the decoder stopped, ours has damage or a torn tail at that very offset, and says so. */
function compareStop(truth: TruthComparison, base: string, { report: { damage, health }, findings }: MemberReading): void {
  const file = `member/wal/${String(truth.peek(`${base}/wal_records/end_file`))}`;
  const offset = truth.peek(`${base}/wal_records/end_offset`) as number;
  const places = [...damage, ...findings].filter((place) => place.file?.endsWith(file.slice('member/'.length)) ?? false);
  truth.holds(
    `${base}/stop`,
    [`${base}/wal_records/stopped_by`, `${base}/wal_records/end_offset`, `${base}/wal_records/end_file`],
    places.some((place) => place.byteOffset === offset),
    `nothing names ${file}, byte ${offset}: ${JSON.stringify(places.map(({ file: name, byteOffset }) => [name, byteOffset]))}`,
  );
  truth.holds(`${base}/health`, [], health === 'torn-tail' || health === 'damaged', `health is ${health}`);
}

/** Snapshot files on disk, and that the newest usable one is the one the server boots from. */
function compareSnapshots(truth: TruthComparison, base: string, { snapshots }: MemberReport): void {
  const files = truth.peek(`${base}/snap_files`) as SnapFile[];
  const onDisk = snapshots.filter((snapshot) => files.some(({ file }) => snapshot.file.endsWith(file)));
  const covers = files.flatMap((_, at) => ['file', 'index', 'term', 'size', 'error', 'conf_state'].map((field) => `${base}/snap_files/${at}/${field}`));
  truth.derived(
    `${base}/snapshots`,
    covers,
    onDisk.map((snapshot) => ({
      file: snapshot.file.split('/').at(-1),
      bytes: snapshot.bytes,
      status: snapshot.status,
      ...(snapshot.status === 'bad'
        ? {}
        : { index: snapshot.index, term: snapshot.term, voters: sorted(snapshot.confState?.voters ?? []), learners: sorted(snapshot.confState?.learners ?? []) }),
    })),
    [...files]
      .sort((a, b) => (a.file < b.file ? 1 : -1))
      .map((file) => ({
        file: file.file,
        bytes: file.size,
        status: file.error === null ? 'verified' : 'bad',
        ...(file.error === null
          ? { index: file.index, term: file.term, voters: sorted(file.conf_state?.voters ?? []), learners: sorted(file.conf_state?.learners ?? []) }
          : {}),
      })),
  );
  const missing = snapshots.filter((snapshot) => !onDisk.includes(snapshot));
  truth.holds(`${base}/snapshots without a file`, [], missing.length <= 1 && missing.every(({ status }) => status === 'bad'), JSON.stringify(missing));
  const boot = snapshots.find(({ status }) => status === 'verified');
  truth.derived(`${base}/newest usable snapshot`, [`${base}/boot_snapshot`, `${base}/snap_load_error`], boot === undefined ? null : { index: boot.index, term: boot.term }, bootOf(truth, base));
}

function bootOf(truth: TruthComparison, base: string): { index: number; term: number } | null {
  const boot = truth.peek(`${base}/boot_snapshot`) as { index: number; term: number } | null;
  return boot === null ? null : { index: boot.index, term: boot.term };
}

function compareMembership(truth: TruthComparison, base: string, { report: { confState, hardState }, configurations }: MemberReading): void {
  const atCommit = truth.peek(`${base}/membership/conf_state_at_commit`) as { voters: string[]; learners: string[] } | null;
  const covers = [`${base}/membership/conf_state_at_commit`, `${base}/membership/conf_state_error`];
  if (atCommit !== null) {
    truth.derived(
      `${base}/confState`,
      covers,
      { voters: sorted(confState?.voters ?? []), learners: sorted(confState?.learners ?? []), pending: confState?.pending },
      { voters: sorted(atCommit.voters), learners: sorted(atCommit.learners), pending: false },
    );
  } else {
    truth.holds(`${base}/confState`, covers, confState !== null && confState.voters.length === 3, `voters of the damaged member: ${JSON.stringify(confState?.voters)}`);
  }
  const changes = (truth.peek(`${base}/membership/conf_changes`) ?? []) as ConfChange[];
  const read = configurations.filter(({ source }) => source === 'log');
  truth.derived(
    `${base}/configurations`,
    changes.flatMap((_, at) => ['index', 'term', 'type', 'node_id', 'committed'].map((field) => `${base}/membership/conf_changes/${at}/${field}`)),
    read.filter(({ index }) => changes.some((change) => change.index === index)).map(({ index, term, voters, learners }) => ({ index, term, ...placeOfNode(changes, index, voters, learners) })),
    changes.map((change) => ({ index: change.index, term: change.term, ...expectedPlace(change) })),
  );
  const late = read.filter(({ index }) => !changes.some((change) => change.index === index));
  truth.holds(`${base}/configurations beyond truth`, [], changes.length === 0 || late.length === 0 || hardState.commitIndex === null, JSON.stringify(late));
  compareMembers(truth, base, confState);
}

type NodePlace = { as: 'voter' | 'learner' | 'removed' | 'kept' };

/** What the change made of the node it names, read off the configuration after it. */
function placeOfNode(changes: ConfChange[], index: number, voters: string[], learners: string[]): NodePlace {
  const change = changes.find((candidate) => candidate.index === index);
  const node = change?.node_id ?? '';
  if (change?.type === 'ConfChangeUpdateNode') return { as: voters.includes(node) || learners.includes(node) ? 'kept' : 'removed' };
  return { as: voters.includes(node) ? 'voter' : learners.includes(node) ? 'learner' : 'removed' };
}

function expectedPlace({ type }: ConfChange): NodePlace {
  const places: Record<string, NodePlace['as']> = {
    ConfChangeAddNode: 'voter',
    ConfChangeAddLearnerNode: 'learner',
    ConfChangeRemoveNode: 'removed',
    ConfChangeUpdateNode: 'kept',
  };
  return { as: places[type] ?? 'removed' };
}

/** Ids and names of the members stored in the db; 3.5 leaves stale flags there, so those are not compared. */
function compareMembers(truth: TruthComparison, base: string, confState: MemberReport['confState']): void {
  const stored = truth.peek(`${base}/membership/db_members`) as { key: string; value: string }[] | null | undefined;
  if (stored === null || stored === undefined || confState === null) return;
  const current = stored.filter(({ key }) => confState.voters.includes(key) || confState.learners.includes(key));
  const names = (list: { id: string; name: string | null }[]): string[] => list.map(({ id, name }) => `${id} ${name ?? ''}`).sort();
  truth.derived(
    `${base}/confState.members`,
    stored.flatMap((_, at) => [`${base}/membership/db_members/${at}`]),
    names(confState.members.filter(({ id }) => current.some(({ key }) => key === id))),
    names(current.map(({ key, value }) => ({ id: key, name: (JSON.parse(value) as { name?: string }).name ?? '' }))),
  );
}

function compareState(truth: TruthComparison, base: string, { state, appliedIndex }: MemberReport): void {
  truth.equal(`${base}/db/size`, state === null ? null : state.bytes, (size: number) => (truth.peek(`${base}/db/meta`) === undefined ? null : size));
  truth.equal(`${base}/db/meta/consistent_index`, appliedIndex);
  truth.equal(`${base}/db/hashkv/revision`, state?.revision);
  truth.equal(`${base}/db/hashkv/hash`, state?.hash);
  truth.equal(`${base}/db/live_keys`, state?.keys);
}

/** What the real server did with a copy decides whether the member can be started from its own files. */
function compareStart(truth: TruthComparison, base: string, report: MemberReport): void {
  const learner = report.memberId !== null && report.confState?.learners.includes(report.memberId) === true;
  if (!learner) truth.equal(`${base}/boot_check/outcome`, report.startable.ok ? 'serves' : 'does not', (outcome: string) => (outcome === 'serves' ? 'serves' : 'does not'));
  const whole = truth.peek(`${base}/boot_check_full_log/status/revision`) as number | undefined;
  if (whole === undefined) return;
  truth.holds(`${base}/revisionAtEnd`, [`${base}/boot_check_full_log/status/revision`], (report.revisionAtEnd ?? 0) >= whole, `${report.revisionAtEnd} is below the server's ${whole}`);
}
