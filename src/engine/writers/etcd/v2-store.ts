import type { MemberId } from '../../core/types.ts';
import type { MemberToWrite } from './member-json.ts';

interface Node {
  Path: string;
  CreatedIndex: number;
  ModifiedIndex: number;
  ExpireTime: string;
  Value: string;
  Children: Record<string, Node> | null;
}

const NEVER = '0001-01-01T00:00:00Z';
const STORE_VERSION = 2;

function directory(path: string, children: Record<string, Node>): Node {
  return { Path: path, CreatedIndex: 0, ModifiedIndex: 0, ExpireTime: NEVER, Value: '', Children: children };
}

function leaf(path: string, value: string): Node {
  return { Path: path, CreatedIndex: 1, ModifiedIndex: 1, ExpireTime: NEVER, Value: value, Children: null };
}

/**
 * The v2 store of a cluster of one as a `.snap` file holds it: the member, the removed ids, the cluster version, and no user keys.
 * `WatcherHub` is left out: etcd makes a new one where it is missing, and panics on one whose queue is short.
 * @see etcd v3.5.30, server/etcdserver/api/v2store/store.go (Recovery), membership/storev2.go
 */
export function v2StoreJson(member: MemberToWrite, removed: readonly MemberId[], version: string | null): string {
  const home = `/0/members/${member.id}`;
  const attributes: Record<string, Node> = { raftAttributes: leaf(`${home}/raftAttributes`, JSON.stringify({ peerURLs: member.peerUrls })) };
  if (member.name !== null) {
    const own = { name: member.name, ...(member.clientUrls.length === 0 ? {} : { clientURLs: member.clientUrls }) };
    attributes['attributes'] = leaf(`${home}/attributes`, JSON.stringify(own));
  }
  const cluster: Record<string, Node> = { members: directory('/0/members', { [member.id]: directory(home, attributes) }) };
  cluster['removed_members'] = directory('/0/removed_members', Object.fromEntries(removed.map((id) => [id, leaf(`/0/removed_members/${id}`, '')])));
  if (version !== null) cluster['version'] = leaf('/0/version', version);
  const root = directory('/', { '0': directory('/0', cluster), '1': directory('/1', {}) });
  return JSON.stringify({ Root: root, CurrentIndex: 1, CurrentVersion: STORE_VERSION });
}
