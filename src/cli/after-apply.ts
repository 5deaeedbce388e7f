import path from 'node:path';
import type { RecoveryPlan } from '../engine/model/plan.ts';
import { isLabMember } from './apply-consent.ts';
import { commandLine } from './quote.ts';

/** Where etcd serves its clients unless it is told otherwise. */
const ETCD_CLIENT_PORT = 2379;

/** Whether a running result of this plan can be asked at all: there is an adapter for such clusters. */
export function canBeAsked({ store }: Pick<RecoveryPlan, 'store'>): boolean {
  return store === 'native' || store === 'etcd';
}

/** The command that checks the running result; null where no adapter speaks to such clusters. `words` name the plan. */
export function verifyCommand(plan: RecoveryPlan, words: readonly string[], env: NodeJS.ProcessEnv = process.env): string | null {
  return canBeAsked(plan) ? commandLine('raft-inspector', 'recover', 'verify', ...words, ...(labOf(plan) ?? usualEndpoint(plan, env))) : null;
}

/** How the server is started now: the command of the practice cluster, else as the target says; empty when it says nothing. */
export function startWords(plan: RecoveryPlan): string[] {
  const lab = labOf(plan)?.[1];
  if (lab !== undefined && plan.dataDir !== null) return [commandLine('raft-inspector', 'lab', 'start', path.basename(plan.dataDir), '--dir', lab)];
  const start = plan.steps.find((one) => one.kind === 'swap')?.after?.['start'];
  const [first] = Array.isArray(start) ? start.filter((one): one is string => typeof one === 'string') : [];
  // What stands in plain words behind a colon is the reason: recover show --verbose and the runbook tell it.
  return first === undefined ? [] : [/^([^:]*): [a-z]/.exec(first)?.[1] ?? first];
}

/** The flags that mean the practice cluster whose member this is; null when it is of none. */
function labOf({ dataDir }: RecoveryPlan): string[] | null {
  return dataDir !== null && isLabMember(dataDir) ? ['--lab', path.relative('', path.dirname(dataDir)) || '.'] : null;
}

/** What people do where {@link verifyCommand} has nothing. */
export function verifyByHand(plan: RecoveryPlan): string {
  return `look with the tools of ${plan.product ?? 'the program'}: one leader, ${plan.source} alone, a write accepted`;
}

/**
 * How etcd is most likely reached: the host of its peer URL at the usual port. Nothing where the plan or the environment says better;
 * without either the command would ask for it.
 */
function usualEndpoint({ store, connection, cluster, outcome }: RecoveryPlan, env: NodeJS.ProcessEnv): string[] {
  const known = (connection?.endpoints.length ?? 0) > 0 || ['RAFT_INSPECTOR_ENDPOINTS', 'ETCDCTL_ENDPOINTS'].some((name) => (env[name] ?? '') !== '');
  if (store !== 'etcd' || known) return [];
  const peer = cluster.members.find((one) => one.id === outcome.memberId)?.addresses[0];
  const host = /^(https?:\/\/(?:\[[0-9A-Fa-f:.%]+\]|[^\s:/@[\]]+)):\d+\/?$/.exec(peer ?? '')?.[1];
  return host === undefined ? [] : ['--endpoint', `${host}:${ETCD_CLIENT_PORT}`];
}
