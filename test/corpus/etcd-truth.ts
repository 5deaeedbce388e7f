import { comparePositions } from '../../src/engine/core/types.ts';
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
  compareIdentity(truth, member, report);
  compareHardState(truth, base, report);
  compareLog(truth, base, reading);
  compareSnapshots(truth, base, report);
  compareMembership(truth, base, reading);
  compareState(truth, base, report);
  compareStart(truth, base, report);
}

/** Where the library refused the log it gave no ids: the member's own entry in its db and the other members then tell them. */
function compareIdentity(truth: TruthComparison, member: string, report: MemberReport): void {
  const base = `members/${member}`;
  const stored = (truth.peek(`${base}/membership/db_members`) ?? []) as { key: string; value: string }[];
  const own = stored.find(({ value }) => (JSON.parse(value) as { name?: string }).name === member)?.key ?? null;
  truth.equal(`${base}/node_id`, report.memberId, (id: string | null) => id ?? own);
  const others = Object.values(truth.peek('members') as Record<string, { cluster_id: string | null }>);
  truth.equal(`${base}/cluster_id`, report.clusterId, (id: string | null) => id ?? others.find((other) => other.cluster_id !== null)?.cluster_id ?? null);
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
  if (report.damage.some(({ tail }) => tail !== null) && report.hardState.commitIndex === null) {
    // The library takes this damage for a torn end and returns a state from before it. Whole records lie behind: a later
    // vote and commit may be lost among them, so ours claims neither.
    truth.holds(`${base}/hardState before damage`, [`${base}/hardstate`], report.hardState.votedFor === null && isCut(truth, base), 'a hard state is withheld without damage inside');
    return;
  }
  truth.equal(`${base}/hardstate/commit`, report.hardState.commitIndex);
  truth.equal(`${base}/hardstate/vote`, report.hardState.votedFor, (vote: string) => (vote === '0' ? null : vote));
}

/** Whether the library's decoder stopped before the end of the data. */
function isCut(truth: TruthComparison, base: string): boolean {
  return truth.peek(`${base}/wal_records/stopped_by`) !== null;
}

/** The later of the log's end and the newest usable snapshot, in the order of votes (contract, `lastEntry`). */
function lastOf(log: Position, snapshot: Position | null): Position {
  return snapshot !== null && comparePositions(snapshot, log) > 0 ? snapshot : log;
}

interface Position {
  term: number;
  index: number;
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
    const end = { term: truth.peek(`${base}/before_damage/last_term`) as number, index: last };
    truth.derived(`${base}/lastEntry`, [`${base}/log`], lastEntry, lastOf(end, bootOf(truth, base)));
    truth.derived(`${base}/log.firstIndex`, [`${base}/before_damage/first_index`], log.firstIndex, truth.peek(`${base}/before_damage/first_index`));
    return;
  }
  truth.equal(`${base}/log/last_index`, log.lastIndex);
  truth.equal(`${base}/log/last_term`, log.lastTerm);
  const end = { term: truth.peek(`${base}/log/last_term`) as number, index: truth.peek(`${base}/log/last_index`) as number };
  truth.derived(`${base}/lastEntry`, [], lastEntry, lastOf(end, bootOf(truth, base)));
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
  const end = Number(truth.peek(`${base}/log/last_index`));
  const boot = snapshots.find(({ status, index }) => status === 'verified' && (isDamagedInside(truth, base) || index <= end));
  truth.derived(`${base}/newest usable snapshot`, [`${base}/boot_snapshot`, `${base}/snap_load_error`], boot === undefined ? null : { index: boot.index, term: boot.term }, bootOf(truth, base));
}

/** Damage with whole records behind it, as truth knows from before it was done. */
function isDamagedInside(truth: TruthComparison, base: string): boolean {
  const before = truth.peek(`${base}/before_damage/last_index`) as number | undefined;
  return isCut(truth, base) && before !== undefined && before > (truth.peek(`${base}/wal_records/last_entry_index`) as number) + 1;
}

/**
 * The snapshot the server would boot from. Behind damage inside the log the library sees no snapshot record, so it takes an
 * older file or refuses; the newest sound file on disk is the better base of a recovery, and ours.
 */
function bootOf(truth: TruthComparison, base: string): Position | null {
  if (isDamagedInside(truth, base)) {
    const sound = (truth.peek(`${base}/snap_files`) as SnapFile[]).filter(({ error }) => error === null).sort((a, b) => (b.index ?? 0) - (a.index ?? 0))[0];
    return sound === undefined ? null : { index: sound.index ?? 0, term: sound.term ?? 0 };
  }
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

/** Ids and names of the members stored in the db; 3.5 leaves entries without a name and stale flags there, which are passed over. */
function compareMembers(truth: TruthComparison, base: string, confState: MemberReport['confState']): void {
  const stored = truth.peek(`${base}/membership/db_members`) as { key: string; value: string }[] | null | undefined;
  if (stored === null || stored === undefined || confState === null) return;
  const current = stored.filter(({ value }) => (JSON.parse(value) as { name?: string }).name !== undefined).filter(({ key }) => confState.voters.includes(key) || confState.learners.includes(key));
  const names = (list: { id: string; name: string | null }[]): string[] => list.map(({ id, name }) => `${id} ${name ?? ''}`).sort();
  truth.derived(
    `${base}/confState.members`,
    stored.flatMap((_, at) => [`${base}/membership/db_members/${at}`]),
    names(confState.members.filter(({ id }) => current.some(({ key }) => key === id))),
    names(current.map(({ key, value }) => ({ id: key, name: (JSON.parse(value) as { name?: string }).name ?? '' }))),
  );
}

function compareState(truth: TruthComparison, base: string, { state, appliedIndex }: MemberReport): void {
  truth.equal(`${base}/db/size`, state === null ? null : state.bytes, (size: number) => (state === null && !truth.has(`${base}/db/meta`) ? null : size));
  truth.equal(`${base}/db/meta/consistent_index`, appliedIndex);
  truth.equal(`${base}/db/hashkv/revision`, state?.revision);
  truth.equal(`${base}/db/hashkv/hash`, state?.hash);
  truth.equal(`${base}/db/live_keys`, state?.keys);
}

/**
 * The real server was started on a copy as it is. A recovery cuts the log before damage and can rebuild it around a sound
 * db, so a member whose db the library read is startable to us even where the server itself refuses the log.
 */
function compareStart(truth: TruthComparison, base: string, report: MemberReport): void {
  const hasSoundDb = truth.has(`${base}/db/meta/consistent_index`);
  truth.equal(`${base}/boot_check/outcome`, report.startable.ok, (outcome: string) => outcome === 'serves' || hasSoundDb);
  const whole = truth.peek(`${base}/boot_check_full_log/status/revision`) as number | undefined;
  if (whole === undefined) return;
  truth.holds(`${base}/revisionAtEnd`, [`${base}/boot_check_full_log/status/revision`], (report.revisionAtEnd ?? 0) >= whole, `${report.revisionAtEnd} is below the server's ${whole}`);
}
