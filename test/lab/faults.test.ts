import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { labPaths } from '../../src/engine/lab/lab-file.ts';
import { ensureBuilt } from '../helpers/run-cli.ts';
import { cli, TestLab, until } from '../helpers/lab.ts';
import { pause } from '../helpers/pause.ts';
import { Load } from '../helpers/load.ts';

describe('lab: disks, clocks and damaged files', function () {
  this.timeout(90_000);
  let lab: TestLab;
  let load: Load;
  let rounds = 0;

  before(async () => {
    ensureBuilt();
    // Calm: a machine that is busy with other tests must not make elections of its own.
    lab = await TestLab.up(3, '--timing', 'calm', '--snapshot-entries', '200');
    load = new Load(lab.connection);
  });
  after(async () => {
    load?.close();
    await lab?.end();
  });

  /** Waits for a leader, not for equal members: writers may be at work. */
  const follower = async (): Promise<string> => {
    await lab.leader();
    return (await lab.status()).members.find((one) => one.role === 'follower')?.id ?? '';
  };
  const start = (id: string) => cli<{ started: string }>('lab', 'start', id, '--dir', lab.dir, '--json');
  /** A test that failed half-way must not decide those after it. */
  afterEach(async () => {
    await lab.order({ kind: 'heal' });
    for (const one of (await lab.status()).members) if (one.pid === null) await lab.order({ kind: 'start', id: one.id }).catch(() => undefined);
  });
  const fatalOf = (id: string): Record<string, unknown> | undefined => lab.log(id).findLast((line) => line['level'] === 'fatal');

  /** Runs writers while something happens; afterwards all members are equal and hold exactly what was acknowledged. */
  async function underLoad(prefix: string, run: (writers: Load) => Promise<void>): Promise<void> {
    rounds += 1; // keys of one round are nobody else's
    const writers = new Load(lab.connection, { prefix: `${rounds}-${prefix}`, restMs: 2 }).start();
    try {
      await until('writes', () => writers.acked.size > 20);
      await run(writers);
      await writers.stop();
      await lab.settled();
      await writers.verify();
    } finally {
      writers.close();
    }
  }

  /** A member whose disk fails ends by itself with exit 3 and one line; the others write on; it comes back and catches up. */
  async function diskFails(id: string, fails: 'ENOSPC' | 'EIO', lands: boolean, reason: string): Promise<void> {
    await underLoad(`disk-${id}-${fails}/`, async (writers) => {
      await lab.order({ kind: 'faults', id, faults: { disk: [{ part: 'raft', fails, lands }] } });
      await until('its end', async () => (await lab.member(id)).state === 'failed');
      const { ended } = await lab.member(id);
      assert.deepEqual([ended?.code, ended?.error?.code], [3, 'STORAGE_FAILED']);
      assert.deepEqual([fatalOf(id)?.['code'], fatalOf(id)?.['reason'], fatalOf(id)?.['exit']], ['STORAGE_FAILED', reason, 3]);
      const before = writers.acked.size;
      await until('writes by the others', () => writers.acked.size > before + 20);
      assert.equal((await start(id)).code, 0);
    });
  }

  it('a full disk under a follower: storage-failed, the others go on, it catches up (B22)', async () => diskFails(await follower(), 'ENOSPC', false, 'full'));
  it('an I/O error at a commit of a follower that nevertheless landed (I21)', async () => diskFails(await follower(), 'EIO', true, 'io'));
  it('a full disk under the leader: another one is elected, nothing acknowledged is lost', async () => diskFails(await lab.leader(), 'ENOSPC', false, 'full'));
  it('an I/O error at a commit of the leader (I21)', async () => diskFails(await lab.leader(), 'EIO', true, 'io'));

  for (const part of ['state', 'snapshots'] as const) {
    it(`a full disk where ${part === 'state' ? 'the state machine' : 'snapshots'} lie${part === 'state' ? 's' : ''}: storage-failed, and all of it is there after the next start (B22)`, () =>
      underLoad(`disk-${part}/`, async (writers) => {
        const id = await follower();
        await lab.order({ kind: 'faults', id, faults: { disk: [{ part, fails: 'ENOSPC' }] } });
        await until('its end', async () => (await lab.member(id)).state === 'failed', 40_000);
        assert.deepEqual([(await lab.member(id)).ended?.code, fatalOf(id)?.['code'], fatalOf(id)?.['reason']], [3, 'STORAGE_FAILED', 'full']);
        const before = writers.acked.size;
        await until('writes by the others', () => writers.acked.size > before + 20);
        assert.equal((await start(id)).code, 0);
      }));
  }

  it('a slow disk under the leader costs time and nothing else', () =>
    underLoad('slow/', async (writers) => {
      await lab.order({ kind: 'faults', id: await lab.leader(), faults: { disk: [{ part: 'raft', delayMs: 300 }] } });
      const before = writers.acked.size;
      await until('writes all the same', () => writers.acked.size > before + 20, 30_000);
      await lab.order({ kind: 'heal' });
    }));

  it('the leader stopped for three seconds: others lead, and it comes back as a follower without disturbing them (B1)', () =>
    underLoad('stop/', async (writers) => {
      const old = await lab.leader();
      await lab.order({ kind: 'kill', ids: [old], signal: 'SIGSTOP' });
      const before = writers.acked.size;
      await until('writes under another leader', () => writers.acked.size > before + 20);
      await pause(3000);
      const { term } = await lab.member(await lab.leader());
      await lab.order({ kind: 'kill', ids: [old], signal: 'SIGCONT' });
      await lab.settled();
      const { members } = await lab.status();
      assert.deepEqual(members.map((one) => one.term), [term, term, term], 'its return raises no term');
      assert.equal(members.find((one) => one.id === old)?.role, 'follower');
    }));

  it('wall clocks that jump by years change nothing; clocks that drift by half only cost time', () =>
    underLoad('clock/', async (writers) => {
      const { term } = await lab.member(await lab.leader());
      await lab.order({ kind: 'faults', id: 'n1', faults: { clock: { wallOffsetMs: -20 * 365 * 86_400_000 } } });
      await lab.order({ kind: 'faults', id: 'n2', faults: { clock: { wallOffsetMs: 20 * 365 * 86_400_000 } } });
      await pause(500);
      assert.equal((await lab.member(await lab.leader())).term, term, 'a wall clock decides nothing');
      await lab.order({ kind: 'faults', id: 'n1', faults: { clock: { rate: 1.5 } } });
      await lab.order({ kind: 'faults', id: 'n2', faults: { clock: { rate: 0.67 } } });
      const before = writers.acked.size;
      await until('writes all the same', () => writers.acked.size > before + 50);
      await lab.order({ kind: 'heal' });
    }));

  it('messages lost, repeated and reordered cost time and nothing else', () =>
    underLoad('messages/', async (writers) => {
      const messages = [
        { action: 'drop', chance: 0.1 },
        { action: 'duplicate', chance: 0.2 },
        { action: 'reorder', chance: 0.2 },
      ] as const;
      for (const id of ['n1', 'n2', 'n3']) await lab.order({ kind: 'faults', id, faults: { messages: messages.map((one) => ({ ...one })) } });
      const before = writers.acked.size;
      await until('writes all the same', () => writers.acked.size > before + 50, 30_000);
      await lab.order({ kind: 'heal' });
    }));

  it('a corrupt record keeps the member out: exit 3, with file and place; fsck finds it too; the others go on (B22, M44)', async () => {
    const id = await follower();
    const marker = `corrupt-me-${'z'.repeat(40)}`;
    await load.one(`load/${marker}`);
    await lab.settled();
    await lab.order({ kind: 'kill', ids: [id], signal: 'SIGTERM' });
    const file = path.join(labPaths.data(lab.dir, id), 'raft', 'data.mdb');
    const sound = fs.readFileSync(file);
    const damaged = Buffer.from(sound);
    let hits = 0;
    // Old pages may hold the entry too: every copy is hit.
    for (let at = damaged.indexOf(marker); at !== -1; at = damaged.indexOf(marker, at + 1)) {
      damaged[at + 3] = (damaged[at + 3] ?? 0) ^ 0x40;
      hits += 1;
    }
    assert.ok(hits > 0);
    fs.writeFileSync(file, damaged);
    const ran = await start(id);
    assert.equal(ran.code, 3, ran.stderr);
    assert.equal(ran.envelope.error?.code, 'STORAGE_DAMAGED');
    assert.match(String(fatalOf(id)?.['msg']), /raft\/log-\d{16}/);
    assert.equal(fs.readFileSync(file).equals(damaged), true, 'nothing was repaired or cut off');
    const fsck = await cli('inspect', 'fsck', labPaths.data(lab.dir, id), '--json');
    assert.equal(fsck.code, 3, fsck.stdout.slice(0, 500));
    await load.one('load/while-one-is-damaged');
    fs.writeFileSync(file, sound);
    assert.equal((await start(id)).code, 0);
    await lab.settled();
  });

  it('a file of LMDB that was cut off is refused before the library sees it: exit 3, no crash', async () => {
    const id = await follower();
    await lab.order({ kind: 'kill', ids: [id], signal: 'SIGTERM' });
    const file = path.join(labPaths.data(lab.dir, id), 'raft', 'data.mdb');
    const sound = fs.readFileSync(file);
    for (const bytes of [sound.subarray(0, sound.length / 2), sound.subarray(0, 100), Buffer.alloc(0), Buffer.alloc(sound.length, 0xff)]) {
      fs.writeFileSync(file, bytes);
      const ran = await start(id);
      assert.equal(ran.code, 3, `${bytes.length} bytes: ${ran.stderr}`);
      assert.equal(ran.envelope.error?.code, 'STORAGE_DAMAGED');
    }
    fs.writeFileSync(file, sound);
    assert.equal((await start(id)).code, 0);
    await lab.settled();
  });

  it('a missing or damaged snapshot file keeps the member out: exit 3 with the file, nothing lost', async () => {
    await underLoad('snapshot/', (writers) => until('snapshots', async () => writers.acked.size > 600 && (await lab.status()).members.every((one) => (one.appliedIndex ?? 0) > 600)).then(() => undefined));
    const id = await follower();
    await lab.order({ kind: 'kill', ids: [id], signal: 'SIGTERM' });
    const directory = path.join(labPaths.data(lab.dir, id), 'snapshots');
    const files = fs.readdirSync(directory).filter((name) => !name.includes('part'));
    assert.ok(files.length > 0, 'there are snapshots');
    for (const name of files) fs.renameSync(path.join(directory, name), path.join(lab.root, name));
    const ran = await start(id);
    assert.equal(ran.code, 3, ran.stderr);
    assert.equal(ran.envelope.error?.code, 'STORAGE_DAMAGED');
    assert.match(ran.envelope.error?.message ?? '', /snapshots\//, 'the file is named');
    assert.equal((await cli('inspect', 'fsck', labPaths.data(lab.dir, id), '--json')).code, 3, 'fsck tells it too');
    const newest = files.at(-1) ?? '';
    fs.writeFileSync(path.join(directory, newest), 'cut off');
    assert.equal((await start(id)).code, 3, 'a damaged head is no better than none');
    fs.rmSync(path.join(directory, newest));
    for (const name of files) if (!fs.existsSync(path.join(directory, name))) fs.renameSync(path.join(lab.root, name), path.join(directory, name));
    assert.equal((await start(id)).code, 0);
    await lab.settled();
    await load.verify();
  });
});
