import fs from 'node:fs';
import path from 'node:path';
import type { PickReport } from '../../model/pick-report.ts';
import { type Held, heldBy, judgeVerdict } from '../ground-truth.ts';
import { decisionLines, type Identified, rescue, targetOf } from '../rescue.ts';
import { FAILOVER_POINTS, NOTHING_LOST, type Scenario, type ScenarioResult } from '../scenario.ts';
import { CouldNotRunError, type DrillWorld } from '../world.ts';
import { fromGivenBackup } from './given-backup.ts';
import { loseMajority } from './quorum-loss.ts';

const RTO_POINTS = { ...FAILOVER_POINTS, rto: ['2nd member killed', 'first acknowledged write'] as const };
/** Marks of the last writes that are damaged on a disk. */
const DAMAGED_WRITES = 3;

/** Stops a member in good order, copies its directory, and starts it again: a backup as people make them, and of when it is. */
async function copyDisk(world: DrillWorld, id: string, name: string): Promise<{ readonly copy: string; readonly atMs: number }> {
  const copy = path.join(world.options.scratch, 'copies', name);
  const atMs = await world.kill([id], 'SIGTERM', `${id} stopped for a copy of its disk`);
  fs.mkdirSync(path.dirname(copy), { recursive: true });
  fs.cpSync(world.dataOf(id), copy, { recursive: true });
  await world.start(id);
  return { copy, atMs };
}

function readingOf(found: Identified, label: string | null) {
  const reading = found.disks.find((one) => one.evidence.report.label === label)?.reading;
  if (reading === null || reading === undefined) throw new Error(`${label ?? 'no source'} cannot be read`);
  return reading;
}

function heldOf(world: DrillWorld, found: Identified): Held {
  const held = heldBy(readingOf(found, found.report.source), world.traffic.writes.filter((one) => one.outcome === 'ok'));
  world.traffic.disregard(held.lacks);
  return held;
}

function checkTruth(world: DrillWorld, report: PickReport, held: Held): void {
  const { ok, detail } = judgeVerdict(report, held);
  world.recorder.check('the verdict on the loss agrees with the truth', ok, detail);
}

/** Requirement rows 2-014, 3-027: an old copy of a disk must not win over a survivor, and must not count as a proof. */
export const staleSnapshot: Scenario = {
  name: 'stale-snapshot',
  topic: 'snapshots and backups',
  title: 'after the loss of the majority one of two disks is an old copy',
  seconds: 28,
  nodes: 3,
  timing: 'fast',
  limits: { rtoMs: 60_000, ...NOTHING_LOST },
  snapshotEntries: 100,
  async run(world) {
    const { recorder } = world;
    const restored = await world.follower();
    const { copy } = await recorder.phase('copy a disk', () => copyDisk(world, restored, restored));
    await world.pause(1500);
    const loss = await recorder.phase('lose the majority', () => loseMajority(world, [restored]));
    await recorder.phase('stop traffic', () => world.traffic.stop());
    const [survivor = ''] = loss.survivors;
    let held: Held | null = null;
    const disks = [{ label: survivor, directory: world.dataOf(survivor) }, { label: restored, directory: copy }];
    const { found, servedAt } = await rescue(world, {
      disks,
      facts: { restored: [restored] },
      factWords: ['--restored', restored],
      overrides: ['quorum-present'],
      targetMembers: 3,
      lostAt: loss.lostAt,
      lostBy: `${loss.dead.at(-1)} killed`,
      afterIdentify: async (one) => {
        held = heldOf(world, one);
        checkTruth(world, one.report, held);
        recorder.check('the old copy does not win', one.report.source === survivor, `source ${one.report.source ?? 'none'}; ${one.report.ranking.map((member) => `${member.label} ${member.lastEntry.term}/${member.lastEntry.index}`).join(', ')}`);
        recorder.check('an old copy proves nothing', one.report.loss.verdict !== 'none', `loss ${one.report.loss.verdict} (${one.report.loss.proof}) with --restored ${restored}`);
        const lacks = heldBy(readingOf(one, restored), world.traffic.writes.filter((write) => write.outcome === 'ok')).lackedAt.length;
        recorder.check('the copy really is old', lacks > 0, `it lacks ${lacks} acknowledged writes`);
      },
    });
    return {
      rtoMs: servedAt - loss.lostAt,
      electionMs: null,
      points: RTO_POINTS,
      decision: decisionLines(found),
      beyondReach: (held as Held | null)?.lacks ?? new Set(),
      told: { broken: `${loss.dead.join(', ')} were killed for good, and ${restored}'s disk came back as an old copy.`, done: `${found.report.source} was picked over the copy, rebuilt, checked and grown.`, proven: 'The old copy neither won nor counted as a proof, and nothing acknowledged was lost.' },
    };
  },
};

/** Damages the newest writes on a disk that nobody has open, as a torn or rotten page does. Gives how many places were hit. */
function damage(directory: string, needles: readonly string[]): number {
  const file = path.join(directory, 'raft', 'data.mdb');
  const bytes = fs.readFileSync(file);
  let hits = 0;
  for (const needle of needles) {
    for (let at = bytes.indexOf(needle); at !== -1; at = bytes.indexOf(needle, at + 1)) {
      bytes[at + 1] = (bytes[at + 1] ?? 0) ^ 0x40;
      hits += 1;
    }
  }
  fs.writeFileSync(file, bytes);
  return hits;
}

/** A log whose end is damaged: it must not be taken for whole, nor its damage for an end. */
export const tornWal: Scenario = {
  name: 'torn-wal',
  topic: 'damaged logs',
  title: 'after the loss of the majority the log of one of two disks is damaged at its end',
  seconds: 26,
  nodes: 3,
  timing: 'fast',
  limits: { rtoMs: 60_000, ...NOTHING_LOST },
  async run(world) {
    const { recorder } = world;
    const loss = await recorder.phase('lose the majority', () => loseMajority(world));
    await recorder.phase('stop traffic', () => world.traffic.stop());
    const [survivor = ''] = loss.survivors;
    const torn = loss.dead.at(-1) ?? '';
    const directory = path.join(world.options.scratch, 'copies', torn);
    fs.mkdirSync(path.dirname(directory), { recursive: true });
    fs.cpSync(world.dataOf(torn), directory, { recursive: true });
    // The last writes that are surely on that disk: acknowledged before its member died.
    const last = world.traffic.writes.filter((one) => one.outcome === 'ok' && one.endedAt < loss.lostAt).slice(-DAMAGED_WRITES);
    const hits = damage(directory, last.map((one) => `${one.mark}.....`));
    if (hits === 0) throw new CouldNotRunError('the last writes were not found on the disk that was to be damaged');
    recorder.fault(`${hits} records of ${torn}'s log damaged`);
    let held: Held | null = null;
    const { found, servedAt } = await rescue(world, {
      disks: [{ label: survivor, directory: world.dataOf(survivor) }, { label: torn, directory }],
      targetMembers: 3,
      lostAt: loss.lostAt,
      lostBy: `${torn} killed`,
      afterIdentify: async (one) => {
        held = heldOf(world, one);
        checkTruth(world, one.report, held);
        const damaged = one.disks.find((disk) => disk.evidence.report.label === torn)?.evidence.report;
        recorder.check('the damage is found', damaged?.health === 'damaged', `${torn}: ${damaged?.health ?? 'not read'}, ${damaged?.damage.length ?? 0} places; ${hits} records were damaged`);
        recorder.check('the whole disk is the source', one.report.source === survivor, `source ${one.report.source ?? 'none'}, loss ${one.report.loss.verdict} (${one.report.loss.proof})`);
      },
    });
    return {
      rtoMs: servedAt - loss.lostAt,
      electionMs: null,
      points: RTO_POINTS,
      decision: decisionLines(found),
      beyondReach: (held as Held | null)?.lacks ?? new Set(),
      told: { broken: `${loss.dead.join(', ')} were killed, and ${hits} records at the end of ${torn}'s log were damaged.`, done: `${found.report.source} was picked, rebuilt, checked and grown.`, proven: 'The damage was found and told, and nothing acknowledged was lost.' },
    };
  },
};

/** Requirement row 0-097: every disk is gone, and a backup is all there is; the operator's own, where the drill file names one. */
export const backupOnly: Scenario = {
  name: 'backup-only',
  topic: 'snapshots and backups',
  title: 'all disks are gone: back from a backup alone',
  seconds: 24,
  nodes: 3,
  timing: 'fast',
  limits: { rtoMs: 60_000, rpoDuplicated: 0, replicaLag: 10_000 },
  scales: true,
  takesBackup: true,
  run: (world) => (world.file.backup === undefined ? fromOwnBackup(world) : fromGivenBackup(world, world.file.backup)),
};

async function fromOwnBackup(world: DrillWorld): Promise<ScenarioResult> {
  const { recorder } = world;
  const original = [...world.members];
  const backedUp = await world.follower();
  const { copy, atMs: backupAt } = await recorder.phase('back up', () => copyDisk(world, backedUp, 'backup'));
  await world.pause(1500);
  const seenCommit = (await world.member(await world.leader())).commitIndex ?? 0;
  const lostAt = await recorder.phase('lose everything', async () => {
    const atMs = await world.kill(original, 'SIGKILL', `kill -9 ${original.join(', ')}, and their disks removed`);
    for (const id of original) fs.rmSync(world.dataOf(id), { recursive: true });
    recorder.setZero(atMs, 'every member and every disk is gone');
    return atMs;
  });
  await recorder.phase('stop traffic', () => world.traffic.stop());
  let held: Held | null = null;
  const { found, servedAt } = await rescue(world, {
    disks: [{ label: 'backup', directory: copy }],
    facts: { seenCommit },
    factWords: ['--seen-commit', String(seenCommit)],
    overrides: ['certain-loss'],
    targetMembers: targetOf(world),
    lostAt,
    lostBy: 'every disk is gone',
    afterIdentify: async (one) => {
      held = heldOf(world, one);
      checkTruth(world, one.report, held);
      recorder.check('the loss is told as certain', one.report.loss.verdict === 'certain', `monitoring saw entry ${seenCommit} committed; ${one.report.loss.statement}`);
      const { lacks } = held;
      const early = world.traffic.writes.filter((write) => write.outcome === 'ok' && write.endedAt < backupAt - 1000 && lacks.has(`${write.key} ${write.mark}`));
      recorder.check('the backup holds what was acknowledged before it was made', early.length === 0, `${lacks.size} acknowledged writes are younger than the backup`);
    },
  });
  return {
    rtoMs: servedAt - lostAt,
    electionMs: null,
    points: { ...FAILOVER_POINTS, rto: ['every disk gone', 'first acknowledged write'] },
    decision: decisionLines(found),
    beyondReach: (held as Held | null)?.lacks ?? new Set(),
    told: { broken: `All ${original.length} members were killed and their disks removed; a backup a second and a half older was left.`, done: 'A cluster of one was built from the backup, checked and grown; the certain loss was accepted by an override.', proven: 'What the backup held is there, once, and the loss was told as certain beforehand.' },
  };
}
