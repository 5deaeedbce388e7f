import assert from 'node:assert/strict';
import type { PeerBody } from '../../../src/engine/ports/transport.ts';
import { decodeFrame, encodeFrame, sizeOf } from '../../../src/engine/adapters/grpc/peer-codec.ts';
import { QUEUE_BOUNDS, LaneQueue } from '../../../src/engine/adapters/grpc/lane-queue.ts';
import { LIMITS } from '../../../src/engine/adapters/grpc/limits.ts';
import { envelope, heartbeat } from '../../helpers/transport-pair.ts';

const head = { from: 'a', to: 'b', term: 7 };
const bytes = (...values: number[]): Uint8Array => Uint8Array.from(values);

const bodies: PeerBody[] = [
  { ...head, kind: 'vote', phase: 'pre-vote', campaign: 3, lastEntry: { term: 2, index: 9 }, isTransfer: false },
  { ...head, kind: 'vote', phase: 'vote', campaign: 4, lastEntry: { term: 0, index: 0 }, isTransfer: true },
  { ...head, kind: 'vote-reply', phase: 'vote', campaign: 4, isGranted: true },
  { ...head, kind: 'vote-reply', phase: 'pre-vote', campaign: 4, isGranted: false },
  {
    ...head,
    kind: 'append',
    number: 11,
    prev: { term: 5, index: 40 },
    entries: [
      { index: 41, term: 5, kind: 'command', wallClockMs: 1_700_000_000_123, payload: bytes(1, 2, 3) },
      { index: 42, term: 7, kind: 'noop', wallClockMs: 0, payload: bytes() },
      { index: 43, term: 7, kind: 'confChange', wallClockMs: 1, payload: bytes(255) },
    ],
    commit: 40,
  },
  { ...head, kind: 'append', number: 12, prev: { term: 0, index: 0 }, entries: [], commit: 0 },
  { ...head, kind: 'append-reply', number: 12, incarnation: 2, result: { kind: 'stored', match: 43 } },
  { ...head, kind: 'append-reply', number: 12, incarnation: 2, result: { kind: 'conflict', conflictTerm: null, firstIndex: 5, lastIndex: 4 } },
  { ...head, kind: 'append-reply', number: 12, incarnation: 2, result: { kind: 'conflict', conflictTerm: 0, firstIndex: 5, lastIndex: 4 } },
  { ...head, kind: 'heartbeat', commit: Number.MAX_SAFE_INTEGER, round: 1 },
  { ...head, kind: 'heartbeat-reply', round: 1, incarnation: 9, durableIndex: 50 },
  { ...head, kind: 'read-index', id: 5 },
  { ...head, kind: 'read-index-reply', id: 5, index: null },
  { ...head, kind: 'read-index-reply', id: 5, index: 0 },
  { ...head, kind: 'timeout-now' },
  { ...head, kind: 'snapshot-reply', index: 50, incarnation: 9 },
  { ...head, kind: 'removed', configurationIndex: 33 },
  { ...head, kind: 'snapshot-chunk', snapshotId: '7-50-abc', manifest: bytes(123, 125), offset: 0, bytes: bytes(9), crc32c: 0xffff_ffff, isLast: false },
  { ...head, kind: 'snapshot-chunk', snapshotId: '7-50-abc', manifest: null, offset: 1, bytes: bytes(), crc32c: 0, isLast: true },
  { ...head, kind: 'snapshot-ack', snapshotId: '7-50-abc', offset: 1, status: 'go-on' },
  { ...head, kind: 'snapshot-ack', snapshotId: '7-50-abc', offset: 1, status: 'done' },
  { ...head, kind: 'snapshot-ack', snapshotId: '7-50-abc', offset: 1, status: 'refused' },
];

describe('messages between members', () => {
  const frameHead = { clusterId: 'c', generation: 2, from: 'a', to: 'b', version: 1, maxFeatureLevel: 4 };

  for (const body of bodies) {
    it(`come back as they were: ${body.kind} ${JSON.stringify(body).slice(40, 90)}`, () => {
      const frame = decodeFrame(encodeFrame({ head: frameHead, lane: 'control', address: 'host:1', bodies: [body] }));
      assert.deepEqual(frame, { head: frameHead, lane: 'control', address: 'host:1', bodies: [body] });
    });
  }

  it('are never larger than the queues think, but for a few bytes', () => {
    const empty = encodeFrame({ head: frameHead, lane: 'append', address: '', bodies: [] }).length;
    for (const body of bodies) {
      const size = encodeFrame({ head: frameHead, lane: 'append', address: '', bodies: [body] }).length - empty;
      assert.ok(size <= sizeOf(body) + 32, `${body.kind}: ${size} bytes, estimated ${sizeOf(body)}`);
    }
  });

  it('payloads are views of the frame, not copies', () => {
    const frame = encodeFrame({ head: frameHead, lane: 'append', address: '', bodies: bodies.filter(({ kind }) => kind === 'append') });
    const [append] = decodeFrame(frame).bodies;
    assert.ok(append?.kind === 'append');
    assert.equal(append.entries[0]?.payload.buffer, frame.buffer);
  });
});

describe('queue of a lane (I24)', () => {
  const beat = (round: number, maxFeatureLevel = 1): ReturnType<typeof envelope> => envelope(heartbeat('a', 'b', round), { maxFeatureLevel });
  const rounds = (queue: LaneQueue): number[] => (queue.take()?.bodies ?? []).map((body) => (body.kind === 'heartbeat' ? body.round : -1));

  it('drops the oldest control message when full', () => {
    const queue = new LaneQueue({ ...QUEUE_BOUNDS.control, messages: 3 });
    assert.deepEqual([1, 2, 3, 4, 5].map((round) => queue.push(beat(round), 0)), [0, 0, 0, 1, 1]);
    assert.deepEqual(rounds(queue), [3, 4, 5]);
  });

  it('drops the newest append when full', () => {
    const queue = new LaneQueue({ ...QUEUE_BOUNDS.append, messages: 3 });
    assert.deepEqual([1, 2, 3, 4, 5].map((round) => queue.push(beat(round), 0)), [0, 0, 0, 1, 1]);
    assert.deepEqual(rounds(queue), [1, 2, 3]);
  });

  it('bounds bytes as well as messages', () => {
    const queue = new LaneQueue({ messages: 100, bytes: 200, drop: 'newest' });
    assert.deepEqual([1, 2, 3, 4].map((round) => queue.push(beat(round), 0)), [0, 0, 0, 1]);
  });

  it('never takes a message that no frame can hold', () => {
    const queue = new LaneQueue(QUEUE_BOUNDS.append);
    const huge = { index: 1, term: 1, kind: 'command' as const, wallClockMs: 0, payload: new Uint8Array(LIMITS.messageBytes) };
    assert.equal(queue.push(envelope({ ...head, kind: 'append', number: 1, prev: { term: 0, index: 0 }, entries: [huge], commit: 0 }), 0), 1);
    assert.equal(queue.take(), null);
  });

  it('puts only messages with one envelope into a frame, in order', () => {
    const queue = new LaneQueue(QUEUE_BOUNDS.control);
    for (const [round, level] of [[1, 1], [2, 1], [3, 2], [4, 1]] as const) queue.push(beat(round, level), 0);
    assert.deepEqual([rounds(queue), rounds(queue), rounds(queue), rounds(queue)], [[1, 2], [3], [4], []]);
  });

  it('forgets what waited too long', () => {
    const queue = new LaneQueue(QUEUE_BOUNDS.control);
    for (const round of [1, 2, 3]) queue.push(beat(round), round * 10);
    assert.equal(queue.dropBefore(25), 2);
    assert.deepEqual(rounds(queue), [3]);
  });

  it('keeps order over many thousands', () => {
    const queue = new LaneQueue(QUEUE_BOUNDS.control);
    const seen: number[] = [];
    for (let round = 1; round <= 5_000; round++) {
      queue.push(beat(round), 0);
      if (round % 7 === 0) seen.push(...rounds(queue));
    }
    seen.push(...rounds(queue));
    assert.deepEqual(seen, Array.from({ length: 5_000 }, (_, at) => at + 1));
  });
});
