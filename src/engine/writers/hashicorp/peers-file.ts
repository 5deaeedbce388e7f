import type { RaftServer } from '../../readers/hashicorp/configuration.ts';

/** Which `peers.json` a server reads: below raft protocol 3 a list of addresses, from 3 on a list of servers. */
export type PeersFormat = 'addresses' | 'servers';

/**
 * The content of `peers.json` (hashicorp/raft peersjson.go `ReadPeersJSON`, `ReadConfigJSON`). The wrong of the two forms, or an object in
 * place of the list, keeps the server from starting.
 */
export function peersJson(format: PeersFormat, servers: readonly RaftServer[]): string {
  const rows = format === 'addresses' ? servers.map(({ address }) => address) : servers.map(({ id, address, suffrage }) => ({ id, address, non_voter: suffrage !== 0 }));
  return `${JSON.stringify(rows, null, 2)}\n`;
}

/** What stands in a `peers.info` that we make. Consul and Nomad look at whether it is there, not at what it says. */
export const PEERS_INFO = `This file tells the server that it may read peers.json at its next start. Without it, the server deletes peers.json unread.
Made by raft-inspector for a recovery; the server keeps it.
`;
