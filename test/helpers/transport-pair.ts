import type { Envelope, PeerBody } from '../../src/engine/ports/transport.ts';
import { GrpcTransport } from '../../src/engine/adapters/grpc-transport.ts';
import type { GrpcTransportOptions } from '../../src/engine/adapters/grpc-transport.ts';

export const CLUSTER = 'c-1';

/** A transport on 127.0.0.1 with all that it received and refused. */
export interface Endpoint {
  readonly transport: GrpcTransport;
  readonly received: Envelope[];
  readonly refused: string[];
  readonly address: string;
}

export async function openEndpoint(memberId: string, options: Partial<GrpcTransportOptions> = {}): Promise<Endpoint> {
  const received: Envelope[] = [];
  const refused: string[] = [];
  const transport = new GrpcTransport({
    clusterId: CLUSTER,
    generation: 1,
    memberId,
    maxFeatureLevel: 1,
    host: '127.0.0.1',
    port: 0,
    observer: { refused: (rule, from) => void refused.push(`${rule} ${rule.startsWith('certificate-') || rule === 'tls-handshake' ? '' : from}`.trim()) },
    ...(options.tls === undefined ? { insecureLoopback: true } : {}),
    ...options,
  });
  await transport.start((envelope) => void received.push(envelope));
  return { transport, received, refused, address: `127.0.0.1:${transport.port}` };
}

export function heartbeat(from: string, to: string, round: number): PeerBody {
  return { kind: 'heartbeat', from, to, term: 1, commit: 0, round };
}

export function envelope(body: PeerBody, overrides: Partial<Envelope> = {}): Envelope {
  return { clusterId: CLUSTER, generation: 1, from: body.from, to: body.to, version: 1, maxFeatureLevel: 1, body, ...overrides };
}
