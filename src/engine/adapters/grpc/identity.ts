import type { PeerCertificate } from 'node:tls';

/** Whom a certificate names: `raft-inspector://<clusterId>/member/<memberId>` or `raft-inspector://<clusterId>/client/<name>`. */
export interface Identity {
  readonly clusterId: string;
  readonly kind: 'member' | 'client';
  readonly name: string;
}

const NAME = '[A-Za-z0-9][A-Za-z0-9._~-]{0,127}';
const IDENTITY = new RegExp(`^URI:raft-inspector://(${NAME})/(member|client)/(${NAME})$`);
const WHOLE_NAME = new RegExp(`^${NAME}$`);

/** Cluster ids, member ids and client names that fit into a certificate: no character that needs quoting anywhere. */
export function isIdentityName(name: string): boolean {
  return WHOLE_NAME.test(name);
}

/** @throws {RangeError} When a name holds a character that a certificate could not carry unambiguously. */
export function uriOf(identity: Identity): string {
  for (const name of [identity.clusterId, identity.name]) {
    if (!isIdentityName(name)) throw new RangeError(`"${name}" cannot be in a certificate: 1 to 128 letters, digits, dots, dashes, underscores, tildes`);
  }
  return `raft-inspector://${identity.clusterId}/${identity.kind}/${identity.name}`;
}

/**
 * Whom a verified certificate names, or null when it names nobody, or several. Node prints the alternative names as one string and puts
 * those with commas or quotes between quotation marks: one such name makes the whole string suspect, as it could imitate another.
 */
export function identityOf(certificate: Pick<PeerCertificate, 'subjectaltname'> | undefined): Identity | null {
  const names = certificate?.subjectaltname;
  if (names === undefined || names.includes('"')) return null;
  const found = names.split(', ').filter((one) => one.startsWith('URI:raft-inspector:'));
  const match = found.length === 1 ? IDENTITY.exec(found[0] ?? '') : null;
  if (match === null) return null;
  const [, clusterId, kind, name] = match as unknown as [string, string, Identity['kind'], string];
  return { clusterId, kind, name };
}
