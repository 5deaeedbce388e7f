import { EXIT, InspectorError, RefusedError } from '../../errors.ts';
import { quorumOf } from '../../core/types.ts';
import type { MemberInfo } from '../../model/member-report.ts';
import type { LossReport, PickReport, RankedMember } from '../../model/pick-report.ts';
import type { DirectoryUser } from '../apply/directory-use.ts';
import type { PickOutcome } from '../pick.ts';
import type { Survey } from '../survey.ts';

/** The refusals of a plan that an operator can lift, one at a time; each is recorded in the plan. */
export const PLAN_OVERRIDES = ['certain-loss', 'other-source', 'quorum-present'] as const;
export type PlanOverride = (typeof PLAN_OVERRIDES)[number];

/** No disk can be the source: `recover pick` says why for each. */
export class NoSourceError extends InspectorError {
  readonly code = 'NO_CANDIDATE';
  readonly exitCode = EXIT['no-candidate'];
}

/** Whether a rule was lifted; asking is what makes it one that is recorded. */
export type Lifts = (rule: PlanOverride) => boolean;

/** The surveyed disks of the cluster that is meant; those of other clusters are left out. */
export function kinOf({ ranking, surveys }: PickOutcome): Survey[] {
  return ranking.order.flatMap((one) => surveys.find((survey) => survey.member === one.member) ?? []);
}

/**
 * @param userOf Who has a member's directory open, where it is on this machine.
 * @throws {RefusedError} `process-running`: a member that runs may acknowledge more this very moment.
 */
export function refuseRunning(kin: readonly Survey[], userOf: (label: string) => DirectoryUser | null): void {
  const running = kin.map(({ evidence }) => evidence.report).filter((one) => one.running !== null);
  const [first] = running;
  if (first === undefined) return;
  const user = userOf(first.label);
  const whose = running.map((one) => `${one.label}${one.running?.pid == null ? '' : ` (pid ${one.running.pid})`}`).join(', ');
  throw new RefusedError(
    'process-running',
    `${whose} ${running.length === 1 ? 'is' : 'are'} running${user === null ? '' : `: ${user.command ?? 'a process'} has ${user.file} open`}. What ${running.length === 1 ? 'it holds' : 'they hold'} may change, so nothing can be planned`,
    user !== null && user.stop.length > 0 ? user.stop.join('\n') : 'Stop it first. A unit: systemctl stop. A static pod comes back when killed: move its manifest away and wait about 20 s. Then plan again',
  );
}

/**
 * The source: the pick's, or another one that the operator insists on. None that is disqualified, so none below what is known committed.
 * @throws {NoSourceError} When the pick names none. @throws {RefusedError} `source-disqualified`, `below-floor`, `other-source`, `no-such-source`.
 */
export function chooseSource(report: PickReport, { ranking }: PickOutcome, asked: string | undefined, lifts: Lifts): RankedMember {
  if (report.source === null) throw new NoSourceError(`no source can be named. ${report.loss.statement}`, 'raft-inspector recover pick with the same places and --explain says why for each disk');
  const wanted = asked ?? report.source;
  const ranked = report.ranking.find((one) => one.label === wanted);
  if (ranked === undefined) throw new RefusedError('no-such-source', `no surveyed disk is called ${wanted}`, `Labels here: ${report.ranking.map((one) => one.label).join(', ')}`);
  if (ranked.disqualified !== null) throw new RefusedError('source-disqualified', `${wanted} cannot be the source: it ${ranked.disqualified}`, `The pick is ${report.source}; leave --source out`);
  // The ranking lets such a disk stand where it would have lost anyway; to insist on it is another thing.
  const lacks = ranking.order.find((one) => one.member.label === wanted)?.lacks ?? null;
  if (lacks) throw new RefusedError('below-floor', `${wanted} lacks entry ${lacks.index}, which ${lacks.provenBy.join(', ') || 'you'} proved committed and another disk holds`, `The pick is ${report.source}; leave --source out`);
  if (wanted !== report.source && !lifts('other-source')) {
    throw new RefusedError('other-source', `${wanted} is not the disk that recovers most: that is ${report.source}`, `Leave --source out. If ${report.source} cannot be used, add --override other-source; the plan then says what is left behind`);
  }
  return ranked;
}

/** @throws {RefusedError} `certain-loss`. */
export function refuseCertainLoss(loss: LossReport, lifts: Lifts): void {
  if (loss.verdict !== 'certain' || lifts('certain-loss')) return;
  throw new RefusedError('certain-loss', `committed data would be lost for certain. ${loss.statement}`, 'Look for another disk before anything else. To accept the loss: --override certain-loss');
}

/** A majority that is whole needs no recovery, only to be started. @throws {RefusedError} `quorum-present`. */
export function refusePresentQuorum(kin: readonly Survey[], voters: readonly string[], lifts: Lifts): void {
  const whole = kin.filter((one) => isWhole(one) && voters.includes(one.member.serverId ?? ''));
  const labels = whole.filter(({ member }) => whole.filter((other) => other.member.serverId === member.serverId).length === 1).map(({ member }) => member.label);
  if (voters.length === 0 || labels.length < quorumOf(voters.length) || lifts('quorum-present')) return;
  const rule = 'quorum-present';
  if (voters.length === 1) throw new RefusedError(rule, `${labels[0]} is the only voter, and whole: started as it is it goes on with all that it holds, and nothing has to be recovered`, 'Start it. If it has to be rebuilt all the same: --override quorum-present');
  throw new RefusedError(rule, `${labels.join(', ')} are whole and a majority of the ${voters.length} voters: started as they are they go on without any loss, and nothing has to be recovered`, 'Start them, on other machines if need be, with their names and addresses. If that is impossible: --override quorum-present');
}

function isWhole({ member, evidence }: Survey): boolean {
  return member.standing === 'intact' && member.barred === null && evidence.report.running === null && evidence.report.serverStarts !== false;
}

/**
 * What the operator says is dead has to be what the evidence shows, in both directions: a member he holds for dead whose disk was read
 * whole, or one he forgets, means that he and the disks speak of two different things.
 * @throws {RefusedError} `dead-mismatch`.
 */
export function checkDead(dead: readonly string[], kin: readonly Survey[], members: readonly MemberInfo[], source: string | null): void {
  if (dead.length === 0) return;
  const nameOf = (one: MemberInfo): string => one.name ?? one.id;
  const refuse = (message: string, hint: string): never => {
    throw new RefusedError('dead-mismatch', message, hint);
  };
  const nameless = kin.filter(({ member }) => member.serverId === null && member.barred === null).map(({ member }) => member.label);
  if (nameless.length > 0) refuse(`nobody knows which servers ${nameless.join(', ')} are, so --dead cannot be checked`, `Say so: ${nameless.map((one) => `--id ${one}=<server id>`).join(' ')}`);
  const named = dead.map((word) => members.find((one) => one.id === word || one.name === word) ?? refuse(`${word} is no member of this cluster`, `Members: ${members.map(nameOf).join(', ')}`));
  for (const one of named) {
    if (one === undefined) continue;
    if (one.id === source) refuse(`${nameOf(one)} is the source, and cannot be dead`, 'Leave it out of --dead');
    const whole = kin.find((survey) => survey.member.serverId === one.id && isWhole(survey));
    if (whole !== undefined) refuse(`${nameOf(one)} is called dead, and its disk was read whole (${whole.member.label})`, `Leave it out of --dead, or leave that disk out`);
  }
  const forgotten = members.filter((one) => one.role === 'voter' && one.id !== source && !named.includes(one) && !kin.some((survey) => survey.member.serverId === one.id));
  if (forgotten.length > 0) refuse(`${forgotten.map(nameOf).join(', ')} ${forgotten.length === 1 ? 'was' : 'were'} neither read nor called dead`, `Read the disk too, or name all that are gone: --dead ${[...named.flatMap((one) => (one === undefined ? [] : [nameOf(one)])), ...forgotten.map(nameOf)].join(',')}`);
}
