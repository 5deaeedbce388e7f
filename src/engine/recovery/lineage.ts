import type { Evidence } from '../model/evidence.ts';
import { finding } from '../model/finding.ts';
import type { Finding } from '../model/finding.ts';
import type { OperatorFacts } from './facts.ts';

/** Disks that belong together. */
export interface ClusterGroup {
  /** Null where the store has no cluster id. */
  clusterId: string | null;
  labels: string[];
}

export interface Lineage {
  /** Every cluster that was read, the meant one among them. */
  clusters: ClusterGroup[];
  /** Labels of members of another cluster, with the reason. */
  foreign: Map<string, string>;
  /** Set when nobody can tell which cluster is meant. */
  conflict: string | null;
  clusterId: string | null;
  findings: Finding[];
}

/**
 * Which members belong together: by cluster id, or, where the store has none, by configurations that share a server. The
 * larger group wins only when it outnumbers all others; else the operator has to say which cluster is meant.
 */
export function lineageOf(evidences: readonly Evidence[], facts: OperatorFacts): Lineage {
  const groups = groupMembers(evidences);
  const clusterOf = (group: readonly Evidence[]): string | null => group.find((one) => one.report.clusterId !== null)?.report.clusterId ?? null;
  const wanted = facts.clusterId === undefined ? largest(groups) : groups.find((group) => matches(clusterOf(group), facts.clusterId as string));
  const clusters = groups.map((group): ClusterGroup => ({ clusterId: clusterOf(group), labels: group.map((one) => one.report.label) }));
  const foreign = new Map<string, string>();
  const findings: Finding[] = [];
  if (!wanted) {
    const names = groups.map((group) => `${group.map((one) => one.report.label).join(', ')}: ${clusterOf(group) ?? 'no common server'}`);
    const conflict = facts.clusterId === undefined ? `the disks belong to different clusters (${names.join('; ')})` : `no disk belongs to cluster ${facts.clusterId} (${names.join('; ')})`;
    findings.push(finding('cluster-conflict', 'error', conflict, { fix: whichCluster(clusters) }));
    return { clusters, foreign, conflict, clusterId: null, findings };
  }
  const clusterId = clusterOf(wanted);
  for (const group of groups) {
    if (group === wanted) continue;
    for (const { report } of group) {
      const other = clusterOf(group);
      const reason = other === null ? 'belongs to another cluster: its configurations share no server with the others' : `belongs to another cluster, ${other}`;
      foreign.set(report.label, reason);
      findings.push(finding('foreign-cluster', 'error', `${report.label} ${reason}`, { member: report.label, fix: 'Leave this disk out, or find the right one for this member' }));
    }
  }
  noteReplaced(wanted, foreign, findings);
  return { clusters, foreign, conflict: null, clusterId, findings };
}

/** What the operator is asked where nothing tells which cluster is meant, with the ids to choose from. */
export function whichCluster(clusters: readonly ClusterGroup[]): string {
  const named = clusters.flatMap(({ clusterId, labels }) => (clusterId === null ? [] : [`--cluster-id ${clusterId} (${labels.join(', ')})`]));
  const others = clusters.length > 1 ? 'leave the disks of the other cluster out' : 'leave --cluster-id out';
  if (named.length === 0) return clusters.length > 1 ? `The store has no cluster id: name the disks of one cluster only, ${clusters.map(({ labels }) => labels.join(', ')).join('; or ')}` : 'The store has no cluster id: leave --cluster-id out';
  return `Say which cluster is meant: ${named.join(' or ')}; or ${others}`;
}

/** A forced recovery begins a new generation of the cluster: what the older one holds has been replaced, whatever its terms are. */
function noteReplaced(members: readonly Evidence[], foreign: Map<string, string>, findings: Finding[]): void {
  const newest = Math.max(...members.map((one) => one.report.generation ?? 0));
  for (const { report } of members) {
    const own = report.generation ?? null;
    if (own === null || own === newest) continue;
    const reason = `is of generation ${own} of its cluster, which a recovery replaced by generation ${newest}`;
    foreign.set(report.label, reason);
    findings.push(finding('older-generation', 'error', `${report.label} ${reason}`, { member: report.label, fix: 'Leave this disk out; to use its member again, wipe it and let it join under a new id' }));
  }
}

function matches(id: string | null, wanted: string): boolean {
  return id !== null && (id === wanted || (wanted.length >= 8 && id.startsWith(wanted)));
}

/** The group that is larger than all others together; the only group if there is one. */
function largest(groups: readonly Evidence[][]): Evidence[] | undefined {
  const total = groups.reduce((sum, group) => sum + group.length, 0);
  return groups.find((group) => group.length * 2 > total);
}

function groupMembers(evidences: readonly Evidence[]): Evidence[][] {
  const groups: { ids: Set<string>; servers: Set<string>; members: Evidence[] }[] = [];
  const silent: Evidence[] = [];
  for (const evidence of evidences) {
    const { clusterId } = evidence.report;
    const servers = new Set(clusterId === null ? evidence.configurations.flatMap((one) => [...one.voters, ...one.learners]) : []);
    if (clusterId === null && servers.size === 0) {
      silent.push(evidence);
      continue;
    }
    const related = groups.filter((group) => (clusterId === null ? [...servers].some((id) => group.servers.has(id)) : group.ids.has(clusterId)));
    const merged = related.shift() ?? { ids: new Set<string>(), servers: new Set<string>(), members: [] };
    for (const other of related) {
      for (const id of other.servers) merged.servers.add(id);
      merged.members.push(...other.members);
      groups.splice(groups.indexOf(other), 1);
    }
    if (!groups.includes(merged)) groups.push(merged);
    for (const id of servers) merged.servers.add(id);
    if (clusterId !== null) merged.ids.add(clusterId);
    merged.members.push(evidence);
  }
  // A disk that tells nothing of its cluster sides with whoever there is; it never counts for a proof.
  if (groups.length === 0) return silent.length > 0 ? [silent] : [];
  const [first] = [...groups].sort((a, b) => b.members.length - a.members.length);
  if (groups.length === 1) first?.members.push(...silent);
  return groups.map((group) => group.members);
}
