import fs from 'node:fs';
import { RefusedError } from '../errors.ts';
import { configurationIn, identityIn } from '../node/environment.ts';
import type { Identity } from '../ports/storage.ts';
import { issueFor, writeConfig } from './create.ts';
import { labAddress, labDataDir, type LabFile, type LabMember, labPaths, readLabFile, writeLabFile } from './lab-file.ts';
import { freePorts } from '../adapters/free-ports.ts';

/** A recovered member's data in the lab's directory, which `lab.json` does not know yet. */
export interface Recovered {
  readonly identity: Identity;
  /** Name of its directory in the lab's. */
  readonly directory: string;
  /** The member whose directory that was: it was recovered in place, and is no more. */
  readonly replaces: LabMember | null;
}

/**
 * Whether `id` means a member that a recovery made: its own directory, or that of a member that was recovered in place, named by its old
 * or its new id. Null: it means what `lab.json` says, or nothing.
 * @throws {RefusedError} When data of somebody else lie there.
 */
export function findRecovered(dir: string, lab: LabFile, id: string): Recovered | null {
  const listed = lab.members.find((one) => one.id === id);
  const taken = listed === undefined ? lab.members : [listed];
  for (const member of taken) {
    const identity = identityIn(labDataDir(dir, member));
    const isOther = identity !== null && identity.clusterId === lab.clusterId && identity.memberId !== member.id;
    if (isOther && (identity.memberId === id || member.id === id)) return { identity, directory: member.directory ?? member.id, replaces: member };
  }
  if (listed !== undefined || !fs.existsSync(labPaths.data(dir, id))) return null;
  const identity = identityIn(labPaths.data(dir, id));
  if (identity?.clusterId === lab.clusterId && identity.memberId === id) return { identity, directory: id, replaces: null };
  const what = identity === null ? 'no data of a member that can be read' : `member ${identity.memberId} of cluster ${identity.clusterId}`;
  throw new RefusedError('other-member', `${labPaths.data(dir, id)} holds ${what}`, identity?.clusterId === lab.clusterId ? `Move it to ${labPaths.data(dir, identity.memberId)}: a member's directory in a lab has its id` : 'Only members of this practice cluster can be taken in');
}

/**
 * Takes a recovered member into the lab: certificate, configuration and links for its id; it listens where its own configuration says that
 * it is reached. Whoever had that address before gets another. Members that are made from now on are of its generation.
 * @param isRunning Whether a member's process runs.
 * @throws {RefusedError} `address-elsewhere`, `address-in-use`.
 */
export async function adoptMember(dir: string, lab: LabFile, { identity, directory, replaces }: Recovered, isRunning: (id: string) => boolean): Promise<LabFile> {
  const { memberId: id, generation, name } = identity;
  const port = await portOf(labPaths.data(dir, directory), id);
  const others = lab.members.filter((one) => one !== replaces);
  const holder = others.find((one) => one.port === port);
  if (holder !== undefined && isRunning(holder.id)) throw new RefusedError('address-in-use', `${holder.id} runs at ${labAddress(holder)}, the address that ${id} took over`, `End it first: raft-inspector lab kill ${holder.id}`);
  const ports = await freePorts(1 + 2 * others.length);
  const next = (): number => ports.pop() ?? 0;
  const member: LabMember = { id, name, port, links: Object.fromEntries(others.map((one) => [one.id, next()])), pid: null, origin: 'recovered', directory, generation };
  const known = others.map((one) => {
    // Nothing leads to whoever lost its address: its old peers dial the address, and find the new member there.
    if (one === holder) return { ...one, port: next(), links: {} };
    const links = Object.fromEntries(Object.entries(one.links).filter(([from]) => from !== replaces?.id));
    return { ...one, links: { ...links, [id]: next() } };
  });
  const grown: LabFile = { ...readLabFile(dir), generation, members: [...known, member] };
  await issueFor(dir, lab.clusterId, id);
  writeConfig(dir, grown, member, undefined);
  for (const one of known) if (one.id === holder?.id) writeConfig(dir, grown, one, undefined);
  writeLabFile(dir, grown);
  return grown;
}

/** The port of 127.0.0.1 at which its own configuration says that a member is reached. */
async function portOf(dataDir: string, id: string): Promise<number> {
  const configuration = await configurationIn(dataDir);
  const address = configuration?.members.find((one) => one.id === id)?.address ?? '';
  const port = /^127\.0\.0\.1:(\d{1,5})$/.exec(address)?.[1];
  if (port !== undefined) return Number(port);
  throw new RefusedError('address-elsewhere', `${dataDir} says that ${id} is reached at ${address === '' ? 'no address' : address}`, 'Members of a practice cluster are reached on 127.0.0.1: make the plan without --self-address');
}
