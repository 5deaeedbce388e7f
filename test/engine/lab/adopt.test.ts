import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { RefusedError } from '../../../src/engine/errors.ts';
import { adoptMember, findRecovered } from '../../../src/engine/lab/adopt.ts';
import { addLabMember, createLab } from '../../../src/engine/lab/create.ts';
import { labConnection, labDataDir, labPaths, readLabFile } from '../../../src/engine/lab/lab-file.ts';
import { readNodeConfig } from '../../../src/engine/node/config.ts';
import { openEnvironment } from '../../../src/engine/node/environment.ts';
import { planNativeBootstrap } from '../../../src/engine/storage/bootstrap.ts';

const WHY = { planId: 'p', at: '2026-03-14T02:14:07Z', source: 'x', floor: 1, verdict: 'unknown', proof: 'best-effort', statement: '', facts: [] };
const rule = (wanted: string) => (error: unknown): boolean => error instanceof RefusedError && error.rule === wanted;

describe('recovered members of a practice cluster', function () {
  this.timeout(30_000);
  let root: string;
  let dir: string;
  beforeEach(async () => {
    root = fs.mkdtempSync(path.join(os.tmpdir(), 'lab-adopt-'));
    dir = path.join(root, 'lab');
    await createLab(dir, { nodes: 3, machine: 'kv', timing: 'fast' });
  });
  afterEach(() => fs.rmSync(root, { recursive: true, force: true }));

  async function recover(name: string, memberId: string, to: string, address: string | null = null): Promise<void> {
    const { clusterId } = readLabFile(dir);
    const store = await openEnvironment(path.join(labPaths.data(dir, name), 'raft'));
    try {
      await store.transact(planNativeBootstrap(store, { from: { clusterId, generation: 1, memberId }, to: { clusterId, generation: 2, memberId: to, name: to }, address, term: 1001, keepTo: 1, wallClockMs: 0, why: WHY }));
    } finally {
      await store.close();
    }
  }
  const copyOf = (name: string, to: string): void => fs.cpSync(labPaths.data(dir, name), labPaths.data(dir, to), { recursive: true });

  it('are none in a new lab: every id means what it says, and what lies there of somebody else is refused', () => {
    const lab = readLabFile(dir);
    for (const id of ['n1', 'n2', 'n9']) assert.equal(findRecovered(dir, lab, id), null);
    fs.mkdirSync(labPaths.data(dir, 'n9'));
    assert.throws(() => findRecovered(dir, lab, 'n9'), (error) => rule('other-member')(error) && /holds no data of a member/.test((error as Error).message));
    copyOf('n1', 'copy');
    assert.throws(() => findRecovered(dir, lab, 'copy'), (error) => rule('other-member')(error) && (error as RefusedError).hint.includes(labPaths.data(dir, 'n1')));
  });

  it('in place: the directory stays, id and files are new, and clients and newcomers go with the new generation', async () => {
    const before = readLabFile(dir);
    await recover('n1', 'n1', 'n1-g2');
    const found = findRecovered(dir, before, 'n1');
    assert.deepEqual([found?.identity.memberId, found?.directory, found?.replaces?.id], ['n1-g2', 'n1', 'n1']);
    assert.deepEqual(findRecovered(dir, before, 'n1-g2'), found, 'by either id');
    assert.ok(found !== null);
    const lab = await adoptMember(dir, before, found, () => false);
    assert.deepEqual(lab, readLabFile(dir));
    const member = lab.members.find((one) => one.id === 'n1-g2');
    assert.ok(member !== undefined);
    assert.deepEqual([lab.generation, member.generation, member.port, labDataDir(dir, member)], [2, 2, before.members[0]?.port, labPaths.data(dir, 'n1')]);
    const config = readNodeConfig(labPaths.config(dir, 'n1-g2'));
    assert.deepEqual([config.member.id, config.generation, config.dataDir, config.advertise, config.initialMembers], ['n1-g2', 2, labPaths.data(dir, 'n1'), `127.0.0.1:${member.port}`, []]);
    assert.deepEqual(lab.members.map((one) => Object.keys(one.links).sort((a, b) => a.localeCompare(b))), [['n1-g2', 'n3'], ['n1-g2', 'n2'], ['n2', 'n3']]);
    assert.deepEqual(labConnection(dir, lab).endpoints, [`127.0.0.1:${member.port}`]);
    const grown = await addLabMember(dir, lab, 'n4');
    assert.equal(readNodeConfig(labPaths.config(dir, 'n4')).generation, 2);
    assert.equal(labConnection(dir, grown).endpoints.length, 2);
    assert.equal(findRecovered(dir, grown, 'n1-g2'), null, 'it is known now');
  });

  it('beside the source: it takes the address over, whose holder gets another one, unless that runs', async () => {
    copyOf('n2', 'n2-g2');
    await recover('n2-g2', 'n2', 'n2-g2');
    const before = readLabFile(dir);
    const found = findRecovered(dir, before, 'n2-g2');
    assert.ok(found !== null && found.replaces === null);
    await assert.rejects(adoptMember(dir, before, found, (id) => id === 'n2'), rule('address-in-use'));
    assert.deepEqual(readLabFile(dir), before, 'a refusal changes nothing');
    const lab = await adoptMember(dir, before, found, () => false);
    const [old, recovered] = [lab.members.find((one) => one.id === 'n2'), lab.members.find((one) => one.id === 'n2-g2')];
    assert.equal(recovered?.port, before.members[1]?.port);
    assert.ok(old !== undefined && old.port !== recovered?.port);
    assert.deepEqual(old.links, {}, 'nothing leads to it any more');
    assert.equal(readNodeConfig(labPaths.config(dir, 'n2')).listen, `127.0.0.1:${old.port}`);
  });

  it('that are reached elsewhere are refused', async () => {
    await recover('n3', 'n3', 'n3-g2', '10.0.0.3:7000');
    const lab = readLabFile(dir);
    const found = findRecovered(dir, lab, 'n3');
    assert.ok(found !== null);
    await assert.rejects(adoptMember(dir, lab, found, () => false), rule('address-elsewhere'));
    assert.deepEqual(readLabFile(dir), lab);
  });
});
