import type { PairComparison } from './divergence.ts';
import type { ClusterGroup } from './lineage.ts';
import { type Ranking, rankMembers, type SeenPosition } from './rank.ts';
import type { SurveyedMember } from './surveyed-member.ts';

/**
 * The ranking where nobody knows which cluster is meant: each cluster's disks stand by themselves, and no disk is measured by what one of
 * another cluster proves committed (the floor is one of a lineage). Only what the operator saw is of the cluster he means.
 */
export function rankApart(members: readonly SurveyedMember[], clusters: readonly ClusterGroup[], seen: readonly SeenPosition[]): Ranking {
  const groups = clusters.map(({ labels }) => members.filter((one) => labels.includes(one.label)));
  const grouped = new Set(groups.flat());
  const silent = members.filter((one) => !grouped.has(one)).map((one) => [one]);
  const order = [...groups, ...silent].flatMap((group) => rankMembers(group).order);
  order.sort((a, b) => Number(a.disqualified !== null) - Number(b.disqualified !== null));
  return { ...rankMembers([], seen), order };
}

/** Whether two disks may be compared at all: no two clusters claim them. */
export function ofOneCluster({ a, b }: Pick<PairComparison, 'a' | 'b'>, clusters: readonly ClusterGroup[]): boolean {
  const of = (label: string): ClusterGroup | undefined => clusters.find((one) => one.labels.includes(label));
  const [one, other] = [of(a), of(b)];
  return one === undefined || other === undefined || one === other;
}

/** Completes "a candidate, "; null where the disk's cluster has no id. */
export function clusterName(label: string, clusters: readonly ClusterGroup[]): string | null {
  const clusterId = clusters.find((one) => one.labels.includes(label))?.clusterId ?? null;
  return clusterId === null ? null : `if cluster ${clusterId} is meant`;
}
