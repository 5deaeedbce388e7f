import type { LogIndex } from '../core/types.ts';
import { EVIDENCE_FORMAT, EVIDENCE_VERSION, sealEvidence } from '../model/evidence.ts';
import type { DoubtSummary, Evidence } from '../model/evidence.ts';
import type { MemberReport } from '../model/member-report.ts';
import type { EntryDecoder, MemberReading } from '../model/reading.ts';
import { DoubtBuilder } from './doubt.ts';
import { FingerprintBuilder } from './fingerprint.ts';

export interface CollectOptions {
  /** Shown name; default the report's own. */
  label?: string;
  /** Words for payloads; without it entries are counted by kind. */
  decode?: EntryDecoder | null;
  /** How keys go into the evidence. Default: as they are. */
  showKey?: (key: string) => string;
  /** Version of the tool. */
  tool: string;
  now?: Date;
}

/** Where the log is known to end, entries behind damage included. */
export function knownEnd(report: MemberReport): LogIndex {
  return Math.max(report.log.lastIndex, ...report.damage.map((damage) => damage.tail?.index ?? 0));
}

/** Reads the log once, front to back, and keeps what choosing a source needs. */
export function collectEvidence(reading: MemberReading, options: CollectOptions): Evidence {
  const label = options.label ?? reading.report.label;
  const report = { ...reading.report, label };
  const fingerprint = new FingerprintBuilder(knownEnd(report));
  const doubt = report.inDoubt ? new DoubtBuilder(report.inDoubt.from, report.inDoubt.to, options.decode ?? null) : null;
  for (const record of reading.records()) {
    if (record.type !== 'entry') continue;
    fingerprint.add(record);
    doubt?.add(record);
  }
  const storeDigest = reading.storeDigest?.() ?? null;
  return sealEvidence({
    format: EVIDENCE_FORMAT,
    version: EVIDENCE_VERSION,
    collectedAt: (options.now ?? new Date()).toISOString(),
    tool: options.tool,
    report,
    findings: reading.findings.map((one) => ({ ...one, member: one.member ?? label })),
    configurations: reading.configurations,
    log: fingerprint.finish(),
    doubt: hideKeys(doubt?.finish(report.revisionAtEnd) ?? null, options.showKey),
    ...(storeDigest === null ? {} : { storeDigest }),
  });
}

function hideKeys(doubt: DoubtSummary | null, showKey: CollectOptions['showKey']): DoubtSummary | null {
  if (doubt === null || showKey === undefined) return doubt;
  const { single } = doubt;
  return {
    ...doubt,
    prefixes: doubt.prefixes.map(({ prefix, entries }) => ({ prefix: showKey(prefix), entries })),
    single: single === null ? null : { ...single, key: single.key === null ? null : showKey(single.key), detail: '' },
  };
}
