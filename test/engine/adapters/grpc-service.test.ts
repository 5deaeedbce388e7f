import assert from 'node:assert/strict';
import { Client, credentials, Metadata, status } from '@grpc/grpc-js';
import type { ServiceError } from '@grpc/grpc-js';
import { GrpcTransport } from '../../../src/engine/adapters/grpc-transport.ts';
import { METHODS } from '../../../src/engine/adapters/grpc/client-methods.ts';
import type { ClientMethod } from '../../../src/engine/adapters/grpc/client-methods.ts';
import { fromFailure, fromStatus, toFailure, toStatus } from '../../../src/engine/adapters/grpc/failure.ts';
import type { CallFailure, ProposeStreamResponse, RequestHeader, StreamOutcome } from '../../../src/engine/adapters/generated/raft_inspector/v1/client.ts';
import { Outcome } from '../../../src/engine/adapters/generated/raft_inspector/v1/client.ts';
import { CallError } from '../../../src/engine/ports/node-api.ts';
import { FakeCluster, FakeNode } from '../../helpers/fake-node.ts';
import { CLUSTER } from '../../helpers/transport-pair.ts';
import { until } from '../../helpers/until.ts';

function header(overrides: Partial<RequestHeader> = {}): RequestHeader {
  return { clusterId: CLUSTER, generation: 1, from: 'test', to: '', version: 1, deadlineMs: 1_000, ...overrides };
}

describe('client service', () => {
  let node: FakeNode;
  let client: Client;

  beforeEach(async () => {
    const cluster = new FakeCluster();
    node = await FakeNode.open(cluster, 'a', { maxClientCalls: 4 });
    cluster.leader = 'a';
    client = new Client(node.address, credentials.createInsecure());
  });

  afterEach(async () => {
    client.close();
    await node.stop();
  });

  function unary<Q, R>(method: ClientMethod<Q, R>, request: Q, deadlineMs = 5_000): Promise<R> {
    return new Promise((resolve, reject) => {
      client.makeUnaryRequest(method.path, (one: Q) => Buffer.from(method.request.encode(one).finish()), (one: Buffer) => method.response.decode(one), request, new Metadata(), { deadline: Date.now() + deadlineMs }, (error, response) =>
        error === null && response !== undefined ? resolve(response) : reject(fromStatus(error as ServiceError, 'possible', 'test')),
      );
    });
  }

  const propose = (overrides: Partial<RequestHeader> = {}): Promise<unknown> => unary(METHODS.propose, { header: header(overrides), command: Buffer.from('x') });
  const failsWith = (outcome: string, rule: string) => (error: CallError): boolean => {
    assert.deepEqual([error.outcome, error.rule], [outcome, rule], error.message);
    return true;
  };

  it('answers a proposal made alone', async () => {
    assert.deepEqual(await unary(METHODS.propose, { header: header(), command: Buffer.from('x') }), { index: 1, term: 1, result: Buffer.from('x') });
  });

  const headers: [string, Partial<RequestHeader>, string, string][] = [
    ['another cluster', { clusterId: 'c-2' }, 'wrong-lineage', 'client:cluster'],
    ['no cluster', { clusterId: '' }, 'wrong-lineage', 'client:cluster'],
    ['another generation', { generation: 2 }, 'wrong-lineage', 'client:generation'],
    ['no generation', { generation: 0 }, 'wrong-lineage', 'client:generation'],
    ['another member', { to: 'b' }, 'wrong-lineage', 'client:addressee'],
    ['another version', { version: 2 }, 'bad-request', 'client:version'],
    ['no deadline', { deadlineMs: 0 }, 'bad-request', 'client:deadline'],
    ['a deadline of years', { deadlineMs: 0xffff_ffff }, 'bad-request', 'client:deadline'],
  ];
  for (const [name, overrides, rule, observed] of headers) {
    it(`B23 refuses a request that names ${name}`, async () => {
      await assert.rejects(propose(overrides), failsWith('failed', rule));
      await assert.rejects(unary(METHODS.changeMembership, { header: header(overrides), changeId: 'x', expectedIndex: undefined, change: { $case: 'promote', value: { id: 'b' } } }), failsWith('failed', rule));
      assert.deepEqual([node.calls, node.transport.counters.refused[observed]], [[], 2]);
    });
  }

  it('B23 the status may be asked without a lineage, not with a wrong one', async () => {
    assert.equal((await unary(METHODS.getStatus, { header: header({ clusterId: '', generation: 0 }) })).clusterId, CLUSTER);
    await assert.rejects(unary(METHODS.getStatus, { header: header({ clusterId: 'c-2' }) }), failsWith('failed', 'wrong-lineage'));
    await assert.rejects(unary(METHODS.getStatus, { header: undefined }), failsWith('failed', 'bad-request'));
  });

  it('gives the member what is left of the deadline, and ends by it even when the member does not', async () => {
    node.outcomes = ['never', 'never'];
    const startMs = performance.now();
    await assert.rejects(propose({ deadlineMs: 200 }), failsWith('unknown', 'timeout'));
    assert.ok(performance.now() - startMs < 3_000);
    await assert.rejects(unary(METHODS.query, { header: header({ deadlineMs: 200 }), request: Buffer.from('x'), level: { $case: 'stale', value: {} } }), failsWith('failed', 'timeout'));
    await unary(METHODS.propose, { header: header({ deadlineMs: 60_000 }), command: Buffer.from('x') }, 500);
    assert.ok(node.deadlines[0] === 200 && (node.deadlines[2] ?? 0) <= 500, node.deadlines.join(' '));
  });

  it('I24 refuses more calls than it may have in work, and takes new ones when those have ended', async () => {
    node.outcomes = ['never', 'never', 'never', 'never'];
    const hanging = Array.from({ length: 4 }, () => propose({ deadlineMs: 400 }).catch((error: CallError) => error.outcome));
    await until('four are in work', () => node.calls.length === 4);
    await assert.rejects(propose(), failsWith('failed', 'overloaded'));
    assert.deepEqual(await Promise.all(hanging), ['unknown', 'unknown', 'unknown', 'unknown']);
    await propose();
  });

  it('a query without a level, a change without a kind, a broken request are bad requests', async () => {
    await assert.rejects(unary(METHODS.query, { header: header(), request: Buffer.from('x'), level: undefined }), failsWith('failed', 'bad-request'));
    await assert.rejects(unary(METHODS.changeMembership, { header: header(), changeId: 'x', expectedIndex: undefined, change: undefined }), failsWith('failed', 'bad-request'));
    const broken = { ...METHODS.propose, request: { encode: () => ({ finish: () => Buffer.from([0x0a, 0xff, 0xff]) }), decode: (bytes: Uint8Array) => METHODS.propose.request.decode(bytes) } };
    await assert.rejects(unary(broken, { header: undefined, command: Buffer.alloc(0) }), failsWith('failed', 'bad-request'));
    assert.deepEqual(node.calls, []);
  });

  it('a bug in the member is an unknown outcome, and its text stays at home', async () => {
    node.propose = () => Promise.reject(new TypeError('secret detail'));
    await assert.rejects(propose(), (error: CallError) => failsWith('unknown', 'storage-failed')(error) && !error.message.includes('secret'));
  });

  it('a member that is starting or stopping says so, provably before anything was done', async () => {
    const early = new GrpcTransport({ clusterId: CLUSTER, generation: 1, memberId: 'b', maxFeatureLevel: 1, host: '127.0.0.1', port: 0, insecureLoopback: true });
    await early.start(() => undefined);
    client.close();
    client = new Client(`127.0.0.1:${early.port}`, credentials.createInsecure());
    await assert.rejects(propose(), failsWith('failed', 'stopping'));
    await early.stop();
  });

  describe('stream of proposals', () => {
    function stream(requests: readonly { id: number; header?: RequestHeader; deadlineMs?: number }[]): Promise<{ answers: StreamOutcome[]; error: ServiceError | null }> {
      const method = METHODS.proposeStream;
      const call = client.makeBidiStreamRequest(method.path, (one: Parameters<typeof method.request.encode>[0]) => Buffer.from(method.request.encode(one).finish()), (one: Buffer) => method.response.decode(one), new Metadata(), {});
      const answers: StreamOutcome[] = [];
      return new Promise((resolve) => {
        call.on('data', ({ outcomes }: ProposeStreamResponse) => answers.push(...outcomes));
        call.on('error', (error: ServiceError) => resolve({ answers, error }));
        call.on('end', () => resolve({ answers, error: null }));
        for (const { id, header: first, deadlineMs } of requests) call.write({ header: first, proposals: [{ id, deadlineMs: deadlineMs ?? 1_000, command: Buffer.from(String(id)) }] });
        call.end();
      });
    }

    it('answers each by its id, as it is done; one failure is only its own', async () => {
      const first = new Promise<void>((resolve) => {
        node.outcomes = [new CallError('failed', 'overloaded', 'full', { id: 'b', address: 'h:1' })];
        resolve();
      });
      await first;
      const { answers, error } = await stream([{ id: 7, header: header() }, { id: 8 }, { id: 9 }]);
      assert.equal(error, null);
      const failure = answers.find(({ id }) => id === 7)?.outcome;
      assert.deepEqual(failure, { $case: 'failure', value: { outcome: Outcome.OUTCOME_FAILED, rule: 'overloaded', message: 'full', leaderId: 'b', leaderAddress: 'h:1' } satisfies CallFailure });
      assert.deepEqual(answers.filter(({ outcome }) => outcome?.$case === 'done').map(({ id }) => id), [8, 9]);
    });

    it('B23 is refused as a whole when its first message names another cluster', async () => {
      const { answers, error } = await stream([{ id: 1, header: header({ clusterId: 'c-2' }) }, { id: 2, header: header() }]);
      assert.ok(error !== null);
      assert.deepEqual([answers, fromStatus(error, 'possible', '').outcome, fromStatus(error, 'possible', '').rule], [[], 'failed', 'wrong-lineage']);
      assert.deepEqual(node.calls, []);
    });

    it('B20 broken later, it leaves the earlier proposals unknown', async () => {
      node.outcomes = ['never'];
      const { error } = await stream([{ id: 1, header: header() }, { id: 2, deadlineMs: 0 }]);
      assert.ok(error !== null);
      assert.equal(fromStatus(error, 'possible', '').outcome, 'unknown');
    });

    it('I24 bounds what is in work', async () => {
      node.outcomes = Array.from({ length: 10 }, () => 'never' as const);
      const { answers } = await stream(Array.from({ length: 10 }, (_, at) => ({ id: at + 1, deadlineMs: 300, ...(at === 0 ? { header: header() } : {}) })));
      const rules = answers.map(({ outcome }) => (outcome?.$case === 'failure' ? outcome.value.rule : 'done'));
      assert.deepEqual([rules.filter((rule) => rule === 'timeout').length, rules.filter((rule) => rule === 'overloaded').length], [3, 7]);
    });
  });

  it('a watch that is cancelled is let go of', async () => {
    const call = client.makeServerStreamRequest(METHODS.watch.path, (one: Parameters<typeof METHODS.watch.request.encode>[0]) => Buffer.from(METHODS.watch.request.encode(one).finish()), (one: Buffer) => one, { header: header({ deadlineMs: 0 }), request: new Uint8Array(0) }, new Metadata(), {});
    call.on('error', () => undefined);
    await until('it stands', () => node.watchers.size === 1);
    call.cancel();
    await until('it is gone', () => node.watchers.size === 0);
  });
});

describe('failures on the wire', () => {
  const leader = { id: 'b', address: 'host:1' };
  for (const outcome of ['failed', 'unknown'] as const) {
    for (const at of [leader, null]) {
      it(`come back as they were: ${outcome}, ${at === null ? 'no leader' : 'a leader'}`, () => {
        const error = new CallError(outcome, 'not-leader', 'why', at);
        for (const back of [fromFailure(toFailure(error)), fromStatus(toStatus(error), 'none', 'x'), fromStatus(toStatus(error), 'possible', 'x')]) {
          assert.deepEqual([back.outcome, back.rule, back.message, back.leader], [outcome, 'not-leader', 'why', at]);
        }
      });
    }
  }

  it('without details are what the effect allows', () => {
    const bare = { code: status.UNAVAILABLE, details: 'reset' };
    assert.deepEqual([fromStatus(bare, 'none', 'x').outcome, fromStatus(bare, 'possible', 'x').outcome], ['failed', 'unknown']);
    assert.equal(fromStatus({ code: status.DEADLINE_EXCEEDED, details: '' }, 'none', 'x').rule, 'timeout');
  });

  it('of a newer version, or damaged, are never read as "certainly not executed"', () => {
    assert.equal(fromFailure({ outcome: 9 as Outcome, rule: 'not-leader', message: '', leaderId: '', leaderAddress: '' }).outcome, 'unknown');
    const metadata = new Metadata();
    metadata.set('raft-inspector-failure-bin', Buffer.from([0xff, 0xff, 0xff]));
    assert.equal(fromStatus({ code: status.UNAVAILABLE, details: '', metadata }, 'possible', 'x').outcome, 'unknown');
  });
});
