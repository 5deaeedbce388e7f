/**
 * Names of the record types in Consul's state.bin, by number (consul agent/structs/structs.go, `requestTypeStrings`,
 * 1.8 to 1.20). Types from 64 on belong to Enterprise.
 */
const CONSUL = [
  'Register', 'Deregister', 'KVS', 'Session', 'ACL', 'Tombstone', 'CoordinateBatchUpdate', 'PreparedQuery', 'Txn', 'Autopilot',
  'Area', 'ACLBootstrap', 'Intention', 'ConnectCA', 'ConnectCAProviderState', 'ConnectCAConfig', 'Index', 'ACLToken',
  'ACLTokenDelete', 'ACLPolicy', 'ACLPolicyDelete', 'ConnectCALeaf', 'ConfigEntry', 'ACLRole', 'ACLRoleDelete', 'ACLBindingRule',
  'ACLBindingRuleDelete', 'ACLAuthMethod', 'ACLAuthMethodDelete', 'ChunkingState', 'FederationState', 'SystemMetadata',
  'ServiceVirtualIP', 'FreeVirtualIP', 'KindServiceName', 'Peering', 'PeeringDelete', 'PeeringTerminateByID',
  'PeeringTrustBundle', 'PeeringTrustBundleDelete', 'PeeringSecret', 'RaftLogVerifierCheckpoint', 'Resource',
  'UpdateManualVirtualIP',
];

/** Names of Nomad's snapshot record types, by number (nomad nomad/fsm.go, `SnapshotType`, 2.0). */
const NOMAD = [
  'Node', 'Job', 'Index', 'Eval', 'Alloc', 'TimeTable', 'PeriodicLaunch', 'JobSummary', 'VaultAccessor', 'JobVersion',
  'Deployment', 'ACLPolicy', 'ACLToken', 'SchedulerConfig', 'ClusterMetadata', 'ServiceIdentityTokenAccessor', 'ScalingPolicy',
  'CSIPlugin', 'CSIVolume', 'ScalingEvents', 'EventSink', 'ServiceRegistration', 'Variables', 'VariablesQuota', 'RootKeyMeta',
  'ACLRole', 'ACLAuthMethod', 'ACLBindingRule', 'NodePool', 'JobSubmission', 'WrappedRootKeys', 'HostVolumeSnapshot',
];

export function recordTypeName(product: 'consul' | 'nomad', type: number): string {
  if (product === 'nomad' && type === 64) return 'Namespace';
  return (product === 'consul' ? CONSUL : NOMAD)[type] ?? `Unknown(${type})`;
}
