import * as wire from '../generated/raft_inspector/v1/client.ts';

interface Codec<T> {
  encode(message: T): { finish(): Uint8Array };
  decode(bytes: Uint8Array): T;
}

/** One method of the client service: where it lives and how its messages are written. */
export interface ClientMethod<Request, Response> {
  readonly path: string;
  readonly request: Codec<Request>;
  readonly response: Codec<Response>;
  readonly streams: 'none' | 'response' | 'both';
}

function method<Request, Response>(name: string, request: Codec<Request>, response: Codec<Response>, streams: ClientMethod<Request, Response>['streams'] = 'none'): ClientMethod<Request, Response> {
  return { path: `/raft_inspector.v1.ClientService/${name}`, request, response, streams };
}

export const METHODS = {
  propose: method('Propose', wire.ProposeRequest, wire.ProposeResponse),
  proposeStream: method('ProposeStream', wire.ProposeStreamRequest, wire.ProposeStreamResponse, 'both'),
  query: method('Query', wire.QueryRequest, wire.QueryResponse),
  watch: method('Watch', wire.WatchRequest, wire.WatchResponse, 'response'),
  getStatus: method('GetStatus', wire.GetStatusRequest, wire.GetStatusResponse),
  changeMembership: method('ChangeMembership', wire.ChangeMembershipRequest, wire.ChangeMembershipResponse),
  transfer: method('Transfer', wire.TransferRequest, wire.TransferResponse),
  takeSnapshot: method('TakeSnapshot', wire.TakeSnapshotRequest, wire.TakeSnapshotResponse),
  readSnapshot: method('ReadSnapshot', wire.ReadSnapshotRequest, wire.ReadSnapshotResponse, 'response'),
  compact: method('Compact', wire.CompactRequest, wire.CompactResponse),
} as const;
