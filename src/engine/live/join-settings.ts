import fs from 'node:fs';
import type { MemberId } from '../core/types.ts';
import { RefusedError, UsageError } from '../errors.ts';
import type { ClusterKind } from './cluster.ts';
import type { MemberList } from './member-list.ts';

/** A member that is to be started for the first time. */
export interface Newcomer {
  readonly id: MemberId;
  readonly name: string;
  readonly address: string;
}

/**
 * What a joining member is started with, one setting a line, as its own software spells them. etcd compares the list with what the cluster
 * holds: every member, with exactly the stored peer URLs.
 */
export function joinSettings(kind: ClusterKind, list: MemberList, newcomer: Newcomer): string[] {
  return kind === 'etcd' ? etcdSettings(list, newcomer) : nativeSettings(list, newcomer);
}

function etcdSettings(list: MemberList, { name, address }: Newcomer): string[] {
  const others = list.members.filter((one) => !one.addresses.includes(address));
  const all = [...others.flatMap((one) => one.addresses.map((url) => `${one.name}=${url}`)), `${name}=${address}`];
  return [
    `--name ${name}`,
    `--initial-cluster ${all.join(',')}`,
    '--initial-cluster-state existing',
    `--initial-advertise-peer-urls ${address}`,
    `--listen-peer-urls ${address}`,
    '--data-dir <an empty directory>',
    '--listen-client-urls and --advertise-client-urls as on the others, with its own address; certificates likewise',
  ];
}

function nativeSettings(list: MemberList, { id, name, address }: Newcomer): string[] {
  return [
    `clusterId: ${list.clusterId}`,
    ...(list.generation === undefined || list.generation === 0 ? [] : [`generation: ${list.generation}`]),
    `member: { id: ${id}, name: ${name} }`,
    `listen: ${address}`,
    'join: true',
    'dataDir: <an empty directory>',
    'tls: { ca: ..., cert: ..., key: ... }, signed by the authority of the others',
  ];
}

/** Peers are named by URL in etcd, by host:port elsewhere. @throws {UsageError} For the other spelling. */
export function checkPeerAddress(kind: ClusterKind, address: string): string {
  const isUrl = address.includes('://');
  if (kind === 'etcd' && !isUrl) throw new UsageError(`"${address}" is no peer URL`, `etcd members know each other by URL: https://${address} or http://${address}, on the peer port`);
  if (kind === 'native' && isUrl) throw new UsageError(`"${address}" is no address`, 'Write host:port, without a scheme: 10.0.0.14:7001');
  return address;
}

/**
 * A new member brings nothing with it: data of another life would be taken for its own.
 * @throws {RefusedError} `not-empty`.
 */
export function refuseUsedDirectory(directory: string): void {
  let names: string[];
  try {
    names = fs.readdirSync(directory);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return;
    throw new UsageError(`${directory} cannot be looked at: ${(cause as NodeJS.ErrnoException).code ?? String(cause)}`, 'Name the data directory of the new member, or leave out --data', { cause });
  }
  if (names.length > 0) throw new RefusedError('not-empty', `${directory} is not empty (${names.slice(0, 3).join(', ')}${names.length > 3 ? ', ...' : ''})`, 'Move what is there away first: a new member begins with an empty directory');
}
