import assert from 'node:assert/strict';
import type { Clock } from '../../../src/engine/ports/clock.ts';
import type { KvStore } from '../../../src/engine/ports/kv-store.ts';
import type { Envelope, PeerBody, Transport } from '../../../src/engine/ports/transport.ts';
import { LabDecorators } from '../../../src/engine/lab/decorators.ts';
import { type MemberFaults, memberFaultsSchema } from '../../../src/engine/lab/member-fault.ts';

const faults = (some: unknown): MemberFaults => memberFaultsSchema.parse(some);

/** Remembers what was sent. */
class Wire implements Transport {
  readonly sent: Envelope[] = [];
  start(): Promise<void> {
    return Promise.resolve();
  }
  send(envelope: Envelope): void {
    this.sent.push(envelope);
  }
  setPeers(): void {}
  stop(): Promise<void> {
    return Promise.resolve();
  }
  numbers(): number[] {
    return this.sent.map(({ body }) => (body as { round: number }).round);
  }
}

function beat(round: number, to = 'n2', kind: 'heartbeat' | 'timeout-now' = 'heartbeat'): Envelope {
  const body = (kind === 'heartbeat' ? { kind, from: 'n1', to, term: 1, commit: 0, round } : { kind, from: 'n1', to, term: 1 }) as PeerBody;
  return { clusterId: 'c', generation: 1, from: 'n1', to, version: 1, maxFeatureLevel: 1, body };
}

class HandClock implements Clock {
  now = 1000;
  waits: number[] = [];
  nowMs(): number {
    return this.now;
  }
  wallClockMs(): number {
    return 5_000_000 + this.now;
  }
  after(ms: number): { cancel(): void } {
    this.waits.push(ms);
    return { cancel: () => undefined };
  }
  soon(run: () => void): void {
    run();
  }
}

describe('faults at a member’s own ports (lab mode)', () => {
  it('drop hits the kinds and addressees named, and ends when healed', () => {
    const [lab, wire] = [new LabDecorators(), new Wire()];
    const transport = lab.transport(wire);
    lab.set(faults({ messages: [{ action: 'drop', kinds: ['heartbeat'], to: ['n2'] }] }));
    transport.send(beat(1));
    transport.send(beat(2, 'n3'));
    transport.send(beat(3, 'n2', 'timeout-now'));
    assert.deepEqual(wire.sent.map(({ to, body }) => `${to} ${body.kind}`), ['n3 heartbeat', 'n2 timeout-now']);
    lab.set(faults({}));
    transport.send(beat(4));
    assert.equal(wire.sent.length, 3);
  });

  it('duplicate sends twice, hold keeps the order and releases when healed', () => {
    const [lab, wire] = [new LabDecorators(), new Wire()];
    const transport = lab.transport(wire);
    lab.set(faults({ messages: [{ action: 'duplicate' }] }));
    transport.send(beat(1));
    lab.set(faults({ messages: [{ action: 'hold' }] }));
    transport.send(beat(2));
    transport.send(beat(3));
    assert.deepEqual(wire.numbers(), [1, 1]);
    lab.set(faults({}));
    assert.deepEqual(wire.numbers(), [1, 1, 2, 3]);
  });

  it('reorder lets later messages overtake and loses none', () => {
    const [lab, wire] = [new LabDecorators(), new Wire()];
    const transport = lab.transport(wire);
    lab.set(faults({ messages: [{ action: 'reorder', chance: 0.5 }] }));
    for (let round = 1; round <= 200; round += 1) transport.send(beat(round));
    lab.set(faults({}));
    const numbers = wire.numbers();
    assert.notDeepEqual(numbers, [...numbers].sort((a, b) => a - b));
    assert.deepEqual([...numbers].sort((a, b) => a - b), Array.from({ length: 200 }, (_, at) => at + 1));
  });

  it('a failing disk tells ENOSPC or EIO, and whether the commit landed is not to be seen from the error', async () => {
    const commits: string[] = [];
    const inner = { transact: () => Promise.resolve(void commits.push('landed')) } as unknown as KvStore;
    const lab = new LabDecorators();
    const [raft, state] = [lab.kvStore(inner, 'raft'), lab.kvStore(inner, 'state')];
    lab.set(faults({ disk: [{ part: 'raft', fails: 'ENOSPC' }] }));
    await assert.rejects(raft.transact([]), { code: 'STORAGE_FAILED', reason: 'full' });
    assert.equal(commits.length, 0);
    await state.transact([]);
    lab.set(faults({ disk: [{ part: 'raft', fails: 'EIO', lands: true }] }));
    await assert.rejects(raft.transact([]), { code: 'STORAGE_FAILED', reason: 'io' });
    assert.equal(commits.length, 2);
    lab.set(faults({}));
    await raft.transact([]);
  });

  it('a slow disk commits and answers late', async () => {
    const lab = new LabDecorators();
    const store = lab.kvStore({ transact: () => Promise.resolve() } as unknown as KvStore, 'raft');
    lab.set(faults({ disk: [{ part: 'raft', delayMs: 40 }] }));
    const before = performance.now();
    await store.transact([]);
    assert.ok(performance.now() - before >= 38);
  });

  it('a drifting clock never jumps or goes back, whatever rate follows which', () => {
    const [lab, hand] = [new LabDecorators(), new HandClock()];
    const clock = lab.clock(hand);
    let last = clock.nowMs();
    for (const rate of [2, 0.1, 10, 1, 0.5]) {
      lab.set(faults({ clock: { rate } }));
      assert.equal(clock.nowMs(), last, 'no jump when the rate changes');
      hand.now += 100;
      assert.ok(Math.abs(clock.nowMs() - last - 100 * rate) < 1e-6);
      last = clock.nowMs();
    }
    lab.set(faults({ clock: { rate: 2, wallOffsetMs: -3_600_000 } }));
    assert.equal(clock.wallClockMs(), hand.wallClockMs() - 3_600_000);
    assert.equal(clock.nowMs(), last);
    clock.after(100, () => undefined);
    assert.deepEqual(hand.waits, [50], 'a fast clock waits for less');
  });
});
