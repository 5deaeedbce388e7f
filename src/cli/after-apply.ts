import path from 'node:path';
import { type RecoveryPlan, shortPlanId } from '../engine/model/plan.ts';
import { isLoopback } from '../engine/node/config-schema.ts';
import { isArchive } from '../engine/recovery/apply/workplace.ts';
import { isLabMember } from './apply-consent.ts';
import { commandLine, quote } from './quote.ts';

/** Where etcd serves its clients unless it is told otherwise. */
const ETCD_CLIENT_PORT = 2379;

/** Whether a running result of this plan can be asked at all: there is an adapter for such clusters. */
export function canBeAsked({ store }: Pick<RecoveryPlan, 'store'>): boolean {
  return store === 'native' || store === 'etcd';
}

/** The command that checks the running result; null where no adapter speaks to such clusters. `words` name the plan. */
export function verifyCommand(plan: RecoveryPlan, words: readonly string[], env: NodeJS.ProcessEnv = process.env): string | null {
  return canBeAsked(plan) ? commandLine('raft-inspector', 'recover', 'verify', ...words, ...(labOf(plan) ?? connectionWords(plan, env))) : null;
}

/** The command that takes a plan back, whole. `words` name the plan; alone, undo lists what can be taken back. */
export function undoCommand(plan: RecoveryPlan, words: readonly string[]): string {
  const [first] = words;
  return commandLine('raft-inspector', 'recover', 'undo', ...(first === undefined || first.startsWith('--') ? [shortPlanId(plan)] : []), ...words);
}

/** After an undo the disks are as before: what may be done with them is looked at anew. */
export function pickAgain(dataDir: string | null): string[] {
  return dataDir === null ? [] : [commandLine('raft-inspector', 'recover', 'pick', dataDir, '--explain')];
}

/**
 * How the server is started now: the command of the practice cluster, else as the target says; empty when it says nothing.
 * @param into The new directory or archive that holds the result, when it was built elsewhere: started as always the server takes the old one.
 */
export function startWords(plan: RecoveryPlan, into: string | null = null): string[] {
  const lab = labOf(plan)?.[1];
  if (lab !== undefined && plan.dataDir !== null && into === null) return [commandLine('raft-inspector', 'lab', 'start', path.basename(plan.dataDir), '--dir', lab)];
  const start = plan.steps.find((one) => one.kind === 'swap')?.after?.['start'];
  const [first] = Array.isArray(start) ? start.filter((one): one is string => typeof one === 'string') : [];
  // What stands in plain words behind a colon is the reason: recover show --verbose and the runbook tell it.
  const told = first === undefined ? null : (/^([^:]*): [a-z]/.exec(first)?.[1] ?? first);
  if (into === null) return told === null ? [] : [told];
  const where = isArchive(into) ? 'on that directory' : `with ${dataWords(plan)} ${quote(into)}`;
  const words = told === null ? `start it ${where}` : told.includes(' as always') ? told.replace(' as always', () => ` ${where}`) : `${told}; ${where}`;
  return [...(isArchive(into) ? [`unpack ${quote(into)} into a new directory`] : []), words];
}

/** The flag or setting that names the data. */
function dataWords({ product, store }: RecoveryPlan): string {
  const name = product ?? store;
  if (name === 'etcd') return '--data-dir';
  if (name === 'consul' || name === 'nomad') return '-data-dir';
  return name === 'native' ? 'dataDir:' : 'its data directory';
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
 * How the result is most likely reached, with what the plan knows of it. Nothing where the plan names endpoints: verify takes all from there.
 * The certificates are places to fill in only where there must be some and nobody said which.
 */
function connectionWords(plan: RecoveryPlan, env: NodeJS.ProcessEnv): string[] {
  const { store, connection } = plan;
  if ((connection?.endpoints.length ?? 0) > 0) return [];
  const isNamed = ['RAFT_INSPECTOR_ENDPOINTS', ...(store === 'etcd' ? ['ETCDCTL_ENDPOINTS'] : [])].some((name) => (env[name] ?? '') !== '');
  const endpoint = isNamed ? null : store === 'etcd' ? etcdEndpoint(plan) : nativeEndpoint(plan);
  // Off the loopback interface our own members speak TLS alone.
  const needed = store === 'native' && endpoint !== null && !isLoopback(endpoint);
  const files = (['cacert', 'cert', 'key'] as const).flatMap((name) => {
    const file = connection?.[name] ?? (needed ? `<${CERTIFICATES[name]}>` : null);
    return file === null ? [] : [`--${name}`, file];
  });
  return [...(endpoint === null ? [] : ['--endpoint', endpoint]), ...files];
}

const CERTIFICATES = { cacert: 'CA certificate file', cert: 'client certificate file', key: 'its key file' } as const;

/** The host of its peer URL at the usual port. */
function etcdEndpoint({ cluster, outcome }: RecoveryPlan): string | null {
  const peer = cluster.members.find((one) => one.id === outcome.memberId)?.addresses[0];
  const host = /^(https?:\/\/(?:\[[0-9A-Fa-f:.%]+\]|[^\s:/@[\]]+)):\d+\/?$/.exec(peer ?? '')?.[1];
  return host === undefined ? null : `${host}:${ETCD_CLIENT_PORT}`;
}

/** What the recovered member advertises: peers and clients dial the same address. */
function nativeEndpoint({ parameters, cluster, outcome }: RecoveryPlan): string | null {
  const told = parameters['address'];
  const own = typeof told === 'string' ? told : cluster.members.find((one) => one.id === outcome.memberId?.replace(/-g\d+$/, ''))?.addresses[0];
  return own !== undefined && /^(?:\[[0-9A-Fa-f:.%]+\]|[^\s:/@[\]]+):\d+$/.test(own) ? own : null;
}
