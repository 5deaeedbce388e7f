import type { LogPosition, MemberId } from '../../core/types.ts';
import { ProtobufReader } from '../protobuf.ts';

/** raftpb.HardState {1 V term, 2 V vote, 3 V commit}; `vote` null for none. */
export interface StoredHardState {
  term: number;
  vote: MemberId | null;
  commit: number;
}

export interface StoredConfState {
  voters: MemberId[];
  learners: MemberId[];
}

export type ConfChangeType = 'add-voter' | 'remove' | 'update' | 'add-learner';

/** raftpb.ConfChange with its context, etcd's description of the member. */
export interface StoredConfChange {
  type: ConfChangeType;
  id: MemberId;
  isPromote: boolean;
  name: string | null;
  peerUrls: string[];
  clientUrls: string[];
}

const CONF_CHANGE_TYPES: readonly ConfChangeType[] = ['add-voter', 'remove', 'update', 'add-learner'];

export function decodeHardState(data: Uint8Array): StoredHardState {
  const state: StoredHardState = { term: 0, vote: null, commit: 0 };
  for (const reader = new ProtobufReader(data); reader.next(); ) {
    if (reader.field === 1) state.term = reader.number;
    else if (reader.field === 2) state.vote = reader.bigint === 0n ? null : reader.hex;
    else if (reader.field === 3) state.commit = reader.number;
  }
  return state;
}

/** etcdserverpb.Metadata {1 V NodeID, 2 V ClusterID}. */
export function decodeMetadata(data: Uint8Array): { memberId: MemberId; clusterId: string } {
  const ids = { memberId: '0', clusterId: '0' };
  for (const reader = new ProtobufReader(data); reader.next(); ) {
    if (reader.field === 1) ids.memberId = reader.hex;
    else if (reader.field === 2) ids.clusterId = reader.hex;
  }
  return ids;
}

/** walpb.Snapshot {1 V index, 2 V term, 3 L conf_state}. */
export function decodeWalSnapshot(data: Uint8Array): LogPosition {
  const position = { term: 0, index: 0 };
  for (const reader = new ProtobufReader(data); reader.next(); ) {
    if (reader.field === 1) position.index = reader.number;
    else if (reader.field === 2) position.term = reader.number;
  }
  return position;
}

/** raftpb.ConfState {1 V* voters, 2 V* learners, 3-5 unused by etcd}. */
export function decodeConfState(reader: ProtobufReader): StoredConfState {
  const state: StoredConfState = { voters: [], learners: [] };
  while (reader.next()) {
    if (reader.field === 1) state.voters.push(...reader.hexList());
    else if (reader.field === 2) state.learners.push(...reader.hexList());
  }
  return state;
}

/** raftpb.SnapshotMetadata {1 L conf_state, 2 V index, 3 V term}. */
export function decodeSnapshotMetadata(data: Uint8Array): LogPosition & { confState: StoredConfState } {
  const metadata = { term: 0, index: 0, confState: { voters: [], learners: [] } as StoredConfState };
  for (const reader = new ProtobufReader(data); reader.next(); ) {
    if (reader.field === 1) metadata.confState = decodeConfState(reader.message);
    else if (reader.field === 2) metadata.index = reader.number;
    else if (reader.field === 3) metadata.term = reader.number;
  }
  return metadata;
}

/**
 * raftpb.ConfChange {1 V id, 2 V type, 3 V node_id, 4 L context}. The member's id is taken from `node_id`: the context repeats it
 * as a bare JSON number above 2^53, and etcd panics where the two differ.
 */
export function decodeConfChange(data: Uint8Array): StoredConfChange | null {
  let type = 0;
  let id = '0';
  let context: unknown = null;
  for (const reader = new ProtobufReader(data); reader.next(); ) {
    if (reader.field === 2) type = reader.number;
    else if (reader.field === 3) id = reader.hex;
    else if (reader.field === 4) context = parseJson(reader.text);
  }
  const known = CONF_CHANGE_TYPES[type];
  return known === undefined ? null : { type: known, id, ...memberFacts(context) };
}

/** What etcd's member JSON tells besides the id (server/etcdserver/api/membership/member.go); wrong shapes count as absent. */
export function memberFacts(json: unknown): { isPromote: boolean; isLearner: boolean; name: string | null; peerUrls: string[]; clientUrls: string[] } {
  const fields = (typeof json === 'object' && json !== null ? json : {}) as Record<string, unknown>;
  const name = fields['name'];
  return {
    isPromote: fields['isPromote'] === true,
    isLearner: fields['isLearner'] === true,
    name: typeof name === 'string' && name !== '' ? name : null,
    peerUrls: strings(fields['peerURLs']),
    clientUrls: strings(fields['clientURLs']),
  };
}

export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

function strings(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((item): item is string => typeof item === 'string') : [];
}
