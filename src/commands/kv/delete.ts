import type { Answer } from '../../cli/answer.ts';
import { BaseCommand } from '../../cli/base-command.ts';
import { KV_TIMEOUT_MS, keyArg, keyBytes } from '../../cli/kv-args.ts';
import { withCluster } from '../../cli/live-command.ts';
import { liveFlags } from '../../cli/live-flags.ts';
import { kvWrittenLine } from '../../cli/render/kv.ts';

interface KvDeleteReport {
  key: string;
  /** Whether there was anything to delete. */
  deleted: boolean;
  revision: number;
}

export default class KvDelete extends BaseCommand<KvDeleteReport> {
  static override summary = 'Delete a key';
  static override description = 'Acts when called. A key that does not exist is deleted as well: exit 0, deleted false.';
  static override examples = ['<%= config.bin %> <%= command.id %> greeting --lab ./lab'];
  static override args = { key: keyArg };
  static override flags = { ...liveFlags };

  protected async execute(): Promise<Answer<KvDeleteReport>> {
    const { args, flags } = await this.parse(KvDelete);
    const key = keyBytes(args.key);
    return withCluster(flags, async ({ cluster }) => {
      const { revision, existed } = await cluster.kv().delete(key, { timeoutMs: this.globals.timeout ?? KV_TIMEOUT_MS });
      return {
        data: { key: args.key, deleted: existed, revision },
        findings: [],
        next: [],
        screen: (style) => [kvWrittenLine('delete', key, revision, existed ? '' : 'there was no such key', style)],
      };
    });
  }
}
