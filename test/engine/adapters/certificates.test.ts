import assert from 'node:assert/strict';
import { createPrivateKey, createPublicKey, X509Certificate } from 'node:crypto';
import { issueClient, issueMember, makeAuthority } from '../../../src/engine/adapters/certificates.ts';
import { identityOf, isIdentityName, uriOf } from '../../../src/engine/adapters/grpc/identity.ts';

const DAY_MS = 86_400_000;

describe('certificates', () => {
  it('an authority signs leaves only', async () => {
    const authority = await makeAuthority('c-1 authority');
    const certificate = new X509Certificate(authority.certificatePem);
    assert.ok(certificate.ca && certificate.verify(certificate.publicKey));
    assert.equal(createPrivateKey(authority.privateKeyPem).asymmetricKeyDetails?.namedCurve, 'prime256v1');
    assert.match(authority.certificatePem, /^-----BEGIN CERTIFICATE-----\n[\s\S]+\n-----END CERTIFICATE-----\n$/);
  });

  it('a member is named by its URI, may serve and dial, and hosts are there for other tools', async () => {
    const authority = await makeAuthority('c-1 authority');
    const member = await issueMember(authority, { clusterId: 'c-1', memberId: 'n1', hosts: ['db.example.org', '10.0.0.7', '::1'] });
    const certificate = new X509Certificate(member.certificatePem);
    assert.ok(certificate.verify(createPublicKey(new X509Certificate(authority.certificatePem).publicKey.export({ type: 'spki', format: 'pem' }))));
    assert.equal(certificate.ca, false);
    assert.deepEqual(certificate.keyUsage, ['1.3.6.1.5.5.7.3.1', '1.3.6.1.5.5.7.3.2']);
    assert.equal(certificate.subjectAltName, 'URI:raft-inspector://c-1/member/n1, DNS:db.example.org, IP Address:10.0.0.7, IP Address:0:0:0:0:0:0:0:1');
    assert.ok(certificate.checkPrivateKey(createPrivateKey(member.privateKeyPem)));
    assert.deepEqual(identityOf({ subjectaltname: certificate.subjectAltName }), { clusterId: 'c-1', kind: 'member', name: 'n1' });
  });

  it('a client may dial only', async () => {
    const authority = await makeAuthority('c-1 authority');
    const certificate = new X509Certificate((await issueClient(authority, { clusterId: 'c-1', name: 'ops' })).certificatePem);
    assert.deepEqual(certificate.keyUsage, ['1.3.6.1.5.5.7.3.2']);
    assert.deepEqual(identityOf({ subjectaltname: certificate.subjectAltName ?? '' }), { clusterId: 'c-1', kind: 'client', name: 'ops' });
  });

  it('holds for the days that were asked for', async () => {
    const nowMs = Date.UTC(2030, 0, 1);
    const certificate = new X509Certificate((await makeAuthority('x', { nowMs, days: 3 })).certificatePem);
    assert.deepEqual([Date.parse(certificate.validFrom), Date.parse(certificate.validTo)], [nowMs - DAY_MS / 24, nowMs + 3 * DAY_MS]);
  });

  it('has a key and a serial number of its own each time', async () => {
    const authority = await makeAuthority('x');
    const [one, other] = [await issueClient(authority, { clusterId: 'c', name: 'n' }), await issueClient(authority, { clusterId: 'c', name: 'n' })];
    assert.notEqual(one.privateKeyPem, other.privateKeyPem);
    assert.notEqual(new X509Certificate(one.certificatePem).serialNumber, new X509Certificate(other.certificatePem).serialNumber);
  });

  it('names that a certificate could not carry unambiguously are refused', async () => {
    const authority = await makeAuthority('x');
    for (const name of ['', 'a/b', 'a b', 'a,b', 'ä', '-a', 'a'.repeat(129)]) {
      assert.equal(isIdentityName(name), false);
      assert.throws(() => uriOf({ clusterId: 'c', kind: 'member', name }), RangeError);
      await assert.rejects(issueMember(authority, { clusterId: name, memberId: 'n1' }), RangeError);
    }
  });

  const names: [string | undefined, boolean][] = [
    ['URI:raft-inspector://c/member/n', true],
    ['DNS:x, URI:raft-inspector://c/client/n, IP Address:1.2.3.4', true],
    [undefined, false],
    ['', false],
    ['DNS:x', false],
    ['DNS:raft-inspector://c/member/n', false],
    ['URI:raft-inspector://c/admin/n', false],
    ['URI:raft-inspector://c/member/', false],
    ['URI:raft-inspector://c/member/n/x', false],
    ['URI:raft-inspector://c/member/n?x', false],
    ['URI:raft-inspector://c/member/n, URI:raft-inspector://c/member/m', false],
    ['URI:raft-inspector://c/member/n, URI:raft-inspector:nonsense', false],
    ['DNS:"x, URI:raft-inspector://c/member/n"', false],
    ['URI:raft-inspector://c/member/n, DNS:"y"', false],
  ];
  for (const [subjectaltname, isNamed] of names) {
    it(`${isNamed ? 'names somebody' : 'names nobody'}: ${subjectaltname}`, () => {
      assert.equal(identityOf(subjectaltname === undefined ? {} as never : { subjectaltname }) !== null, isNamed);
    });
  }
});
