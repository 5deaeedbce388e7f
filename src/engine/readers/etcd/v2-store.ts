import type { MemberId } from '../../core/types.ts';
import { memberFacts, parseJson } from './raft-messages.ts';

export interface StoreMember {
  id: MemberId;
  name: string | null;
  peerUrls: string[];
  clientUrls: string[];
  isLearner: boolean;
}

/** What the v2 store in a snapshot says of the cluster: the truth about members before etcd 3.6. */
export interface V2Store {
  members: StoreMember[];
  removed: MemberId[];
  version: string | null;
}

interface Node {
  value: string;
  children: Map<string, Node>;
}

const HEX_ID = /^[0-9a-f]{1,16}$/;

/**
 * Takes members, removed members and cluster version out of the store's JSON; null when it is no such JSON. Its numbers are
 * counters; member ids occur only as hex in names, so plain JSON parsing loses nothing.
 * @see etcd v3.5.30, server/etcdserver/api/v2store/store.go (Save), membership/storev2.go
 */
export function readV2Store(json: string): V2Store | null {
  const parsed = parseJson(json);
  if (typeof parsed !== 'object' || parsed === null) return null;
  const cluster = child(toNode((parsed as Record<string, unknown>)['Root'], 0), '0');
  const members: StoreMember[] = [];
  for (const [id, node] of child(cluster, 'members').children) {
    if (!HEX_ID.test(id)) continue;
    const raft = memberFacts(parseJson(child(node, 'raftAttributes').value));
    const own = memberFacts(parseJson(child(node, 'attributes').value));
    members.push({ id, name: own.name, clientUrls: own.clientUrls, peerUrls: raft.peerUrls, isLearner: raft.isLearner });
  }
  const removed = [...child(cluster, 'removed_members').children.keys()].filter((id) => HEX_ID.test(id));
  return { members, removed, version: child(cluster, 'version').value || null };
}

const NOTHING: Node = { value: '', children: new Map() };
/** `/0/members/<id>/attributes` is as deep as anything of interest lies. */
const MAX_DEPTH = 5;

function child(node: Node, name: string): Node {
  return node.children.get(name) ?? NOTHING;
}

function toNode(raw: unknown, depth: number): Node {
  if (typeof raw !== 'object' || raw === null) return NOTHING;
  const { Value: value, Children: children } = raw as Record<string, unknown>;
  const node: Node = { value: typeof value === 'string' ? value : '', children: new Map() };
  if (depth >= MAX_DEPTH || typeof children !== 'object' || children === null) return node;
  for (const [name, inner] of Object.entries(children)) {
    if (depth === 0 && name !== '0') continue; // user keys of the v2 API
    node.children.set(name, toNode(inner, depth + 1));
  }
  return node;
}
