import type { MemberReport } from '../../engine/model/member-report.ts';

const CONTEXT_COLUMN = 46;
/** Names longer than this together (Consul's are UUIDs) would break the line: their number stands for them. */
const MOST_NAMES = 40;

/** The first line: verdict and object on the left, what it is about on the right. */
export function headLine(left: string, context: string): string {
  // oxlint-disable-next-line no-control-regex -- our own colours take no room
  const width = left.replaceAll(/\u001b\[\d+m/g, '').length;
  return `${left}${' '.repeat(Math.max(2, CONTEXT_COLUMN - width))}${context}`.trimEnd();
}

/** `etcd 3.5  cluster 4e49d1ea54f219c5  voters n1 n2 n3`, as far as the members agree. */
export function contextOf(reports: readonly Pick<MemberReport, 'software' | 'clusterId' | 'confState'>[]): string {
  const agreed = <T>(values: (T | null | undefined)[]): T | null => {
    const known = [...new Set(values.filter((value) => value !== null && value !== undefined))];
    return known.length === 1 ? (known[0] as T) : null;
  };
  const software = agreed(reports.map((one) => (one.software ? `${one.software.name}${one.software.version === null ? '' : ` ${one.software.version}`}` : null)));
  const clusters = new Set(reports.flatMap((one) => (one.clusterId === null ? [] : [one.clusterId])));
  const cluster = clusters.size === 1 ? `cluster ${[...clusters][0]}` : clusters.size > 1 ? `${clusters.size} clusters` : reports.length > 0 ? 'no cluster id' : null;
  const conf = [...reports].filter((one) => one.confState !== null).sort((a, b) => (b.confState?.index ?? 0) - (a.confState?.index ?? 0))[0]?.confState;
  const names = conf && clusters.size < 2 ? conf.voters.map((id) => nameOf(id, conf.members)).sort().join(' ') : '';
  const voters = names === '' ? null : names.length <= MOST_NAMES ? `voters ${names}` : `${conf?.voters.length} voters`;
  return [software, cluster, voters].filter((part) => part !== null).join('  ');
}

export function nameOf(id: string, members: readonly { id: string; name: string | null; addresses?: string[] }[] = []): string {
  return members.find((one) => one.id === id || one.addresses?.includes(id))?.name ?? id;
}
