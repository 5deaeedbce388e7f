import { Flags } from '@oclif/core';
import { undoCommand } from '../../cli/after-apply.ts';
import type { Answer } from '../../cli/answer.ts';
import { CaseCommand } from '../../cli/case-command.ts';
import { caseFlags, planArg } from '../../cli/case-flags.ts';
import { durationFlag, REPEATABLE } from '../../cli/flags.ts';
import { withCluster } from '../../cli/live-command.ts';
import { connectionEndpoints, type LiveFlagValues, liveFlags, liveWords } from '../../cli/live-flags.ts';
import { commandLine } from '../../cli/quote.ts';
import { verifyLines } from '../../cli/render/verify.ts';
import { UsageError } from '../../engine/errors.ts';
import type { MemberList } from '../../engine/live/member-list.ts';
import { type Finding, finding } from '../../engine/model/finding.ts';
import type { RecoveryPlan } from '../../engine/model/plan.ts';
import type { VerifyReport } from '../../engine/model/verify-report.ts';
import { passedRehearsal, VERIFICATION_FILE, writeCaseFile } from '../../engine/rehearsal/case-result.ts';
import { nextJoin } from '../../engine/rehearsal/next-join.ts';
import { verifyRecovery } from '../../engine/rehearsal/verify.ts';

const TIMEOUT_MS = 30_000;

export default class RecoverVerify extends CaseCommand<VerifyReport> {
  static override summary = 'Check the running result against its plan: leader, members, state, a write, fences';
  static override description = `Waits for a leader as long as --timeout allows (30s), compares the state with what was planned or rehearsed, then writes a key below raft-inspector/verify/, reads it back and deletes it.
--check runs a command of your own in a shell, with RAFT_INSPECTOR_ENDPOINTS set: exit 0 is good. What could not be looked at is shown with a dash and fails nothing.
The cluster is the one of the plan's connection, or the one that --endpoint names. Exit 3 when a check failed, 6 when nobody answers.`;
  static override examples = ['<%= config.bin %> recover verify', '<%= config.bin %> recover verify --endpoint https://10.0.0.11:2379 --cacert ca.crt --cert me.crt --key me.key', "<%= config.bin %> recover verify 5c2e91 --check './smoke.sh' --json"];
  static override args = { plan: planArg };
  static override flags = {
    check: Flags.string({ ...REPEATABLE, helpValue: '<command>', summary: 'A check of your own: a shell command, exit 0 is good; may be repeated' }),
    'check-timeout': durationFlag({ summary: 'How long each of them may take (default 1m)' }),
    ...caseFlags,
    ...liveFlags,
  };

  protected async execute(): Promise<Answer<VerifyReport>> {
    const { args, flags } = await this.parse(RecoverVerify);
    const { plan, caseDir, words } = await this.openPlan(args.plan, flags.case);
    const live = liveFlagsFor(plan, flags);
    const again = liveWords({ ...live, 'cluster-kind': flags['cluster-kind'] });
    return withCluster(live, async ({ cluster }) => {
      const { stateHash: _hash, revision: _revision, ...report } = await verifyRecovery(plan, cluster, {
        timeoutMs: this.globals.timeout ?? TIMEOUT_MS,
        endpoints: await endpointsOf(live),
        rehearsed: passedRehearsal(caseDir, plan.planId),
        checks: flags.check ?? [],
        ...(flags['check-timeout'] === undefined ? {} : { checkTimeoutMs: flags['check-timeout'] }),
        dataDir: plan.dataDir,
      });
      writeCaseFile(caseDir, VERIFICATION_FILE, report);
      const list = await cluster.memberList({ timeoutMs: this.globals.timeout ?? TIMEOUT_MS });
      return {
        data: report,
        findings: report.checks.filter((one) => one.ok === false).map((one): Finding => finding(`verify-${one.name.replaceAll(' ', '-')}`, 'error', one.detail, { fix: `Keep clients away until it is understood; the way back: ${undoCommand(plan, words)}` })),
        next: report.verdict === 'verified' ? growth(plan, list, flags.lab, again, words) : [commandLine('raft-inspector', 'member', 'list', ...again)],
        screen: (style) => verifyLines(report, plan, style),
      };
    });
  }
}

/** What the command line names, else what the plan carries. @throws {UsageError} When neither does, or no adapter speaks to it. */
function liveFlagsFor(plan: RecoveryPlan, flags: LiveFlagValues): LiveFlagValues {
  if (plan.store !== 'native' && plan.store !== 'etcd') throw new UsageError(`no adapter speaks to ${plan.product ?? plan.store} clusters yet`, "Look with the cluster's own tools: one leader, the members as planned, a write accepted");
  const { endpoint, lab, cacert, cert, key } = flags;
  if (endpoint !== undefined || lab !== undefined || (process.env['RAFT_INSPECTOR_ENDPOINTS'] ?? '') !== '' || (plan.store === 'etcd' && (process.env['ETCDCTL_ENDPOINTS'] ?? '') !== '')) return lab === undefined ? { ...flags, 'cluster-kind': flags['cluster-kind'] ?? plan.store } : flags;
  const { connection } = plan;
  if (connection === null || connection.endpoints.length === 0) throw new UsageError('the plan does not say how to reach the result', `Name it: --endpoint ${plan.store === 'etcd' ? 'https://<host>:2379' : '<host:port>'}, and certificates with --cacert, --cert, --key`);
  return { ...flags, endpoint: connection.endpoints, 'cluster-kind': flags['cluster-kind'] ?? plan.store, cacert: cacert ?? connection.cacert ?? undefined, cert: cert ?? connection.cert ?? undefined, key: key ?? connection.key ?? undefined };
}

/** A practice cluster has its members' addresses in a file of its own. */
async function endpointsOf(live: LiveFlagValues): Promise<readonly string[]> {
  return live.lab === undefined ? connectionEndpoints(live) : (await import('../../engine/lab/lab-file.ts')).readLab(live.lab).endpoints;
}

/** One member at a time: the learner that is there is promoted, then the next one is added. */
function growth(plan: RecoveryPlan, list: MemberList, lab: string | undefined, again: readonly string[], words: readonly string[]): string[] {
  const learner = list.members.find((one) => one.role === 'learner');
  if (learner !== undefined) return [commandLine('raft-inspector', 'member', learner.healthy ? 'promote' : 'wait', learner.id, ...again)];
  const join = nextJoin(plan, list);
  if (join === null) return [commandLine('raft-inspector', 'recover', 'report', ...words)];
  // A practice cluster makes the newcomer, at an address of its own: the one of the plan is the old member's.
  if (lab !== undefined) return [commandLine('raft-inspector', 'lab', 'start', join.member, '--dir', lab), commandLine('raft-inspector', 'member', 'add', join.member, ...again)];
  return [commandLine('raft-inspector', 'member', 'add', join.member, join.address, ...again)];
}
