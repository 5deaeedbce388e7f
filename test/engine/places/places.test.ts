import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { UsageError } from '../../../src/engine/errors.ts';
import { distinctParts, labelsOf } from '../../../src/engine/places/label.ts';
import { openPlaces } from '../../../src/engine/places/open.ts';
import { parsePlace } from '../../../src/engine/places/place.ts';
import { CORPUS, unpackMember } from '../../helpers/corpus.ts';

const GOOD = path.join(CORPUS, 'etcd/divergent-tail-34/n1.tar.gz');

describe('places', function () {
  this.timeout(60_000);
  let work = '';
  beforeEach(() => {
    work = fs.mkdtempSync(path.join(os.tmpdir(), 'raft-inspector-places-test-'));
  });
  afterEach(() => fs.rmSync(work, { recursive: true, force: true }));

  const problemOf = async (place: string): Promise<string> => {
    const [one] = await openPlaces([place], { depth: 'log' });
    assert.equal(one?.kind, 'unreadable');
    assert.ok(one.error.hint !== '');
    return one.error.message;
  };

  it('grammar', () => {
    assert.deepEqual(parsePlace('a=/x/b'), { kind: 'local', label: 'a', path: '/x/b' });
    assert.deepEqual(parsePlace('./a=b'), { kind: 'local', label: null, path: './a=b' });
    assert.equal(parsePlace('n1.tar.gz').kind, 'archive');
    assert.equal(parsePlace('./a:b').kind, 'local');
    assert.deepEqual(parsePlace('x=root@cp-1:/d'), { kind: 'remote', label: 'x', path: 'root@cp-1:/d', user: 'root', host: 'cp-1', directory: '/d' });
    assert.equal(parsePlace('-oProxyCommand=x:/d').kind, 'local');
    assert.throws(() => parsePlace(''), UsageError);
  });

  it('labels: the own name, else the shortest distinct part; equal ones are wrong usage', () => {
    assert.deepEqual(distinctParts(['/s/c1/raft', '/s/c2/raft']), ['c1', 'c2']);
    assert.deepEqual(distinctParts(['/a/n1.tgz']), ['n1']);
    assert.throws(() => labelsOf([{ given: null, own: 'n1', path: 'a' }, { given: null, own: 'n1', path: 'b' }]), UsageError);
  });

  it('an archive is read like its directory and shown as itself', async () => {
    const [one] = await openPlaces([GOOD], { depth: 'log' });
    assert.equal(one?.kind, 'reading');
    assert.equal(one.reading.report.path, GOOD);
    assert.equal(one.reading.report.log.lastIndex, 1178);
  });

  it('a truncated archive is an error with a hint', async () => {
    const cut = path.join(work, 'cut.tgz');
    fs.writeFileSync(cut, fs.readFileSync(GOOD).subarray(0, 20_000));
    assert.match(await problemOf(cut), /cut short/);
  });

  it('hostile archives are refused before anything is unpacked', async () => {
    fs.writeFileSync(path.join(work, 'evil'), 'x');
    fs.symlinkSync('/etc/passwd', path.join(work, 'link'));
    execFileSync('mkfifo', [path.join(work, 'pipe')]);
    const pack = (name: string, ...args: string[]): string => {
      execFileSync('tar', ['-cf', path.join(work, name), '-C', work, ...args], { stdio: 'pipe' });
      return path.join(work, name);
    };
    assert.match(await problemOf(pack('up.tar', '--transform=s,^,../,', 'evil')), /outside/);
    assert.match(await problemOf(pack('abs.tar', '-P', '--transform=s,^,/tmp/raft-inspector-evil-,', 'evil')), /outside/);
    assert.match(await problemOf(pack('link.tar', 'link')), /link that leads outside/);
    assert.match(await problemOf(pack('pipe.tar', 'pipe')), /neither file nor directory/);
    assert.ok(!fs.existsSync('/tmp/raft-inspector-evil-evil'));
  });

  it('what is no place is told, never waited for, and hides no other', async () => {
    const fifo = path.join(work, 'fifo');
    execFileSync('mkfifo', [fifo]);
    fs.symlinkSync('loop', path.join(work, 'loop'));
    fs.writeFileSync(path.join(work, 'zero'), '');
    assert.match(await problemOf(fifo), /FIFO/);
    assert.match(await problemOf(path.join(work, 'loop')), /loop/);
    assert.match(await problemOf(path.join(work, 'zero')), /empty/);
    assert.match(await problemOf(work), /no store/);
    const both = await openPlaces([path.join(work, 'none'), unpackMember('etcd/divergent-tail-34', 'n1')], { depth: 'log' });
    assert.deepEqual(both.map((one) => one.kind), ['unreadable', 'reading']);
  });

  it('a host: its files as a stream; an unreachable one is exit 6', async () => {
    const ssh = path.join(work, 'ssh');
    fs.writeFileSync(ssh, '#!/bin/sh\nfor last; do :; done\ncase "$*" in *dead*) echo "Connection refused" >&2; exit 255;; esac\nexec sh -c "$last"\n', { mode: 0o755 });
    const before = process.env['RAFT_INSPECTOR_SSH'];
    process.env['RAFT_INSPECTOR_SSH'] = ssh;
    try {
      const member = unpackMember('etcd/divergent-tail-34', 'n1');
      const [live, dead] = await openPlaces([`root@cp-1:${member}`, 'dead:/data'], { depth: 'log' });
      assert.equal(live?.kind, 'reading', live?.kind === 'unreadable' ? live.error.message : '');
      assert.equal(live.reading.report.log.lastIndex, 1178);
      assert.equal(dead?.kind, 'unreadable');
      assert.equal(dead.error.exitCode, 6);
    } finally {
      if (before === undefined) delete process.env['RAFT_INSPECTOR_SSH'];
      else process.env['RAFT_INSPECTOR_SSH'] = before;
    }
  });

  it('--from: a static pod manifest is mapped to the host, a unit is read', async () => {
    const { serverFrom } = await import('../../../src/engine/places/from.ts');
    const pod = path.join(work, 'etcd.yaml');
    fs.writeFileSync(pod, 'kind: Pod\nspec:\n  containers:\n  - command: [etcd, --name=n1, --data-dir=/var/lib/etcd]\n    volumeMounts:\n    - {mountPath: /var/lib/etcd, name: d}\n  volumes:\n  - {name: d, hostPath: {path: /srv/etcd}}\n');
    assert.deepEqual(await serverFrom(pod).then(({ dataDir, name }) => ({ dataDir, name })), { dataDir: '/srv/etcd', name: 'n1' });
    const unit = path.join(work, 'etcd.service');
    fs.writeFileSync(unit, '[Service]\nEnvironment=ETCD_NAME=n2 "ETCD_WAL_DIR=/w"\nExecStart=/usr/bin/etcd \\\n  --data-dir /d\n');
    assert.deepEqual(await serverFrom(unit).then(({ dataDir, walDir, name }) => ({ dataDir, walDir, name })), { dataDir: '/d', walDir: '/w', name: 'n2' });
  });

  it('--from: how the server is reached, from its own configuration', async () => {
    const { connectionTo, serverFrom } = await import('../../../src/engine/places/from.ts');
    const etcd = path.join(work, 'etcd.conf.yml');
    fs.writeFileSync(etcd, 'name: n1\ndata-dir: /var/lib/etcd\nadvertise-client-urls: https://10.0.0.11:2379,https://0.0.0.0:2379\ninitial-advertise-peer-urls: https://10.0.0.11:2380\nclient-transport-security:\n  cert-file: tls/n1.crt\n  key-file: tls/n1.key\n  trusted-ca-file: /etc/ca.crt\n');
    const server = await serverFrom(etcd);
    assert.deepEqual(server.peerAddresses, ['https://10.0.0.11:2380']);
    assert.deepEqual(connectionTo(server), { endpoints: ['https://10.0.0.11:2379'], cacert: '/etc/ca.crt', cert: path.join(work, 'tls/n1.crt'), key: path.join(work, 'tls/n1.key') });
    const native = path.join(work, 'n3.yaml');
    fs.writeFileSync(native, 'initialMembers:\n  - {id: n1, address: 10.0.0.1:7001}\nmember: {id: n3}\ndataDir: n3\nadvertise: 10.0.0.3:7001\ntls: {ca: ca.pem, cert: n3.pem, key: n3.key}\n');
    const own = await serverFrom(native);
    assert.deepEqual([own.name, own.dataDir, connectionTo(own)?.endpoints, connectionTo(own)?.cacert], ['n3', path.join(work, 'n3'), ['10.0.0.3:7001'], path.join(work, 'ca.pem')]);
    const plain = path.join(work, 'plain.yml');
    fs.writeFileSync(plain, 'data-dir: /d\nlisten-client-urls: http://0.0.0.0:2379\n');
    assert.equal(connectionTo(await serverFrom(plain)), null, 'an address that means everywhere leads nowhere');
  });
});
