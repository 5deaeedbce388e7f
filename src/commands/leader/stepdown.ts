import { Flags } from '@oclif/core';
import type { Answer } from '../../cli/answer.ts';
import { ChangeCommand } from '../../cli/change-command.ts';
import { changeFlags, consentTo, shortId } from '../../cli/consent.ts';
import { overridesOf, REAL_TIME, withCluster } from '../../cli/live-command.ts';
import { liveFlags } from '../../cli/live-flags.ts';
import { commandLine } from '../../cli/quote.ts';
import { stepdownLines, type StepdownScreen } from '../../cli/render/leader.ts';
import { RefusedError } from '../../engine/errors.ts';
import { ASSIGNS_IDS } from '../../engine/live/cluster.ts';
import { memberNamed } from '../../engine/live/member-list.ts';
import { chooseTarget, stepDown } from '../../engine/live/leader-gap.ts';

interface StepdownData {
  state: 'preview' | 'done' | 'already';
  before: { leader: string; term: number };
  /** Null in a preview. */
  after: { leader: string; term: number } | null;
  /** Longest time without an answered request around the change; null in a preview. */
  gapMs: number | null;
  target: string;
  overrides: string[];
}

const TIMEOUT_MS = 10_000;
const MAX_LAG_ENTRIES = 1000;

export default class LeaderStepdown extends ChangeCommand<StepdownData> {
  static override summary = 'Move the leadership to another voter, and measure the gap';
  static override description = `Shows what would happen; --execute does it. Without --to the voter that is furthest takes over.
The gap is measured, not computed: linearizable reads run every 5 ms from shortly before until shortly after the change, and the longest time between
two answers is reported. A write waits as long as a read: both need the new leader's first commit.
Refused (exit 4): target-lagging beyond --max-lag (can be lifted), transfer-target, no-leader.`;
  static override examples = ['<%= config.bin %> <%= command.id %> --lab ./lab', '<%= config.bin %> <%= command.id %> --to n2 --execute --lab ./lab --json'];
  static override flags = {
    to: Flags.string({ helpValue: '<id>', summary: 'The voter that is to lead' }),
    'max-lag': Flags.integer({ min: 0, default: MAX_LAG_ENTRIES, helpValue: '<entries>', summary: 'Refuse a target that is further behind' }),
    ...changeFlags,
    ...liveFlags,
  };

  protected async execute(): Promise<Answer<StepdownData>> {
    const { flags } = await this.parse(LeaderStepdown);
    const overrides = overridesOf(this.globals.override, ['target-lagging']);
    const timeoutMs = this.globals.timeout ?? TIMEOUT_MS;
    return withCluster(flags, async ({ cluster, isLab, words }) => {
      const list = await cluster.memberList({ timeoutMs });
      const { target, lag } = chooseTarget(list, flags.to === undefined ? null : ASSIGNS_IDS.has(cluster.kind) ? (memberNamed(list, flags.to)?.id ?? flags.to) : flags.to, flags['max-lag'], overrides);
      if (list.leader === null) throw new RefusedError('no-leader', 'there is no leader to step down', 'raft-inspector member list shows who answers');
      const before = { leader: list.leader, term: list.term };
      const again = ['raft-inspector', 'leader', 'stepdown', ...words, '--to', target, ...[...overrides].flatMap((rule) => ['--override', rule])];
      const severe = overrides.size > 0 ? `a rule is lifted: ${[...overrides].join(', ')}` : null;
      const screenOf = (rest: Pick<StepdownScreen, 'state' | 'done'>): StepdownScreen => ({ before, target, lag, kind: cluster.kind, clusterId: list.clusterId, ...rest });
      if (target === list.leader) {
        return {
          data: { state: 'already', before, after: before, gapMs: 0, target, overrides: [] },
          findings: [],
          next: [],
          screen: (style) => stepdownLines(screenOf({ state: 'already', done: null }), style),
        };
      }
      const consent = await consentTo({ execute: flags.execute, confirm: flags.confirm, clusterId: list.clusterId, isLab, severe, preview: (style) => stepdownLines(screenOf({ state: 'preview', done: null }), style) });
      if (consent === 'preview') {
        return {
          data: { state: 'preview', before, after: null, gapMs: null, target, overrides: [...overrides] },
          findings: [],
          next: [commandLine(...again, '--execute', ...(severe !== null && !isLab ? ['--confirm', shortId(list.clusterId)] : []))],
          screen: (style) => stepdownLines(screenOf({ state: 'preview', done: null }), style),
        };
      }
      this.changing(commandLine('raft-inspector', 'leader', 'show', ...words));
      const done = await stepDown(cluster, before, target, { timeoutMs, ...REAL_TIME });
      return {
        data: { state: 'done', before: done.before, after: done.after, gapMs: done.gapMs, target, overrides: [...overrides] },
        findings: [],
        next: [commandLine('raft-inspector', 'member', 'list', ...words)],
        screen: (style) => stepdownLines(screenOf({ state: 'done', done }), style),
      };
    });
  }
}
