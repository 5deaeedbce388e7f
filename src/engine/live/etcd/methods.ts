import * as wire from '../../adapters/generated/raft_inspector/etcd/v3/etcd.ts';

interface Codec<T> {
  encode(message: T): { finish(): Uint8Array };
  decode(bytes: Uint8Array): T;
}

/** One method of etcd's v3 API. */
export interface EtcdMethod<Request, Response> {
  readonly path: string;
  readonly request: Codec<Request>;
  readonly response: Codec<Response>;
  /** Whether a call that was sent may have changed something although no answer came. */
  readonly effect: 'none' | 'possible';
}

function method<Request, Response>(name: string, request: Codec<Request>, response: Codec<Response>, effect: EtcdMethod<Request, Response>['effect'] = 'none'): EtcdMethod<Request, Response> {
  return { path: `/etcdserverpb.${name}`, request, response, effect };
}

export const METHODS = {
  status: method('Maintenance/Status', wire.Nothing, wire.StatusResponse),
  moveLeader: method('Maintenance/MoveLeader', wire.MoveLeaderRequest, wire.HeaderResponse, 'possible'),
  hashKv: method('Maintenance/HashKV', wire.HashKvRequest, wire.HashKvResponse),
  alarm: method('Maintenance/Alarm', wire.AlarmRequest, wire.AlarmResponse),
  snapshot: method('Maintenance/Snapshot', wire.Nothing, wire.SnapshotResponse),
  memberList: method('Cluster/MemberList', wire.MemberListRequest, wire.MembersResponse),
  memberAdd: method('Cluster/MemberAdd', wire.MemberAddRequest, wire.MemberAddResponse, 'possible'),
  memberRemove: method('Cluster/MemberRemove', wire.MemberIdRequest, wire.MembersResponse, 'possible'),
  memberPromote: method('Cluster/MemberPromote', wire.MemberIdRequest, wire.MembersResponse, 'possible'),
  memberUpdate: method('Cluster/MemberUpdate', wire.MemberUpdateRequest, wire.MembersResponse, 'possible'),
  range: method('KV/Range', wire.RangeRequest, wire.RangeResponse),
  put: method('KV/Put', wire.PutRequest, wire.PutResponse, 'possible'),
  deleteRange: method('KV/DeleteRange', wire.DeleteRangeRequest, wire.DeleteRangeResponse, 'possible'),
  authenticate: method('Auth/Authenticate', wire.AuthenticateRequest, wire.AuthenticateResponse),
} as const;

/** An identity of 64 bits, from its decimal digits to the spelling of etcd's own tools: lower-case hex without leading zeros. */
export function toHexId(decimal: string): string {
  return BigInt(decimal).toString(16);
}

/** And back. @throws {RangeError} When the text is no such identity. */
export function toDecimalId(hex: string): string {
  if (!/^[0-9a-f]{1,16}$/i.test(hex)) throw new RangeError(`${hex} is no etcd member id`);
  return BigInt(`0x${hex}`).toString();
}
