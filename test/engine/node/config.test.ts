import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { ConfigError } from '../../../src/engine/node/config-error.ts';
import { parseNodeConfig, readNodeConfig } from '../../../src/engine/node/config.ts';

const THREE = `
initialMembers:
  - {id: n1, name: one, address: 10.0.0.1:7000}
  - {id: n2, address: 10.0.0.2:7000}
  - {id: n3, address: 10.0.0.3:7000}
`;
const HEAD = `
clusterId: shop
member: {id: n1}
dataDir: data
listen: 0.0.0.0:7000
tls: {ca: tls/ca.crt, cert: tls/n1.crt, key: /etc/keys/n1.key}
`;

const parse = (text: string, hostname = 'host') => parseNodeConfig('/etc/raft/n1.yaml', text, hostname);

describe('configuration of a member', () => {
  it('fills in defaults and resolves paths from the directory of the file', () => {
    const config = parse(HEAD + THREE);
    assert.deepEqual(config.member, { id: 'n1', name: 'one' });
    assert.equal(config.dataDir, '/etc/raft/data');
    assert.deepEqual(config.tls, { ca: '/etc/raft/tls/ca.crt', cert: '/etc/raft/tls/n1.crt', key: '/etc/keys/n1.key' });
    assert.equal(config.advertise, '10.0.0.1:7000', 'the address of initialMembers');
    assert.equal(config.ballastBytes, 64 * 1024 * 1024);
    assert.equal(config.settings.heartbeatTicks, 5);
    assert.equal(config.isLab, false);
    assert.deepEqual(config.initialMembers[1], { id: 'n2', name: 'n2', address: '10.0.0.2:7000' });
  });

  it('finds its id and its peers the way a StatefulSet names them', () => {
    const text = `${HEAD.replace('member: {id: n1}', 'member: hostname')}initialMembers: {dns: {service: raft.default.svc, name: raft, port: 7000, replicas: 3}}\n`;
    const config = parse(text, 'raft-2.raft.default.svc.cluster.local');
    assert.equal(config.member.id, 'raft-2');
    assert.equal(config.advertise, 'raft-2.raft.default.svc:7000');
    assert.deepEqual(config.initialMembers.map(({ address }) => address), ['raft-0.raft.default.svc:7000', 'raft-1.raft.default.svc:7000', 'raft-2.raft.default.svc:7000']);
    assert.throws(() => parse(text, 'raft-3'), /member\.id: raft-3 is not among initialMembers \(raft-0, raft-1, raft-2\)/);
  });

  it('of a later generation needs no first members: it was recovered, or it joins', () => {
    const config = parse(`${HEAD}generation: 2\nadvertise: 10.0.0.1:7000\n`);
    assert.deepEqual([config.generation, config.initialMembers, config.advertise], [2, [], '10.0.0.1:7000']);
    assert.equal(parse(HEAD + THREE).generation, null, 'whatever the directory says');
    assert.equal(parse(`${HEAD}generation: 1\n${THREE}`).generation, 1);
    assert.throws(() => parse(`${HEAD}generation: 2\n${THREE}`), /initialMembers: belong to generation 1, not to 2/);
    assert.throws(() => parse(`${HEAD}generation: 1\n`), /initialMembers: is missing/);
    assert.throws(() => parse(`${HEAD}generation: 0\n`), /generation/);
  });

  it('takes the timing profiles, and explicit times in whole ticks (B1)', () => {
    assert.equal(parse(`${HEAD}timing: calm\n${THREE}`).settings.electionMinTicks, 150);
    const own = parse(`${HEAD}timing: {heartbeatMs: 100, electionMinMs: 300, electionMaxMs: 600}\n${THREE}`).settings;
    assert.deepEqual([own.heartbeatTicks, own.electionMinTicks, own.electionMaxTicks], [10, 30, 60]);
  });

  const wrong = [
    { name: 'an unknown key', text: `${HEAD}timming: fast\n${THREE}`, message: /n1\.yaml: unknown key timming/, hint: /never ignored/ },
    { name: 'a heartbeat too slow for its elections (B1)', text: `${HEAD}timing: {heartbeatMs: 60, electionMinMs: 150, electionMaxMs: 300}\n${THREE}`, message: /timing\.electionMinMs: must be at least three times heartbeatMs/, hint: /heartbeat \* 3/ },
    { name: 'elections that may collide (B1)', text: `${HEAD}timing: {heartbeatMs: 50, electionMinMs: 150, electionMaxMs: 290}\n${THREE}`, message: /timing\.electionMaxMs: must be at least twice electionMinMs/, hint: /collide/ },
    { name: 'times between ticks', text: `${HEAD}timing: {heartbeatMs: 55, electionMinMs: 200, electionMaxMs: 400}\n${THREE}`, message: /timing\.heartbeatMs: must be a multiple of 10 ms/, hint: /./ },
    { name: 'no certificates', text: HEAD.replace(/tls.*\n/, '') + THREE, message: /tls: is missing/, hint: /mutual TLS/ },
    { name: 'plain connections beyond loopback', text: `${HEAD.replace(/tls.*\n/, '')}insecureLoopback: true\n${THREE}`, message: /listen: must be a loopback address/, hint: /./ },
    { name: 'a member listed twice', text: `${HEAD}initialMembers: [{id: n1, address: a:1}, {id: n1, address: b:1}]\n`, message: /initialMembers\.1\.id: n1 is listed twice/, hint: /of its own/ },
    { name: 'an address listed twice', text: `${HEAD}initialMembers: [{id: n1, address: a:1}, {id: n2, address: a:1}]\n`, message: /initialMembers\.1\.address: a:1 is listed twice/, hint: /of its own/ },
    { name: 'a member that is not listed', text: `${HEAD}initialMembers: [{id: n2, address: a:1}]\n`, message: /member\.id: n1 is not among initialMembers/, hint: /join: true/ },
    { name: 'both a list and join', text: `${HEAD}join: true\n${THREE}`, message: /initialMembers: and join exclude each other/, hint: /./ },
    { name: 'neither', text: HEAD, message: /initialMembers: is missing/, hint: /join: true/ },
    { name: 'a port that is none', text: `${HEAD.replace('0.0.0.0:7000', '0.0.0.0:70000')}${THREE}`, message: /listen: has a port outside 1\.\.65535/, hint: /./ },
    { name: 'an address that nobody can dial', text: `${HEAD}join: true\n`, message: /advertise: nobody can dial 0\.0\.0\.0:7000/, hint: /advertise: host:port/ },
    { name: 'another advertised address than the others know', text: `${HEAD}advertise: 10.9.9.9:7000\n${THREE}`, message: /10\.9\.9\.9:7000 differs from the address of n1/, hint: /the other members dial/ },
    { name: 'a wrong part of a member in a list', text: `${HEAD}initialMembers: [{id: n1, address: nowhere}]\n`, message: /initialMembers\.0\.address: must be host:port/, hint: /./ },
    { name: 'a member id that is a path', text: `${HEAD.replace('id: n1', 'id: ../n1')}${THREE}`, message: /member\.id: must be 1 to 63/, hint: /./ },
    { name: 'broken YAML', text: 'a: [1\nb: 2\n', message: /line \d+, column \d+: is not YAML/, hint: /./ },
    { name: 'an empty file', text: '', message: /n1\.yaml: (Invalid input|.*empty)/, hint: /./ },
  ];
  for (const one of wrong) {
    it(`refuses ${one.name}, with file, place, reason and hint`, () => {
      assert.throws(
        () => parse(one.text),
        (error) => {
          assert.ok(error instanceof ConfigError, String(error));
          assert.match(error.message, one.message);
          assert.match(error.hint, one.hint);
          assert.ok(error.message.startsWith('/etc/raft/n1.yaml'), error.message);
          assert.equal(error.exitCode, 2);
          return true;
        },
      );
    });
  }

  it('names a file that is missing or absurdly large', () => {
    assert.throws(() => readNodeConfig('/nowhere/n1.yaml'), /\/nowhere\/n1\.yaml: cannot be read \(ENOENT\)/);
    const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'raft-inspector-config-'));
    try {
      const file = path.join(directory, 'big.yaml');
      fs.writeFileSync(file, '#'.repeat(1024 * 1024 + 1));
      assert.throws(() => readNodeConfig(file), /1048577 bytes, limit 1048576/);
    } finally {
      fs.rmSync(directory, { recursive: true });
    }
  });
});
