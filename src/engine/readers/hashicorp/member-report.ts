import path from 'node:path';
import { finding, type Finding } from '../../model/finding.ts';
import { emptyLog, inDoubtAfter, type Health, type MemberReport } from '../../model/member-report.ts';
import type { MemberReading, ReadOptions } from '../../model/reading.ts';
import { FileSource } from '../file-source.ts';
import { heldLock } from '../process-locks.ts';
import { toChanges, toConfState, type PlacedConfiguration } from './configuration.ts';
import { isFromRecovery, isUsable, readFileSnapshots, toSnapshotReport, type FileSnapshot } from './file-snapshots.ts';
import type { RaftLayout } from './layout.ts';
import { configurationFindings, logFindings } from './log-findings.ts';
import { scanLog, type ScannedLog } from './log-scan.ts';
import type { StoreParts } from './log-store.ts';
import { termBehindLog, toHardState } from './stable-store.ts';
import { startableFrom } from './startable.ts';
import { configurationsThatFit, contradictedTail, contradictionFindings, lastPosition, type ContradictedTail } from './snapshot-fit.ts';
import { digestOfStore } from './store-digest.ts';
import { readVaultState } from './vault-state.ts';

const MAX_ID_BYTES = 256;

/** What the parts of a store say together; the same for raft-boltdb and raft-wal. */
export function readMember(layout: RaftLayout, parts: StoreParts, findings: Finding[], options: ReadOptions): MemberReading {
  const snapshots = snapshotsOf(layout, findings, options);
  const usable = snapshots.find(isUsable);
  const base = usable?.index ?? 0;
  const scan = scanLog(parts.log?.records({}, false) ?? [], { snapshotIndex: base, newestFile: parts.log?.newestFile ?? '' });
  const contradicted = contradictedTail(scan, usable);
  scan.configurations = configurationsThatFit(scan, usable, contradicted);
  const history = configurationHistory(scan, snapshots);
  const latest = latestConfiguration(scan, usable);
  const told = new Set(findings.filter((f) => f.rule === 'wal-segment-missing').map((f) => f.file));
  if (parts.log !== null) findings.push(...logFindings(scan, parts.log, base, told));
  findings.push(...contradictionFindings(contradicted, usable, layout.log), ...configurationFindings(latest), ...otherStore(layout));
  const hardState = toHardState(parts.stable, layout.stable, findings);
  const lastEntry = lastPosition(scan, usable, contradicted);
  findings.push(...termBehindLog(parts.stable, hardState, lastEntry, layout.stable));
  const startable = startableFrom({ parts, scan, snapshots, base, configuration: latest, program: layout.program, hardState, lastEntry });
  const refusal = layout.other?.kind === 'refuses' ? 'it refuses to start while both raft.db and wal are there' : null;
  const report = assemble({ layout, parts, scan, snapshots, usable, latest, hardState, contradicted });
  report.startable = refusal === null ? startable : { ok: false, reason: refusal };
  if (!report.startable.ok) findings.push(notStartable(report.startable.reason, report.lastEntry.index === 0 && report.health === 'ok'));
  if (usable !== undefined && isFromRecovery(usable)) findings.push(fromRecovery(usable));
  const records: MemberReading['records'] = (range = {}) => parts.log?.records(range, true) ?? [].values();
  return { report, findings, configurations: toChanges(history), records, storeDigest: () => digestOfStore(layout) };
}

function snapshotsOf(layout: RaftLayout, findings: Finding[], options: ReadOptions): FileSnapshot[] {
  const { directory, style } = layout.snapshots;
  const found = readFileSnapshots(path.join(layout.root, directory), directory, style, findings, options.progress);
  const vault = layout.vault === null ? null : readVaultState(layout.root, layout.vault, findings);
  return vault === null ? found : [vault, ...found];
}

/** Newest restorable snapshot first, then every configuration entry behind it; what lies at or below it raft ignores. */
function latestConfiguration(scan: ScannedLog, usable: FileSnapshot | undefined): PlacedConfiguration | null {
  const newest = scan.configurations.at(-1);
  if (newest !== undefined && newest.index > (usable?.index ?? 0)) return newest;
  if (usable?.servers) return { index: usable.configurationIndex, term: usable.term, source: 'snapshot', servers: usable.servers };
  return newest ?? null;
}

function configurationHistory(scan: ScannedLog, snapshots: readonly FileSnapshot[]): PlacedConfiguration[] {
  const inLog = new Set(scan.configurations.map((c) => c.index));
  const inSnapshots = snapshots.filter((s) => isUsable(s) && !inLog.has(s.configurationIndex)).reverse();
  const unique = new Map<string, PlacedConfiguration>();
  for (const { servers, configurationIndex, term } of inSnapshots) {
    if (servers !== null) unique.set(`${configurationIndex} ${JSON.stringify(servers)}`, { index: configurationIndex, term, source: 'snapshot', servers });
  }
  return [...unique.values(), ...scan.configurations].sort((a, b) => a.index - b.index);
}

interface ReportFacts {
  layout: RaftLayout;
  parts: StoreParts;
  scan: ScannedLog;
  snapshots: FileSnapshot[];
  usable: FileSnapshot | undefined;
  latest: PlacedConfiguration | null;
  hardState: MemberReport['hardState'];
  contradicted: ContradictedTail | null;
}

function assemble({ layout, parts, scan, snapshots, usable, latest, hardState, contradicted }: ReportFacts): MemberReport {
  const { log } = scan;
  const lastEntry = lastPosition(scan, usable, contradicted);
  const vaultIndex = layout.vault !== null ? (snapshots.find((s) => s.file === layout.vault)?.index ?? null) : null;
  const floor = Math.max(0, vaultIndex ?? 0, ...snapshots.filter((s) => isUsable(s) && !isFromRecovery(s)).map((s) => s.index));
  const mtimes = [...parts.files.map((f) => f.mtimeMs), ...snapshots.map((s) => s.mtimeMs)];
  const running = heldLock(parts.files);
  return {
    path: layout.root,
    label: path.basename(path.resolve(layout.root)),
    store: layout.store,
    software: { name: layout.program, version: null },
    memberId: readNodeId(layout),
    clusterId: null,
    hardState,
    log: log.entries > 0 ? log : emptyLog((usable?.index ?? 0) + 1),
    snapshots: snapshots.map(toSnapshotReport),
    lastEntry,
    appliedIndex: vaultIndex,
    commitFloor: floor,
    inDoubt: inDoubtAfter(floor, lastEntry.index),
    confState: latest && toConfState(latest, floor),
    state: null,
    damage: scan.damage.map(({ file, byteOffset, fromIndex, toIndex, tail }) => ({ file, byteOffset, fromIndex, toIndex, tail })),
    health: healthOf(parts, scan, snapshots, hardState.currentTerm < lastEntry.term),
    checked: layout.store === 'raft-wal' ? 'checksums' : 'structure',
    name: null,
    revisionAtEnd: null,
    running,
    lastWritten: mtimes.length > 0 ? new Date(Math.max(...mtimes)).toISOString() : null,
    startable: { ok: true },
  };
}

function healthOf(parts: StoreParts, scan: ScannedLog, snapshots: readonly FileSnapshot[], isTermBehind: boolean): Health {
  if (parts.log === null) return 'unreadable';
  const isDamaged = parts.damaged || scan.damagedPlaces > 0 || scan.termDrops.length > 0 || scan.badConfigurations.length > 0;
  const lostStable = parts.stable.problem !== null || isTermBehind;
  const { first, last } = scan;
  const base = snapshots.find(isUsable)?.index ?? 0;
  const hasGap = first !== null && last !== null && last.index > base && (first.index > base + 1 || scan.holes.some((h) => h.to > base));
  if (isDamaged || lostStable || hasGap || snapshots.some((s) => s.status === 'bad')) return 'damaged';
  return parts.torn ? 'torn-tail' : 'ok';
}

/** The server's own id is in no store; some programs keep it in a file. */
function readNodeId(layout: RaftLayout): string | null {
  if (layout.nodeId === null) return null;
  try {
    using source = FileSource.open(path.join(layout.root, layout.nodeId), layout.nodeId);
    const id = source.read(0, MAX_ID_BYTES).toString('utf8').trim();
    return /^[\x21-\x7e]+$/.test(id) ? id : null;
  } catch {
    return null; // absent: the id comes from an option of the server then
  }
}

function otherStore({ other, program, log }: RaftLayout): Finding[] {
  if (other === null) return [];
  const { file, kind } = other;
  if (kind === 'stale') {
    return [
      finding('stale-store', 'warn', `${file} beside ${log} is an older store that the server no longer uses; it was not read`, {
        file,
        fix: `Move ${file} away so that nobody takes it for the current log`,
      }),
    ];
  }
  const why = kind === 'refuses' ? `${program} refuses to start while both are there` : `${program} uses ${log} while it exists`;
  return [
    finding('two-stores', 'warn', `both ${log} and ${file} are there; ${log} was read: ${why}`, { file, fix: 'Find out which one the server last ran with, and move the other away' }),
  ];
}

function notStartable(reason: string, isEmpty: boolean): Finding {
  return finding('not-startable', isEmpty ? 'info' : 'warn', `cannot be started: ${reason}`, {
    fix: isEmpty ? '' : 'Recover from another member, or bring back what is missing',
  });
}

function fromRecovery(usable: FileSnapshot): Finding {
  return finding('snapshot-from-recovery', 'info', `snapshot ${usable.id} names one server at configuration index 1, as a recovery writes it: it proves nothing about the old cluster's commits`, {
    file: usable.file,
  });
}
