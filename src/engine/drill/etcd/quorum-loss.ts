import fs from 'node:fs';
import type { LiveCluster } from '../../live/cluster.ts';
import { planMembership } from '../../live/membership-plan.ts';
import { runMembership } from '../../live/membership-run.ts';
import { waitForMember } from '../../live/caught-up.ts';
import { openLiveCluster } from '../../live/registry.ts';
import { NO_JOURNAL } from '../../live/step-journal.ts';
import type { RecoveryPlan } from '../../model/plan.ts';
import { decoderFor } from '../../readers/decoders.ts';
import { applyPlan } from '../../recovery/apply/apply.ts';
import { makePlan } from '../../recovery/plan/make-plan.ts';
import { verifyRecovery } from '../../rehearsal/verify.ts';
import { audit } from '../audit.ts';
import { checkAudit, checkLinearizable, type Finish } from '../finish.ts';
import { judgeVerdict } from '../ground-truth.ts';
import { pickOne } from '../random.ts';
import { decisionLines, type Disk, type Identified, identify, targetOf } from '../rescue.ts';
import type { ScenarioResult } from '../scenario.ts';
import { lastKilled } from '../scenarios/quorum-loss.ts';
import { gapAfter } from '../timeline.ts';
import { readAll } from './etcd-port.ts';
import type { EtcdStage } from './etcd-stage.ts';

const GAP = { gapMs: 300, withinMs: 2000 };
const ASK_MS = 60_000;
const READ_MS = 60_000;

/** The loss of the majority on real etcd servers: the same phases, the survivor recovered in place. */
export async function etcdQuorumLoss(stage: EtcdStage): Promise<{ readonly result: ScenarioResult; readonly finish: Finish }> {
  const { recorder, traffic } = stage;
  const original = stage.servers.map((one) => one.name);
  const { dead, survivors, firstAt, lostAt } = await recorder.phase('lose the majority', () => loseMajority(stage));
  await recorder.phase('stop traffic', () => traffic.stop());
  const disks = survivors.map((name): Disk => ({ label: name, directory: stage.server(name).dataDir }));
  const found = await recorder.phase('identify', () => identify(stage, { disks }));
  const source = found.report.source ?? '';
  const lacks = await lackedBy(stage, found);
  const plan = await recorder.phase('rebuild', () => rebuild(stage, found, targetOf(stage)));
  await recorder.phase('check', () => check(stage, plan, source));
  const reopen = (): Promise<number> =>
    recorder.phase('reopen', async () => {
      const openedAt = recorder.nowMs();
      await stage.openTraffic();
      const atMs = await stage.until('an acknowledged write', () => Promise.resolve(traffic.firstAckAfter(openedAt)), 30_000);
      recorder.brackets.push({ name: 'no service', fromMs: lostAt, toMs: atMs, fromEvent: `${dead.at(-1)} killed`, toEvent: 'first acknowledged write' });
      recorder.excused.push({ fromMs: lostAt, toMs: atMs });
      return atMs;
    });
  const early = stage.file.reopen === 'after-check' ? await reopen() : null;
  for (const { member, settings } of plan.joins) await recorder.phase(`grow ${member}`, () => grow(stage, member, settings));
  const servedAt = early ?? (await reopen());
  await stage.pause(500);
  const atOnce = stage.file.kill === 'at-once';
  const finish = await recorder.phase('verify', () => finishEtcd(stage, lacks));
  return {
    finish,
    result: {
      rtoMs: servedAt - lostAt,
      electionMs: atOnce ? null : round(gapAfter(traffic.endings, firstAt, GAP)),
      points: { rto: [lastKilled(dead), 'first acknowledged write'], election: ['the leader killed first', 'first write acknowledged by another leader'] },
      ...(atOnce ? { meaningless: ['electionMs' as const] } : {}),
      decision: decisionLines(found),
      beyondReach: lacks,
      told: {
        broken: `${dead.join(', ')} of ${original.length} etcd ${stage.version} servers were killed with SIGKILL under load, and ${survivors.join(', ')} right after.`,
        done: `Traffic was stopped, ${source}'s directory was recovered in place (${plan.target}) and started the usual way, and ${plan.joins.map((one) => one.member).join(', ')} joined with empty directories, as learners first.`,
        proven: 'Every acknowledged write that the surviving disk held is there, once, and all members hold the same data.',
      },
    },
  };
}

const round = (value: number | null): number | null => (value === null ? null : Math.round(value));

async function loseMajority(stage: EtcdStage): Promise<{ readonly dead: string[]; readonly survivors: string[]; readonly firstAt: number; readonly lostAt: number }> {
  const { recorder, traffic, file, options } = stage;
  const names = stage.servers.map((one) => one.name);
  const leader = await stage.until('a leader', () => stage.leader());
  const dead = [leader];
  while (dead.length < Math.ceil(names.length / 2)) dead.push(pickOne(names.filter((one) => !dead.includes(one)), options.random));
  let [firstAt, lostAt] = [0, 0];
  if (file.kill === 'at-once') firstAt = lostAt = await stage.kill(dead);
  else {
    for (const [at, name] of dead.entries()) {
      lostAt = await stage.kill([name]);
      if (at === 0) firstAt = lostAt;
      if (at === dead.length - 1) break;
      const killedAt = lostAt;
      await stage.until('an acknowledged write', () => Promise.resolve(traffic.firstAckAfter(killedAt + 50)), 30_000);
      await stage.pause(1000);
    }
  }
  recorder.setZero(lostAt, `${dead.at(-1)} killed: the majority is gone`);
  await stage.pause(250);
  const survivors = names.filter((one) => !dead.includes(one));
  await stage.kill(survivors, `kill -9 ${survivors.join(', ')}, so that their files hold still`);
  return { dead, survivors, firstAt, lostAt };
}

/** Acknowledged writes that are not in the source's log, by what its entries say; checks the verdict against that. */
async function lackedBy({ recorder, traffic }: EtcdStage, found: Identified): Promise<ReadonlySet<string>> {
  const reading = found.disks.find((one) => one.evidence.report.label === found.report.source)?.reading;
  if (reading === null || reading === undefined) throw new Error('no source was found');
  const decode = await decoderFor(reading.report);
  const there = new Set<string>();
  for (const record of reading.records()) if (record.type === 'entry') there.add(decode(record).key ?? '');
  const lacked = traffic.writes.filter((one) => one.outcome === 'ok' && !there.has(`${one.key}/${one.mark}`));
  // Clients are told revisions and verdicts speak of entries: only whether something is missing can be compared here.
  const { verdict, proof } = found.report.loss;
  const { ok } = judgeVerdict({ ...found.report, loss: { ...found.report.loss, safeTo: 0, missing: null } }, { lacks: new Set(lacked.map((one) => one.mark)), lackedAt: lacked.map((one) => one.revision) });
  recorder.check('the verdict on the loss agrees with the truth', ok, `said loss ${verdict} (${proof}); in truth ${lacked.length} acknowledged writes are missing from its log`);
  return new Set(lacked.map((one) => `${one.key} ${one.mark}`));
}

async function rebuild({ recorder, options }: EtcdStage, found: Identified, targetMembers: 3 | 5): Promise<RecoveryPlan> {
  const places = found.disks.map(({ evidence }) => `${evidence.report.label}=${evidence.report.label}`).join(' ');
  const plan = await recorder.step(`raft-inspector recover plan ${places} --target-members ${targetMembers} --case case`, () =>
    makePlan({ disks: found.disks, report: found.report, facts: {}, factWords: [], inDoubt: 'keep', newClusterId: 'auto', bumpRevision: null, selfAddress: null, targetMembers, overrides: [], tool: options.tool.version, dead: [], connection: null }),
  );
  await recorder.step(`raft-inspector recover apply --case case --execute --confirm ${plan.cluster.clusterId ?? ''}`, () => applyPlan(plan, { caseDir: null, overrides: [] }));
  return plan;
}

async function check(stage: EtcdStage, plan: RecoveryPlan, survivor: string): Promise<void> {
  for (const one of stage.servers) one.votes = one.name === survivor;
  const server = stage.server(survivor);
  await stage.recorder.step(`etcd --name ${survivor} --data-dir ${survivor}   (as always, without --force-new-cluster)`, () => stage.start(survivor));
  const report = await stage.recorder.step('raft-inspector recover verify --case case', () => withCluster(stage, (cluster) => verifyRecovery(plan, cluster, { timeoutMs: ASK_MS, endpoints: stage.endpoints, dataDir: server.dataDir })), (one) => (one.verdict === 'verified' ? 0 : 3));
  const looked = report.checks.filter((one) => one.ok !== null);
  const wrong = looked.filter((one) => one.ok === false);
  stage.recorder.check('the rebuilt cluster is verified', report.verdict === 'verified', wrong[0] === undefined ? `${looked.length} of ${looked.length} checks` : `${wrong[0].name}: ${wrong[0].detail}`);
  if (report.verdict !== 'verified') throw new Error(`the rebuilt cluster is not as planned: ${wrong.map((one) => one.name).join(', ')}`);
}

/** A dead member joins again with an empty directory: added as a learner, started with the settings the plan prints, promoted. */
async function grow(stage: EtcdStage, name: string, settings: readonly string[]): Promise<void> {
  const server = stage.server(name);
  fs.rmSync(server.dataDir, { recursive: true, force: true });
  const address = `http://127.0.0.1:${server.ports.peer}`;
  const initialCluster = settings.find((one) => one.startsWith('--initial-cluster '))?.slice('--initial-cluster '.length) ?? '';
  const pace = { nowMs: () => performance.now(), pause: (ms: number) => stage.pause(ms) };
  const ask = (words: string, request: Parameters<typeof planMembership>[0]) =>
    stage.recorder.step(words, () =>
      withCluster(stage, async (cluster) => {
        const list = await cluster.memberList({ timeoutMs: ASK_MS });
        const run = await runMembership(cluster, planMembership(request, list, 'etcd'), { timeoutMs: ASK_MS, journal: NO_JOURNAL, ...pace });
        if (run.failure !== null) throw run.failure;
        return (await cluster.memberList({ timeoutMs: ASK_MS })).members;
      }),
    );
  const members = await ask(`raft-inspector member add ${name} ${address} --execute`, { kind: 'add', id: name, name, address });
  const id = members.find((one) => one.addresses.includes(address))?.id ?? '';
  await stage.recorder.step(`etcd --name ${name} --data-dir ${name} --initial-cluster ${initialCluster} --initial-cluster-state existing`, () => stage.start(name, { initialCluster, state: 'existing' }));
  await stage.recorder.step(`raft-inspector member wait ${name}`, () => withCluster(stage, (cluster) => waitForMember(cluster, id, { timeoutMs: ASK_MS, ...pace })));
  await ask(`raft-inspector member promote ${name} --execute`, { kind: 'promote', id });
  server.votes = true;
}

async function finishEtcd(stage: EtcdStage, lacks: ReadonlySet<string>): Promise<Finish> {
  const { recorder, traffic } = stage;
  const replicaLag = await lagOf(stage);
  await traffic.stop();
  const hashes = await stage.until('equal members', async () => {
    const all = await withCluster(stage, async (cluster) => (cluster.stateHashes === undefined ? [] : cluster.stateHashes(null, { timeoutMs: ASK_MS })));
    return new Set(all.map((one) => `${one.hash} ${one.revision}`)).size === 1 && all.length === stage.endpoints.length ? all : null;
  }).catch(() => []);
  recorder.check(`all ${stage.servers.length} members hold the same state`, hashes.length === stage.servers.length, hashes.length === 0 ? 'their hashes differ' : `hash ${hashes[0]?.hash} at revision ${hashes[0]?.revision}`);
  const result = audit(traffic.writes, await readAll(stage.endpoints, READ_MS));
  checkAudit(stage, result, lacks);
  checkLinearizable(stage, lacks);
  return { audit: result, replicaLag };
}

/** Entries that the slowest member is behind while clients still write; null when somebody does not say. */
async function lagOf(stage: EtcdStage): Promise<number | null> {
  const { members } = await withCluster(stage, (cluster) => cluster.memberList({ timeoutMs: ASK_MS }));
  const lags = members.map((one) => one.lag);
  return lags.includes(null) ? null : Math.max(...(lags as number[]));
}

async function withCluster<T>(stage: EtcdStage, work: (cluster: LiveCluster) => Promise<T>): Promise<T> {
  const cluster = await openLiveCluster('etcd', { endpoints: stage.endpoints, clusterId: null, tls: null });
  try {
    return await work(cluster);
  } finally {
    await cluster.close();
  }
}
