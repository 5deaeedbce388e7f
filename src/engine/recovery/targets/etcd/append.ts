import path from 'node:path';
import { CorruptDataError, RefusedError } from '../../../errors.ts';
import type { PlannedOutcome } from '../../../model/plan.ts';
import { readParts } from '../../../readers/etcd/reader.ts';
import type { MemberParts } from '../../../readers/etcd/report.ts';
import { FileSource } from '../../../readers/file-source.ts';
import { appendToSegment } from '../../../writers/etcd/wal-append.ts';
import type { BuildRequest, Decision, RecoveryTarget, SourceDirectory, TargetDraft } from '../target.ts';
import { isObstacle, planAppend, endOfTail, type AppendPlan } from './append-plan.ts';
import { appendRecords } from './append-records.ts';
import { buildDb, bumpChange, bumpEdits, bumpFor, bumpedRevision } from './bump.ts';
import { checkEtcd } from './check.ts';
import { fencesFor, joinsFor, refuseBadAddress, START_HINTS } from './growth.ts';
import { layoutOf, spareFiles, type EtcdLayout } from './layout.ts';
import { dbNotes } from './notes.ts';
import { tailEffect } from './prediction.ts';
import { draftRebuild } from './rebuild.ts';
import { refuseCut } from './rebuild-plan.ts';

/**
 * The default way for etcd 3.3 to 3.6: changes of the configuration and a hard state are appended to the member's log, so that everything in
 * the log stays, and a plain start applies it. Where the log cannot be continued, or a new cluster id is wanted, log and snapshot are made
 * anew around the db instead.
 */
export const etcdAppendTarget: RecoveryTarget = {
  kinds: ['etcd-append'],
  serves: ({ reading }) => reading.report.store === 'etcd',
  draft: draftAppend,
  build: buildAppend,
  check: async (directory, outcome, parameters) => {
    const { bump } = (await import('./parameters.ts')).appendSchema.parse(parameters);
    return checkEtcd(directory, outcome, bump, bump?.db ?? null);
  },
};

async function draftAppend(source: SourceDirectory, decision: Decision): Promise<TargetDraft> {
  const parts = readParts(source.dataDir, { depth: 'log' });
  const layout = layoutOf(parts.directory, source.reading.report.log.entries > 0);
  refuseBadAddress(decision.selfAddress);
  refuseCut(parts, decision);
  if (decision.newClusterId === 'new') return draftRebuild(source, parts, layout, decision, 'a new cluster id is wanted');
  const plan = planAppend(parts, decision);
  if (!isObstacle(plan)) return draftOf(source, parts, layout, plan, decision);
  if (plan.rule !== 'already-alone') return draftRebuild(source, parts, layout, decision, plan.why);
  if (decision.bumpRevision !== null) return draftRebuild(source, parts, layout, decision, 'only its revision is to change');
  throw new RefusedError(plan.rule, plan.why, 'Start it as always: it needs nobody else. To give it a new cluster id, plan with --new-cluster-id new');
}

function draftOf(source: SourceDirectory, parts: MemberParts, layout: EtcdLayout, plan: AppendPlan, decision: Decision): TargetDraft {
  const { membership, keepTo } = plan;
  const { report } = source.reading;
  const effect = tailEffect(source.reading, parts.backend.db, (report.appliedIndex ?? 0) + 1, keepTo);
  const bump = bumpFor(source, parts.backend.name ?? layout.db, effect, decision.bumpRevision);
  const parameters = { ...plan.parameters, bump };
  const { term, commit } = parameters;
  const outcome: PlannedOutcome = {
    clusterId: report.clusterId,
    memberId: report.memberId,
    generation: null,
    voters: [membership.self.id],
    lastEntry: { term, index: commit },
    commitIndex: commit,
    termAbove: term,
    revision: bump ? bumpedRevision(bump, effect, report) : effect.revision,
    stateHash: bump ? null : effect.stateHash,
  };
  const self = decision.selfAddress === null ? membership.self : { ...membership.self, peerUrls: [decision.selfAddress] };
  return {
    kind: 'etcd-append',
    keepTo,
    changes: bump ? [plan.change, bumpChange(bump, report), ...spareFiles(source.dataDir, layout)] : [plan.change],
    // One file is one rename. With the db there are two files, and a start between the renames would see one without the other.
    swap: bump ? { kind: 'directory', path: layout.common } : { kind: 'files' },
    parameters,
    outcome,
    newClusterId: null,
    fences: fencesFor(membership.others, false),
    joins: joinsFor(self, decision.members.filter(({ id }) => id !== membership.self.id), decision.targetMembers),
    notes: [...plan.notes, ...dbNotes(parts.backend.db, membership)],
    startHints: [...START_HINTS],
  };
}

async function buildAppend({ dataDir, into, parameters: given, progress }: BuildRequest): Promise<void> {
  const parameters = (await import('./parameters.ts')).appendSchema.parse(given);
  const { tail, endOffset, crc, bump } = parameters;
  const parts = readParts(dataDir, { depth: 'log', ...(progress ? { progress } : {}) });
  const end = endOfTail(parts);
  if (parts.directory.segments.at(-1)?.name !== tail || end?.byteOffset !== endOffset || end.crc !== crc) {
    throw new CorruptDataError(tail, end?.byteOffset ?? 0, `the log does not end at byte ${endOffset} as it did when the plan was made`, 'Make a new plan: the directory has moved on');
  }
  using source = FileSource.open(path.join(dataDir, tail), tail);
  appendToSegment(source, end, appendRecords(parameters), path.join(into, tail));
  if (bump) await buildDb(path.join(dataDir, bump.db), path.join(into, bump.db), bumpEdits(bump.revision));
}
