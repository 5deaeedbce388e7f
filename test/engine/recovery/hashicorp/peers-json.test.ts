import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import type { Decision, TargetDraft } from '../../../../src/engine/recovery/targets/target.ts';
import { peersJsonTarget } from '../../../../src/engine/recovery/targets/hashicorp/peers-json.ts';
import { targetFor } from '../../../../src/engine/recovery/targets/index.ts';
import { confItems, madeMember, type MadeLog, withSnapshot } from './made-members.ts';
import { decisionFor, failed, recover, removeAll, sourceAt } from './recover-directory.ts';

const LOG: MadeLog = { to: 60 };
const CONF = (): ReturnType<typeof confItems> => confItems(4);
const consul = (files: Record<string, string> = { 'node-id': 'n1', 'raft/peers.info': 'there' }, log = LOG): string => madeMember('raft/raft.db', log, CONF(), { 'serf/local.snapshot': '', ...files });
const nomad = (files: Record<string, string> = {}): string => madeMember('server/raft/raft.db', LOG, CONF(), { 'server/node-id': 'n1\n', ...files });
const rqlite = (): string => madeMember('raft.db', LOG, CONF(), { 'db.sqlite': '' });

async function draftOf(directory: string, given: Partial<Decision> = {}): Promise<TargetDraft> {
  const source = sourceAt(directory);
  assert.equal(targetFor(source), peersJsonTarget);
  return peersJsonTarget.draft(source, decisionFor(source, given));
}

const pathsOf = ({ changes }: TargetDraft): string[] => changes.map((one) => `${one.kind} ${one.path}`);

describe('peers.json by the rules of each program', () => {
  afterEach(removeAll);

  it('Consul: raft/peers.json, the id from node-id; nothing else is touched', async () => {
    const source = sourceAt(consul());
    const { draft, checks, directory } = await recover(source, decisionFor(source));
    assert.deepEqual(failed(checks), []);
    assert.deepEqual(pathsOf(draft), ['create raft/peers.json']);
    assert.deepEqual(JSON.parse(fs.readFileSync(path.join(directory, 'raft/peers.json'), 'utf8')), [{ id: 'n1', address: '10.0.0.1:8300', non_voter: false }]);
    assert.equal(fs.readFileSync(path.join(directory, 'raft/peers.info'), 'utf8'), 'there');
    assert.deepEqual([draft.outcome.voters, draft.outcome.lastEntry, draft.outcome.commitIndex, draft.outcome.termAbove], [['n1'], { term: 2, index: 60 }, 60, 4]);
    assert.match(draft.notes.join('\n'), /commits its whole log up to 60.*raft\/peers\.json is deleted then/);
    assert.match(draft.startHints[0] ?? '', /bootstrap_expect = 1, or none/);
    assert.deepEqual(draft.joins[0], { member: 'n2', settings: ['server = true', 'retry_join = ["10.0.0.1:8301"]', 'no bootstrap_expect and no bootstrap', 'data_dir: an empty data directory, node-id included'] });
  });

  it('Consul and Nomad delete it unread where peers.info is missing: that is made first', async () => {
    const source = sourceAt(consul({ 'node-id': 'n1' }));
    const { draft, checks, directory } = await recover(source, decisionFor(source));
    assert.deepEqual(failed(checks), []);
    assert.deepEqual(pathsOf(draft), ['create raft/peers.info', 'create raft/peers.json']);
    assert.deepEqual(draft.changes.map((one) => one.bytesAfter), draft.changes.map((one) => fs.statSync(path.join(directory, one.path)).size));
    fs.rmSync(path.join(directory, 'raft/peers.info'));
    assert.ok(failed(await peersJsonTarget.check(directory, draft.outcome, draft.parameters)).some((one) => /deleted unread/.test(one)));
    assert.deepEqual(pathsOf(await draftOf(nomad())), ['create server/raft/peers.info', 'create server/raft/peers.json']);
  });

  it('Nomad: below server/raft, the id without its newline', async () => {
    const draft = await draftOf(nomad({ 'server/raft/peers.info': '', 'server/raft/version': '3' }));
    assert.deepEqual([pathsOf(draft), draft.outcome.memberId], [['create server/raft/peers.json'], 'n1']);
    assert.deepEqual(draft.joins[1]?.settings[1], 'server_join { retry_join = ["10.0.0.1:4648"] }');
    await assert.rejects(draftOf(nomad({ 'server/raft/.migration-in-progress': '' })), { rule: 'migration-in-progress' });
  });

  it('raft protocol 2 and older: a list of addresses', async () => {
    const servers = ['10.0.0.1:8300', '10.0.0.2:8300'].map((address) => ({ id: address, address, suffrage: 0 as const }));
    const old = await draftOf(consul({ 'raft/peers.info': '' }, { to: 60, servers }), { serverId: '10.0.0.1:8300' });
    assert.deepEqual(JSON.parse(old.parameters['text'] as string), ['10.0.0.1:8300']);
    assert.match(old.notes.join('\n'), /a list of addresses/);
    const moved = await draftOf(consul({ 'raft/peers.info': '' }, { to: 60, servers }), { serverId: '10.0.0.1:8300', selfAddress: '10.0.0.9:8300' });
    assert.deepEqual([JSON.parse(moved.parameters['text'] as string), moved.outcome.voters, moved.fences.map(({ id }) => id)], [['10.0.0.9:8300'], ['10.0.0.9:8300'], ['10.0.0.2:8300']]);
    assert.deepEqual(JSON.parse((await draftOf(nomad({ 'server/raft/version': '2' }))).parameters['text'] as string), ['10.0.0.1:8300']);
    // rqlite names servers by their addresses unless told otherwise, and reads the newer form all the same.
    const lite = madeMember('raft.db', { to: 60, servers }, CONF(), { 'db.sqlite': '' });
    assert.deepEqual(JSON.parse((await draftOf(lite, { serverId: '10.0.0.1:8300' })).parameters['text'] as string)[0].id, '10.0.0.1:8300');
  });

  it('rqlite: raft/peers.json beside raft.db, without a sentinel', async () => {
    const source = sourceAt(rqlite());
    const { draft, checks } = await recover(source, decisionFor(source, { serverId: 'n1' }));
    assert.deepEqual(failed(checks), []);
    assert.deepEqual(pathsOf(draft), ['create raft/peers.json']);
    assert.match(draft.notes.join('\n'), /renamed to raft\/peers\.info/);
    assert.deepEqual(draft.joins[0]?.settings, ['-node-id=n2', '-raft-addr=10.0.0.2:8300', '-join=10.0.0.1:8300', 'data directory: an empty data directory']);
    await assert.rejects(draftOf(rqlite(), {}), { rule: 'server-id-unknown' });
  });

  it('a file that is there already belongs to somebody else', async () => {
    await assert.rejects(draftOf(consul({ 'node-id': 'n1', 'raft/peers.info': '', 'raft/peers.json': '[]' })), { rule: 'peers-json-present' });
  });

  it('a changed address goes into it; the word of the operator wins over node-id, and is told', async () => {
    const draft = await draftOf(consul(), { serverId: 'n2', selfAddress: '10.9.9.9:8300' });
    assert.deepEqual(JSON.parse(draft.parameters['text'] as string), [{ id: 'n2', address: '10.9.9.9:8300', non_voter: false }]);
    assert.match(draft.notes.join('\n'), /The data says the server is n1, the operator n2/);
    await assert.rejects(draftOf(consul(), { serverId: 'n7' }), { rule: 'server-id-not-in-configuration' });
    // A renamed server: its own file says so, and the address is given.
    const renamed = consul({ 'node-id': 'n8', 'raft/peers.info': '' });
    await assert.rejects(draftOf(renamed), { rule: 'server-id-not-in-configuration' });
    assert.deepEqual((await draftOf(renamed, { selfAddress: '10.0.0.8:8300' })).outcome.voters, ['n8']);
  });

  it('dropping the doubtful tail cuts the log too, before the file appears', async () => {
    const source = sourceAt(withSnapshot(consul(), 40, 'raft/snapshots'));
    const { draft, checks, reading } = await recover(source, decisionFor(source, { inDoubt: 'drop', keepTo: 45 }));
    assert.deepEqual(failed(checks), []);
    assert.deepEqual(pathsOf(draft), ['replace raft/raft.db', 'create raft/peers.json']);
    assert.deepEqual(draft.changes[0]?.lines, ['- entries 46..60']);
    assert.deepEqual([reading.report.lastEntry, reading.report.hardState.currentTerm], [{ term: 2, index: 45 }, 4]);
    assert.deepEqual([draft.keepTo, draft.outcome.commitIndex], [45, 45]);
  });

  it('warns of terms that only other disks have seen', async () => {
    assert.match((await draftOf(consul(), { highestTerm: 20 })).notes.join('\n'), /Another disk has seen term 20, this one 4/);
    assert.doesNotMatch((await draftOf(consul(), { highestTerm: 4 })).notes.join('\n'), /Another disk/);
  });

  it('refuses what the server itself would not start from', async () => {
    const directory = withSnapshot(consul(undefined, { from: 50, to: 60 }), 40, 'raft/snapshots');
    await assert.rejects(draftOf(directory), { rule: 'not-startable', message: /41\.\.49/ });
    const both = nomad();
    fs.mkdirSync(path.join(both, 'server/raft/wal'));
    fs.writeFileSync(path.join(both, 'server/raft/wal/wal-meta.db'), '');
    await assert.rejects(draftOf(both), { rule: 'two-stores' });
  });
});

describe('peers.json for Vault', () => {
  afterEach(removeAll);

  const vault = (): string => madeMember('raft/raft.db', LOG, CONF(), { 'vault.db': '', 'node-id': 'n1' });

  it('lies beside raft.db without a sentinel, and is read at the unseal', async () => {
    const draft = await draftOf(vault());
    assert.deepEqual(pathsOf(draft), ['create raft/peers.json']);
    assert.match(draft.startHints.join('\n'), /unseal/);
    assert.deepEqual(draft.joins[0]?.settings[1], 'retry_join { leader_api_addr = "https://10.0.0.1:8200" }');
  });

  it('takes no cut: its state machine lies in a file of its own', async () => {
    await assert.rejects(draftOf(vault(), { inDoubt: 'drop', keepTo: 50 }), { rule: 'drop-not-possible' });
  });
});
