import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { encodeFence } from '../../src/engine/native/fence-record.ts';
import { undoPlan } from '../../src/engine/recovery/apply/undo.ts';
import { labPaths, readLabFile } from '../../src/engine/lab/lab-file.ts';
import type { LabStatus } from '../../src/engine/lab/orders.ts';
import type { MemberList } from '../../src/engine/live/member-list.ts';
import { nativeReader } from '../../src/engine/readers/native/reader.ts';
import { cli, TestLab, until } from '../helpers/lab.ts';
import { pause } from '../helpers/pause.ts';
import { Load } from '../helpers/load.ts';
import { apply, planOf } from '../helpers/recover-native.ts';
import { ensureBuilt } from '../helpers/run-cli.ts';
import { treeFingerprint } from '../helpers/tree-fingerprint.ts';

/** Content alone: names, sizes and bytes; times of links and copies differ. */
const bytesOf = (directory: string): string[] => treeFingerprint(directory, 'bytes').map((line) => line.replaceAll(/ [mc]time=\d+/g, ''));

/** Three members under load; two are killed, and then the third. Gives what the survivor's log holds of what was acknowledged. */
async function loseQuorum(lab: TestLab, survivor: string): Promise<{ load: Load; held: Map<string, number> }> {
  const load = new Load(lab.connection, { writers: 6, timeoutMs: 1500 }).start();
  await until('there is something to lose', () => load.acked.size > 200);
  const others = ['n1', 'n2', 'n3'].filter((id) => id !== survivor);
  await lab.order({ kind: 'kill', ids: others, signal: 'SIGKILL' });
  await lab.order({ kind: 'kill', ids: [survivor], signal: 'SIGKILL' });
  await load.stop();
  load.close();
  const { report } = nativeReader.read(labPaths.data(lab.dir, survivor), {});
  const held = new Map([...load.acked].filter(([, revision]) => revision <= report.lastEntry.index));
  assert.ok(held.size > 100, `only ${held.size} acknowledged writes`);
  return { load, held };
}

/** Every one of these writes is there, once, where it was acknowledged. */
async function verifyHeld(lab: TestLab, { load, held }: { load: Load; held: Map<string, number> }): Promise<void> {
  const reader = new Load(lab.connection, { timeoutMs: 5000 });
  for (const [key, revision] of held) reader.acked.set(key, revision);
  for (const key of [...load.unknown, ...load.failed, ...load.acked.keys()]) if (!held.has(key)) reader.unknown.add(key);
  await reader.verify();
  reader.close();
}

async function live<T>(lab: TestLab, exit: number, ...words: string[]): Promise<T> {
  const ran = await cli<T>(...words, '--lab', lab.dir, '--json');
  assert.equal(ran.code, exit, `${words.join(' ')}: ${ran.stdout.slice(0, 2000)} ${ran.stderr}`);
  return ran.envelope.data;
}

/** A new member, added and made a voter. */
async function grow(lab: TestLab, id: string): Promise<void> {
  const { members } = await lab.order({ kind: 'start', id });
  const address = members.find((one) => one.id === id)?.address ?? '';
  await live(lab, 0, 'member', 'add', id, address, '--execute');
  await until(`${id} is promoted`, async () => (await cli('member', 'promote', id, '--lab', lab.dir, '--execute', '--json')).code === 0);
}

describe('recovery of a practice cluster', function () {
  this.timeout(120_000);
  let lab: TestLab;
  before(() => ensureBuilt());
  beforeEach(async () => {
    lab = await TestLab.up(3, '--snapshot-entries', '400');
  });
  afterEach(() => lab?.end());

  it('a survivor becomes a cluster of one beside its old data, keeps what it held, refuses the old members, and grows back to three', async () => {
    const survivor = 'n2';
    const lost = await loseQuorum(lab, survivor);
    const before = treeFingerprint(labPaths.data(lab.dir, survivor), 'bytes');
    const plan = await planOf([labPaths.data(lab.dir, survivor)]);
    await apply(plan, labPaths.data(lab.dir, 'n2-g2'));
    assert.deepEqual(treeFingerprint(labPaths.data(lab.dir, survivor), 'bytes'), before, 'the source is untouched');

    const startedAt = performance.now();
    const started = (await cli<LabStatus & { isRecovered: boolean }>('lab', 'start', 'n2-g2', '--dir', lab.dir, '--json')).envelope;
    assert.equal(started.exit.code, 0, JSON.stringify(started).slice(0, 1500));
    assert.equal(started.data.isRecovered, true);
    assert.equal(started.data.generation, 2);
    await until('it leads alone', async () => (await lab.status()).leader === 'n2-g2');
    console.log(`        leads ${Math.round(performance.now() - startedAt)} ms after lab start; ${lost.held.size} of ${lost.load.acked.size} acknowledged writes were in the survivor's log`);
    await verifyHeld(lab, lost);
    const { term, members } = await live<MemberList>(lab, 0, 'member', 'list');
    assert.ok(term > plan.outcome.termAbove, `term ${term}`);
    assert.deepEqual(members.map((one) => [one.id, one.role]), [['n2-g2', 'voter']]);

    await grow(lab, 'n4');
    await grow(lab, 'n5');
    // Old members come back: they dial the old addresses, hear nobody of their own generation but each other, and change nothing here.
    const termBefore = (await live<MemberList>(lab, 0, 'member', 'list')).term;
    await lab.order({ kind: 'start', id: 'n1' });
    await pause(1500);
    const old = await lab.member('n1');
    assert.deepEqual([old.state, old.leader, old.generation], ['running', null, 1], 'it runs and finds no leader');
    const now = await live<MemberList>(lab, 0, 'member', 'list');
    assert.equal(now.term, termBefore, 'no term was raised by it');
    assert.deepEqual(now.members.map((one) => `${one.id} ${one.role}`).sort((a, b) => a.localeCompare(b)), ['n2-g2 voter', 'n4 voter', 'n5 voter']);
    await verifyHeld(lab, lost);

    // One of three may fail again.
    await lab.order({ kind: 'kill', ids: ['n2-g2'], signal: 'SIGKILL' });
    const again = new Load(lab.connection, { prefix: 'again/' });
    await again.one('again/1');
    await again.verify();
    again.close();
    await lab.order({ kind: 'start', id: 'n2-g2' });
    const settled = await until('three equal members', async () => {
      const { members: all } = await lab.status();
      const present = all.filter((one) => one.generation === 2);
      return present.length === 3 && new Set(present.map((one) => `${one.state} ${one.appliedIndex} ${one.stateHash}`)).size === 1 ? present : null;
    });
    assert.equal(settled[0]?.state, 'running');
  });

  it('recovered in place: lab start takes the directory in under its new id; a fenced old member is refused; a restart of the lab starts the new generation alone', async () => {
    const lost = await loseQuorum(lab, 'n1');
    const plan = await planOf([labPaths.data(lab.dir, 'n1')]);
    await apply(plan);
    const started = (await cli<LabStatus & { started: string }>('lab', 'start', 'n1', '--dir', lab.dir, '--json')).envelope;
    assert.equal(started.exit.code, 0, JSON.stringify(started).slice(0, 1500));
    assert.equal(started.data.started, 'n1-g2');
    assert.deepEqual(readLabFile(lab.dir).members.map((one) => [one.id, one.directory ?? one.id, one.origin]), [['n2', 'n2', 'initial'], ['n3', 'n3', 'initial'], ['n1-g2', 'n1', 'recovered']]);
    await until('it leads alone', async () => (await lab.status()).leader === 'n1-g2');
    await verifyHeld(lab, lost);

    fs.writeFileSync(path.join(labPaths.data(lab.dir, 'n3'), 'FENCED'), encodeFence({ why: 'generation 2 took its place', clusterId: plan.outcome.clusterId, generation: 2, planId: plan.planId, at: new Date().toISOString() }));
    const refused = await cli('lab', 'start', 'n3', '--dir', lab.dir, '--json');
    assert.equal(refused.code, 4);
    assert.match(JSON.stringify(refused.envelope.error), /fenced: .*must not be started: generation 2 took its place/);
    // The old n2 dials the address of n1, where n1-g2 listens now, and is refused there.
    const { term } = await lab.member('n1-g2');
    await lab.order({ kind: 'start', id: 'n2' });
    await pause(1000);
    assert.deepEqual([(await lab.member('n1-g2')).term, (await lab.member('n1-g2')).role, (await lab.member('n2')).leader], [term, 'leader', null]);

    assert.ok(lab.log('n2').some((line) => line['msg'] === 'refused' && line['rule'] === 'server-identity' && line['from'] === 'n1'), 'n2 found somebody else where n1 was');
    assert.ok(lab.log('n1-g2').some((line) => line['msg'] === 'refused'), 'and was refused there');
    assert.equal((await cli('lab', 'down', '--dir', lab.dir)).code, 0);
    assert.equal((await cli('lab', 'up', '--dir', lab.dir, '--json')).code, 0);
    const { members } = await lab.status();
    assert.deepEqual(members.map((one) => [one.id, one.state]), [['n2', 'stopped'], ['n3', 'stopped'], ['n1-g2', 'running']]);
    await verifyHeld(lab, lost);
  });

  it('undo gives the original bytes back, before a start and, when that is asked for, after one; the lab takes the old member back', async () => {
    await loseQuorum(lab, 'n3');
    const source = labPaths.data(lab.dir, 'n3');
    const before = bytesOf(source);
    const undone = { caseDir: null, overrides: [] };
    const first = await planOf([source]);
    await apply(first);
    assert.notDeepEqual(bytesOf(source), before);
    await undoPlan(first, undone);
    assert.deepEqual(bytesOf(source), before);

    const second = await planOf([source]);
    await apply(second);
    await lab.order({ kind: 'start', id: 'n3' });
    await until('it leads alone', async () => (await lab.status()).leader === 'n3-g2');
    const written = new Load(lab.connection, { prefix: 'new/' });
    await written.one('new/1');
    written.close();
    await lab.order({ kind: 'kill', ids: ['n3-g2'], signal: 'SIGKILL' });
    await assert.rejects(undoPlan(second, undone), /changed since plan/);
    await undoPlan(second, { caseDir: null, overrides: ['data-moved-on'] });
    assert.deepEqual(bytesOf(source), before, 'what the new member wrote in place did not reach the backup');
    const { members, generation } = await lab.order({ kind: 'start', id: 'n3-g2' });
    assert.deepEqual([members.map((one) => `${one.id} ${one.state}`), generation], [['n1 killed', 'n2 killed', 'n3 running'], 1]);
  });
});
