import { RefusedError } from '../../../errors.ts';
import type { MemberReport } from '../../../model/member-report.ts';
import type { FileChange } from '../../../model/plan.ts';
import { LOG_TYPE } from '../../../readers/hashicorp/raft-log.ts';
import { appendedAtForm, encodeConfiguration } from '../../../writers/hashicorp/msgpack-bytes.ts';
import type { BuildRequest, Decision, RecoveryTarget, SourceDirectory, TargetDraft } from '../target.ts';
import { neededLayout, layoutOf, PEERS_PROGRAMS, refuseImpossible, termAboveAll } from './common-rules.ts';
import { clusterOfOne, productOf } from './grow-back.ts';
import { hashLog, keptPart, lostTailNotes, refuseLeftBehind, type KeptPart } from './kept-log.ts';
import { buildLogEdit, fileChanges, planLogEdit, storedTimeForm } from './log-edit.ts';
import { ownServer } from './own-server.ts';
import { raftAppendSchema, type LogEdit, type RaftAppendParameters } from './raft-append-parameters.ts';
import { configurationLine, keptLogLine, lastEntryLine, pageLines, termLine, tryReadResult } from './result-checks.ts';

/**
 * A cluster of one by one more log entry: a configuration with the single voter behind the last entry kept, in a term above every one that
 * any disk has shown, and that term as the current one. hashicorp/raft uses a configuration from the moment it is in the log
 * (Ongaro thesis 4.1), so the server elects itself and commits everything before it, as `RecoverCluster` would. For programs without a
 * `peers.json`.
 */
export const raftAppendTarget: RecoveryTarget = {
  kinds: ['raft-append'],
  serves(source) {
    const layout = layoutOf(source);
    return layout !== null && !PEERS_PROGRAMS.includes(layout.program);
  },
  async draft(source, decision) {
    return draftAppend(source, decision);
  },
  async build(request) {
    buildAppend(request);
  },
  async check(directory, outcome, parameters) {
    const { server, kept, keptLog, term, edit } = raftAppendSchema.parse(parameters);
    const { reading, line } = tryReadResult(directory);
    if (reading === null) return [line];
    return [
      line,
      configurationLine(reading, server),
      lastEntryLine(reading, outcome.lastEntry),
      keptLogLine(reading, keptLog, kept.index),
      termLine(reading, term),
      ...pageLines(directory, edit),
    ];
  },
};

function draftAppend(source: SourceDirectory, decision: Decision): TargetDraft {
  const layout = neededLayout(source);
  refuseImpossible(layout, decision);
  const { report } = source.reading;
  const { server, notes } = ownServer(report, decision);
  refuseUnstartable(report);
  const part = keptPart(source.reading, decision.keepTo);
  refuseLeftBehind(part, decision.inDoubt);
  const term = termAboveAll(report.hardState.currentTerm, decision.highestTerm, part.last.term, report.lastEntry.term);
  const edit = planLogEdit(layout, { how: 'cut', keepTo: part.last.index, lastStored: part.lastStored, now: decision.now });
  const parameters: RaftAppendParameters = {
    server,
    kept: part.last,
    keptLog: keptLogOf(source, part, edit),
    coveredTo: part.base,
    term,
    appendedAt: storedTimeForm(layout, appendedAtForm),
    unixMs: decision.now.getTime(),
    edit,
  };
  const product = productOf(layout);
  return {
    kind: 'raft-append',
    changes: changesOf(source, parameters, part),
    swap: { kind: 'files' },
    keepTo: part.last.index,
    parameters,
    notes: [...notes, ...lostTailNotes(part), ...notesOf(edit)],
    ...clusterOfOne({ product, own: server, server, decision, lastEntry: { term, index: part.last.index + 1 }, commitIndex: null, termAbove: term }),
  };
}

/** A lost term is made good by the new one; whatever else keeps a server from starting would still do so. @throws {RefusedError} `not-startable`. */
function refuseUnstartable({ startable, hardState, lastEntry }: MemberReport): void {
  const isTermLost = hardState.currentTerm === 0 && lastEntry.term > 0;
  if (!startable.ok && !isTermLost) throw new RefusedError('not-startable', `no server starts from here: ${startable.reason}`, 'Choose another source with --source');
}

/** A raft-wal log that begins anew has none of the old entries: the snapshot holds them. */
function keptLogOf(source: SourceDirectory, part: KeptPart, edit: LogEdit): RaftAppendParameters['keptLog'] {
  if (edit.store !== 'raft-wal' || edit.change.firstKept <= 1) return part.log;
  return hashLog(source.reading, edit.change.firstKept, part.last.index);
}

function changesOf({ dataDir, reading }: SourceDirectory, { server, kept, term, edit }: RaftAppendParameters, part: KeptPart): FileChange[] {
  const { hardState } = reading.report;
  const dropped = part.lastStored > kept.index ? [`- entries ${kept.index + 1}..${part.lastStored}`] : [];
  const vote = hardState.votedFor === null ? [] : [`  vote of term ${hardState.currentTerm} for ${hardState.votedFor} stays, below the new term`];
  return fileChanges(dataDir, edit, {
    log: [...dropped, `+ entry ${term}/${kept.index + 1}  configuration of 1: ${server.id} ${server.address} (voter)`],
    stable: [`~ current term ${hardState.currentTerm} -> ${term}`, ...vote],
  });
}

function notesOf(edit: LogEdit): string[] {
  const notes = ['The store keeps no commit index: at its start the server commits every entry that is kept.'];
  if (edit.store === 'raft-boltdb') {
    const { files } = edit;
    if (files.stableLost) notes.push(`${files.stable} cannot be read and is made new: its vote is lost, and the new term makes that harmless.`);
    notes.push(`${files.log} is written anew, compact: another size, the same entries.`);
  }
  return notes;
}

function buildAppend({ dataDir, into, parameters }: BuildRequest): void {
  const { server, kept, coveredTo, term, appendedAt, unixMs, edit } = raftAppendSchema.parse(parameters);
  const entry = { index: kept.index + 1, term, type: LOG_TYPE.configuration, data: encodeConfiguration([server]), appendedAt, unixMs };
  buildLogEdit(dataDir, into, edit, { keepTo: kept.index, coveredTo, currentTerm: term, entry });
}
