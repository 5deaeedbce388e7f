import tls from 'node:tls';
import { Client, credentials, Metadata } from '@grpc/grpc-js';
import type { ServiceError } from '@grpc/grpc-js';
import type { TlsMaterial } from '../../src/engine/adapters/grpc-transport.ts';
import { fromStatus } from '../../src/engine/adapters/grpc/failure.ts';
import { DELIVER_PATH } from '../../src/engine/adapters/grpc/lane.ts';

/** How a stream to the peer service went: greeted or not, and the rule it ended with (null: it stayed open). */
export interface RawOutcome {
  greetings: number;
  rule: string | null;
}

/** A peer that checks nothing and sends whatever bytes it is given: what an attacker could do. Ends by itself. */
export function sendRaw(address: string, material: Partial<TlsMaterial> | null, frames: readonly Buffer[], options: { maxVersion?: tls.SecureVersion; waitMs?: number } = {}): Promise<RawOutcome> {
  const channel =
    material === null
      ? credentials.createInsecure()
      : credentials.createFromSecureContext(
          tls.createSecureContext({ ca: material.ca, cert: material.certificate, key: material.key, ...(options.maxVersion === undefined ? {} : { maxVersion: options.maxVersion }) }),
          { checkServerIdentity: () => undefined, rejectUnauthorized: false },
        );
  const client = new Client(address, channel, { 'grpc.use_local_subchannel_pool': 1, 'grpc.ssl_target_name_override': 'member.raft-inspector.internal' });
  const stream = client.makeBidiStreamRequest<Buffer, Buffer>(DELIVER_PATH, (bytes) => bytes, (bytes) => bytes, new Metadata(), {});
  const outcome: RawOutcome = { greetings: 0, rule: null };
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      stream.cancel();
      client.close();
      resolve({ ...outcome });
    };
    const timer = setTimeout(done, options.waitMs ?? 400);
    stream.on('data', () => void (outcome.greetings += 1));
    stream.on('error', (error: ServiceError) => {
      outcome.rule ??= fromStatus(error, 'none', 'raw').rule;
      done();
    });
    for (const frame of frames) stream.write(frame);
  });
}
