import path from 'node:path';
import type { MemberReport } from '../../../model/member-report.ts';
import { FileSource, isFile } from '../../../readers/file-source.ts';
import type { RaftLayout } from '../../../readers/hashicorp/layout.ts';
import type { PeersFormat } from '../../../writers/hashicorp/peers-file.ts';

const FIRST_PROTOCOL_WITH_IDS = 3;

/** How one program takes a `peers.json`. Paths are below the data directory. */
export interface PeersRule {
  file: string;
  /** Without this file, the program deletes peers.json unread; null: it has no such rule. */
  sentinel: string | null;
  format: PeersFormat;
  /** What becomes of peers.json once it was read. */
  afterwards: string;
  /** Whether the log may be cut beside it. Vault's state machine lies in a file of its own that moves with the log. */
  mayCut: boolean;
}

/**
 * Each program's own rules: Consul agent/consul/server.go and Nomad nomad/server.go `setupRaft`, Vault physical/raft/raft.go, rqlite
 * store/store.go. `format` follows the raft protocol, which shows in the ids: below 3 they are the addresses.
 */
export function peersRule(layout: RaftLayout, report: MemberReport): PeersRule {
  switch (layout.program) {
    case 'consul':
      return { file: 'raft/peers.json', sentinel: 'raft/peers.info', format: idsAreAddresses(report) ? 'addresses' : 'servers', afterwards: 'deleted', mayCut: true };
    case 'nomad':
      return { file: 'server/raft/peers.json', sentinel: 'server/raft/peers.info', format: nomadFormat(layout, report), afterwards: 'deleted', mayCut: true };
    case 'vault':
      return { file: 'raft/peers.json', sentinel: null, format: 'servers', afterwards: 'deleted', mayCut: false };
    default:
      return { file: 'raft/peers.json', sentinel: null, format: 'servers', afterwards: 'renamed to raft/peers.info', mayCut: true };
  }
}

function idsAreAddresses({ confState }: MemberReport): boolean {
  const members = confState?.members ?? [];
  return members.length > 0 && members.every(({ id, addresses }) => id === addresses[0]);
}

/** Nomad writes the protocol it ran with beside its store. */
function nomadFormat(layout: RaftLayout, report: MemberReport): PeersFormat {
  const name = 'server/raft/version';
  if (!isFile(path.join(layout.root, name))) return idsAreAddresses(report) ? 'addresses' : 'servers';
  using source = FileSource.open(path.join(layout.root, name), name);
  const protocol = Number.parseInt(source.read(0, 16).toString('latin1'), 10);
  return protocol < FIRST_PROTOCOL_WITH_IDS ? 'addresses' : 'servers';
}
