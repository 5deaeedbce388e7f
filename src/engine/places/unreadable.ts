import type { InspectorError } from '../errors.ts';
import { CorruptDataError, UnreadableError } from '../errors.ts';
import { type Finding, finding } from '../model/finding.ts';
import { emptyLog, type MemberReport } from '../model/member-report.ts';

/** A place that could not be read, in the shape of the others: no store, nothing known. */
export type UnreadableMember = Omit<MemberReport, 'store'> & { store: null };

export function unreadableMember(label: string, path: string, error: InspectorError): UnreadableMember {
  return {
    path,
    label,
    store: null,
    software: null,
    memberId: null,
    clusterId: null,
    hardState: { currentTerm: 0, votedFor: null, commitIndex: null },
    log: emptyLog(1),
    snapshots: [],
    lastEntry: { term: 0, index: 0 },
    appliedIndex: null,
    commitFloor: 0,
    inDoubt: null,
    confState: null,
    state: null,
    damage: [],
    health: 'unreadable',
    checked: 'structure',
    name: null,
    revisionAtEnd: null,
    running: null,
    lastWritten: null,
    startable: { ok: false, reason: error.message },
  };
}

export function unreadableFinding(label: string, error: InspectorError): Finding {
  const where = error instanceof CorruptDataError ? { file: error.file, byteOffset: error.byteOffset } : error instanceof UnreadableError ? { file: error.file } : {};
  const rule = error.code === 'UNREACHABLE' ? 'place-unreachable' : error.code === 'UNKNOWN_STORE' ? 'unknown-store' : error.code === 'CORRUPT_DATA' ? 'place-corrupt' : 'place-unreadable';
  return finding(rule, 'error', error.message, { ...where, member: label, fix: error.hint });
}
