import type { LogIndex, LogPosition, Term } from '../../../core/types.ts';
import type { Fence, Join, PlannedMember } from '../../../model/plan.ts';
import type { RaftServer } from '../../../readers/hashicorp/configuration.ts';
import type { Program, RaftLayout } from '../../../readers/hashicorp/layout.ts';
import type { Decision, TargetDraft } from '../target.ts';

const SERF_LAN_PORT = 8301;
const NOMAD_SERF_PORT = 4648;
const VAULT_API_PORT = 8200;

/** What runs on the layout; the two-file one is what service registries of the Sider kind keep. */
export type Product = Program | 'sider';

export function productOf(layout: Pick<RaftLayout, 'program' | 'log' | 'stable'>): Product {
  return layout.program === 'hashicorp/raft' && layout.log !== layout.stable && layout.log.endsWith('.db') ? 'sider' : layout.program;
}

/** Every other member of the newest configuration: nothing in the store keeps them out, so their data has to go. */
function fencesFor(own: RaftServer, members: readonly PlannedMember[]): Fence[] {
  return others(own, members).map(({ id, name, addresses }) => ({
    member: name ?? id,
    id,
    addresses: [...addresses],
    action: `Wipe the data of ${name ?? id} before it starts again: the store has no cluster id that would keep it out.`,
  }));
}

function others(own: RaftServer, members: readonly PlannedMember[]): PlannedMember[] {
  return members.filter(({ id }) => id !== own.id);
}

/** Start settings for as many members as are missing: those of the old configuration first, then new ones. */
function joinsFor(product: Product, own: RaftServer, decision: Pick<Decision, 'members' | 'targetMembers'>): Join[] {
  const wanted = Math.max(0, decision.targetMembers - 1);
  const known = others(own, decision.members).slice(0, wanted).map(({ id, name, addresses }) => ({ member: name ?? id, address: addresses[0] ?? null }));
  const fresh = Array.from({ length: wanted - known.length }, (_, at) => ({ member: `new-${at + 1}`, address: null }));
  return [...known, ...fresh].map(({ member, address }) => ({ member, settings: settingsOf(product, own, member, address) }));
}

const EMPTY = 'an empty data directory';

function settingsOf(product: Product, own: RaftServer, member: string, address: string | null): string[] {
  const host = hostOf(own.address);
  const bind = address ?? '<host:port>';
  switch (product) {
    case 'consul':
      return ['server = true', `retry_join = ["${host}:${SERF_LAN_PORT}"]`, 'no bootstrap_expect and no bootstrap', `data_dir: ${EMPTY}, node-id included`];
    case 'nomad':
      return ['server { enabled = true }', `server_join { retry_join = ["${host}:${NOMAD_SERF_PORT}"] }`, 'no bootstrap_expect', `data_dir: ${EMPTY}`];
    case 'vault':
      return [`storage "raft" { node_id = "${member}" }`, `retry_join { leader_api_addr = "https://${host}:${VAULT_API_PORT}" }`, `path: ${EMPTY}`, 'unseal it once it has joined'];
    case 'rqlite':
      return [`-node-id=${member}`, `-raft-addr=${bind}`, `-join=${own.address}`, `data directory: ${EMPTY}`];
    case 'sider':
      return [
        '-http=<host:port>',
        `-raft-id=${member}`,
        `-raft-bind=${bind}`,
        '-raft-dir=<an empty directory>',
        '-raft-bootstrap=false',
        `then, on the leader: POST /v1/raft/join {"ID":"${member}","Addr":"${bind}"}`,
      ];
    case 'hashicorp/raft':
      return [`server id ${member}, address ${bind}`, `directory: ${EMPTY}`, 'no bootstrap', 'then, on the leader: AddNonvoter, wait until it has caught up, AddVoter'];
  }
}

/** What starts the recovered server, and what must not be given. */
function startHintsFor(product: Product, own: RaftServer): string[] {
  switch (product) {
    case 'consul':
      return ['Start Consul as always; bootstrap_expect = 1, or none: with 3 it comes up and warns', `It must run as node id ${own.id} and be reached at ${own.address} (server RPC)`];
    case 'nomad':
      return ['Start Nomad as always; bootstrap_expect = 1, or none', `It must run as server id ${own.id} and be reached at ${own.address} (server RPC)`];
    case 'vault':
      return ['Start Vault as always, then unseal it: peers.json is read at the unseal', `It must run as node_id ${own.id} with cluster address ${own.address}`, 'Do not start it with -recovery'];
    case 'rqlite':
      return [`Start rqlited as always, with -node-id=${own.id} and -raft-addr (or -raft-adv-addr) ${own.address}`, 'Give no -bootstrap-expect and no -join'];
    case 'sider':
      return [`Start it with -raft-id=${own.id}, -raft-bind=${own.address} and -raft-bootstrap=false`, 'With -raft-bootstrap=true it may refuse: there is a cluster already'];
    case 'hashicorp/raft':
      return [`Start the program as always, as server id ${own.id} at ${own.address}`, 'Do not let it bootstrap: there is a cluster already'];
  }
}

function hostOf(address: string): string {
  return address.slice(0, address.lastIndexOf(':'));
}

/** What every plan of this family says of the cluster of one that it makes, and of how that grows. */
export function clusterOfOne(of: {
  readonly product: Product;
  /** As the old configuration names it. */
  readonly own: RaftServer;
  /** As the new one does. */
  readonly server: RaftServer;
  readonly decision: Decision;
  readonly lastEntry: LogPosition;
  readonly commitIndex: LogIndex | null;
  readonly termAbove: Term;
}): Pick<TargetDraft, 'outcome' | 'newClusterId' | 'fences' | 'joins' | 'startHints'> {
  const { product, own, server, decision, lastEntry, commitIndex, termAbove } = of;
  return {
    outcome: { clusterId: null, memberId: server.id, generation: null, voters: [server.id], lastEntry, commitIndex, termAbove, revision: null, stateHash: null },
    newClusterId: null,
    fences: fencesFor(own, decision.members),
    joins: joinsFor(product, own, decision),
    startHints: startHintsFor(product, server),
  };
}
