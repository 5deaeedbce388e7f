import assert from 'node:assert/strict';
import { KvClient } from '../../src/engine/client/kv-client.ts';
import { RaftClient } from '../../src/engine/client/raft-client.ts';
import { CallError } from '../../src/engine/ports/node-api.ts';
import { ensureBuilt } from '../helpers/run-cli.ts';
import { TestLab, until } from '../helpers/lab.ts';
import { pause } from '../helpers/pause.ts';
import { Load } from '../helpers/load.ts';

const RUNS = Number(process.env['RAFT_INSPECTOR_PARTITIONS'] ?? 1);
const CUT_MS = Number(process.env['RAFT_INSPECTOR_PARTITION_MS'] ?? 2500);
/** Set by the long script: a shared machine says nothing about time. */
const JUDGES_TIME = process.env['RAFT_INSPECTOR_JUDGE_TIME'] === '1';
const CALL_MS = 700;

/** A client that reaches the members named and no others: it is on their side of the partition. */
function clientOn(lab: TestLab, ids: readonly string[]): RaftClient {
  const { members, tls, clusterId } = lab.connection;
  const near = members.filter((one) => ids.includes(one.id)).map((one) => one.address);
  return new RaftClient({ endpoints: near, tls, clusterId, attemptMs: 200, dial: (_id, address) => (near.includes(address) ? address : '127.0.0.1:1') });
}

/** Writes and reads on the losing side until told to end: what was answered, and what took longer than it may. */
async function knock(client: RaftClient, isOver: () => boolean): Promise<{ acked: string[]; reads: number; late: number; untyped: unknown[]; calls: number }> {
  const kv = new KvClient(client);
  const seen = { acked: [] as string[], reads: 0, late: 0, untyped: [] as unknown[], calls: 0 };
  const call = async (run: () => Promise<void>): Promise<void> => {
    const began = performance.now();
    seen.calls += 1;
    await run().catch((error: unknown) => (error instanceof CallError ? undefined : seen.untyped.push(error)));
    if (performance.now() - began > CALL_MS + 500) seen.late += 1;
  };
  const write = async (): Promise<void> => {
    for (let at = 0; !isOver(); at += 1) {
      await call(async () => {
        await kv.put(Buffer.from(`minority/${at}`), Buffer.from('x'), { timeoutMs: CALL_MS });
        seen.acked.push(`minority/${at}`);
      });
      await pause(20);
    }
  };
  const read = async (): Promise<void> => {
    while (!isOver()) {
      await call(async () => {
        await kv.get(Buffer.from('load/0/0'), { level: { kind: 'linearizable' }, timeoutMs: CALL_MS });
        seen.reads += 1;
      });
      await pause(20);
    }
  };
  await Promise.all([write(), read()]);
  return seen;
}

describe(`lab: five members parted 3 | 2 (F2), ${RUNS} run${RUNS > 1 ? 's' : ''} of each kind`, function () {
  this.timeout(120_000 + RUNS * 4 * (CUT_MS + 60_000));
  let lab: TestLab;

  before(async () => {
    ensureBuilt();
    lab = await TestLab.up(5);
  });
  after(() => lab?.end());

  async function parted(leaderIs: 'in the minority' | 'in the majority', mode: 'cut' | 'stall', run: number): Promise<void> {
    const load = new Load(lab.connection, { writers: 8, prefix: `${leaderIs}-${mode}-${run}/` });
    let client: RaftClient | undefined;
    try {
      const before = await lab.settled();
      const leader = before.leader ?? '';
      const others = before.members.map((one) => one.id).filter((id) => id !== leader);
      const minority = leaderIs === 'in the minority' ? [leader, ...others.slice(0, 1)] : others.slice(0, 2);
      const majority = before.members.map((one) => one.id).filter((id) => !minority.includes(id));
      const links = before.links.filter(({ from, to }) => minority.includes(from) !== minority.includes(to)).map(({ from, to }) => ({ from, to }));
      client = clientOn(lab, minority);
      load.start();
      await until('traffic', () => load.acked.size > 50);
      await lab.order({ kind: 'links', links, fault: { mode } });
      const cutAt = performance.now();
      await pause(300); // a read that was confirmed before the cut may still be answered
      let isOver = false;
      const knocking = knock(client, () => isOver);
      const again = await until('a write acknowledged by the majority', () => load.ackTimes.find((at) => at > cutAt + (leaderIs === 'in the minority' ? 100 : 0)));
      await until('no leader in the minority', async () => (await lab.status()).members.every((one) => !minority.includes(one.id) || one.role !== 'leader'));
      const steppedDownMs = performance.now() - cutAt;
      const minorityTerms = (await lab.status()).members.filter((one) => minority.includes(one.id)).map((one) => one.term);
      await pause(Math.max(0, CUT_MS - (performance.now() - cutAt)));
      const parting = await lab.status();
      assert.deepEqual(parting.members.filter((one) => minority.includes(one.id)).map((one) => one.term), minorityTerms, 'terms do not grow without a majority (B3)');
      const ruling = parting.members.find((one) => majority.includes(one.id) && one.role === 'leader');
      assert.ok(ruling !== undefined, 'the majority has a leader');
      isOver = true;
      const seen = await knocking;
      await lab.order({ kind: 'heal' });
      await pause(500); // writes go on while the minority comes back
      await load.stop();
      const healed = await lab.settled(30_000);
      assert.deepEqual([seen.acked, seen.reads, seen.late, seen.untyped], [[], 0, 0, []], `of ${seen.calls} calls on the minority`);
      assert.ok(seen.calls > 4);
      if (ruling.term !== null && JUDGES_TIME) assert.deepEqual([healed.leader, healed.members[0]?.term], [ruling.id, ruling.term], 'healing causes no election');
      await load.verify();
      console.error(`      leader ${leaderIs}, ${mode}: written again after ${(again - cutAt).toFixed(0)} ms, minority without a leader after ${steppedDownMs.toFixed(0)} ms, ${load.acked.size} acknowledged, ${load.unknown.size} unknown`);
      if (JUDGES_TIME) assert.ok(again - cutAt < 1000 && steppedDownMs < 700, 'written again within 1000 ms, minority leader gone within 600 ms');
    } finally {
      load.close();
      client?.close();
      await lab.order({ kind: 'heal' });
    }
  }

  for (const leaderIs of ['in the minority', 'in the majority'] as const) {
    for (const mode of ['cut', 'stall'] as const) {
      it(`leader ${leaderIs}, links ${mode}: the majority writes on, the minority answers nothing and disturbs nobody`, async () => {
        for (let run = 0; run < RUNS; run += 1) await parted(leaderIs, mode, run);
      });
    }
  }
});
