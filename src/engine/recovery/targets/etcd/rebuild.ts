import type { FileChange, PlannedOutcome } from '../../../model/plan.ts';
import { readParts } from '../../../readers/etcd/reader.ts';
import type { MemberParts } from '../../../readers/etcd/report.ts';
import type { Decision, RecoveryTarget, SourceDirectory, TargetDraft } from '../target.ts';
import { bumpChange, bumpFor, bumpedRevision } from './bump.ts';
import { checkEtcd } from './check.ts';
import { fencesFor, joinsFor, refuseBadAddress, START_HINTS } from './growth.ts';
import { layoutOf, type EtcdLayout } from './layout.ts';
import { memberWords } from './membership.ts';
import { dbNotes } from './notes.ts';
import { tailEffect } from './prediction.ts';
import { buildRebuild } from './rebuild-build.ts';
import { rebuildChanges } from './rebuild-changes.ts';
import { planRebuild, type RebuildPlan } from './rebuild-plan.ts';

/**
 * For logs that cannot be continued, and for new cluster ids: log and snapshot are written anew around the db, with the entries that it has
 * not applied yet taken over as they are.
 */
export const etcdRebuildTarget: RecoveryTarget = {
  kinds: ['etcd-rebuild'],
  serves: ({ reading }) => reading.report.store === 'etcd',
  draft: async (source, decision) => {
    const parts = readParts(source.dataDir, { depth: 'log' });
    return draftRebuild(source, parts, layoutOf(parts.directory, source.reading.report.log.entries > 0), decision, null);
  },
  build: buildRebuild,
  check: async (directory, outcome, parameters) => {
    const { bump, db } = (await import('./parameters.ts')).rebuildSchema.parse(parameters);
    return checkEtcd(directory, outcome, bump, db);
  },
};

/** @param reason Why nothing is appended to the log; null where nobody tried. */
export function draftRebuild(source: SourceDirectory, parts: MemberParts, layout: EtcdLayout, decision: Decision, reason: string | null): TargetDraft {
  refuseBadAddress(decision.selfAddress);
  const plan = planRebuild(source, parts, decision);
  const { report } = source.reading;
  const { membership, keepTo, snapshot, clusterId, term, self } = plan;
  const effect = tailEffect(source.reading, parts.backend.db, snapshot.index + 1, keepTo);
  const bump = bumpFor(source, layout.db, effect, decision.bumpRevision);
  const parameters = {
    walDir: layout.walDir,
    snapDir: layout.snapDir,
    db: layout.db,
    dbFrom: parts.backend.name ?? layout.db,
    clusterId,
    snapshot,
    keepTo,
    term,
    version: membership.version,
    minor: membership.minor,
    member: { id: self.id, name: self.name, peerUrls: self.peerUrls, clientUrls: self.clientUrls },
    removed: plan.removed,
    bump,
  };
  const outcome: PlannedOutcome = {
    clusterId,
    memberId: self.id,
    generation: null,
    voters: [self.id],
    lastEntry: plan.last,
    commitIndex: keepTo,
    termAbove: term,
    revision: bump ? bumpedRevision(bump, effect, report) : effect.revision,
    stateHash: bump ? null : effect.stateHash,
  };
  const isNewId = report.clusterId !== clusterId;
  return {
    kind: 'etcd-rebuild',
    keepTo,
    changes: [...rebuildChanges(source.dataDir, parameters, linesOf(plan)), ...(bump ? [bumpChange(bump, report)] : [])].reduce(mergeByPath, []),
    swap: { kind: 'directory', path: layout.common },
    parameters,
    outcome,
    newClusterId: isNewId ? clusterId : null,
    fences: fencesFor(membership.others, isNewId),
    joins: joinsFor(self, decision.members.filter(({ id }) => id !== self.id), decision.targetMembers),
    notes: [...(reason === null ? [] : [`Log and snapshot are made anew: ${reason}.`]), ...plan.notes, ...dbNotes(parts.backend.db, null)],
    startHints: [...START_HINTS],
  };
}

function linesOf(plan: RebuildPlan): { wal: string[]; snap: string[]; db: string[] } {
  const { self, membership, snapshot, keepTo, term, clusterId, dropped } = plan;
  const entries = keepTo === snapshot.index ? 'no entry: the db has applied all of them' : `entries ${snapshot.index + 1}-${keepTo}, as they were`;
  return {
    wal: [
      `+ member ${memberWords(self)}, cluster ${clusterId}`,
      `+ snapshot ${snapshot.term}/${snapshot.index}`,
      `+ ${entries}`,
      ...dropped.map((index) => `~ entry ${index}: a membership change, emptied`),
      `+ hard state term ${term}, commit ${keepTo}`,
    ],
    snap: [`+ snapshot ${snapshot.term}/${snapshot.index}: one voter, ${memberWords(self)}`],
    db: [...membership.others.map((member) => `- member ${memberWords(member)}`), `  member ${memberWords(self)}`],
  };
}

/** The db is changed once, by two of the makers of lines. */
function mergeByPath(changes: FileChange[], next: FileChange): FileChange[] {
  const known = changes.find((change) => change.path === next.path);
  if (known) known.lines.push(...next.lines);
  else changes.push(next);
  return changes;
}
