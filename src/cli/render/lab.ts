import type { LabLinkStatus, LabMemberStatus, LabStatus } from '../../engine/lab/orders.ts';
import type { Style } from './style.ts';
import { columns } from './table.ts';

/** The practice cluster at a glance: who leads, what runs, what is broken on purpose. */
export function* renderLab(status: LabStatus, style: Style): Generator<string> {
  const running = status.members.filter((one) => one.state === 'running').length;
  const verdict = !status.isRunning ? style.dim('DOWN') : status.leader === null ? style.bad('NO LEADER') : style.good('UP');
  const leader = status.leader === null ? '' : `  leader ${style.strong(status.leader)}`;
  yield `${verdict}  ${running} of ${status.members.length} members run${leader}  cluster ${status.clusterId}  ${status.dir}`;
  yield* columns(
    status.members,
    [
      { header: 'MEMBER', cell: (one) => one.id },
      { header: 'STATE', cell: stateOf, paint: (text, one) => paintState(one, text, style) },
      { header: 'PID', cell: (one) => one.pid, drop: 3 },
      { header: 'TERM', cell: (one) => one.term },
      { header: 'COMMIT', cell: (one) => one.commitIndex },
      { header: 'APPLIED', cell: (one) => one.appliedIndex },
      { header: 'LAST', cell: (one) => one.lastIndex, drop: 2 },
      { header: 'ADDRESS', cell: (one) => one.address, drop: 1 },
      { header: 'FAULTS', cell: (one) => one.faults.join('; ') },
    ],
    { width: style.width },
  );
  for (const one of status.members) {
    const error = one.ended?.error ?? null;
    if (error !== null) yield `  ${style.bad(one.id)} ended: ${error.message}`;
  }
  const broken = status.links.filter((one) => one.fault !== null);
  if (broken.length > 0) yield `  ${style.caution('links')}  ${linkWords(broken).join('; ')}`;
  else if (status.isRunning) yield `  links  ${status.links.length}, all whole`;
  if (status.supervisor !== null) yield `  ends by itself at ${status.supervisor.endsAt} (supervisor ${status.supervisor.pid})`;
}

/** `n1 x n2 cut` where both ways are alike, else `n1 > n2 stall`. */
function linkWords(broken: readonly LabLinkStatus[]): string[] {
  const said = new Set<string>();
  return broken.flatMap(({ from, to, fault }) => {
    const isBoth = broken.some((one) => one.from === to && one.to === from && one.fault === fault);
    const words = isBoth ? `${[from, to].sort().join(' x ')} ${fault}` : `${from} > ${to} ${fault}`;
    if (said.has(words)) return [];
    said.add(words);
    return [words];
  });
}

function stateOf(one: LabMemberStatus): string {
  return one.state === 'running' ? (one.role ?? 'running') : one.state;
}

function paintState(one: LabMemberStatus, text: string, style: Style): string {
  switch (one.state) {
    case 'running':
      return one.role === 'leader' ? style.good(text) : text;
    case 'failed':
    case 'silent':
      return style.bad(text);
    default:
      return style.caution(text);
  }
}
