import assert from 'node:assert/strict';
import { Client, credentials, Metadata, type ServiceError } from '@grpc/grpc-js';
import { METHODS } from '../../../../src/engine/adapters/grpc/client-methods.ts';
import { fromStatus } from '../../../../src/engine/adapters/grpc/failure.ts';
import type { RequestHeader } from '../../../../src/engine/adapters/generated/raft_inspector/v1/client.ts';
import { FakeCluster, FakeNode } from '../../../helpers/fake-node.ts';
import { CLUSTER } from '../../../helpers/transport-pair.ts';

/** A request of every kind, as a client or operator of that generation would send it. */
function requests(header: RequestHeader): Readonly<Record<keyof typeof METHODS, Uint8Array>> {
  const bytes = Buffer.from('x');
  return {
    propose: METHODS.propose.request.encode({ header, command: bytes }).finish(),
    proposeStream: METHODS.proposeStream.request.encode({ header, proposals: [{ id: 1, deadlineMs: 500, command: bytes }] }).finish(),
    query: METHODS.query.request.encode({ header, request: bytes, level: { $case: 'stale', value: {} } }).finish(),
    watch: METHODS.watch.request.encode({ header, request: bytes }).finish(),
    getStatus: METHODS.getStatus.request.encode({ header }).finish(),
    changeMembership: METHODS.changeMembership.request.encode({ header, changeId: 'x', expectedIndex: undefined, change: { $case: 'promote', value: { id: 'b' } } }).finish(),
    transfer: METHODS.transfer.request.encode({ header, to: undefined }).finish(),
    takeSnapshot: METHODS.takeSnapshot.request.encode({ header }).finish(),
    readSnapshot: METHODS.readSnapshot.request.encode({ header, id: undefined }).finish(),
    compact: METHODS.compact.request.encode({ header }).finish(),
  };
}

describe('calls of an older generation (B23, I17)', () => {
  let node: FakeNode;
  let client: Client;
  beforeEach(async () => {
    const cluster = new FakeCluster();
    node = await FakeNode.open(cluster, 'a-g2', { generation: 2 });
    cluster.leader = 'a-g2';
    client = new Client(node.address, credentials.createInsecure());
  });
  afterEach(async () => {
    client.close();
    await node.stop();
  });

  /** The rule a call ends with; null when it was answered. */
  function ruleOf(name: keyof typeof METHODS, request: Uint8Array): Promise<string | null> {
    const { path, streams } = METHODS[name];
    const plain = (bytes: Uint8Array): Buffer => Buffer.from(bytes);
    const asIs = (bytes: Buffer): Buffer => bytes;
    const rule = (error: ServiceError): string => fromStatus(error, 'possible', 'test').rule;
    return new Promise((resolve) => {
      if (streams === 'none') {
        client.makeUnaryRequest(path, plain, asIs, request, new Metadata(), { deadline: Date.now() + 5000 }, (error) => resolve(error === null ? null : rule(error)));
        return;
      }
      const both = streams === 'both' ? client.makeBidiStreamRequest(path, plain, asIs, new Metadata(), {}) : null;
      const stream = both ?? client.makeServerStreamRequest(path, plain, asIs, request, new Metadata(), {});
      stream.on('error', (error: ServiceError) => resolve(rule(error)));
      stream.on('data', () => {
        resolve(null);
        stream.cancel();
      });
      stream.on('end', () => resolve(null));
      both?.write(request);
    });
  }

  const header = (generation: number): RequestHeader => ({ clusterId: CLUSTER, generation, from: 'operator', to: '', version: 1, deadlineMs: 1000 });

  for (const name of Object.keys(METHODS) as (keyof typeof METHODS)[]) {
    it(`${name} is refused, and reaches no member`, async () => {
      assert.equal(await ruleOf(name, requests(header(1))[name]), 'wrong-lineage');
      assert.deepEqual([node.calls, node.transport.counters.refused['client:generation']], [[], 1]);
      assert.notEqual(await ruleOf(name, requests(header(2))[name]), 'wrong-lineage', 'in its own generation it is heard');
    });
  }
});
