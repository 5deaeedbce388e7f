import { Flags } from '@oclif/core';
import type { RecoveryPlan } from '../engine/model/plan.ts';
import { type Finding, finding } from '../engine/model/finding.ts';
import { whichCluster } from '../engine/recovery/lineage.ts';
import type { PickOutcome } from '../engine/recovery/pick.ts';
import type { PlanRequest } from '../engine/recovery/plan/make-plan.ts';
import { NoSourceError } from '../engine/recovery/plan/refusals.ts';
import { REPEATABLE } from './flags.ts';
import { commandLine } from './quote.ts';

const group = 'DECISIONS';

/** What the operator decides about a plan: the same for `recover plan` and `recover bootstrap`. */
export const planFlags = {
  source: Flags.string({ helpGroup: group, helpValue: '<label>', summary: 'Another disk than the pick (needs --override other-source)' }),
  'in-doubt': Flags.option({ options: ['keep', 'drop'] as const, default: 'keep' as const })({ helpGroup: group, helpValue: 'keep|drop', summary: 'Entries that may or may not have been committed' }),
  'new-cluster-id': Flags.option({ options: ['auto', 'keep', 'new'] as const, default: 'auto' as const })({ helpGroup: group, helpValue: 'auto|keep|new', summary: 'Whether the cluster gets another id; auto: as little as possible' }),
  'bump-revision': Flags.integer({ helpGroup: group, helpValue: '<n>', min: 1, summary: 'Add this to the revision, so that watchers start anew (etcd)' }),
  'self-address': Flags.string({ helpGroup: group, helpValue: '<address>', summary: "The source's own address for members, where it changes" }),
  'target-members': Flags.custom<3 | 5>({ options: ['3', '5'], default: 3, parse: async (text) => (text === '5' ? 5 : 3) })({ helpGroup: group, helpValue: '3|5', summary: 'How many voters the cluster grows back to' }),
};

/** Values of those flags. */
export interface PlanFlagValues {
  source?: string | undefined;
  'in-doubt': 'keep' | 'drop';
  'new-cluster-id': 'auto' | 'keep' | 'new';
  'bump-revision'?: number | undefined;
  'self-address'?: string | undefined;
  'target-members': 3 | 5;
}

/** The flags as `makePlan` takes them. */
export function decisionsOf(flags: PlanFlagValues): Pick<PlanRequest, 'source' | 'inDoubt' | 'newClusterId' | 'bumpRevision' | 'selfAddress' | 'targetMembers'> {
  return {
    ...(flags.source === undefined ? {} : { source: flags.source }),
    inDoubt: flags['in-doubt'],
    newClusterId: flags['new-cluster-id'],
    bumpRevision: flags['bump-revision'] ?? null,
    selfAddress: flags['self-address'] ?? null,
    targetMembers: flags['target-members'],
  };
}

/** The words that repeat these flags in a command to type; defaults are left out. */
export function planWords(flags: PlanFlagValues): string[] {
  const words: string[] = [];
  const add = (name: string, value: string | number | undefined, usual?: string | number): void => {
    if (value !== undefined && value !== usual) words.push(`--${name}`, String(value));
  };
  add('source', flags.source);
  add('in-doubt', flags['in-doubt'], 'keep');
  add('new-cluster-id', flags['new-cluster-id'], 'auto');
  add('bump-revision', flags['bump-revision']);
  add('self-address', flags['self-address']);
  add('target-members', flags['target-members'], 3);
  return words;
}

const connecting = 'RUNNING RESULT';

/** How the running result will be reached; kept in the plan for verify. Places of files only, never a secret. */
export const connectionFlags = {
  endpoint: Flags.string({ ...REPEATABLE, helpGroup: connecting, helpValue: '<host:port>', summary: 'Where the recovered server will answer (default: as --from says)' }),
  cacert: Flags.string({ helpGroup: connecting, helpValue: '<file>', summary: 'Certificate of the authority' }),
  cert: Flags.string({ helpGroup: connecting, helpValue: '<file>', summary: 'Certificate to show' }),
  key: Flags.string({ helpGroup: connecting, helpValue: '<file>', summary: 'Its private key' }),
};

interface ConnectionValues {
  endpoint?: string[] | undefined;
  cacert?: string | undefined;
  cert?: string | undefined;
  key?: string | undefined;
  from?: string | undefined;
}

/** The flags win over what the server's own configuration says; null when nothing tells. */
export async function planConnection(flags: ConnectionValues): Promise<RecoveryPlan['connection']> {
  const { endpoint, cacert, cert, key, from } = flags;
  const told = from === undefined ? null : await configured(from);
  if (endpoint === undefined && cacert === undefined && cert === undefined && key === undefined) return told;
  const endpoints = endpoint?.flatMap((one) => one.split(',')).map((one) => one.trim()).filter((one) => one !== '') ?? told?.endpoints ?? [];
  return { endpoints, cacert: cacert ?? told?.cacert ?? null, cert: cert ?? told?.cert ?? null, key: key ?? told?.key ?? null };
}

async function configured(file: string): Promise<RecoveryPlan['connection']> {
  const { connectionTo, serverFrom } = await import('../engine/places/from.ts');
  return connectionTo(await serverFrom(file));
}

/** The address in the server's configuration may have moved on from the one in its data; only the latter counts when members join. */
export async function addressFindings(plan: RecoveryPlan, flags: { from?: string | undefined; 'self-address'?: string | undefined }): Promise<Finding[]> {
  if (flags.from === undefined || flags['self-address'] !== undefined) return [];
  const { serverFrom } = await import('../engine/places/from.ts');
  const told = (await serverFrom(flags.from)).peerAddresses;
  const stored = plan.cluster.members.find((one) => one.id === plan.outcome.memberId)?.addresses ?? [];
  if (told.length === 0 || stored.length === 0 || told.some((one) => stored.includes(one))) return [];
  return [finding('address-differs', 'warn', `${flags.from} says other members reach it at ${told.join(', ')}, its data says ${stored.join(', ')}, and the data decides`, { member: plan.source, fix: `If it moved: plan again with --self-address ${told[0]}` })];
}

/** @throws {NoSourceError} With the command that says why. */
export function refuseWithoutSource({ report, refused, isMixed, clusters }: PickOutcome, words: readonly string[]): void {
  if (report.source !== null) return;
  // Of a single disk the reason itself is short enough.
  const only = report.ranking.length === 1 ? report.ranking[0] : undefined;
  const why = only?.disqualified == null ? refused : `${only.label}: ${only.disqualified}`;
  if (isMixed) throw new NoSourceError(`no source can be named: ${refused ?? ''}`, whichCluster(clusters));
  throw new NoSourceError(`no source can be named: ${why ?? 'no disk qualifies'}`, `${commandLine('raft-inspector', 'recover', 'pick', ...words, '--explain')} says why for each disk`);
}
