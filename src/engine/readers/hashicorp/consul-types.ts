/** Consul's message types, in log entries and in snapshots (consul agent/structs/structs.go); from 64 on Enterprise. */
export const CONSUL_TYPES = (
  'Register Deregister KVS Session ACL Tombstone CoordinateBatchUpdate PreparedQuery Txn Autopilot Area ACLBootstrap Intention ConnectCA ' +
  'ConnectCAProviderState ConnectCAConfig Index ACLToken ACLTokenDelete ACLPolicy ACLPolicyDelete ConnectCALeaf ConfigEntry ACLRole ' +
  'ACLRoleDelete ACLBindingRule ACLBindingRuleDelete ACLAuthMethod ACLAuthMethodDelete ChunkingState FederationState SystemMetadata ' +
  'ServiceVirtualIP FreeVirtualIP KindServiceName Peering PeeringDelete PeeringTerminateByID PeeringTrustBundle PeeringTrustBundleDelete ' +
  'PeeringSecret RaftLogVerifierCheckpoint Resource UpdateManualVirtualIP'
).split(' ');

/** Set on a type that an older server may skip (`structs.IgnoreUnknownTypeFlag`). */
export const IGNORE_UNKNOWN_FLAG = 0x80;

export function consulTypeName(type: number): string | null {
  return CONSUL_TYPES[type] ?? null;
}
