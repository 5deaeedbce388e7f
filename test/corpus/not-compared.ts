import type { NotCompared } from '../helpers/truth-fields.ts';

const ABOUT_THE_CASE = 'about the case, not about bytes that are read';
const ABOUT_THE_TOOL = 'names the tool that made the truth';
const OUTSIDE_THE_REPORT = 'a detail of the store that no report of the contract carries';
const COMPARED_BY_THE_BACKEND_TESTS = 'not in a report; test/engine/readers/etcd/db/corpus.test.ts compares it with the backend reader';
const ONLY_ITS_REST = 'compared wherever the library read a value; the rest is its error text, null, or an empty list';
const WHAT_THE_SERVER_DID = 'what the real server did with a changed copy afterwards; its outcome is compared with `startable`';

/**
 * Fields of truth.json that the corpus tests do not compare, each with its reason. A field that is neither compared nor
 * listed fails its case, and so does an entry here that matches nothing.
 */
export const NOT_COMPARED: readonly NotCompared[] = [
  ...['case', 'system', 'software', 'kind', 'reason', 'source_rule', 'versions/**', 'options/**', 'layout/**', 'copy_order/**', 'kill_order/**', 'cluster/**'].map((path) => ({ path, reason: ABOUT_THE_CASE })),
  ...['old_leader', 'new_leader', 'trap_member', 'foreign_member', 'caught_up_member', 'recovered_member', 'learner', 'tail_acked'].map((path) => ({ path, reason: ABOUT_THE_CASE })),
  ...['tools/**', 'members/*/tool', 'members/*/wal_records/tool', 'live_before_stop/**'].map((path) => ({ path, reason: ABOUT_THE_TOOL })),
  ...['membership_history/**', 'configuration_history/**', 'live_configuration/**', 'live_member_list/**', 'live_before/**', 'live_at_save/**', 'live_hashkv_at_save/**', 'live_stats_before_stop/**'].map((path) => ({
    path,
    reason: 'what the running servers answered before they stopped; the same facts are compared from the directories',
  })),
  { path: 'lost_members/**', reason: 'of members whose disks are gone: nothing is read' },
  { path: 'acks/**', reason: 'what clients saw; the full log of the source is compared through boot_check_full_log' },
  { path: 'acknowledged_writes/**', reason: 'what clients saw; the full log of the source is compared through boot_check_full_log' },
  { path: 'last_log/**', reason: 'the same as members.M.log, which is compared' },
  { path: 'wal_segments/**', reason: 'a listing of the directory' },
  { path: 'snap_dir/**', reason: 'a listing of the directory' },
  { path: 'overwritten_tail/**', reason: 'how the log looked before it was overwritten: those bytes are no longer there' },
  { path: 'members_of_archive/**', reason: 'the archive checks (`snapshot verify`) compare these sums themselves' },
  { path: 'divergence/*/common_indexes', reason: 'follows from the two logs, which are compared' },
  { path: 'divergence/*/conflict_last', reason: 'the contract tells where logs part, not where the shorter one ends' },
  { path: 'divergence/**', reason: 'bytes of one member were damaged, and ours does not hand them out', cases: /wal-bit-flips/ },
  ...['entry_index', 'entry_term', 'near_entry_index', 'near_entry_term', 'hardstate_commit', 'hardstate_term', 'size_before', 'size_after', 'segments_before/**', 'library', 'entries_of_the_batch/**', 'entries/**', 'commit_frame_at', 'commit_frame_was_at', 'length'].map(
    (path) => ({ path: `expected_errors/*/${path}`, reason: 'how the damage was done; that it is named, and where, is compared' }),
  ),
  { path: 'expected_errors', reason: 'an empty list: that no error is told is compared' },
  { path: 'expected_source_ties', reason: 'an empty list: there is no tie' },
  { path: 'divergence', reason: 'an empty list: a single member' },
  ...['archive/**', 'wal_files/**', 'db/sha256', 'snapshot_files/**', 'bolt_files/**', 'snap_files/*/sha256', 'snap_files'].map((path) => ({ path: `members/*/${path}`, reason: 'files and sums of the archive as packed' })),
  ...['boot_check/**', 'boot_check_full_log/**', 'boot_check_again/**'].map((path) => ({ path: `members/*/${path}`, reason: WHAT_THE_SERVER_DID })),
  ...['before_damage/**', 'against_before_damage/tool'].map((path) => ({ path: `members/*/${path}`, reason: 'how it was before the damage; what is left is compared' })),
  ...['log/read_start_index', 'wal_read_error', 'wal_verify_error', 'wal_snapshot_records/**', 'wal_records/counts/**', 'wal_records/index_steps_back', 'wal_records/end_offset', 'wal_records/end_file', 'wal_records/stopped_by'].map((path) => ({
    path: `members/*/${path}`,
    reason: 'raw records of the WAL; the effective entries are compared',
  })),
  { path: 'members/*/log/by_type/**', reason: 'behind damage the kinds are those of the readable run', cases: /bit-flip/ },
  ...['snap_files/*/v2store_cluster_version', 'snap_files/*/v2store_index', 'snap_files/*/v2store_members/**', 'snap_files/*/v2store_removed', 'snap_files/*/v2store_removed/**'].map((path) => ({ path: `members/*/${path}`, reason: OUTSIDE_THE_REPORT })),
  ...['membership/db_members_removed/**', 'membership/db_members_removed', 'membership/db_members', 'membership/conf_changes', 'membership/conf_changes/*/member/**'].map((path) => ({ path: `members/*/${path}`, reason: OUTSIDE_THE_REPORT })),
  ...['db/bbolt_error', 'db/bbolt_txid', 'db/bbolt_check_errors', 'db/buckets/**', 'db/meta/**', 'db/hashkv/compact_revision', 'db/mvcc_error', 'db/error'].map((path) => ({ path: `members/*/${path}`, reason: COMPARED_BY_THE_BACKEND_TESTS })),
  ...['software', 'stable/**', 'log/error', 'log/read_error', 'log/commands/**', 'snapshot_list_error', 'snapshots', 'snapshots/*/version', 'snapshots/*/configuration_index', 'wal/**', 'latest_configuration/**', 'raft_GetConfiguration/**', 'log/missing_ranges', 'log/term_runs'].map(
    (path) => ({ path: `members/*/${path}`, reason: ONLY_ITS_REST }),
  ),
  ...['sha256', 'stored_as', 'library/**', 'snapshot_restore/**', 'etcdutl_hashkv/**', 'consul_snapshot_restore/**', 'after_restore/**'].map((path) => ({ path: `files/*/${path}`, reason: 'what other tools did with the file; the verdict is compared' })),
  ...['etcdctl_snapshot_status/**', 'etcdutl_snapshot_status/**', 'consul_snapshot_inspect/**'].map((path) => ({ path: `files/*/${path}`, reason: 'exit code and messages; the values that were printed are compared for files that can be read' })),
];
