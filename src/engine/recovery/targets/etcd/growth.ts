import { RefusedError } from '../../../errors.ts';
import type { Fence, Join, PlannedMember } from '../../../model/plan.ts';
import type { StoreMember } from '../../../readers/etcd/v2-store.ts';

/** What keeps the members that are left behind from coming back. */
export function fencesFor(others: readonly StoreMember[], hasNewId: boolean): Fence[] {
  return others.map(({ id, name, peerUrls }) => ({
    member: name ?? id,
    id,
    addresses: [...peerUrls],
    action: hasNewId
      ? `Wipe the data of ${name ?? id} before it starts: the new cluster refuses it, but with others of the old one it could form a quorum`
      : `Wipe the data of ${name ?? id} BEFORE it starts: the cluster id stays the same`,
  }));
}

/**
 * Command line settings of the members that join, in the order in which they join: each has to name all that are members by then, with
 * exactly the stored peer addresses.
 */
export function joinsFor(self: StoreMember, others: readonly PlannedMember[], targetMembers: number): Join[] {
  const joining = [...others].sort((a, b) => Number(a.role === 'learner') - Number(b.role === 'learner') || ((a.name ?? a.id) < (b.name ?? b.id) ? -1 : 1)).slice(0, Math.max(0, targetMembers - 1));
  const cluster = self.peerUrls.map((url) => `${self.name ?? self.id}=${url}`);
  return joining.map(({ name, id, addresses }) => {
    const label = name ?? id;
    cluster.push(...addresses.map((url) => `${label}=${url}`));
    return {
      member: label,
      settings: [
        `--name ${label}`,
        `--initial-advertise-peer-urls ${addresses.join(',')}`,
        `--initial-cluster ${cluster.join(',')}`,
        '--initial-cluster-state existing',
        '--data-dir with an empty directory',
      ],
    };
  });
}

export const START_HINTS: readonly string[] = [
  'Start etcd as always, of the same minor version, WITHOUT --force-new-cluster: left on, it drops members at every start',
  'Keep its flags: --name, --data-dir, --listen-* and --advertise-* count; --initial-* are ignored once there is data',
];

/** @throws {RefusedError} `bad-address` for what etcd would not take as a peer URL. */
export function refuseBadAddress(selfAddress: string | null): void {
  if (selfAddress === null || /^https?:\/\/[^\s/,=]+:\d{1,5}$/.test(selfAddress)) return;
  throw new RefusedError('bad-address', `${selfAddress} is no peer URL of etcd`, 'Give it with its scheme and port, such as --self-address https://10.0.0.11:2380');
}
