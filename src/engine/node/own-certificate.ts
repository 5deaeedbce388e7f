import { X509Certificate } from 'node:crypto';
import fs from 'node:fs';
import type { TlsMaterial } from '../adapters/grpc-transport.ts';
import { identityOf } from '../adapters/grpc/identity.ts';
import { ConfigError } from './config-error.ts';
import type { NodeConfig } from './config.ts';
import type { Log } from './line-log.ts';

const MAX_PEM_BYTES = 1024 * 1024;
const SOON_MS = 30 * 86_400_000;

/**
 * The member's certificate, its key and the cluster's authority.
 * @throws {ConfigError} When a file cannot be read or the certificate names somebody else: every peer would refuse it.
 */
export function readOwnCertificate(config: NodeConfig, tls: NonNullable<NodeConfig['tls']>, log: Log): TlsMaterial {
  const material = { ca: read(config.file, 'ca', tls.ca), certificate: read(config.file, 'cert', tls.cert), key: read(config.file, 'key', tls.key) };
  const certificate = parse(config.file, tls.cert, material.certificate);
  const identity = identityOf(certificate.subjectAltName === undefined ? {} : { subjectaltname: certificate.subjectAltName });
  const wanted = `member ${config.member.id} of cluster ${config.clusterId}`;
  const named = identity === null ? 'nobody' : `${identity.kind} ${identity.name} of cluster ${identity.clusterId}`;
  if (named !== wanted) throw new ConfigError(config.file, 'tls.cert', `${tls.cert} names ${named}, not ${wanted}`, `Issue one with the URI raft-inspector://${config.clusterId}/member/${config.member.id} among its alternative names`);
  const endsMs = Date.parse(certificate.validTo);
  if (endsMs - Date.now() < SOON_MS) log.write('warn', endsMs < Date.now() ? 'the certificate has expired: peers will refuse it' : 'the certificate ends soon', { certificate: tls.cert, validTo: new Date(endsMs).toISOString() });
  return material;
}

function read(file: string, name: 'ca' | 'cert' | 'key', pem: string): string {
  try {
    const { size } = fs.statSync(pem);
    if (size <= MAX_PEM_BYTES) return fs.readFileSync(pem, 'utf8');
    throw new ConfigError(file, `tls.${name}`, `${pem} has ${size} bytes, limit ${MAX_PEM_BYTES}`, 'Name a PEM file');
  } catch (error) {
    if (error instanceof ConfigError) throw error;
    throw new ConfigError(file, `tls.${name}`, `${pem} cannot be read (${(error as NodeJS.ErrnoException).code ?? 'unknown error'})`, 'Name a PEM file that this user may read', { cause: error });
  }
}

function parse(file: string, pem: string, text: string): X509Certificate {
  try {
    return new X509Certificate(text);
  } catch (error) {
    throw new ConfigError(file, 'tls.cert', `${pem} is no certificate`, 'Name a PEM file that begins with -----BEGIN CERTIFICATE-----', { cause: error });
  }
}
