import fs from 'node:fs';
import path from 'node:path';
import type { LogIndex, MemberId } from '../../../core/types.ts';
import { RefusedError } from '../../../errors.ts';
import type { MemberReport } from '../../../model/member-report.ts';
import type { Fence, Join, PlannedMember } from '../../../model/plan.ts';
import type { MemberReading } from '../../../model/reading.ts';
import { FENCE_FILE } from '../../../native/layout.ts';
import { recoveredId } from '../../../storage/bootstrap.ts';
import type { Decision, SourceDirectory, TargetDraft } from '../target.ts';
import { CHANGED_FILE } from './build.ts';
import type { NativeParameters } from './parameters.ts';

/** How far the term of a new lineage lies above every term seen: whatever a lost disk may hold in secret stays below. */
export const TERM_STEP = 1000;

/** The new lineage of a native member, worked out from what was read of it. @throws {RefusedError} When none can be made. */
export function draftNative({ dataDir, reading }: SourceDirectory, decision: Decision): TargetDraft {
  const { report } = reading;
  const old = checkSource(dataDir, report, decision);
  const used = new Set([...reading.configurations.flatMap((one) => [...one.voters, ...one.learners]), ...decision.members.map((one) => one.id), old.memberId]);
  const generation = old.generation + 1;
  const clusterId = decision.newClusterId === 'new' ? `${old.clusterId.slice(0, 50)}-${decision.randomHex(8)}` : old.clusterId;
  const memberId = recoveredId(old.memberId, generation, used);
  const own = decision.members.find((one) => one.id === old.memberId);
  const address = decision.selfAddress ?? own?.addresses[0] ?? report.confState?.members.find((one) => one.id === old.memberId)?.addresses[0] ?? null;
  if (address === null) throw new RefusedError('no-address', `no configuration of the log says where ${old.memberId} is reached`, 'Name it: --self-address <host:port>');
  const term = Math.max(decision.highestTerm, report.hardState.currentTerm, report.lastEntry.term) + TERM_STEP;
  const parameters: NativeParameters = {
    from: old,
    to: { clusterId, generation, memberId, name: report.name === null || report.name === old.memberId ? memberId : report.name },
    address,
    term,
    keepTo: decision.keepTo,
    wallClockMs: decision.now.getTime(),
    why: { planId: decision.planId, at: decision.now.toISOString(), source: report.label, floor: decision.floor, verdict: decision.why.verdict, proof: decision.why.proof, statement: decision.why.statement, facts: [...decision.why.facts] },
    keptChain: chainAt(reading, decision.keepTo),
    commitBefore: report.hardState.commitIndex ?? 0,
  };
  const commitIndex = Math.max(Math.min(parameters.commitBefore, decision.keepTo), report.snapshots[0]?.index ?? 0);
  const recovered = { clusterId, generation, memberId, address };
  return {
    kind: 'native',
    changes: [{ path: CHANGED_FILE, kind: 'replace', bytesBefore: fs.statSync(path.join(dataDir, CHANGED_FILE)).size, bytesAfter: null, lines: linesOf(report, parameters, commitIndex) }],
    swap: { kind: 'files' },
    parameters: { ...parameters },
    outcome: { clusterId, memberId, generation, voters: [memberId], lastEntry: { term, index: decision.keepTo + 1 }, commitIndex, termAbove: term, revision: null, stateHash: null },
    newClusterId: clusterId === old.clusterId ? null : clusterId,
    fences: fencesOf(decision.members, old, generation),
    joins: joinsOf(decision, recovered, old.memberId, used),
    notes: notesOf(parameters, report.inDoubt?.to ?? null),
    startHints: startHintsOf(recovered),
  };
}

function checkSource(dataDir: string, report: MemberReport, decision: Decision): { clusterId: string; generation: number; memberId: MemberId } {
  const { clusterId, memberId, lastEntry, snapshots, startable } = report;
  const generation = report.generation ?? null;
  if (!fs.existsSync(path.join(dataDir, CHANGED_FILE))) throw new RefusedError('not-a-data-directory', `${dataDir} is not the data directory of a member: there is no ${CHANGED_FILE} below it`, 'Name the directory that holds raft/, snapshots/ and state/');
  if (clusterId === null || memberId === null || generation === null) throw new RefusedError('identity-lost', `${dataDir} does not say whose data it is`, 'Its identity record is lost: take another member as the source');
  if (startable?.ok === false) throw new RefusedError('not-startable', `${dataDir} cannot be started from its own files: ${startable.reason}`, 'Take another member as the source: recover pick ranks them');
  if (fs.existsSync(path.join(dataDir, FENCE_FILE))) throw new RefusedError('fenced', `${dataDir} is fenced: a later lineage took its place`, `Read ${path.join(dataDir, FENCE_FILE)}; remove it only when that lineage is gone for good`);
  if (decision.bumpRevision !== null) throw new RefusedError('bump-revision', 'native clusters need no revision bump', 'Leave --bump-revision out: clients and watchers of the old lineage are refused by its generation');
  const newest = snapshots[0]?.index ?? 0;
  const least = Math.max(newest, decision.floor, report.appliedIndex ?? 0);
  if (decision.keepTo < least || decision.keepTo > lastEntry.index) {
    throw new RefusedError('below-floor', `the log cannot end at entry ${decision.keepTo}: ${least} is committed, applied or in a snapshot, and ${lastEntry.index} is the last entry`, 'Make the plan anew');
  }
  return { clusterId, generation, memberId };
}

function chainAt(reading: MemberReading, index: LogIndex): string | null {
  for (const record of reading.records({ from: index, to: index })) {
    if (record.type === 'entry' && record.index === index && record.extensions !== undefined) return Buffer.from(record.extensions).toString('hex');
  }
  return null;
}

function linesOf(report: MemberReport, { from, to, term, keepTo }: NativeParameters, commit: LogIndex): string[] {
  const dropped = report.lastEntry.index - keepTo;
  const voters = report.confState?.voters.join(' ') ?? '?';
  return [
    ...(from.clusterId === to.clusterId ? [`  cluster     ${to.clusterId}`] : [`~ cluster     ${from.clusterId} -> ${to.clusterId}`]),
    `~ generation  ${from.generation} -> ${to.generation}`,
    `~ member      ${from.memberId} -> ${to.memberId}`,
    `~ term        ${report.hardState.currentTerm} -> ${term}, no vote`,
    `  commit      ${commit}`,
    ...(dropped > 0 ? [`- entries     ${keepTo + 1} to ${report.lastEntry.index}, ${dropped} in doubt, dropped`] : []),
    `+ entry       ${term}/${keepTo + 1} recovery: voters ${voters} -> ${to.memberId}`,
    '+ record      recoveries: this plan, its source, floor and verdict',
  ];
}

function fencesOf(members: readonly PlannedMember[], old: { readonly memberId: MemberId; readonly generation: number }, generation: number): Fence[] {
  return members
    .filter((one) => one.id !== old.memberId)
    .map((one) => ({
      member: one.name ?? one.id,
      id: one.id,
      addresses: [...one.addresses],
      action: `keep it off: its disk is of generation ${old.generation}, and generation ${generation} refuses it; before anything starts there, recover fence <its data directory>, or wipe it and let it join under a new id`,
    }));
}

interface Recovered {
  readonly clusterId: string;
  readonly generation: number;
  readonly memberId: MemberId;
  readonly address: string;
}

/** The hosts of the old members come back as new ones, as many as are wanted. */
function joinsOf({ members, targetMembers }: Decision, { clusterId, generation }: Recovered, source: MemberId, used: ReadonlySet<MemberId>): Join[] {
  const others = members.filter((one) => one.id !== source && one.role === 'voter').slice(0, Math.max(0, targetMembers - 1));
  return others.map((one) => {
    const id = recoveredId(one.id, generation, used);
    const address = one.addresses[0];
    return {
      member: id,
      settings: [`clusterId: ${clusterId}`, `generation: ${generation}`, `member: {id: ${id}}`, 'dataDir: <an empty directory>', ...(address === undefined ? [] : [`listen: ${address}`]), `tls: a certificate for member ${id} of cluster ${clusterId}`],
    };
  });
}

function startHintsOf({ clusterId, generation, memberId, address }: Recovered): string[] {
  return [
    `start it with a configuration that says member: {id: ${memberId}}, generation: ${generation}, clusterId: ${clusterId}, advertise: ${address}, and neither initialMembers nor join`,
    `give it a certificate for member ${memberId} of cluster ${clusterId}: that of the old id is refused`,
  ];
}

function notesOf({ from, to, keepTo }: NativeParameters, doubtfulTo: LogIndex | null): string[] {
  const notes = [`Clients and members of generation ${from.generation} are refused: a client that is connected has to ask for the status again, a member has to join anew under a new id.`];
  if (doubtfulTo !== null && keepTo >= doubtfulTo) notes.push(`What is in doubt is kept and committed by ${to.memberId} when it leads.`);
  return notes;
}
