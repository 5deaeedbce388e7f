import { webcrypto } from 'node:crypto';
import type * as X509 from '@peculiar/x509';
import { uriOf } from './grpc/identity.ts';
import { provideMetadataReflection } from './metadata-reflection.ts';

/** A certificate and its private key, PEM. The caller writes the key with mode 0600, aside and renamed; it never enters a repository. */
export interface IssuedCertificate {
  readonly certificatePem: string;
  readonly privateKeyPem: string;
}

/** How long a certificate holds, from an hour ago (clocks differ) on. */
export interface Validity {
  /** Days; default 3650 for the authority, 825 for what it issues. */
  readonly days?: number;
  /** The moment of issue, milliseconds since 1970; default: now. */
  readonly nowMs?: number;
}

const CURVE = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/** The library needs its metadata polyfill first and takes 100 ms to load: only for who makes certificates. */
async function library(): Promise<typeof X509> {
  provideMetadataReflection();
  const loaded: { default?: unknown } = await import('@peculiar/x509');
  // In the bundle a CommonJS package that is imported lazily has its names under `default` only.
  const x509 = (loaded.default ?? loaded) as typeof X509;
  x509.cryptoProvider.set(webcrypto);
  return x509;
}

/** A self-signed authority for one cluster: it signs leaves only (path length 0). */
export async function makeAuthority(name: string, validity: Validity = {}): Promise<IssuedCertificate> {
  const x509 = await library();
  const keys = await newKeys();
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: serialNumber(),
    name: [{ CN: [name] }],
    ...lifetime(validity, 3650),
    signingAlgorithm: CURVE,
    keys,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
      await x509.AuthorityKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return issued(certificate, keys);
}

/** A member's certificate: serves and dials. `hosts` are DNS names or IP addresses, for tools that check those. */
export async function issueMember(authority: IssuedCertificate, member: { clusterId: string; memberId: string; hosts?: readonly string[] }, validity: Validity = {}): Promise<IssuedCertificate> {
  return await issue(authority, uriOf({ clusterId: member.clusterId, kind: 'member', name: member.memberId }), member.memberId, member.hosts ?? [], 'member', validity);
}

/** A client's certificate: it may dial, never serve. */
export async function issueClient(authority: IssuedCertificate, client: { clusterId: string; name: string }, validity: Validity = {}): Promise<IssuedCertificate> {
  return await issue(authority, uriOf({ clusterId: client.clusterId, kind: 'client', name: client.name }), client.name, [], 'client', validity);
}

async function issue(authority: IssuedCertificate, uri: string, name: string, hosts: readonly string[], kind: 'member' | 'client', validity: Validity): Promise<IssuedCertificate> {
  const x509 = await library();
  const parent = new x509.X509Certificate(authority.certificatePem);
  const signingKey = await webcrypto.subtle.importKey('pkcs8', x509.PemConverter.decodeFirst(authority.privateKeyPem), CURVE, false, ['sign']);
  const keys = await newKeys();
  const usages = kind === 'member' ? [x509.ExtendedKeyUsage.serverAuth, x509.ExtendedKeyUsage.clientAuth] : [x509.ExtendedKeyUsage.clientAuth];
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: serialNumber(),
    subject: [{ CN: [name] }],
    issuer: parent.subject,
    ...lifetime(validity, 825),
    signingAlgorithm: CURVE,
    publicKey: keys.publicKey,
    signingKey,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension(usages, true),
      new x509.SubjectAlternativeNameExtension([{ type: 'url', value: uri }, ...hosts.map((host) => ({ type: isAddress(host) ? ('ip' as const) : ('dns' as const), value: host }))], false),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
      await x509.AuthorityKeyIdentifierExtension.create(parent.publicKey),
    ],
  });
  return issued(certificate, keys);
}

function newKeys(): Promise<webcrypto.CryptoKeyPair> {
  return webcrypto.subtle.generateKey(CURVE, true, ['sign', 'verify']) as Promise<webcrypto.CryptoKeyPair>;
}

async function issued(certificate: X509.X509Certificate, keys: webcrypto.CryptoKeyPair): Promise<IssuedCertificate> {
  const pkcs8 = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey)).toString('base64');
  const lines = pkcs8.match(/.{1,64}/g) ?? [];
  return { certificatePem: `${certificate.toString('pem')}\n`, privateKeyPem: `-----BEGIN PRIVATE KEY-----\n${lines.join('\n')}\n-----END PRIVATE KEY-----\n` };
}

function lifetime(validity: Validity, defaultDays: number): { notBefore: Date; notAfter: Date } {
  const nowMs = validity.nowMs ?? Date.now();
  return { notBefore: new Date(nowMs - HOUR_MS), notAfter: new Date(nowMs + (validity.days ?? defaultDays) * DAY_MS) };
}

/** 16 random bytes; the first bit is kept clear so that the number is positive (RFC 5280 4.1.2.2). */
function serialNumber(): string {
  const bytes = webcrypto.getRandomValues(new Uint8Array(16));
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x40;
  return Buffer.from(bytes).toString('hex');
}

function isAddress(host: string): boolean {
  return /^[0-9.]+$/.test(host) || host.includes(':');
}

