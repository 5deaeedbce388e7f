import type { LogPosition, MemberId, Term } from '../../core/types.ts';
import type { ConfChangeType, StoredConfState, StoredHardState } from '../../readers/etcd/raft-messages.ts';
import { bytesField, idNumber, varintField } from './protobuf.ts';

const NORMAL = 0;
const CONF_CHANGE = 1;
const CONF_CHANGE_TYPES: readonly ConfChangeType[] = ['add-voter', 'remove', 'update', 'add-learner'];

/** A change of the configuration as a recovery writes it. */
export interface ConfChangeToWrite {
  type: ConfChangeType;
  id: MemberId;
  /** JSON of the member; a removal has none. */
  context: string | null;
}

/**
 * raftpb.ConfChange {1 V id, 2 V type, 3 V node_id, 4 L context}. Its own id is 0, as in all entries that answer no client.
 * @see etcd v3.6.14, server/storage/util.go (CreateConfigChangeEnts)
 */
export function encodeConfChange({ type, id, context }: ConfChangeToWrite): Buffer {
  const fields = [varintField(1, 0), varintField(2, CONF_CHANGE_TYPES.indexOf(type)), varintField(3, idNumber(id))];
  if (context !== null) fields.push(bytesField(4, context));
  return Buffer.concat(fields);
}

/** raftpb.Entry {1 V type, 2 V term, 3 V index, 4 L data}; the field of the data is left out where there is none. */
function encodeEntry(type: number, { term, index }: LogPosition, data: Uint8Array): Buffer {
  const head = [varintField(1, type), varintField(2, term), varintField(3, index)];
  return Buffer.concat(data.length > 0 ? [...head, bytesField(4, data)] : head);
}

export function encodeNormalEntry(position: LogPosition, data: Uint8Array): Buffer {
  return encodeEntry(NORMAL, position, data);
}

export function encodeConfChangeEntry(position: LogPosition, change: ConfChangeToWrite): Buffer {
  return encodeEntry(CONF_CHANGE, position, encodeConfChange(change));
}

/** raftpb.HardState {1 V term, 2 V vote, 3 V commit}. */
export function encodeHardState({ term, vote, commit }: StoredHardState): Buffer {
  return Buffer.concat([varintField(1, term), varintField(2, vote === null ? 0 : idNumber(vote)), varintField(3, commit)]);
}

/** etcdserverpb.Metadata {1 V NodeID, 2 V ClusterID}. */
export function encodeMetadata(memberId: MemberId, clusterId: string): Buffer {
  return Buffer.concat([varintField(1, idNumber(memberId)), varintField(2, idNumber(clusterId))]);
}

/** raftpb.ConfState {1 V* voters, 2 V* learners, 5 V auto_leave}; 3.3 knows the first two and skips the rest. */
function encodeConfState({ voters, learners }: StoredConfState): Buffer {
  return Buffer.concat([...voters.map((id) => varintField(1, idNumber(id))), ...learners.map((id) => varintField(2, idNumber(id))), varintField(5, 0)]);
}

/** walpb.Snapshot {1 V index, 2 V term, 3 L conf_state, since 3.5}. */
export function encodeWalSnapshot({ term, index }: LogPosition, confState: StoredConfState | null): Buffer {
  const head = [varintField(1, index), varintField(2, term)];
  return Buffer.concat(confState === null ? head : [...head, bytesField(3, encodeConfState(confState))]);
}

/** raftpb.Snapshot {1 L data, 2 L metadata {1 L conf_state, 2 V index, 3 V term}}. */
export function encodeSnapshot(data: Uint8Array, confState: StoredConfState, { term, index }: { term: Term; index: number }): Buffer {
  const metadata = Buffer.concat([bytesField(1, encodeConfState(confState)), varintField(2, index), varintField(3, term)]);
  return Buffer.concat([bytesField(1, data), bytesField(2, metadata)]);
}
