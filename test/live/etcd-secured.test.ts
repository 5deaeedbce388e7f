import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { execFileSync } from 'node:child_process';
import { type IssuedCertificate, issueClient, issueMember, makeAuthority } from '../../src/engine/adapters/certificates.ts';
import { RefusedError, UnreachableError, UsageError } from '../../src/engine/errors.ts';
import type { LiveCluster } from '../../src/engine/live/cluster.ts';
import { detectKind } from '../../src/engine/live/detect.ts';
import { openEtcdCluster } from '../../src/engine/live/etcd/etcd-cluster.ts';
import type { Connection } from '../../src/engine/live/registry.ts';
import { ChildServer } from '../../src/engine/servers/child-server.ts';
import { startEtcd, type StartedEtcd } from '../../src/engine/servers/etcd.ts';
import { freePorts } from '../../src/engine/adapters/free-ports.ts';
import { etcdMissing } from '../helpers/etcd-server.ts';
import { skipWithout } from '../helpers/skip-without.ts';

const TIMEOUT = { timeoutMs: 10_000 };

describe('live: etcd servers that ask who is there', function () {
  this.timeout(60_000);
  let root: string;

  before(function () {
    skipWithout(this, etcdMissing());
    root = fs.mkdtempSync(path.join(os.tmpdir(), 'raft-inspector-secured-'));
  });

  after(() => {
    if (root !== undefined) fs.rmSync(root, { recursive: true, force: true });
  });

  const asked = async (connection: Partial<Connection>, work: (cluster: LiveCluster) => Promise<void>): Promise<void> => {
    const cluster = await openEtcdCluster({ endpoints: [], clusterId: null, tls: null, ...connection });
    try {
      await work(cluster);
    } finally {
      await cluster.close();
    }
  };

  describe('with certificates', () => {
    let child: ChildServer;
    let url: string;
    let authority: IssuedCertificate;
    let client: IssuedCertificate;

    before(async () => {
      authority = await makeAuthority('test');
      const server = await issueMember(authority, { clusterId: 'c', memberId: 'n1', hosts: ['127.0.0.1', 'localhost'] });
      client = await issueClient(authority, { clusterId: 'c', name: 'operator' });
      const put = (name: string, text: string): string => {
        fs.writeFileSync(path.join(root, name), text, { mode: 0o600 });
        return path.join(root, name);
      };
      const [clientPort, peerPort] = await freePorts(2);
      url = `https://127.0.0.1:${clientPort}`;
      const peer = `http://127.0.0.1:${peerPort}`;
      child = ChildServer.start('etcd', 'etcd', ['--name', 'n1', '--data-dir', path.join(root, 'tls'), '--listen-client-urls', url, '--advertise-client-urls', url, '--listen-peer-urls', peer, '--initial-advertise-peer-urls', peer, '--initial-cluster', `n1=${peer}`, '--client-cert-auth', '--trusted-ca-file', put('ca.crt', authority.certificatePem), '--cert-file', put('s.crt', server.certificatePem), '--key-file', put('s.key', server.privateKeyPem)]);
      await child.ready(async () => {
        try {
          await asked({ endpoints: [url], tls: whole() }, (cluster) => cluster.probe({ timeoutMs: 1000 }));
          return true;
        } catch {
          return false;
        }
      }, 20_000);
    });

    after(() => child?.stop());

    const whole = () => ({ ca: authority.certificatePem, certificate: client.certificatePem, key: client.privateKeyPem });

    it('answers who shows one of its authority, with or without the scheme', async () => {
      for (const endpoint of [url, url.replace('https://', '')]) {
        await asked({ endpoints: [endpoint], tls: whole() }, async (cluster) => {
          assert.deepEqual((await cluster.memberList(TIMEOUT)).members.map((one) => [one.name, one.healthy]), [['n1', true]]);
          assert.equal((await cluster.kv().put(Buffer.from('k'), Buffer.from('v'), TIMEOUT)).revision > 1, true);
        });
      }
      assert.equal(await detectKind({ endpoints: [url.replace('https://', '')], clusterId: null, tls: whole() }), 'etcd');
    });

    it('is unreachable without one, under a foreign authority, and by a name that the certificate has not', async () => {
      const foreign = await makeAuthority('other');
      const wrong: Partial<Connection>[] = [{ tls: null }, { tls: { ...whole(), certificate: null, key: null } }, { tls: { ...whole(), ca: foreign.certificatePem } }, { endpoints: [url.replace('127.0.0.1', '127.0.0.2')], tls: whole() }];
      for (const one of wrong) await asked({ endpoints: [url], ...one }, async (cluster) => assert.rejects(cluster.memberList({ timeoutMs: 1500 }), (error) => error instanceof UnreachableError));
      await asked({ endpoints: [url], tls: { ...whole(), key: 'no key' } }, async (cluster) => assert.rejects(cluster.memberList(TIMEOUT), (error) => error instanceof UsageError));
    });
  });

  describe('with users', () => {
    let server: StartedEtcd;

    before(async () => {
      server = await startEtcd({ dataDir: path.join(root, 'users'), name: 'n1' });
      const etcdctl = (...words: string[]): void => void execFileSync('etcdctl', ['--endpoints', server.clientUrl, ...words], { env: { ...process.env, ETCDCTL_API: '3' }, stdio: 'ignore' });
      etcdctl('user', 'add', 'root:secret');
      etcdctl('auth', 'enable');
    });

    after(() => server?.stop());

    it('takes a name and password, and refuses a wrong one and none', async () => {
      const put = (cluster: LiveCluster): Promise<unknown> => cluster.kv().put(Buffer.from('k'), Buffer.from('v'), TIMEOUT);
      const at = { endpoints: [server.clientUrl] };
      await asked({ ...at, user: { name: 'root', password: 'secret' } }, async (cluster) => {
        await put(cluster);
        assert.deepEqual((await cluster.memberList(TIMEOUT)).members.length, 1);
      });
      for (const user of [null, { name: 'root', password: 'wrong' }]) await asked({ ...at, user }, async (cluster) => assert.rejects(put(cluster), (error) => error instanceof RefusedError && error.rule === 'not-authorized' && !error.message.includes('wrong')));
    });
  });
});
