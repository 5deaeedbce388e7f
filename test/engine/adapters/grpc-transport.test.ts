import assert from 'node:assert/strict';
import { ClusterCertificates } from '../../helpers/cluster-certificates.ts';
import { CLUSTER, envelope, heartbeat, openEndpoint } from '../../helpers/transport-pair.ts';
import type { Endpoint } from '../../helpers/transport-pair.ts';
import { until } from '../../helpers/until.ts';

describe('gRPC transport', () => {
  const open: Endpoint[] = [];
  let certificates: ClusterCertificates;

  before(async () => {
    certificates = await ClusterCertificates.make(CLUSTER);
  });

  afterEach(async () => {
    await Promise.all(open.splice(0).map(({ transport }) => transport.stop()));
  });

  async function member(...args: Parameters<typeof openEndpoint>): Promise<Endpoint> {
    const made = await openEndpoint(...args);
    open.push(made);
    return made;
  }

  it('B23 carries an envelope over mutual TLS', async () => {
    const a = await member('a', { tls: await certificates.member('a') });
    const b = await member('b', { tls: await certificates.member('b') });
    a.transport.setPeers([{ id: 'b', address: b.address }]);
    a.transport.send(envelope(heartbeat('a', 'b', 7)));
    await until('b hears a', () => b.received.length > 0);
    assert.deepEqual(b.received, [envelope(heartbeat('a', 'b', 7))]);
    assert.deepEqual([...a.refused, ...b.refused], []);
  });
});
