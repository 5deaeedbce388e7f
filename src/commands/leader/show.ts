import type { Answer } from '../../cli/answer.ts';
import { BaseCommand } from '../../cli/base-command.ts';
import { withCluster } from '../../cli/live-command.ts';
import { liveFlags } from '../../cli/live-flags.ts';
import { commandLine } from '../../cli/quote.ts';
import { leaderLines } from '../../cli/render/leader.ts';
import { EXIT } from '../../engine/errors.ts';
import type { LeaderView } from '../../engine/live/cluster.ts';

const TIMEOUT_MS = 3000;

export default class LeaderShow extends BaseCommand<LeaderView> {
  static override summary = 'Who leads, in which term, and since when';
  static override description = 'Asks every endpoint and believes the highest term. Exit 6 when there is no leader.';
  static override examples = ['<%= config.bin %> <%= command.id %> --lab ./lab', '<%= config.bin %> <%= command.id %> --endpoint 127.0.0.1:7001,127.0.0.1:7002 --json'];
  static override flags = { ...liveFlags };

  protected async execute(): Promise<Answer<LeaderView>> {
    const { flags } = await this.parse(LeaderShow);
    return withCluster(flags, async ({ cluster, words }) => {
      const view = await cluster.leader({ timeoutMs: this.globals.timeout ?? TIMEOUT_MS });
      const { leader, term, since } = view;
      return {
        data: { leader, term, since },
        findings: [],
        exits: leader === null ? [EXIT.unreachable] : [],
        next: leader === null ? [commandLine('raft-inspector', 'member', 'list', ...words)] : [],
        screen: (style) => leaderLines(view, cluster.kind, Date.now(), style),
      };
    });
  }
}
