import path from 'node:path';
import { z } from 'zod';
import { RefusedError } from '../../../errors.ts';
import type { FileChange } from '../../../model/plan.ts';
import type { MemberReport } from '../../../model/member-report.ts';
import { FileSource } from '../../../readers/file-source.ts';
import { readFileSnapshots, snapshotMetaSchema } from '../../../readers/hashicorp/file-snapshots.ts';
import type { RaftLayout } from '../../../readers/hashicorp/layout.ts';
import { snapshotId, writeSnapshot } from '../../../writers/hashicorp/snapshot-files.ts';
import { hasOwnCodec, readWalList } from '../../../writers/hashicorp/wal-store.ts';
import type { BuildRequest, Decision, RecoveryTarget, SourceDirectory, TargetDraft } from '../target.ts';
import { layoutOf, neededLayout, PEERS_PROGRAMS, refuseImpossible } from './common-rules.ts';
import { clusterOfOne, productOf } from './grow-back.ts';
import { baseSnapshot, keptPart, refuseLeftBehind, type KeptPart } from './kept-log.ts';
import { buildLogEdit, fileChanges, planLogEdit } from './log-edit.ts';
import { ownServer } from './own-server.ts';
import { insidePath, logEditSchema, positionSchema, serverSchema } from './raft-append-parameters.ts';
import { configurationLine, lastEntryLine, pageLines, tryReadResult } from './result-checks.ts';
import type { CheckLine } from '../../../model/check-line.ts';
import type { MemberReading } from '../../../model/reading.ts';

const MAX_META_BYTES = 4 << 20;

const counter = z.number().int().nonnegative().max(Number.MAX_SAFE_INTEGER);
const raftSnapshotSchema = z.strictObject({
  server: serverSchema,
  /** The last entry, which the new snapshot stands for. */
  kept: positionSchema,
  /** The snapshot whose state is carried over, below the data directory. */
  from: insidePath,
  /** The new one's directory. */
  into: insidePath,
  bytes: counter,
  /** CRC-64 of the state, as in meta.json. */
  crc: z.base64(),
  /** New current term; null keeps the stored one. */
  currentTerm: counter.nullable(),
  /** What the current term is afterwards. */
  termAfter: counter,
  edit: logEditSchema,
});
type RaftSnapshotParameters = z.output<typeof raftSnapshotSchema>;

/**
 * A cluster of one by a snapshot: the newest one's state under a new position and a configuration of the single voter, and an empty log;
 * what `RecoverCluster` leaves behind, for logs in which no command lies behind the snapshot. It serves where no entry can be written:
 * the log file is lost, or the application encodes its entries itself.
 */
export const raftSnapshotTarget: RecoveryTarget = {
  kinds: ['raft-snapshot'],
  serves(source) {
    const layout = layoutOf(source);
    if (layout === null || PEERS_PROGRAMS.includes(layout.program) || baseSnapshot(source.reading.report)?.status !== 'verified') return false;
    return layout.store === 'raft-boltdb' ? source.reading.report.health === 'unreadable' : keepsOwnCodec(layout);
  },
  async draft(source, decision) {
    return draftSnapshot(source, decision);
  },
  async build(request) {
    buildSnapshot(request);
  },
  async check(directory, outcome, parameters) {
    const planned = raftSnapshotSchema.parse(parameters);
    const { reading, line } = tryReadResult(directory);
    if (reading === null) return [line];
    const lines = [line, configurationLine(reading, planned.server), lastEntryLine(reading, outcome.lastEntry)];
    return [...lines, snapshotLine(reading, planned), emptyLogLine(reading), termLine(reading, planned), ...pageLines(directory, planned.edit)];
  },
};

function keepsOwnCodec(layout: RaftLayout): boolean {
  try {
    return hasOwnCodec(readWalList(path.join(layout.root, layout.stable), layout.stable));
  } catch {
    return false; // no list: nothing here can be served at all
  }
}

function draftSnapshot(source: SourceDirectory, decision: Decision): TargetDraft {
  const layout = neededLayout(source);
  refuseImpossible(layout, decision);
  const { report } = source.reading;
  const { server, notes } = ownServer(report, decision);
  const part = keptPart(source.reading, decision.keepTo);
  const snapshot = usableSnapshot(report, layout, part, decision.inDoubt);
  const edit = planLogEdit(layout, { how: 'empty', keepTo: part.last.index, lastStored: part.lastStored, now: decision.now });
  const termAfter = Math.max(report.hardState.currentTerm, decision.highestTerm, part.last.term);
  const unixMs = Math.max(decision.now.getTime(), newestMs(layout) + 1);
  // The place that was read may lie above the data directory.
  const from = `${layout.snapshots.directory}/${path.posix.basename(snapshot.file)}`;
  const parameters: RaftSnapshotParameters = {
    server,
    kept: part.last,
    from,
    into: `${layout.snapshots.directory}/${snapshotId(part.last, unixMs)}`,
    bytes: snapshot.bytes,
    crc: checksumOf(layout, from),
    currentTerm: termAfter > report.hardState.currentTerm ? termAfter : null,
    termAfter,
    edit,
  };
  const product = productOf(layout);
  return {
    kind: 'raft-snapshot',
    changes: changesOf(source, parameters, snapshot.index),
    swap: { kind: 'files' },
    keepTo: part.last.index,
    parameters,
    notes: [...notes, 'The log becomes empty; the old snapshots stay until the server takes its next one.'],
    ...clusterOfOne({ product, own: server, server, decision, lastEntry: part.last, commitIndex: part.last.index, termAbove: termAfter }),
  };
}

/** @throws {RefusedError} `no-snapshot`, `commands-after-snapshot`, `log-incomplete`, `snapshots-outside`. */
function usableSnapshot(report: MemberReport, layout: RaftLayout, part: KeptPart, inDoubt: Decision['inDoubt']): MemberReport['snapshots'][number] {
  const snapshot = baseSnapshot(report);
  if (snapshot?.status !== 'verified') throw new RefusedError('no-snapshot', 'there is no snapshot whose checksum holds', 'Choose another source with --source');
  if (part.commandsBehindBase > 0) {
    throw new RefusedError(
      'commands-after-snapshot',
      `${part.commandsBehindBase} commands lie behind the snapshot at ${snapshot.index}: only the server itself can apply them`,
      'Use a source whose log can be written to, or let the program recover itself',
    );
  }
  refuseLeftBehind(part, inDoubt);
  if (part.damagedBehind && inDoubt === 'keep') {
    throw new RefusedError('commands-after-snapshot', `what lies behind the snapshot at ${snapshot.index} cannot be read here, and may be commands`, 'Give --in-doubt drop to go back to the snapshot, or take another source');
  }
  if (layout.snapshots.directory.startsWith('..')) {
    throw new RefusedError('snapshots-outside', `the snapshots lie beside ${layout.root}, not in it`, 'Name the directory that holds both');
  }
  return snapshot;
}

/** The CRC that the snapshot's meta.json gives, as text. */
function checksumOf(layout: RaftLayout, snapshot: string): string {
  using source = FileSource.open(path.join(layout.root, snapshot, 'meta.json'), `${snapshot}/meta.json`);
  return snapshotMetaSchema.parse(JSON.parse(source.read(0, MAX_META_BYTES).toString('utf8'))).CRC ?? '';
}

/** The newest time in a snapshot's name; a server that finds two of equal position takes the one with the greater name. */
function newestMs(layout: RaftLayout): number {
  const found = readFileSnapshots(path.join(layout.root, layout.snapshots.directory), layout.snapshots.directory, 'opaque', []);
  return Math.max(0, ...found.map(({ id }) => Number(/-(\d{1,15})$/.exec(id)?.[1] ?? 0)));
}

/** State before meta: a server skips a directory without meta.json. With both there the log may go. */
function changesOf({ dataDir, reading }: SourceDirectory, planned: RaftSnapshotParameters, oldIndex: number): FileChange[] {
  const { server, kept, into, bytes, currentTerm } = planned;
  const term = currentTerm === null ? null : [`~ current term ${reading.report.hardState.currentTerm} -> ${currentTerm}`];
  const { entries } = reading.report.log;
  const logLines = [entries > 0 ? `- ${entries} entries: the snapshot stands for them` : '  empty, as it was'];
  const meta = [`+ snapshot of ${kept.term}/${kept.index}, the state of the one at ${oldIndex}`, `+ configuration of 1: ${server.id} ${server.address} (voter), configuration index 1`];
  return [
    { path: `${into}/state.bin`, kind: 'create', bytesBefore: null, bytesAfter: bytes, lines: [`+ copied from ${planned.from}/state.bin`] },
    { path: `${into}/meta.json`, kind: 'create', bytesBefore: null, bytesAfter: null, lines: meta },
    ...fileChanges(dataDir, planned.edit, { log: logLines, stable: term }),
  ];
}

function buildSnapshot({ dataDir, into, parameters }: BuildRequest): void {
  const { server, kept, from, into: name, crc, currentTerm, edit } = raftSnapshotSchema.parse(parameters);
  const state = `${from}/state.bin`;
  writeSnapshot(path.join(into, name), kept, [server], { file: path.join(dataDir, state), name: state, crc });
  buildLogEdit(dataDir, into, edit, { keepTo: 0, coveredTo: kept.index, currentTerm, entry: null });
}

function snapshotLine({ report }: MemberReading, { into }: RaftSnapshotParameters): CheckLine {
  const [newest] = report.snapshots;
  const ok = newest?.file === into && newest.status === 'verified';
  return { name: 'snapshot', ok, detail: ok ? `${into}, ${newest.bytes} bytes, its checksum holds` : `the newest is ${newest?.file ?? 'none'}, ${newest?.status ?? ''}; planned ${into}` };
}

function emptyLogLine(reading: MemberReading): CheckLine {
  let entries = 0;
  for (const record of reading.records()) entries += record.type === 'entry' ? 1 : 0;
  return { name: 'log', ok: entries === 0, detail: entries === 0 ? 'empty' : `${entries} entries are left` };
}

function termLine({ report }: MemberReading, { termAfter }: RaftSnapshotParameters): CheckLine {
  const { currentTerm } = report.hardState;
  return { name: 'term', ok: currentTerm === termAfter, detail: currentTerm === termAfter ? `${currentTerm}` : `${currentTerm}, planned ${termAfter}` };
}
