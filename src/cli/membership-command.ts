import path from 'node:path';
import { Flags } from '@oclif/core';
import { EXIT, InspectorError, RefusedError } from '../engine/errors.ts';
import { waitForMember } from '../engine/live/caught-up.ts';
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
  readonly request: MembershipRequest;
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
      const plan = planMembership(use.request, list);
      const again = ['raft-inspector', ...use.words, ...opened.words];
      const needsConfirm = plan.severe !== null && !isLab;
      const findings: Finding[] = list.pendingChange === null ? [] : [finding('change-pending', 'warn', `another membership change (entry ${list.pendingChange.index}) waits to be committed`, { fix: 'One change at a time: it would be refused until then' })];
      if (plan.steps.every((one) => one.isDone)) return this.already(plan, opened, use);
      const consent = await consentTo({ execute: flags.execute, confirm: flags.confirm, clusterId: list.clusterId, isLab, severe: plan.severe, preview: (style) => membershipChangeLines({ plan, state: 'preview', kind: cluster.kind, steps: null, failure: null, needsConfirm }, style) });
      if (consent === 'preview') {
        return this.answer(plan, opened, { state: 'preview', run: null, journal: null, needsConfirm, findings, next: [commandLine(...again, '--execute', ...(needsConfirm ? ['--confirm', shortId(list.clusterId)] : []))] });
      }
      return this.execution(plan, opened, use, flags, commandLine(...again, '--execute', ...(needsConfirm ? ['--confirm', shortId(list.clusterId)] : [])));
    });
  }

  private async execution(plan: MembershipPlan, opened: OpenedCluster, use: MembershipUse, flags: MembershipFlagValues, again: string): Promise<Answer<MembershipChangeReport>> {
    const startedAt = REAL_TIME.nowMs();
    const file = use.keepsJournal ? path.join(caseDirectory(flags.case, plan.clusterId, plan.clusterId), `${use.words.slice(0, 4).join('-').replaceAll(/[^A-Za-z0-9._-]/g, '-')}.journal.ndjson`) : null;
    const journal = file === null ? null : StepJournalFile.open(file, { command: use.words.join(' '), clusterId: plan.clusterId, steps: plan.steps.map((one) => one.id) });
    this.changing(again);
    let run: RunReport;
    try {
      run = await runMembership(opened.cluster, plan, { timeoutMs: use.timeoutMs, journal: journal ?? NO_JOURNAL, ...REAL_TIME });
    } finally {
      journal?.close();
    }
    const changed = run.steps.some((one) => one.status === 'done' && one.index !== null);
    if (run.failure !== null && !changed && (changedNothing(run.failure) || plan.steps.length === 1)) throw run.failure;
    const leftMs = use.timeoutMs - (REAL_TIME.nowMs() - startedAt);
    const wait = run.failure === null && use.awaits !== null && !this.globals['no-wait'] ? await this.caughtUp(opened, use.awaits, leftMs) : null;
    const failure = run.failure ?? wait?.failure ?? null;
    const whole: RunReport = { steps: wait === null ? run.steps : [...run.steps, wait.step], failure };
    const resume = failure !== null && run.failure === null ? commandLine('raft-inspector', 'member', 'wait', use.awaits ?? '', ...opened.words) : again;
    return this.answer(plan, opened, {
      state: failure === null ? 'done' : 'partial',
      run: whole,
      journal: file,
      needsConfirm: false,
      findings: failure === null ? [] : [finding(ruleOf(failure), 'error', failure.message, { fix: failure instanceof InspectorError ? failure.hint : '' })],
      next: failure === null ? use.nextWhenDone.map((words) => commandLine('raft-inspector', ...words, ...opened.words)) : [resume],
    });
  }

  private async already(plan: MembershipPlan, opened: OpenedCluster, use: MembershipUse): Promise<Answer<MembershipChangeReport>> {
    const steps = plan.steps.map((one): StepReport => ({ id: one.id, status: 'already', index: null, durationMs: 0 }));
    return this.answer(plan, opened, { state: 'already', run: { steps, failure: null }, journal: null, needsConfirm: false, findings: [], next: use.nextWhenDone.map((words) => commandLine('raft-inspector', ...words, ...opened.words)) });
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
    outcome: { state: ChangeState; run: RunReport | null; journal: string | null; needsConfirm: boolean; findings: Finding[]; next: string[] },
  ): Answer<MembershipChangeReport> {
    const { state, run } = outcome;
    const steps = run?.steps ?? plan.steps.map((one): StepReport => ({ id: one.id, status: one.isDone ? 'already' : 'not-started', index: null, durationMs: 0 }));
    return {
      data: {
        state,
        changed: run?.steps.some((one) => one.status === 'done' && one.index !== null) ?? false,
        clusterId: plan.clusterId,
        title: plan.title,
        before: plan.before,
        after: plan.after,
        members: plan.members,
        severe: plan.severe,
        steps,
        journal: outcome.journal,
      },
      findings: outcome.findings,
      findingsDecide: state !== 'partial',
      exits: state === 'partial' ? [EXIT.partial] : [],
      next: outcome.next,
      screen: (style) => membershipChangeLines({ plan, state, kind: opened.cluster.kind, steps: run?.steps ?? null, failure: run?.failure?.message ?? null, needsConfirm: outcome.needsConfirm }, style),
    };
  }
}

function ruleOf(error: Error): string {
  if (error instanceof RefusedError) return error.rule;
  return error instanceof InspectorError ? error.code.toLowerCase().replaceAll('_', '-') : 'failed';
}
