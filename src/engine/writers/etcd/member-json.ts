import type { MemberId } from '../../core/types.ts';
import { idNumber } from './protobuf.ts';

/** A member as etcd's JSON has it. */
export interface MemberToWrite {
  id: MemberId;
  name: string | null;
  peerUrls: readonly string[];
  clientUrls: readonly string[];
}

/**
 * A member as the `members` bucket and contexts of changes have it. The id is a bare number of 64 bits, which `JSON.stringify` cannot
 * write; empty fields are left out, as etcd does.
 * @see etcd v3.6.14, server/etcdserver/api/membership/member.go
 */
export function memberJson({ id, name, peerUrls, clientUrls }: MemberToWrite): string {
  const rest = JSON.stringify({ peerURLs: peerUrls, ...(name === null ? {} : { name }), ...(clientUrls.length === 0 ? {} : { clientURLs: clientUrls }) });
  return `{"id":${idNumber(id)},${rest.slice(1)}`;
}

/** The context that makes AddNode a promotion of a learner (etcd 3.4 and later). */
export function promoteJson(id: MemberId): string {
  return `{"id":${idNumber(id)},"peerURLs":null,"isPromote":true}`;
}

/** `meta/confState` of the db (etcd 3.5 and later) with one voter. */
export function confStateJson(voter: MemberId): string {
  return `{"voters":[${idNumber(voter)}],"auto_leave":false}`;
}
