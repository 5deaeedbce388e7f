import { RefusedError } from '../../../errors.ts';
import type { MemberReport } from '../../../model/member-report.ts';
import type { RaftServer } from '../../../readers/hashicorp/configuration.ts';
import type { Decision } from '../target.ts';

/** The server that becomes the cluster, and where its id was learned. */
export interface OwnServer {
  server: RaftServer & { suffrage: 0 };
  /** What a reviewer should know about it. */
  notes: string[];
}

/**
 * The source as its newest configuration names it. No store of the family says which server it belongs to: the id comes from the
 * program's `node-id` file or from the operator, whose word wins.
 * @throws {RefusedError} `server-id-unknown`; `server-id-not-in-configuration`; `address-invalid`.
 */
export function ownServer(report: MemberReport, decision: Pick<Decision, 'serverId' | 'selfAddress'>): OwnServer {
  const members = report.confState?.members ?? [];
  const known = members.map(({ id, addresses }) => `${id} (${addresses[0] ?? 'no address'})`).join(', ');
  const hint = `Name it with --id ${report.label}=<server id>; the newest configuration has ${known === '' ? 'no servers' : known}`;
  const id = decision.serverId ?? report.memberId;
  if (id === null) throw new RefusedError('server-id-unknown', `nothing in ${report.path} says which server it belongs to`, hint);
  const member = members.find((one) => one.id === id);
  if (member === undefined && (id !== report.memberId || decision.selfAddress === null)) {
    throw new RefusedError('server-id-not-in-configuration', `the newest configuration has no server ${id}; started with it, the server would wait for ever`, hint);
  }
  const address = decision.selfAddress ?? member?.addresses[0] ?? '';
  const problem = addressProblem(address);
  if (problem !== null) throw new RefusedError('address-invalid', `the address ${JSON.stringify(address)} of server ${id} cannot be used: ${problem}`, 'Give host:port of the Raft port with --self-address');
  return { server: { id, address, suffrage: 0 }, notes: notesOn(report, id, member?.role ?? null) };
}

function notesOn(report: MemberReport, id: string, role: 'voter' | 'learner' | null): string[] {
  const notes: string[] = [];
  if (report.memberId !== null && report.memberId !== id) {
    notes.push(`The data says the server is ${report.memberId}, the operator ${id}: it has to be started with the id ${id}, or it waits for ever.`);
  }
  if (role === 'learner') notes.push(`${id} was no voter; the plan makes it one.`);
  return notes;
}

/** Why servers of this family would not take the address; null when they would. It is that of the Raft port, without a scheme. */
export function addressProblem(address: string): string | null {
  if (address.includes('://')) return 'it has a scheme, which belongs to HTTP addresses';
  const match = /^(?:\[[0-9a-fA-F:.%]+\]|[^:\s[\]/"\\]+):(\d{1,5})$/.exec(address);
  if (match === null) return 'it is not host:port';
  const port = Number(match[1]);
  return port >= 1 && port <= 65_535 ? null : `${port} is no port`;
}
