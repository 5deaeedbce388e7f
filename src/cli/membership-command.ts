import path from 'node:path';
import { Flags } from '@oclif/core';
import { EXIT, InspectorError, RefusedError } from '../engine/errors.ts';
import { waitForMember } from '../engine/live/caught-up.ts';
import { ASSIGNS_IDS, type ClusterKind } from '../engine/live/cluster.ts';
import { joinSettings } from '../engine/live/join-settings.ts';
import { memberNamed, type MemberList } from '../engine/live/member-list.ts';
import { type ConfigurationView, type MembershipPlan, type MembershipRequest, planMembership } from '../engine/live/membership-plan.ts';
import { runMembership, type RunReport, type StepReport } from '../engine/live/membership-run.ts';
import { NO_JOURNAL, StepJournalFile } from '../engine/live/step-journal.ts';
import { type Finding, finding } from '../engine/model/finding.ts';
import { caseDirectory } from '../engine/recovery/case-directory.ts';
import type { Answer } from './answer.ts';
import { ChangeCommand } from './change-command.ts';
import { changeFlags, consentTo, shortId } from './consent.ts';
import { changedNothing, overridesOf, REAL_TIME, withCluster } from './live-command.ts';
import { type LiveFlagValues, liveFlags, type OpenedCluster } from './live-flags.ts';
import { escapeControl } from './escape.ts';
import { writeError } from './output.ts';
import { commandLine } from './quote.ts';
import { type ChangeState, membershipChangeLines } from './render/membership-change.ts';

/** What `member add|promote|remove|replace` answer. */
export interface MembershipChangeReport {
  state: ChangeState;
  /** Whether this run changed anything. */
  changed: boolean;
  clusterId: string;
  title: string;
  before: ConfigurationView;
  /** In a preview what it would be. */
  after: ConfigurationView;
  members: MembershipPlan['members'];
  /** Why it has to be confirmed; null when it has not. */
  severe: string | null;
  steps: readonly StepReport[];
  /** What the joining member is started with, one setting a line; empty where nobody joins, or a practice cluster does it. */
  settings: readonly string[];
  /** Where the steps are written down; null for a preview, and for a change of one step. */
  journal: string | null;
}

export const membershipFlags = { ...changeFlags, ...liveFlags };

export const caseFlag = Flags.string({ helpValue: '<dir>', summary: "Where the journal is kept (default: ./case-<first 8 of the cluster's id>)" });

/** Values of those flags. */
export interface MembershipFlagValues extends LiveFlagValues {
  execute: boolean;
  confirm?: string | undefined;
  case?: string | undefined;
}

/** How one command uses the frame. */
export interface MembershipUse {
  readonly request: (kind: ClusterKind) => MembershipRequest;
  /** The command with its arguments: `['member', 'add', 'n4', '10.0.0.14:7001']`. */
  readonly words: readonly string[];
  readonly timeoutMs: number;
  /** Whether the run ends only when this member is healthy and caught up. */
  readonly awaits: string | null;
  readonly keepsJournal: boolean;
  /** Commands to type when it is done. */
  readonly nextWhenDone: readonly (readonly string[])[];
}

/** The frame of every change of membership: look, plan, show; and with consent act, watch the effect, and say what came of it. */
export abstract class MembershipCommand extends ChangeCommand<MembershipChangeReport> {
  protected async change(flags: MembershipFlagValues, use: MembershipUse): Promise<Answer<MembershipChangeReport>> {
    // Every refusal here is the cluster's own and protects its data: none can be lifted.
    overridesOf(this.globals.override, []);
    return withCluster(flags, async (opened) => {
      const { cluster, isLab } = opened;
      const list = await cluster.memberList({ timeoutMs: use.timeoutMs });
      if (list.leader === null) throw new RefusedError('no-leader', 'the cluster has no leader, and without one its membership cannot change', 'raft-inspector member list shows who answers; without a majority see: raft-inspector recover --help');
      const request = use.request(cluster.kind);
      const plan = planMembership(request, list, cluster.kind);
      const settings = isLab ? [] : settingsFor(request, list, cluster.kind);
      const again = ['raft-inspector', ...use.words, ...opened.words];
      const needsConfirm = plan.severe !== null && !isLab;
      const findings: Finding[] = list.pendingChange === null ? [] : [finding('change-pending', 'warn', `another membership change (entry ${list.pendingChange.index}) waits to be committed`, { fix: 'One change at a time: it would be refused until then' })];
      if (plan.steps.every((one) => one.isDone)) return this.already(plan, opened, use, settings);
      const consent = await consentTo({ execute: flags.execute, confirm: flags.confirm, clusterId: list.clusterId, isLab, severe: plan.severe, preview: (style) => membershipChangeLines({ plan, state: 'preview', kind: cluster.kind, steps: null, failure: null, needsConfirm, settings }, style) });
      if (consent === 'preview') {
        return this.answer(plan, opened, { state: 'preview', run: null, journal: null, needsConfirm, settings, findings, next: [commandLine(...again, '--execute', ...(needsConfirm ? ['--confirm', shortId(list.clusterId)] : []))] });
      }
      return this.execution(plan, opened, use, flags, settings, commandLine(...again, '--execute', ...(needsConfirm ? ['--confirm', shortId(list.clusterId)] : [])));
    });
  }

  private async execution(plan: MembershipPlan, opened: OpenedCluster, use: MembershipUse, flags: MembershipFlagValues, settings: readonly string[], again: string): Promise<Answer<MembershipChangeReport>> {
    const startedAt = REAL_TIME.nowMs();
    const file = use.keepsJournal ? path.join(caseDirectory(flags.case, plan.clusterId, plan.clusterId), `${use.words.slice(0, 4).join('-').replaceAll(/[^A-Za-z0-9._-]/g, '-')}.journal.ndjson`) : null;
    const journal = file === null ? null : StepJournalFile.open(file, { command: use.words.join(' '), clusterId: plan.clusterId, steps: plan.steps.map((one) => one.id) });
    this.changing(again);
    // The run waits for a member that only the operator can start.
    if (plan.steps.some((one) => one.kind === 'wait' && !one.isDone)) for (const line of settings) writeError(`  start it with  ${escapeControl(line)}\n`);
    let run: RunReport;
    try {
      run = await runMembership(opened.cluster, plan, { timeoutMs: use.timeoutMs, journal: journal ?? NO_JOURNAL, ...REAL_TIME });
    } finally {
      journal?.close();
    }
    const changed = hasChanged(plan, run.steps);
    if (run.failure !== null && !changed && (changedNothing(run.failure) || plan.steps.length === 1)) throw run.failure;
    const leftMs = use.timeoutMs - (REAL_TIME.nowMs() - startedAt);
    const wait = run.failure === null && use.awaits !== null && !this.globals['no-wait'] && !ASSIGNS_IDS.has(opened.cluster.kind) ? await this.caughtUp(opened, use.awaits, leftMs) : null;
    const failure = run.failure ?? wait?.failure ?? null;
    const whole: RunReport = { given: run.given, steps: wait === null ? run.steps : [...run.steps, wait.step], failure };
    const resume = failure !== null && run.failure === null ? commandLine('raft-inspector', 'member', 'wait', use.awaits ?? '', ...opened.words) : again;
    return this.answer(plan, opened, {
      state: failure === null ? 'done' : 'partial',
      run: whole,
      journal: file,
      needsConfirm: false,
      settings,
      findings: failure === null ? [] : [finding(ruleOf(failure), 'error', failure.message, { fix: failure instanceof InspectorError ? failure.hint : '' })],
      next: failure === null ? nextCommands(use, opened, run) : [resume],
    });
  }

  private async already(plan: MembershipPlan, opened: OpenedCluster, use: MembershipUse, settings: readonly string[]): Promise<Answer<MembershipChangeReport>> {
    const steps = plan.steps.map((one): StepReport => ({ id: one.id, status: 'already', index: null, durationMs: 0 }));
    const first = plan.steps[0];
    const run: RunReport = { steps, failure: null, given: new Map(first === undefined || use.awaits === null ? [] : [[use.awaits, first.target]]) };
    return this.answer(plan, opened, { state: 'already', run, journal: null, needsConfirm: false, settings, findings: [], next: nextCommands(use, opened, run) });
  }

  private async caughtUp(opened: OpenedCluster, id: string, timeoutMs: number): Promise<{ step: StepReport; failure: Error | null }> {
    try {
      const { waitedMs } = await waitForMember(opened.cluster, id, { timeoutMs: Math.max(1, timeoutMs), ...REAL_TIME });
      return { step: { id: `wait ${id}`, status: 'done', index: null, durationMs: waitedMs }, failure: null };
    } catch (error) {
      return { step: { id: `wait ${id}`, status: 'failed', index: null, durationMs: Math.round(timeoutMs) }, failure: error instanceof Error ? error : new Error(String(error)) };
    }
  }

  private answer(
    plan: MembershipPlan,
    opened: OpenedCluster,
    outcome: { state: ChangeState; run: RunReport | null; journal: string | null; needsConfirm: boolean; settings: readonly string[]; findings: Finding[]; next: string[] },
  ): Answer<MembershipChangeReport> {
    const { state, run } = outcome;
    const steps = run?.steps ?? plan.steps.map((one): StepReport => ({ id: one.id, status: one.isDone ? 'already' : 'not-started', index: null, durationMs: 0 }));
    return {
      data: {
        state,
        changed: hasChanged(plan, run?.steps ?? []),
        clusterId: plan.clusterId,
        title: plan.title,
        before: plan.before,
        after: plan.after,
        members: plan.members,
        severe: plan.severe,
        steps,
        settings: outcome.settings,
        journal: outcome.journal,
      },
      findings: outcome.findings,
      findingsDecide: state !== 'partial',
      exits: state === 'partial' ? [EXIT.partial] : [],
      next: outcome.next,
      screen: (style) => membershipChangeLines({ plan, state, kind: opened.cluster.kind, steps: run?.steps ?? null, failure: run?.failure?.message ?? null, needsConfirm: outcome.needsConfirm, settings: outcome.settings }, style),
    };
  }
}

/** Whether one of the plan's changes was taken; waiting is none. */
function hasChanged(plan: MembershipPlan, steps: readonly StepReport[]): boolean {
  return steps.some((one, at) => one.status === 'done' && (plan.steps[at]?.change ?? null) !== null);
}

/** What the newcomer of a request is started with; nothing where nobody joins. */
function settingsFor(request: MembershipRequest, list: MemberList, kind: ClusterKind): string[] {
  if (request.kind !== 'add' && request.kind !== 'replace') return [];
  const { id, name, address } = request;
  const old = request.kind === 'replace' ? memberNamed(list, request.old) : undefined;
  // A member that is down leaves before the newcomer starts: then it is no longer in the list that etcd compares.
  const members = old !== undefined && !old.healthy ? list.members.filter((one) => one.id !== old.id) : list.members;
  return joinSettings(kind, { ...list, members }, { id, name, address });
}

/** Where the cluster gives ids, the newcomer is waited for by the operator, who starts it first; and it is named by its id until it has told its name. */
function nextCommands(use: MembershipUse, opened: OpenedCluster, run: RunReport): string[] {
  const wait = use.awaits !== null && ASSIGNS_IDS.has(opened.cluster.kind) ? [['member', 'wait', use.awaits]] : [];
  return [...wait, ...use.nextWhenDone].map((words) => commandLine('raft-inspector', ...words.map((word) => run.given.get(word) ?? word), ...opened.words));
}

function ruleOf(error: Error): string {
  if (error instanceof RefusedError) return error.rule;
  return error instanceof InspectorError ? error.code.toLowerCase().replaceAll('_', '-') : 'failed';
}
