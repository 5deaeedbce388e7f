import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { dump } from 'js-yaml';
import { issueClient, issueMember, type IssuedCertificate, makeAuthority } from '../adapters/certificates.ts';
import { RefusedError } from '../errors.ts';
import { readNodeConfig } from '../node/config.ts';
import { initMember } from '../node/init.ts';
import { LAB_CA, LAB_CLIENT, labAddress, type LabFile, type LabMember, labPaths, readLabFile, writeLabFile } from './lab-file.ts';
import { freePorts } from '../adapters/free-ports.ts';

const LAB_BALLAST_BYTES = 1024 * 1024;

export interface LabPlan {
  readonly nodes: number;
  readonly machine: 'kv';
  readonly timing: 'fast' | 'calm';
  /** Entries after which members take snapshots; undefined: the usual. */
  readonly snapshotEntries?: number;
  /** Default: a new one. */
  readonly clusterId?: string;
}

/**
 * Makes the directory of a practice cluster: certificates, configurations, initialised members. Built beside it and renamed when
 * complete.
 * @throws {RefusedError} `not-empty` when the directory holds something.
 */
export async function createLab(dir: string, plan: LabPlan): Promise<LabFile> {
  fs.mkdirSync(path.dirname(path.resolve(dir)), { recursive: true });
  const taken = fs.existsSync(dir) ? fs.readdirSync(dir) : [];
  if (taken.length > 0) throw new RefusedError('not-empty', `${dir} is not empty and holds no practice cluster (${taken.slice(0, 3).join(', ')}${taken.length > 3 ? ', ...' : ''})`, 'Name a new directory with --dir');
  const aside = `${path.resolve(dir)}.new-${process.pid}`;
  try {
    for (const name of ['', 'etc', 'tls', 'log']) fs.mkdirSync(path.join(aside, name), { mode: 0o700 });
    const lab = await layOut(aside, plan);
    writeLabFile(aside, lab);
    fs.renameSync(aside, path.resolve(dir));
    return lab;
  } finally {
    fs.rmSync(aside, { recursive: true, force: true });
  }
}

async function layOut(aside: string, plan: LabPlan): Promise<LabFile> {
  const clusterId = plan.clusterId ?? `lab-${randomBytes(6).toString('hex')}`;
  const ids = Array.from({ length: plan.nodes }, (_, at) => `n${at + 1}`);
  const ports = await freePorts(plan.nodes * plan.nodes);
  const next = (): number => ports.pop() ?? 0;
  const members: LabMember[] = ids.map((id) => ({
    id,
    name: id,
    port: next(),
    links: Object.fromEntries(ids.filter((other) => other !== id).map((other) => [other, next()])),
    pid: null,
    origin: 'initial',
  }));
  const authority = await makeAuthority(`practice cluster ${clusterId}`);
  writePair(aside, LAB_CA, authority);
  const [client, ...issued] = await Promise.all([issueClient(authority, { clusterId, name: 'operator' }), ...ids.map((id) => issueMember(authority, { clusterId, memberId: id, hosts: ['127.0.0.1', 'localhost'] }))]);
  writePair(aside, LAB_CLIENT, client);
  const lab: LabFile = { version: 1, clusterId, machine: plan.machine, timing: plan.timing, createdAt: new Date().toISOString(), supervisor: null, members };
  for (const [at, member] of members.entries()) {
    writePair(aside, member.id, issued[at] as IssuedCertificate);
    writeConfig(aside, lab, member, plan.snapshotEntries);
    await initMember(readNodeConfig(labPaths.config(aside, member.id)));
  }
  return lab;
}

/**
 * Adds a member to a lab: certificate, configuration with `join`, ports for its links. It is in no configuration yet: its leader
 * learns of it by `member add`.
 */
export async function addLabMember(dir: string, lab: LabFile, id: string): Promise<LabFile> {
  const others = lab.members.map((one) => one.id);
  const ports = await freePorts(1 + 2 * others.length);
  const next = (): number => ports.pop() ?? 0;
  const generation = lab.generation === undefined ? {} : { generation: lab.generation };
  const member: LabMember = { id, name: id, port: next(), links: Object.fromEntries(others.map((other) => [other, next()])), pid: null, origin: 'joined', ...generation };
  await issueFor(dir, lab.clusterId, id);
  writeConfig(dir, lab, member, undefined);
  await initMember(readNodeConfig(labPaths.config(dir, id)));
  const known = lab.members.map((one) => ({ ...one, links: { ...one.links, [id]: next() } }));
  const grown = { ...readLabFile(dir), members: [...known, member] };
  writeLabFile(dir, grown);
  return grown;
}

/** A certificate and its key for a member, by the lab's own authority. */
export async function issueFor(dir: string, clusterId: string, memberId: string): Promise<void> {
  const authority: IssuedCertificate = { certificatePem: fs.readFileSync(labPaths.certificate(dir, LAB_CA), 'utf8'), privateKeyPem: fs.readFileSync(labPaths.key(dir, LAB_CA), 'utf8') };
  writePair(dir, memberId, await issueMember(authority, { clusterId, memberId, hosts: ['127.0.0.1', 'localhost'] }));
}

function writePair(dir: string, name: string, pair: IssuedCertificate): void {
  fs.writeFileSync(labPaths.key(dir, name), pair.privateKeyPem, { mode: 0o600 });
  fs.writeFileSync(labPaths.certificate(dir, name), pair.certificatePem, { mode: 0o644 });
}

/** The configuration of a member. Only an initial one lists others: later generations, and who joins, learn them from the log. */
export function writeConfig(dir: string, lab: LabFile, member: LabMember, snapshotEntries: number | undefined): void {
  const config = {
    clusterId: lab.clusterId,
    member: { id: member.id, name: member.name },
    dataDir: `../${member.directory ?? member.id}`,
    listen: labAddress(member),
    advertise: labAddress(member),
    ...entryOf(lab, member),
    tls: { ca: `../tls/${LAB_CA}.crt`, cert: `../tls/${member.id}.crt`, key: `../tls/${member.id}.key` },
    timing: lab.timing,
    machine: lab.machine,
    ...(snapshotEntries === undefined ? {} : { snapshot: { entries: snapshotEntries } }),
    ballastBytes: LAB_BALLAST_BYTES,
    lab: {},
  };
  fs.writeFileSync(labPaths.config(dir, member.id), `# A member of a practice cluster: it runs only under its lab (raft-inspector lab start ${member.id}).\n${dump(config)}`, { mode: 0o600 });
}

function entryOf(lab: LabFile, { origin, generation }: LabMember): object {
  if (origin === 'initial') return { initialMembers: lab.members.filter((one) => one.origin === 'initial').map((one) => ({ id: one.id, name: one.name, address: labAddress(one) })) };
  return generation === undefined || generation === 1 ? { join: true } : { generation };
}
