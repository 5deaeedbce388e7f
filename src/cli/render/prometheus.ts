import type { LiveMember, MemberList } from '../../engine/live/member-list.ts';

interface Metric {
  readonly name: string;
  readonly help: string;
  readonly samples: readonly { readonly labels: Readonly<Record<string, string>>; readonly value: number }[];
}

/** `member list --format prom`: the Prometheus text format, version 0.0.4. Unknown values have no sample. */
export function* prometheusLines(list: MemberList, kind: string): Generator<string> {
  const cluster = { cluster: list.clusterId, kind };
  const whole = (name: string, help: string, value: number): Metric => ({ name, help, samples: [{ labels: cluster, value }] });
  const perMember = (name: string, help: string, value: (one: LiveMember) => number | null): Metric => ({
    name,
    help,
    samples: list.members.flatMap((one) => {
      const known = value(one);
      return known === null ? [] : [{ labels: { ...cluster, member: one.id, name: one.name, role: one.role }, value: known }];
    }),
  });
  const metrics: Metric[] = [
    whole('has_leader', 'Whether the cluster has a leader.', list.leader === null ? 0 : 1),
    whole('term', 'Current term.', list.term),
    whole('commit_index', 'Highest entry known committed.', list.commitIndex),
    whole('voters', 'Voting members.', list.members.filter((one) => one.role === 'voter').length),
    whole('quorum', 'Voters that make a majority.', list.quorum),
    whole('failures_tolerated', 'Voters that may still fail.', list.failuresTolerated),
    whole('change_pending', 'Whether a membership change waits to be committed.', list.pendingChange === null ? 0 : 1),
    perMember('member_up', 'Whether the member answers.', (one) => (one.healthy ? 1 : 0)),
    perMember('member_is_leader', 'Whether the member leads.', (one) => (one.isLeader ? 1 : 0)),
    perMember('member_match_index', 'Highest entry known to be on its disk.', (one) => one.matchIndex),
    perMember('member_lag_entries', 'Entries behind the commit index.', (one) => one.lag),
    perMember('member_last_contact_seconds', 'When the leader heard of it last.', (one) => (one.lastContactMs === null ? null : one.lastContactMs / 1000)),
  ];
  for (const metric of metrics) {
    if (metric.samples.length === 0) continue;
    const name = `raft_inspector_${metric.name}`;
    yield `# HELP ${name} ${metric.help}`;
    yield `# TYPE ${name} gauge`;
    for (const { labels, value } of metric.samples) yield `${name}{${Object.entries(labels).map(([key, text]) => `${key}="${escapeLabel(text)}"`).join(',')}} ${value}`;
  }
}

/** Backslash, quote and line feed as the format wants them; what else a terminal could trip over is left to the printer. */
function escapeLabel(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
}
