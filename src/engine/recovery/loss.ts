import type { LogIndex } from '../core/types.ts';
import type { DoubtSummary, Evidence } from '../model/evidence.ts';
import type { LossReport, LossVerdict } from '../model/pick-report.ts';
import type { OperatorFacts } from './facts.ts';
import type { ProofReport } from './proof.ts';
import type { Ranking } from './rank.ts';
import type { Survey } from './survey.ts';
import { termAt } from './surveyed-member.ts';

const VERDICTS: Record<ProofReport['proof'], LossVerdict> = {
  proven: 'none',
  'proven-if-torn': 'none',
  conditional: 'possible',
  bounded: 'possible',
  'best-effort': 'unknown',
};

/** Something committed that the source lacks for certain. */
interface CertainLoss {
  from: LogIndex;
  to: LogIndex | null;
  /** What the sentence names is one thing. */
  single: boolean;
  /** Completes "Lost is" or "Lost are". */
  statement: string;
}

export interface LossQuestion {
  source: Survey;
  ranking: Ranking;
  proof: ProofReport;
  facts: OperatorFacts;
  running: readonly string[];
  /** Names of voters that were not read. */
  unread: readonly string[];
  /** How many of the disks read are of a server nobody named. */
  nameless: number;
  /** How a key from the data may be shown. */
  showKey: (key: string) => string;
}

/** What recovering from the source loses, in numbers and in the operator's words. */
export function assessLoss(question: LossQuestion): LossReport {
  const { source, ranking, facts, running } = question;
  const { member } = source;
  // Never proven while a member runs: it may acknowledge more this very moment.
  const proof: ProofReport['proof'] = running.length > 0 ? 'best-effort' : question.proof.proof;
  const floor = ranking.floor.index;
  const reach = reachOf(source);
  const certain = certainLoss(source, ranking, facts);
  const safeTo = Math.min(floor, reach);
  const last = Math.max(member.last.index, safeTo);
  const inDoubt = last > safeTo ? { from: safeTo + 1, to: last, entries: last - safeTo } : null;
  const base = { floor, safeTo, inDoubt };
  if (certain) {
    return { verdict: 'certain', proof: 'certain-loss', statement: `Lost ${certain.single ? 'is' : 'are'} ${certain.statement}`, why: certainWhy(question), ...base, missing: { from: certain.from, to: certain.to } };
  }
  const missing = proof === 'bounded' ? question.proof.missing : proof === 'best-effort' ? { from: last + 1, to: null } : null;
  return { verdict: VERDICTS[proof], proof, statement: statementOf(proof, question, base, missing), why: whyOf(proof, question), ...base, missing };
}

/** How far source and its state machine reach: what a sound state machine applied is not lost where the log ends earlier. */
export function reachOf({ member }: Survey): LogIndex {
  return Math.max(member.last.index, member.appliedIndex ?? 0);
}

function certainLoss(source: Survey, ranking: Ranking, facts: OperatorFacts): CertainLoss | null {
  const { member, evidence } = source;
  const reach = reachOf(source);
  const { label } = member;
  const seen = facts.seenRevision;
  const end = evidence.report.revisionAtEnd;
  if (seen !== undefined && end !== null && seen > end) {
    const lost = seen === end + 1 ? `revision ${seen}` : `revisions ${end + 1}-${seen}`;
    return { from: reach + 1, to: null, single: seen === end + 1, statement: `${lost}: you saw ${seen}, ${label}'s log ends at ${end}. Another disk may still hold ${seen === end + 1 ? 'it' : 'them'}.` };
  }
  for (const position of facts.acked ?? []) {
    const own = termAt(member, position.index);
    if (position.index > reach || (own !== null && own !== position.term)) {
      const from = Math.min(reach + 1, position.index);
      return { from, to: position.index, single: true, statement: `entry ${position.index} of term ${position.term}: a client was told it is committed, ${label} does not hold it.` };
    }
  }
  const { floor } = ranking;
  const held = floor.index <= member.last.index ? termAt(member, floor.index) : null;
  if (floor.index <= reach && (held === null || floor.term === null || held === floor.term)) return null;
  const from = Math.min(reach + 1, floor.index);
  const range = from === floor.index ? `entry ${from}` : `entries ${from}-${floor.index}`;
  const by = floor.provenBy.length > 0 ? `${floor.provenBy.join(', ')} knows ${floor.index} committed` : `you saw ${floor.index} committed`;
  return { from, to: floor.index, single: from === floor.index, statement: `${range}: ${by}, ${label} ${reach < floor.index ? `ends at ${reach}` : 'holds another entry there'}. Another disk may still hold ${from === floor.index ? 'it' : 'them'}.` };
}

function certainWhy({ ranking }: LossQuestion): string {
  const by = ranking.floor.provenBy;
  return by.length > 0 ? `what ${by.join(', ')} proves committed lies beyond the best disk that can be started` : 'what you saw committed lies beyond every disk that was read';
}

function counted(question: LossQuestion): string {
  const weakest = question.proof.weakest;
  if (weakest?.counted === 0 && question.nameless > 0) return `${question.nameless} ${question.nameless === 1 ? 'disk' : 'disks'} read, but not whose of the ${weakest.voters} voters`;
  return weakest ? `${weakest.counted} of ${weakest.voters} voters read` : 'no configuration could be read';
}

function whyOf(proof: ProofReport['proof'], question: LossQuestion): string {
  const { running, source } = question;
  if (running.length > 0) return `${running.join(', ')} running: what was read may be out of date already`;
  const all = (question.proof.weakest?.counted ?? 0) === 2 ? 'both' : 'all';
  switch (proof) {
    case 'proven':
      return `${counted(question)}, ${all} whole: no committed entry can be missing from the ${all === 'both' ? 'newer' : 'newest'} of them`;
    case 'proven-if-torn':
      return `${counted(question)}; this holds if the unfinished last record was never acknowledged, which is what an unfinished write means, but damage to an acknowledged one looks the same`;
    case 'conditional':
      return `${counted(question)}, half of them, and you vouch that no membership change was started: any quorum meets a disk that was read`;
    case 'bounded':
      return `a majority shows how far its logs went, but a damaged disk went further than ${source.member.label}`;
    case 'best-effort':
      if (question.proof.leftBehind) return `${question.proof.leftBehind.join(', ')} ${question.proof.leftBehind.length === 1 ? 'holds' : 'hold'} entries behind ${source.member.recoveredAt} that the recovery which made ${source.member.label} did not have: nobody knows whether they were committed`;
      return `${counted(question)}, ${question.proof.weakest ? `${question.proof.weakest.quorum} would prove it` : 'so nothing can be proven'}: no upper bound exists`;
  }
}

function statementOf(proof: ProofReport['proof'], question: LossQuestion, base: Pick<LossReport, 'safeTo' | 'inDoubt'>, missing: LossReport['missing']): string {
  const { label } = question.source.member;
  const doubt = doubtWords(question.source.evidence.doubt, base.inDoubt, question.showKey);
  switch (proof) {
    case 'proven':
    case 'proven-if-torn':
      return `No write that a client was promised is missing from ${label}${doubt === null || keepsNoCommit(question.source.evidence) ? '' : `; ${doubt} is kept and may not have been promised to anyone`}.`;
    case 'conditional':
      return `Nothing promised to a client is missing from ${label}, provided that no membership change was started after the newest one it shows.`;
    case 'bounded':
      return `At most entries ${missing?.from}-${missing?.to} may be missing from ${label}.`;
    case 'best-effort': {
      const safe = base.safeTo === 0 ? 'Nothing is known committed' : `${safeWords(question.source.evidence.doubt, base.safeTo)} is safe`;
      const kept = doubt === null ? '' : keepsNoCommit(question.source.evidence) ? `; ${doubt} is kept, most of it surely committed` : `; ${doubt} is kept and a client may have been promised it`;
      return `${safe}${kept}; what ${question.unread.length > 0 ? question.unread.join(' and ') : 'other disks'} agreed on beyond that cannot be known.`;
    }
  }
}

/** Whether the store has no commit index at all, so that most of what is "in doubt" was surely committed. */
export function keepsNoCommit({ report }: Evidence): boolean {
  return report.store !== 'etcd' && report.hardState.commitIndex === null;
}

/** `1-554 (revision 512)`. */
export function safeWords(doubt: DoubtSummary | null, safeTo: LogIndex): string {
  const revision = doubt?.revisions && doubt.from === safeTo + 1 ? ` (revision ${doubt.revisions.exact ? '' : 'about '}${doubt.revisions.before})` : '';
  return `1-${safeTo}${revision}`;
}

/** `555 (put /seq/00334, 256 B)` or `466-665 (200 puts under /lostwrite/)`; null when nothing is in doubt. */
export function doubtWords(doubt: DoubtSummary | null, range: { from: LogIndex; to: LogIndex } | null, showKey: (key: string) => string): string | null {
  if (!range) return null;
  const where = range.from === range.to ? `${range.from}` : `${range.from}-${range.to}`;
  const what = doubt && doubt.from <= range.from && doubt.to >= range.from ? contentWords(doubt, showKey) : null;
  return what === null ? where : `${where} (${what})`;
}

/** What a range holds: the one entry in full, else counts per operation and the folders touched. */
export function contentWords(doubt: DoubtSummary, showKey: (key: string) => string): string | null {
  const { single } = doubt;
  if (single) {
    const key = single.key === null ? '' : ` ${showKey(single.key)}`;
    return `${single.op}${key}${single.valueBytes === null ? '' : `, ${single.valueBytes} B`}`;
  }
  const ops = doubt.ops.slice(0, 3).map(({ op, entries }) => `${entries} ${plural(op, entries)}`);
  if (ops.length === 0) return null;
  const shown = doubt.prefixes.slice(0, 2).map(({ prefix }) => showKey(prefix));
  const under = shown.length > 0 ? ` under ${shown.join(', ')}${doubt.prefixes.length > 2 ? ' and others' : ''}` : '';
  return `${ops.join(', ')}${under}`;
}

function plural(op: string, entries: number): string {
  if (entries === 1 || !/^[a-z]/.test(op)) return op;
  return op.endsWith('y') ? `${op.slice(0, -1)}ies` : /(s|x|ch)$/.test(op) ? op : `${op}s`;
}
