import fs from 'node:fs';
import path from 'node:path';
import { z } from 'zod';
import { RefusedError } from '../../../errors.ts';
import type { CheckLine } from '../../../model/check-line.ts';
import type { FileChange } from '../../../model/plan.ts';
import { FileSource, isFile } from '../../../readers/file-source.ts';
import type { RaftLayout } from '../../../readers/hashicorp/layout.ts';
import { PEERS_INFO, peersJson } from '../../../writers/hashicorp/peers-file.ts';
import { writeSynced } from '../../../writers/hashicorp/snapshot-files.ts';
import type { BuildRequest, Decision, RecoveryTarget, SourceDirectory, TargetDraft } from '../target.ts';
import { layoutOf, neededLayout, PEERS_PROGRAMS, refuseImpossible } from './common-rules.ts';
import { clusterOfOne, productOf } from './grow-back.ts';
import { hashLog, keptPart, lostTailNotes, refuseLeftBehind, type KeptPart } from './kept-log.ts';
import { buildLogEdit, fileChanges, planLogEdit } from './log-edit.ts';
import { ownServer } from './own-server.ts';
import { peersRule, type PeersRule } from './peers-rules.ts';
import { insidePath, keptLogSchema, logEditSchema, positionSchema, serverSchema } from './raft-append-parameters.ts';
import { keptLogLine, lastEntryLine, pageLines, tryReadResult } from './result-checks.ts';

const MAX_PEERS_BYTES = 1 << 16;

const peersJsonSchema = z.strictObject({
  server: serverSchema,
  kept: positionSchema,
  keptLog: keptLogSchema,
  file: insidePath,
  /** `peers.info`, where the program wants one. */
  sentinel: insidePath.nullable(),
  makesSentinel: z.boolean(),
  text: z.string(),
  coveredTo: z.number().int().nonnegative(),
  /** Where the doubtful tail is dropped: how the log is cut. */
  cut: logEditSchema.nullable(),
});
type PeersJsonParameters = z.output<typeof peersJsonSchema>;

/**
 * A cluster of one by the program's own recovery file. At its next start the server commits its whole log, writes a snapshot with the
 * configuration of the file, and empties the log (hashicorp/raft api.go `RecoverCluster`). To drop the doubtful tail, the log is cut as well.
 */
export const peersJsonTarget: RecoveryTarget = {
  kinds: ['peers-json'],
  serves(source) {
    const layout = layoutOf(source);
    return layout !== null && PEERS_PROGRAMS.includes(layout.program);
  },
  async draft(source, decision) {
    return draftPeers(source, decision);
  },
  async build(request) {
    buildPeers(request);
  },
  async check(directory, outcome, parameters) {
    const planned = peersJsonSchema.parse(parameters);
    const { reading, line } = tryReadResult(directory);
    if (reading === null) return [line];
    const pages = planned.cut === null ? [] : pageLines(directory, planned.cut);
    return [line, ...peersLines(directory, planned), lastEntryLine(reading, outcome.lastEntry), keptLogLine(reading, planned.keptLog, planned.kept.index), ...pages];
  },
};

function draftPeers(source: SourceDirectory, decision: Decision): TargetDraft {
  const layout = neededLayout(source);
  const { report } = source.reading;
  refuseImpossible(layout, decision);
  refuseUnready(source, layout);
  const { server: found, notes } = ownServer(report, decision);
  const rule = peersRule(layout, report);
  // Where ids are addresses, a server that moves has a new id too.
  const server = rule.format === 'addresses' ? { ...found, id: found.address } : found;
  if (isFile(path.join(source.dataDir, rule.file))) {
    throw new RefusedError('peers-json-present', `${rule.file} is there already: another recovery was begun`, 'Find out who put it there; move it away to go on');
  }
  const part = keptPart(source.reading, decision.keepTo);
  refuseLeftBehind(part, decision.inDoubt);
  const parameters = parametersOf(source, { layout, rule, part, decision, server });
  const product = productOf(layout);
  return {
    kind: 'peers-json',
    changes: changesOf(source, parameters, part),
    swap: { kind: 'files' },
    keepTo: part.last.index,
    parameters,
    notes: [...notes, ...lostTailNotes(part), ...notesOf(layout, rule, parameters, decision, report.hardState.currentTerm)],
    ...clusterOfOne({ product, own: found, server, decision, lastEntry: part.last, commitIndex: part.last.index, termAbove: report.hardState.currentTerm }),
  };
}

/** @throws {RefusedError} `not-startable`, `migration-in-progress`. */
function refuseUnready({ dataDir, reading }: SourceDirectory, { program }: RaftLayout): void {
  const { startable } = reading.report;
  if (!startable.ok) throw new RefusedError('not-startable', `${program} cannot be started from here: ${startable.reason}`, 'Choose another source with --source');
  const marker = 'server/raft/.migration-in-progress';
  if (program === 'nomad' && fs.existsSync(path.join(dataDir, marker))) {
    throw new RefusedError('migration-in-progress', `${marker} says that the store was being moved to another format`, 'Finish or undo the migration first');
  }
}

interface Facts {
  layout: RaftLayout;
  rule: PeersRule;
  part: KeptPart;
  decision: Decision;
  server: PeersJsonParameters['server'];
}

function parametersOf(source: SourceDirectory, { layout, rule, part, decision, server }: Facts): PeersJsonParameters {
  const isCut = part.lastStored > part.last.index;
  if (isCut && !rule.mayCut) {
    throw new RefusedError('drop-not-possible', `${layout.program} commits its whole log when it reads ${rule.file}, and its log cannot be cut beside it`, 'Give --in-doubt keep');
  }
  const cut = isCut ? planLogEdit(layout, { how: 'cut', keepTo: part.last.index, lastStored: part.lastStored, now: decision.now }) : null;
  const firstKept = cut?.store === 'raft-wal' ? cut.change.firstKept : 1;
  return {
    server,
    kept: part.last,
    keptLog: firstKept > 1 ? hashLog(source.reading, firstKept, part.last.index) : part.log,
    file: rule.file,
    sentinel: rule.sentinel,
    makesSentinel: rule.sentinel !== null && !isFile(path.join(source.dataDir, rule.sentinel)),
    text: peersJson(rule.format, [server]),
    coveredTo: part.base,
    cut,
  };
}

/** First the log, where it is cut; then the sentinel, without which peers.json would be deleted; peers.json last. */
function changesOf({ dataDir }: SourceDirectory, planned: PeersJsonParameters, part: KeptPart): FileChange[] {
  const { server, kept, sentinel, makesSentinel, text, cut } = planned;
  const cutChanges = cut === null ? [] : fileChanges(dataDir, cut, { log: [`- entries ${kept.index + 1}..${part.lastStored}`], stable: null });
  const sentinelChange: FileChange[] =
    sentinel !== null && makesSentinel
      ? [{ path: sentinel, kind: 'create', bytesBefore: null, bytesAfter: Buffer.byteLength(PEERS_INFO), lines: ['+ without it the server would delete peers.json unread'] }]
      : [];
  const lines = [`+ configuration of 1: ${server.id} ${server.address} (voter)`, ...text.trimEnd().split('\n').map((line) => `  ${line}`)];
  return [...cutChanges, ...sentinelChange, { path: planned.file, kind: 'create', bytesBefore: null, bytesAfter: Buffer.byteLength(text), lines }];
}

function notesOf(layout: RaftLayout, rule: PeersRule, { cut, kept }: PeersJsonParameters, { highestTerm }: Decision, currentTerm: number): string[] {
  const tail = cut === null ? `its whole log up to ${kept.index}` : `its log up to ${kept.index}, where it is cut`;
  const notes = [`At its next start ${layout.program} commits ${tail}, makes a snapshot of it and empties the log; ${rule.file} is ${rule.afterwards} then.`];
  if (rule.format === 'addresses') {
    notes.push('All server ids are addresses, as with raft protocol 2 and older: peers.json is a list of addresses. A server that runs with protocol 3 would not start with it.');
  }
  if (highestTerm > currentTerm) {
    notes.push(`Another disk has seen term ${highestTerm}, this one ${currentTerm}: new entries may share index and term with old ones there. Wipe it before it starts.`);
  }
  if (layout.other !== null) notes.push(`${layout.other.file} is not touched: ${layout.program} uses ${layout.log}.`);
  return notes;
}

function buildPeers({ dataDir, into, parameters }: BuildRequest): void {
  const { kept, file, sentinel, makesSentinel, text, coveredTo, cut } = peersJsonSchema.parse(parameters);
  if (cut !== null) buildLogEdit(dataDir, into, cut, { keepTo: kept.index, coveredTo, currentTerm: null, entry: null });
  if (sentinel !== null && makesSentinel) writeBeside(path.join(into, sentinel), PEERS_INFO);
  writeBeside(path.join(into, file), text);
}

/** Owner and mode come later, from the files beside it: the server has to be able to read it. */
function writeBeside(file: string, text: string): void {
  fs.mkdirSync(path.dirname(file), { recursive: true });
  writeSynced(file, text, 0o600);
}

function peersLines(directory: string, { file, sentinel, text, server }: PeersJsonParameters): CheckLine[] {
  const found = isFile(path.join(directory, file)) ? textOf(path.join(directory, file), file) : null;
  const ok = found === text;
  const lines: CheckLine[] = [{ name: 'peers.json', ok, detail: ok ? `names ${server.id} ${server.address} alone` : found === null ? `${file} is missing` : `${file} is not what was planned` }];
  if (sentinel === null) return lines;
  const isThere = isFile(path.join(directory, sentinel));
  return [...lines, { name: 'peers.info', ok: isThere, detail: isThere ? 'there: peers.json will be read' : `${sentinel} is missing: peers.json would be deleted unread` }];
}

function textOf(file: string, name: string): string {
  using source = FileSource.open(file, name);
  return source.read(0, MAX_PEERS_BYTES).toString('utf8');
}
