import { issueClient, issueMember, makeAuthority } from '../../src/engine/adapters/certificates.ts';
import type { IssuedCertificate } from '../../src/engine/adapters/certificates.ts';
import type { TlsMaterial } from '../../src/engine/adapters/grpc-transport.ts';

/** Certificates of one cluster, made anew for each run: no key ever lies in the repository. */
export class ClusterCertificates {
  private constructor(
    readonly clusterId: string,
    private readonly authority: IssuedCertificate,
  ) {}

  static async make(clusterId: string): Promise<ClusterCertificates> {
    return new ClusterCertificates(clusterId, await makeAuthority(`${clusterId} authority`));
  }

  async member(memberId: string, overrides: { clusterId?: string; days?: number; nowMs?: number } = {}): Promise<TlsMaterial> {
    const { clusterId = this.clusterId, ...validity } = overrides;
    return this.material(await issueMember(this.authority, { clusterId, memberId, hosts: ['localhost', '127.0.0.1'] }, validity));
  }

  async client(name: string, overrides: { clusterId?: string } = {}): Promise<TlsMaterial> {
    return this.material(await issueClient(this.authority, { clusterId: overrides.clusterId ?? this.clusterId, name }));
  }

  private material(leaf: IssuedCertificate): TlsMaterial {
    return { ca: this.authority.certificatePem, certificate: leaf.certificatePem, key: leaf.privateKeyPem };
  }
}
