import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import http2 from 'node:http2';
import net from 'node:net';
import path from 'node:path';
import tls from 'node:tls';
import { issueClient, issueMember, type IssuedCertificate, makeAuthority } from '../../src/engine/adapters/certificates.ts';
import { GrpcTransport } from '../../src/engine/adapters/grpc-transport.ts';
import { DELIVER_PATH } from '../../src/engine/adapters/grpc/lane.ts';
import { encodeFrame } from '../../src/engine/adapters/grpc/peer-codec.ts';
import { LAB_CA, LAB_CLIENT, labPaths } from '../../src/engine/lab/lab-file.ts';
import type { LabStatus } from '../../src/engine/lab/orders.ts';
import { freePorts } from '../../src/engine/adapters/free-ports.ts';
import { PROTOCOL_VERSION } from '../../src/engine/ports/transport.ts';
import { BIN } from '../helpers/cli.ts';
import { ensureBuilt } from '../helpers/run-cli.ts';
import { cli, TestLab, until } from '../helpers/lab.ts';
import { pause } from '../helpers/pause.ts';

/** Terms and leader: what nothing from outside may touch. */
const standing = (status: LabStatus): string => `${status.leader} ${status.members.map((one) => `${one.id}:${one.state}:${one.term}`).join(' ')}`;

/** A message of gRPC: a flag, the length, the bytes. */
function framed(body: Buffer, claimed = body.length): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt32BE(claimed, 1);
  return Buffer.concat([head, body]);
}

describe('lab: what members refuse, and who is not disturbed by it', function () {
  this.timeout(60_000);
  let lab: TestLab;
  let authority: IssuedCertificate;

  before(async () => {
    ensureBuilt();
    lab = await TestLab.up(3, '--timing', 'calm');
    authority = { certificatePem: fs.readFileSync(labPaths.certificate(lab.dir, LAB_CA), 'utf8'), privateKeyPem: fs.readFileSync(labPaths.key(lab.dir, LAB_CA), 'utf8') };
  });
  after(() => lab?.end());

  /** Refusals that a member has logged, by rule. */
  const refusals = (id: string): string[] => lab.log(id).flatMap((line) => (line['msg'] === 'refused' ? [String(line['rule'])] : []));
  const portOf = async (id: string): Promise<number> => Number((await lab.member(id)).address.split(':')[1]);

  /** Does something to the cluster from outside and checks that terms, leader and members are as before. */
  async function undisturbed(run: () => Promise<void>): Promise<void> {
    const before = standing(await lab.settled());
    await run();
    await pause(400); // a vote of a far term that got through would be in the status by now
    assert.equal(standing(await lab.settled()), before);
  }

  /** A stranger that speaks the protocol: sends a vote request of a far term, and tells what became of it. */
  async function campaignAt(target: string, who: { pair: IssuedCertificate; ca?: string; clusterId?: string; memberId?: string; version?: number; from?: string }): Promise<void> {
    const [port] = (await freePorts(1)) as [number];
    const clusterId = who.clusterId ?? lab.connection.clusterId;
    const memberId = who.memberId ?? 'n9';
    const transport = new GrpcTransport({
      clusterId,
      generation: 1,
      memberId,
      maxFeatureLevel: 1,
      host: '127.0.0.1',
      port,
      tls: { ca: who.ca ?? authority.certificatePem, certificate: who.pair.certificatePem, key: who.pair.privateKeyPem },
    });
    await transport.start(() => undefined);
    try {
      transport.setPeers([{ id: target, address: `127.0.0.1:${await portOf(target)}` }]);
      for (let at = 0; at < 20; at += 1) {
        const from = who.from ?? memberId;
        const body = { kind: 'vote', phase: 'vote', from, to: target, term: 1000, campaign: 1, lastEntry: { term: 999, index: 1_000_000 }, isTransfer: true } as const;
        transport.send({ clusterId, generation: 1, from, to: target, version: who.version ?? PROTOCOL_VERSION, maxFeatureLevel: 1, body });
        await pause(15);
      }
    } finally {
      await transport.stop();
    }
  }

  /** Sends bytes to a member on a stream of the peer service; gives the gRPC status of the answer, `reset`, or `none`. */
  async function deliver(target: string, pair: IssuedCertificate, bytes: Buffer): Promise<string> {
    const session = http2.connect(`https://127.0.0.1:${await portOf(target)}`, { ca: authority.certificatePem, cert: pair.certificatePem, key: pair.privateKeyPem, checkServerIdentity: () => undefined, minVersion: 'TLSv1.3' });
    session.on('error', () => undefined);
    try {
      return await new Promise((resolve) => {
        const stream = session.request({ ':method': 'POST', ':path': DELIVER_PATH, 'content-type': 'application/grpc', te: 'trailers' });
        const told = (headers: http2.IncomingHttpHeaders): void => {
          if (headers['grpc-status'] !== undefined) resolve(String(headers['grpc-status']));
        };
        stream.on('response', told);
        stream.on('trailers', told);
        stream.on('error', () => resolve('reset'));
        stream.on('close', () => resolve('none'));
        stream.setTimeout(5000, () => resolve('none'));
        stream.resume();
        stream.write(bytes);
      });
    } finally {
      session.destroy();
    }
  }

  it('a certificate of an unknown authority is refused in the handshake', () =>
    undisturbed(async () => {
      const foreign = await makeAuthority('another');
      const { clusterId } = lab.connection;
      await campaignAt('n1', { pair: await issueMember(foreign, { clusterId, memberId: 'n2' }), ca: authority.certificatePem, memberId: 'n2' });
      await until('the refusal in the log', () => refusals('n1').includes('certificate-unknown'));
    }));

  it('a member of another cluster is refused, even under the same authority (I17)', () =>
    undisturbed(async () => {
      // Its own software would not even speak to us; this one does, with a campaign of a far term.
      const pair = await issueMember(authority, { clusterId: 'other', memberId: 'n2' });
      const body = { kind: 'vote', phase: 'vote', from: 'n2', to: 'n1', term: 1000, campaign: 1, lastEntry: { term: 999, index: 1_000_000 }, isTransfer: true } as const;
      const head = { generation: 1, from: 'n2', to: 'n1', version: PROTOCOL_VERSION, maxFeatureLevel: 1 };
      for (const clusterId of ['other', lab.connection.clusterId]) {
        const status = await deliver('n1', pair, framed(encodeFrame({ head: { clusterId, ...head }, lane: 'control', address: '127.0.0.1:1', bodies: [body] })));
        assert.ok(status !== '0' && status !== 'none', `answered with ${status}`);
      }
      await until('the refusal in the log', () => refusals('n1').includes('certificate-cluster'));
    }));

  it('a client certificate opens no stream between members', () =>
    undisturbed(async () => {
      await campaignAt('n1', { pair: await issueClient(authority, { clusterId: lab.connection.clusterId, name: 'operator' }), memberId: 'n2' });
      await until('the refusal in the log', () => refusals('n1').some((rule) => /client|server-identity|sender/.test(rule)));
    }));

  it('a certificate of the cluster without a name, and none at all, are refused', () =>
    undisturbed(async () => {
      const port = await portOf('n2');
      for (const material of [{}, { cert: authority.certificatePem, key: authority.privateKeyPem }]) {
        const socket = tls.connect({ host: '127.0.0.1', port, ca: authority.certificatePem, checkServerIdentity: () => undefined, ALPNProtocols: ['h2'], minVersion: 'TLSv1.3', ...material });
        socket.on('error', () => undefined);
        await new Promise<void>((resolve) => socket.once('close', () => resolve()));
      }
      await until('the refusals in the log', () => refusals('n2').some((rule) => rule.startsWith('certificate-')));
    }));

  it('garbage, silence and endless bytes on the port end that connection only', () =>
    undisturbed(async () => {
      const port = await portOf('n3');
      const garbage = Buffer.alloc(256 * 1024, 0x5a);
      const send = (bytes: Buffer, times: number): Promise<number> =>
        new Promise((resolve) => {
          const socket = net.connect(port, '127.0.0.1');
          let sent = 0;
          socket.on('error', () => undefined);
          socket.on('close', () => resolve(sent));
          socket.resume(); // its alert has to be read, or the end is never seen
          const more = (): void => {
            while (sent < times && !socket.destroyed) {
              sent += 1;
              if (!socket.write(bytes)) {
                socket.once('drain', more);
                return;
              }
            }
            socket.end();
          };
          socket.once('connect', more);
        });
      await Promise.all([send(Buffer.from('GET / HTTP/1.1\r\n\r\n'), 1), send(garbage, 1), send(garbage, 400), send(Buffer.from([0x16, 0x03, 0x01, 0xff, 0xff, ...garbage.subarray(0, 5000)]), 1)]);
      const silent = net.connect(port, '127.0.0.1');
      silent.on('error', () => undefined);
      await until('the refusal in the log', () => refusals('n3').includes('tls-handshake'));
      silent.destroy();
    }));

  it('a verified peer that sends oversized and malformed frames loses its stream only', () =>
    undisturbed(async () => {
      const pair = await issueMember(authority, { clusterId: lab.connection.clusterId, memberId: 'n9' });
      for (const [bytes, what] of [
        [framed(Buffer.alloc(2000, 0xff)), 'malformed'],
        [framed(Buffer.alloc(100), 0xfffffff0), 'a claimed length of 4 GB'],
        [framed(Buffer.alloc(10 * 1024 * 1024)), 'ten megabytes'],
      ] as const) {
        const status = await deliver('n1', pair, bytes);
        assert.ok(status !== '0' && status !== 'none', `${what}: answered with ${status}`);
      }
    }));

  it('another version of the protocol, and a sender its certificate does not name, are refused', () =>
    undisturbed(async () => {
      const { clusterId } = lab.connection;
      const pair = await issueMember(authority, { clusterId, memberId: 'n9' });
      await campaignAt('n1', { pair, version: PROTOCOL_VERSION + 98 });
      await campaignAt('n2', { pair, from: 'n3' });
      await until('the refusal of the version', () => refusals('n1').some((rule) => /version/.test(rule)));
      await until('the refusal of the sender', () => refusals('n2').some((rule) => /sender/.test(rule)));
    }));

  it('the data directory of another member is refused: member-mismatch, exit 4', async () => {
    const follower = (await lab.settled()).members.find((one) => one.role === 'follower')?.id ?? '';
    await lab.order({ kind: 'kill', ids: [follower], signal: 'SIGKILL' });
    const config = labPaths.config(lab.dir, follower);
    const text = fs.readFileSync(config, 'utf8');
    const other = (await lab.status()).members.find((one) => one.state === 'running')?.id ?? '';
    // A copy of another member's directory: the mistake is a mounted disk that belongs elsewhere.
    const copied = path.join(lab.root, 'copied');
    fs.cpSync(labPaths.data(lab.dir, other), copied, { recursive: true, filter: (file) => path.basename(file) !== 'LOCK' });
    try {
      fs.writeFileSync(config, text.replace(/^dataDir: .*$/m, `dataDir: ${copied}`));
      const ran = await cli('lab', 'start', follower, '--dir', lab.dir, '--json');
      assert.equal(ran.code, 4, ran.stderr);
      assert.match(ran.envelope.error?.message ?? '', new RegExp(`member-mismatch: .*belongs to member ${other}.* names ${follower}`));
      const last = lab.log(follower).at(-1);
      assert.deepEqual([last?.['level'], last?.['rule'], last?.['exit']], ['fatal', 'member-mismatch', 4]);
    } finally {
      fs.writeFileSync(config, text);
    }
    assert.equal((await cli('lab', 'start', follower, '--dir', lab.dir)).code, 0);
    await lab.settled();
  });

  it('a second process on one directory is refused: directory-in-use, exit 4, with one JSON line that names the first', () =>
    undisturbed(async () => {
      const { pid } = await lab.member('n2');
      const [port] = (await freePorts(1)) as [number];
      // As a member of its own, without the lab: who copies a configuration and starts it by hand.
      const text = fs.readFileSync(labPaths.config(lab.dir, 'n2'), 'utf8').replace(/^lab: .*$/m, '').replace(/^listen: .*$/m, `listen: 127.0.0.1:${port}`);
      const config = path.join(lab.dir, 'etc', 'second.yaml');
      fs.writeFileSync(config, text);
      const ran = await cli('node', 'start', '--config', config);
      assert.equal(ran.code, 4, ran.stderr);
      const lines = ran.stderr.trim().split('\n').map((line) => JSON.parse(line) as Record<string, unknown>);
      assert.equal(lines.at(-1)?.['rule'], 'directory-in-use');
      assert.match(String(lines.at(-1)?.['msg']), new RegExp(`in use by process ${pid} `));
      assert.equal(ran.stdout, '');
    }));

  it('a certificate of somebody else, a key that does not fit, and none at all end in exit 2 with the place in the file', async () => {
    const text = fs.readFileSync(labPaths.config(lab.dir, 'n2'), 'utf8').replace(/^lab: .*$/m, '');
    const config = path.join(lab.dir, 'etc', 'wrong.yaml');
    const copied = path.join(lab.root, 'copied-2');
    fs.cpSync(labPaths.data(lab.dir, 'n2'), copied, { recursive: true, filter: (file) => path.basename(file) !== 'LOCK' });
    const cases = [
      { from: 'cert: ../tls/n2.crt', to: 'cert: ../tls/n1.crt', message: /tls\.cert: .*n1\.crt names member n1 of cluster .*, not member n2/ },
      { from: 'cert: ../tls/n2.crt', to: `cert: ../tls/${LAB_CLIENT}.crt`, message: /names client operator/ },
      { from: 'key: ../tls/n2.key', to: 'key: ../tls/n1.key', message: /tls: the certificate or its key cannot be used/ },
      { from: 'key: ../tls/n2.key', to: 'key: ../tls/none.key', message: /tls\.key: .*none\.key cannot be read \(ENOENT\)/ },
    ];
    for (const { from, to, message } of cases) {
      assert.ok(text.includes(from));
      fs.writeFileSync(config, text.replace(from, to).replace(/^dataDir: .*$/m, `dataDir: ${copied}`));
      const ran = await cli('node', 'start', '--config', config, '--json');
      assert.equal(ran.code, 2, ran.stderr);
      assert.match(ran.envelope.error?.message ?? '', message);
      assert.equal(fs.existsSync(path.join(copied, 'LOCK')), false, 'the lock is given back');
    }
  });

  it('a member of a lab does not start without its lab: lab-only, exit 4', async () => {
    const ran = await cli('node', 'start', '--config', labPaths.config(lab.dir, 'n1'), '--json');
    assert.equal(ran.code, 4);
    assert.match(ran.envelope.error?.message ?? '', /^lab-only: /);
  });

  it('a member outside a lab does not listen to who started it: no faults from its parent', async () => {
    const [port] = (await freePorts(1)) as [number];
    const config = path.join(lab.root, 'single.yaml');
    fs.writeFileSync(config, `clusterId: single\nmember: {id: s1}\ndataDir: single\nlisten: 127.0.0.1:${port}\ninitialMembers: [{id: s1, address: 127.0.0.1:${port}}]\ninsecureLoopback: true\nballastBytes: 0\n`);
    assert.equal((await cli('node', 'init', '--config', config)).code, 0);
    const child = spawn(process.execPath, [BIN, 'node', 'start', '--config', config], { stdio: ['ignore', 'ignore', 'pipe', 'ipc'] });
    let text = '';
    child.stderr?.setEncoding('utf8').on('data', (piece: string) => (text += piece));
    try {
      await until('a leader of one', () => text.includes('now leader'));
      child.send({ kind: 'world', links: {}, faults: { messages: [], disk: [{ part: 'raft', delayMs: 0, fails: 'EIO', lands: false }], clock: { rate: 1, wallOffsetMs: 0 } } });
      child.disconnect();
      await pause(300);
      assert.equal(child.exitCode, null, `it must go on: ${text}`);
    } finally {
      const gone = new Promise((resolve) => child.once('exit', (code) => resolve(code)));
      child.kill('SIGTERM');
      assert.equal(await gone, 0, 'SIGTERM drains');
    }
    assert.match(text, /"msg":"stopped"/);
    assert.deepEqual(fs.readdirSync(path.join(lab.root, 'single')).includes('LOCK'), false);
  });

  it('node init refuses a directory that holds anything, and changes nothing there', async () => {
    const config = path.join(lab.root, 'single.yaml');
    const ran = await cli('node', 'init', '--config', config, '--json');
    assert.equal(ran.code, 4);
    assert.match(ran.envelope.error?.message ?? '', /^not-empty: .* holds a member already/);
    assert.deepEqual(fs.readdirSync(lab.root).filter((name) => name.includes('.new-')), []);
  });
});
