import crypto from 'node:crypto';
import { RefusedError } from '../../errors.ts';
import { listFiles, fingerprintTree, type FileProgress } from '../../files/tree.ts';
import type { MemberReading } from '../../model/reading.ts';
import type { MemberReport } from '../../model/member-report.ts';
import type { LossReport, PickReport, RankedMember } from '../../model/pick-report.ts';
import { PLAN_FORMAT, PLAN_VERSION, type FileFingerprint, type PlannedMember, type PlanStep, type RecoveryPlan, sealPlan, shortPlanId } from '../../model/plan.ts';
import { MAX_PLAN_FILES } from '../../model/plan-limits.ts';
import { type DirectoryUser, useOf } from '../apply/directory-use.ts';
import type { OperatorFacts } from '../facts.ts';
import type { SurveyedDisk } from '../open-survey.ts';
import { examine, type PickOutcome } from '../pick.ts';
import type { Survey } from '../survey.ts';
import { targetFor } from '../targets/index.ts';
import type { Decision, RecoveryTarget, SourceDirectory, TargetDraft } from '../targets/target.ts';
import { dataDirectoryOf } from './data-directory.ts';
import { operatorName } from './operator.ts';
import { leftBehind, lossFrom } from './other-source.ts';
import { planNotes } from './plan-notes.ts';
import { checkDead, chooseSource, kinOf, type Lifts, refuseCertainLoss, refusePresentQuorum, refuseRunning } from './refusals.ts';

/** What a plan is made of: what was surveyed, what was picked, what the operator decided. */
export interface PlanRequest {
  disks: SurveyedDisk[];
  report: PickReport;
  facts: OperatorFacts;
  /** The same as words, for the record. */
  factWords: string[];
  /** Label; default the pick's. */
  source?: string;
  inDoubt: 'keep' | 'drop';
  newClusterId: 'auto' | 'keep' | 'new';
  bumpRevision: number | null;
  selfAddress: string | null;
  targetMembers: 3 | 5;
  /** Rules the operator lifted. */
  overrides: string[];
  /** Version of the tool. */
  tool: string;
  /** Names or ids of the members said to be gone for good; empty: nothing was said. */
  dead: string[];
  connection: RecoveryPlan['connection'];
  now?: Date;
  randomHex?: (chars: number) => string;
  /** `user@host`. */
  by?: string;
  progress?: FileProgress;
  /** Which target takes a source; default the registry. */
  targets?: (source: SourceDirectory) => RecoveryTarget;
}

/**
 * Decides a recovery and writes nothing: which disk, up to where, what changes in which file, and what has to be true for it. Lengthy
 * where the data is, since every file of the source is read and hashed.
 * @throws {NoSourceError} When no disk can be the source (exit 9).
 * @throws {RefusedError} With the rule that stands in the way (exit 4).
 */
export async function makePlan(request: PlanRequest): Promise<RecoveryPlan> {
  const { report, facts, disks } = request;
  const outcome = examine(disks.map((disk) => disk.evidence), facts);
  const kin = kinOf(outcome);
  const used = new Set<string>();
  const lifts: Lifts = (rule) => request.overrides.includes(rule) && used.add(rule).has(rule);

  refuseRunning(kin, (label) => userOf(disks.find((one) => one.evidence.report.label === label)));
  const ranked = chooseSource(report, outcome, request.source, lifts);
  const disk = disks.find((one) => one.evidence.report.label === ranked.label);
  const survey = kin.find((one) => one.member.label === ranked.label);
  if (disk === undefined || survey === undefined) throw new Error(`the pick names ${ranked.label}, which is not among the disks`);
  const loss = lossAsDecided(ranked.label === report.source ? report.loss : lossFrom(ranked.label, outcome, facts), request.inDoubt);
  const member = disk.evidence.report;
  const members = membersOf(member);
  const serverId = serverIdOf(survey, members);
  checkDead(request.dead, kin, members, serverId);
  refusePresentQuorum(kin, member.confState?.voters ?? [], lifts);
  refuseCertainLoss(loss, lifts);

  const source = sourceOf(disk, disks);
  const now = request.now ?? new Date();
  const planId = uuidFrom(request.randomHex ?? randomHex);
  const decision = decide(request, { survey, loss, members, serverId, kin, planId, now });
  const before = listing(source.dataDir);
  const target = (request.targets ?? targetFor)(source);
  const draft = await target.draft(source, decision);
  const files = await fingerprint(source, request.progress);
  refuseChanged(member, before, listing(source.dataDir), disk.evidence.collectedAt, now);
  return seal(request, { disk, source, decision, draft, files, loss, outcome, ranked, used, allocated: before.allocatedBytes });
}

/** The statement of a pick takes it that what is in doubt is kept. */
function lossAsDecided(loss: LossReport, inDoubt: 'keep' | 'drop'): LossReport {
  if (inDoubt === 'keep' || loss.inDoubt === null) return loss;
  const { from, to } = loss.inDoubt;
  return { ...loss, statement: `${loss.statement} The operator decided to drop ${from === to ? from : `${from}-${to}`}.` };
}

/** Everything worked out on the way to the plan. */
interface Parts {
  disk: SurveyedDisk;
  source: SourceDirectory;
  decision: Decision;
  draft: TargetDraft;
  files: FileFingerprint[];
  loss: LossReport;
  outcome: PickOutcome;
  ranked: RankedMember;
  used: ReadonlySet<string>;
  allocated: number;
}

function seal(request: PlanRequest, parts: Parts): RecoveryPlan {
  const { disk, source, decision, draft, files, loss, ranked } = parts;
  const { report: member, doubt } = disk.evidence;
  const isOriginal = disk.place?.isOriginal === true;
  const dataDir = isOriginal ? source.dataDir : null;
  const short = shortPlanId(decision);
  const by = request.by ?? operatorName();
  const notes = [
    ...(ranked.label === request.report.source || request.report.source === null ? [] : [`${ranked.label} was chosen, the pick is ${request.report.source}`, ...[leftBehind(ranked.label, request.report.source, parts.outcome)].filter((one) => one !== null)]),
    ...planNotes({ members: decision.members, loss, inDoubt: decision.inDoubt, keepTo: draft.keepTo ?? decision.keepTo, lastIndex: member.lastEntry.index, keepsCommit: member.hardState.commitIndex !== null, targetMembers: decision.targetMembers }),
    ...(isOriginal ? [] : [`Made from a copy of ${member.path}: rehearse and apply have to be told where the data lies, with --data <directory>`]),
    ...draft.notes,
  ];
  return sealPlan({
    format: PLAN_FORMAT,
    version: PLAN_VERSION,
    planId: decision.planId,
    createdAt: decision.now.toISOString(),
    tool: request.tool,
    madeBy: by,
    cluster: { clusterId: decision.clusterId, members: [...decision.members] },
    store: member.store,
    product: productOf(member),
    target: draft.kind,
    evidence: request.disks.map(({ evidence }) => ({ label: evidence.report.label, digest: evidence.digest })),
    source: ranked.label,
    dataDir,
    files,
    why: { loss, ranking: request.report.ranking, quorum: request.report.quorum },
    facts: request.factWords,
    inDoubt: decision.inDoubt,
    doubt,
    keepTo: draft.keepTo ?? decision.keepTo,
    newClusterId: draft.newClusterId,
    dead: decision.members.filter((one) => one.id !== (decision.serverId ?? member.memberId)).map((one) => one.name ?? one.id).sort(),
    targetMembers: decision.targetMembers,
    steps: stepsOf(parts, dataDir, short, member),
    changes: draft.changes,
    swap: draft.swap,
    parameters: draft.parameters,
    outcome: draft.outcome,
    fences: draft.fences,
    joins: draft.joins,
    checks: [],
    rollback: { command: `raft-inspector recover undo ${short}`, until: `${productOf(member) ?? 'the server'} has taken new writes` },
    overrides: [...parts.used].map((rule) => ({ rule, at: decision.now.toISOString(), by })),
    notes,
    connection: request.connection,
  });
}

function stepsOf({ files, draft, allocated }: Parts, dataDir: string | null, short: string, { log }: MemberReport): PlanStep[] {
  const beside = dataDir === null ? 'beside the data' : `${dataDir}.ri`;
  const at = (name: string): string => (dataDir === null ? beside : `${beside}/${name}`);
  const touched = new Set(draft.changes.filter((one) => one.kind !== 'create').map((one) => one.path));
  const equal = files.filter((one) => !touched.has(one.path)).length;
  const { voters, lastEntry } = draft.outcome;
  return [
    { id: 'backup', kind: 'backup', target: at(short), before: { files: files.length, bytes: files.reduce((sum, one) => sum + one.bytes, 0), allocatedBytes: allocated }, after: null },
    { id: 'build', kind: 'build', target: at('new'), before: null, after: { equal, changed: draft.changes.length } },
    { id: 'check', kind: 'check', target: at('new'), before: { firstIndex: log.firstIndex }, after: { voters, lastEntry } },
    { id: 'swap', kind: 'swap', target: dataDir ?? 'the data directory', before: { voters: draft.outcome.voters.length }, after: { start: draft.startHints } },
  ];
}

function decide(request: PlanRequest, known: { survey: Survey; loss: LossReport; members: PlannedMember[]; serverId: string; kin: readonly Survey[]; planId: string; now: Date }): Decision {
  const { survey, loss, members, serverId, kin, planId, now } = known;
  const { report } = survey.evidence;
  const last = report.lastEntry.index;
  // What this disk itself knows committed, or what others do and it holds, is never cut.
  const floor = Math.min(last, Math.max(loss.floor, report.commitFloor, report.appliedIndex ?? 0));
  return {
    inDoubt: request.inDoubt,
    keepTo: request.inDoubt === 'keep' ? last : floor,
    floor,
    newClusterId: request.newClusterId,
    bumpRevision: request.bumpRevision,
    selfAddress: request.selfAddress,
    serverId,
    members,
    targetMembers: request.targetMembers,
    highestTerm: Math.max(...kin.map(({ member, evidence }) => Math.max(evidence.report.hardState.currentTerm, member.last.term, member.end.term))),
    why: { verdict: loss.verdict, proof: loss.proof, statement: loss.statement, facts: request.factWords },
    clusterId: report.clusterId,
    planId,
    now,
    randomHex: request.randomHex ?? randomHex,
  };
}

function userOf(disk: SurveyedDisk | undefined): DirectoryUser | null {
  return disk?.place?.isOriginal === true ? (useOf(disk.place.directory).users[0] ?? null) : null;
}

function membersOf(member: MemberReport): PlannedMember[] {
  return (member.confState?.members ?? []).map(({ id, name, addresses, role }) => ({ id, name, addresses, role }));
}

/** How configurations name the source. @throws {RefusedError} `unknown-server`. */
function serverIdOf({ member }: Survey, members: readonly PlannedMember[]): string {
  if (member.serverId !== null) return member.serverId;
  const [only] = members;
  if (only !== undefined && members.length === 1) return only.id;
  throw new RefusedError('unknown-server', `nobody knows which server ${member.label} is: the store keeps no id of its own`, `Say it: --id ${member.label}=<server id>, one of ${members.map((one) => one.id).join(', ')}`);
}

function sourceOf(disk: SurveyedDisk, disks: readonly SurveyedDisk[]): SourceDirectory {
  const { report } = disk.evidence;
  if (disk.reading === null || disk.place === null) {
    const twin = disks.find((one) => one.reading !== null && report.memberId !== null && one.evidence.report.memberId === report.memberId && one.evidence.report.clusterId === report.clusterId);
    const hint = twin === undefined ? `Run it where they are: raft-inspector recover plan ${report.path}, with the evidence of the others as further places` : `Leave that evidence out: ${twin.evidence.report.label} is of the same member, with its files`;
    throw new RefusedError('evidence-only', `${report.label} is known from evidence only, and a plan needs its files`, hint);
  }
  return { dataDir: dataDirectoryOf(report, disk.place), reading: disk.reading as MemberReading };
}

async function fingerprint(source: SourceDirectory, progress: FileProgress | undefined): Promise<FileFingerprint[]> {
  return fingerprintTree(source.dataDir, { progress });
}

interface Listing {
  allocatedBytes: number;
  newestMs: number;
  /** Equal listings are of directories nobody wrote to meanwhile. */
  key: string;
}

function listing(dataDir: string): Listing {
  const files = listFiles(dataDir);
  if (files.length > MAX_PLAN_FILES) throw new RefusedError('too-many-files', `${dataDir} holds ${files.length} files, more than the ${MAX_PLAN_FILES} a plan lists`, 'Is it the data directory of one member? Name that');
  return {
    allocatedBytes: files.reduce((sum, one) => sum + one.facts.allocatedBytes, 0),
    newestMs: Math.max(0, ...files.map((one) => Number(one.facts.mtimeNs / 1_000_000n))),
    key: files.map(({ path, facts }) => `${path} ${facts.bytes} ${facts.inode} ${facts.mtimeNs}`).join('\n'),
  };
}

/** A lock tells of most running servers; what changes under our eyes tells of the rest. @throws {RefusedError} `process-running`. */
function refuseChanged(member: MemberReport, before: Listing, after: Listing, collectedAt: string, now: Date): void {
  // A time ahead of this clock says nothing; one after the survey, up to now, does.
  const isNewer = after.newestMs > Date.parse(collectedAt) && after.newestMs <= now.getTime();
  if (before.key === after.key && !isNewer) return;
  throw new RefusedError('process-running', `the files of ${member.label} changed while they were read: something writes to them`, 'Stop the server, or whatever copies into that directory, and plan again');
}

function productOf({ software, store }: MemberReport): string | null {
  if (store === 'native') return null;
  return software === null || software.name.includes('/') ? null : software.name;
}

function randomHex(chars: number): string {
  return crypto.randomBytes(Math.ceil(chars / 2)).toString('hex').slice(0, chars);
}

/** A random UUID (RFC 9562, version 4) of the given source of chance. */
function uuidFrom(hex: (chars: number) => string): string {
  const digits = hex(32);
  const variant = '89ab'[Number.parseInt(digits[16] ?? '0', 16) & 3] ?? '8';
  return [digits.slice(0, 8), digits.slice(8, 12), `4${digits.slice(13, 16)}`, `${variant}${digits.slice(17, 20)}`, digits.slice(20, 32)].join('-');
}
