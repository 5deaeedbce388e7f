import crypto from 'node:crypto';
import { CorruptDataError } from '../errors.ts';
import type { LogIndex, Term } from '../core/types.ts';
import type { Finding } from './finding.ts';
import type { MemberReport, TermRun } from './member-report.ts';
import type { ConfigurationChange } from './reading.ts';

export const EVIDENCE_FORMAT = 'raft-inspector/evidence';
export const EVIDENCE_VERSION = 1;

/** Entries of one block of the fingerprint; blocks begin at multiples of it, so those of two members line up. */
export const BLOCK_ENTRIES = 256;
/** Entries at the end of the log that have a digest of their own. */
export const TAIL_ENTRIES = 1024;

/**
 * Digest over the entries with indexes `block * 256` to `block * 256 + 255` (index, term, kind, data), configuration
 * changes left out. `first`, `last` and `entries` are given only where the block is not full.
 */
export interface LogBlock {
  block: number;
  digest: string;
  first?: LogIndex;
  last?: LogIndex;
  entries?: number;
}

/** A configuration entry as it stands in the log; kept apart, since servers may write the same servers in another order. */
export interface ConfigurationDigest {
  index: LogIndex;
  term: Term;
  digest: string;
}

/** What two evidence files need to find where their logs part, without the entries. */
export interface LogFingerprint {
  /** Every readable effective entry, history before a snapshot jump and entries behind damage included. */
  runs: TermRun[];
  blocks: LogBlock[];
  configurations: ConfigurationDigest[];
  /** Digests of neighbouring entries, `width` hex digits each, from index `first` on; null where there is no entry. */
  tail: { first: LogIndex; width: number; digests: string } | null;
}

/** What lies in a range of entries, for people: no values, keys only as prefixes unless there is one entry. */
export interface DoubtSummary {
  from: LogIndex;
  to: LogIndex;
  entries: number;
  bytes: number;
  /** Most frequent first. */
  ops: { op: string; entries: number }[];
  /** Most frequent first, at most eight. */
  prefixes: { prefix: string; entries: number }[];
  /** The one entry, when there is one besides no-ops. */
  single: { index: LogIndex; op: string; key: string | null; valueBytes: number | null; detail: string } | null;
  /**
   * Where the store has revisions: the one before `from` and the one after `to`. `exact` is false when transactions or
   * range deletions may have left a revision unused.
   */
  revisions: { before: number; after: number; exact: boolean } | null;
}

/** Everything that choosing a source needs to know of one member: small enough to mail, bound by its digest. */
export interface Evidence {
  format: typeof EVIDENCE_FORMAT;
  version: typeof EVIDENCE_VERSION;
  /** RFC 3339, UTC. */
  collectedAt: string;
  /** Version of the tool that wrote it. */
  tool: string;
  report: MemberReport;
  findings: Finding[];
  configurations: ConfigurationChange[];
  log: LogFingerprint;
  /** What lies in `report.inDoubt`; null when nothing does. */
  doubt: DoubtSummary | null;
  /** Where the store keeps no id of its server: equal on copies of one disk, with an equal log. SHA-256, lower-case hex. */
  storeDigest?: string;
  /** SHA-256, lower-case hex, over the canonical form of everything else. */
  digest: string;
}

/** JSON with sorted keys and no blanks: equal content gives equal bytes. */
export function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map((item) => canonicalJson(item ?? null)).join(',')}]`;
  if (value === null || typeof value !== 'object') return JSON.stringify(value) ?? 'null';
  const fields = Object.entries(value)
    .filter(([, field]) => field !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, field]) => `${JSON.stringify(name)}:${canonicalJson(field)}`);
  return `{${fields.join(',')}}`;
}

/** The digest that binds an evidence file. */
export function evidenceDigest(body: Omit<Evidence, 'digest'>): string {
  return canonicalDigest(body);
}

/** SHA-256, lower-case hex, over the canonical form of all fields but `digest`. */
export function canonicalDigest(body: object): string {
  const { digest: _, ...rest } = body as { digest?: string };
  return crypto.createHash('sha256').update(canonicalJson(rest)).digest('hex');
}

/** Seals a body with its digest. */
export function sealEvidence(body: Omit<Evidence, 'digest'>): Evidence {
  return { ...body, digest: evidenceDigest(body) };
}

/**
 * Reads an evidence file's text. The schema library is loaded here, on the first file.
 * @throws {CorruptDataError} When it is not JSON, not an evidence file of this version, or changed after it was sealed.
 */
export async function parseEvidence(text: string, file: string): Promise<Evidence> {
  const hint = 'Collect it again from the disk: raft-inspector recover collect <data directory>';
  let raw: unknown;
  try {
    raw = JSON.parse(text);
  } catch (cause) {
    throw new CorruptDataError(file, 0, 'is not whole JSON', hint, { cause });
  }
  const { checkEvidence } = await import('./evidence-schema.ts');
  const checked = checkEvidence(raw);
  if (typeof checked === 'string') throw new CorruptDataError(file, 0, checked, hint);
  if (evidenceDigest(checked) !== checked.digest) {
    throw new CorruptDataError(file, 0, 'its content does not match its digest: it was changed after it was collected', hint);
  }
  return checked;
}

/** Whether text begins like an evidence file; for telling files apart, not a check. */
export function looksLikeEvidence(head: string): boolean {
  return head.trimStart().startsWith('{') && head.includes(EVIDENCE_FORMAT);
}

/** The file's text: `format` first, one line per top-level field, so that people and `looksLikeEvidence` see it at once. */
export function evidenceText(evidence: Evidence): string {
  const lines = Object.entries(evidence).map(([name, value]) => `  ${JSON.stringify(name)}: ${JSON.stringify(value)}`);
  return `{\n${lines.join(',\n')}\n}\n`;
}
