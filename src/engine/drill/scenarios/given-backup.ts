import fs from 'node:fs';
import { freePorts } from '../../adapters/free-ports.ts';
import type { SnapshotManifest } from '../../ports/snapshot-files.ts';
import { FileSource } from '../../readers/file-source.ts';
import { checkSnapshotFile } from '../../readers/native/snapshot-check.ts';
import { detectFormat } from '../../readers/snapshots/signature.ts';
import { restoreNativeSnapshot } from '../../recovery/targets/native/restore.ts';
import { growBy, memberList } from '../membership.ts';
import { decisionLines, reopen, rescue, survey, targetOf } from '../rescue.ts';
import { FAILOVER_POINTS, type ScenarioResult } from '../scenario.ts';
import { CouldNotRunError, type DrillWorld } from '../world.ts';

const LEAD_MS = 20_000;
const GROW_MS = 60_000;
/** The members of a cluster that comes from a snapshot; the first is made of it. */
const RESTORED = ['restored-1', 'restored-2', 'restored-3', 'restored-4', 'restored-5'];
const POINTS = { ...FAILOVER_POINTS, rto: ['the recovery begins', 'first acknowledged write'] as const };

/** Recovers from a copy of the operator's own backup, as if every disk were gone: a data directory, an archive of one, or a saved snapshot. */
export async function fromGivenBackup(world: DrillWorld, backup: string): Promise<ScenarioResult> {
  const lostAt = world.nowMs();
  world.recorder.setZero(lostAt, 'the recovery begins');
  const snapshot = snapshotIn(backup);
  const result = snapshot === null ? await fromData(world, backup, lostAt) : await fromSnapshot(world, backup, lostAt);
  await world.pause(world.file.load.warmupMs);
  return result;
}

async function fromData(world: DrillWorld, backup: string, lostAt: number): Promise<ScenarioResult> {
  const [port] = await freePorts(1);
  const { found, servedAt, plan } = await rescue(world, { disks: [{ label: 'backup', directory: backup }], overrides: ['quorum-present'], selfAddress: `127.0.0.1:${port}`, targetMembers: targetOf(world), lostAt, lostBy: 'the recovery begins' });
  const { report } = found.disks[0]?.evidence ?? {};
  world.recorder.check('the backup could be read', report?.health === 'ok', `${report?.health ?? 'not read'}, last entry ${report?.lastEntry.term}/${report?.lastEntry.index}, recovered up to ${plan.outcome.lastEntry.index}`);
  return { rtoMs: servedAt - lostAt, electionMs: null, points: POINTS, decision: decisionLines(found), told: toldOf('a cluster of one was built from the copy') };
}

async function fromSnapshot(world: DrillWorld, archive: string, lostAt: number): Promise<ScenarioResult> {
  const { recorder } = world;
  const [port] = await freePorts(1);
  const [first = '', ...others] = RESTORED.slice(0, targetOf(world));
  const restored = await recorder.phase('rebuild', () =>
    recorder.step(`raft-inspector snapshot restore ${archive} --into lab/${first}`, () => restoreNativeSnapshot(archive, world.dataOf(first), { memberId: first, address: `127.0.0.1:${port}` })),
  );
  await recorder.phase('check', async () => {
    world.rebuilding.add(first);
    world.members = [first];
    world.voting.clear();
    world.voting.add(first);
    await world.start(first);
    world.rebuilding.delete(first);
    await world.until(`${first} leading alone`, async () => {
      const one = await world.member(first);
      return one.role === 'leader' && (one.commitIndex ?? 0) >= restored.last.index;
    }, LEAD_MS);
    const list = await memberList(world);
    recorder.check('the restored cluster is as made', list.clusterId === restored.identity.clusterId && list.leader === first && list.term > restored.manifest.term, `cluster ${list.clusterId}, leader ${list.leader ?? 'none'}, term ${list.term}, snapshot ${restored.manifest.id}`);
  });
  const wanted = { lostAt, lostBy: 'the recovery begins' };
  const early = world.file.reopen === 'after-check' ? await reopen(world, wanted) : null;
  for (const id of others) await recorder.phase(`grow ${id}`, () => growBy(world, id, GROW_MS));
  const servedAt = early ?? (await reopen(world, wanted));
  return { rtoMs: servedAt - lostAt, electionMs: null, points: POINTS, decision: [`SNAPSHOT ${restored.manifest.id}  ${restored.manifest.bytes} bytes, up to entry ${restored.manifest.term}/${restored.manifest.index}`], told: toldOf('a cluster of one was restored from the snapshot') };
}

function toldOf(done: string): ScenarioResult['told'] {
  return { broken: 'Nothing was broken: the drill began with a copy of your backup, as if every disk were gone.', done: `${done[0]?.toUpperCase() ?? ''}${done.slice(1)}, checked, and grown.`, proven: 'The backup can be recovered from: the cluster serves, and holds what it wrote since.' };
}

/** The manifest of a saved snapshot; null when the backup is something else. @throws {CouldNotRunError} When it is one and is damaged. */
function snapshotIn(backup: string): SnapshotManifest | null {
  if (fs.statSync(backup, { throwIfNoEntry: false })?.isFile() !== true) return null;
  using source = FileSource.open(backup, backup);
  if (detectFormat(source) !== 'native') return null;
  const { manifest, problems } = checkSnapshotFile(source);
  if (manifest === null || problems.length > 0) throw new CouldNotRunError(`${backup} is a damaged snapshot: ${problems[0]?.problem ?? 'no manifest'}`);
  return manifest;
}

/** The cluster that a backup belongs to. @throws {CouldNotRunError} When it cannot be read. */
export async function clusterOf(world: DrillWorld, backup: string): Promise<string> {
  const snapshot = snapshotIn(backup);
  if (snapshot !== null) return snapshot.clusterId;
  const [disk] = await survey(world, [{ label: 'backup', directory: backup }]);
  const report = disk?.evidence.report;
  if (report === undefined || report.clusterId === null || report.store !== 'native') throw new CouldNotRunError(`${backup} holds no data of a member of our own engine${report === undefined ? '' : ` (${report.health}, ${report.store})`}`);
  return report.clusterId;
}
