import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { writeBolt } from '../../../helpers/bbolt-writer.ts';
import { confChange, EtcdWalWriter, hexId, putRequest } from '../../../helpers/etcd-wal-writer.ts';

export const CLUSTER = 'c1a5';
/** Members n1, n2, n3 of made-up directories; n1 is the one that survives. */
export const IDS = { n1: 'a1', n2: '2b2', n3: 'c3', n4: 'd4' } as const;

export type Name = keyof typeof IDS;

export function peerUrl(name: Name): string {
  return `http://127.0.0.1:1${name.slice(1)}80`;
}

type Step = { put: string } | { change: [0 | 1 | 2 | 3, Name, object?] } | { raw: Buffer };

export interface MemberToMake {
  /** Entries behind the three that make n1, n2 and n3 members, all of term 2. */
  log?: Step[];
  commit: number;
  /** Applied index of the db, 3 by default; null: no db. */
  applied?: number | null;
  term?: number;
  version?: string;
  dbMembers?: Name[];
  voters?: Name[];
  memberId?: string;
}

/** A member's directory as etcd would have written it. The caller removes the parent of what is returned. */
export function makeMember(given: MemberToMake): string {
  const { log = [], commit, applied = 3, term = 2, version = '3.4.0', voters = ['n1', 'n2', 'n3'], memberId = IDS.n1 } = given;
  const root = path.join(fs.mkdtempSync(path.join(os.tmpdir(), 'raft-inspector-made-')), 'n1');
  const writer = new EtcdWalWriter(path.join(root, 'member/wal'), { memberId, clusterId: CLUSTER });
  voters.forEach((name, i) => writer.entry({ term: 1, index: i + 1, type: 1, data: confChange(0, IDS[name], { peerURLs: [peerUrl(name)], name }) }));
  log.forEach((step, i) => writer.entry({ term, index: voters.length + 1 + i, ...entryOf(step) }));
  writer.state(term, IDS.n2, commit);
  writer.close(4096);
  const snap = path.join(root, 'member/snap');
  fs.mkdirSync(snap);
  if (applied !== null) makeDb(path.join(snap, 'db'), applied, version, given.dbMembers ?? voters);
  return root;
}

function entryOf(step: Step): { type: number; data: Buffer } {
  if ('raw' in step) return { type: 0, data: step.raw };
  if ('put' in step) return { type: 0, data: putRequest(step.put, 'v') };
  const [type, name, context] = step.change;
  return { type: 1, data: confChange(type, IDS[name], context) };
}

export function change(type: 'add' | 'remove' | 'learner', name: Name): Step {
  const context = { peerURLs: [peerUrl(name)] };
  return { change: type === 'remove' ? [1, name] : [type === 'add' ? 0 : 3, name, context] };
}

export function makeDb(file: string, applied: number, version: string, members: readonly Name[]): void {
  const index = Buffer.alloc(8);
  index.writeBigUInt64BE(BigInt(applied));
  const revision = Buffer.alloc(17);
  revision.writeBigUInt64BE(2n);
  revision[8] = 0x5f;
  const row = (key: string, value: Buffer | string) => [Buffer.from(key), Buffer.from(value as string)] as const;
  const listed = [...members].map((name) => row(IDS[name], `{"id":${hexId(IDS[name])},"peerURLs":["${peerUrl(name)}"],"name":"${name}"}`)).sort((a, b) => Buffer.compare(a[0], b[0]));
  writeBolt(file, [
    { name: 'cluster', inline: true, items: [row('clusterVersion', version)] },
    { name: 'key', items: [[revision, Buffer.from('0a01611002180220012a0131', 'hex')]] },
    { name: 'members', inline: true, items: listed },
    { name: 'members_removed', inline: true, items: [] },
    { name: 'meta', inline: true, items: [row('consistent_index', index)] },
  ]);
}
