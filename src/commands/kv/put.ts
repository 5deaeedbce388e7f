import type { Answer } from '../../cli/answer.ts';
import { BaseCommand } from '../../cli/base-command.ts';
import { KV_TIMEOUT_MS, keyArg, keyBytes, literalFlag, valueArg } from '../../cli/kv-args.ts';
import { withCluster } from '../../cli/live-command.ts';
import { liveFlags } from '../../cli/live-flags.ts';
import { commandLine } from '../../cli/quote.ts';
import { kvWrittenLine } from '../../cli/render/kv.ts';
import { valueFrom } from '../../cli/value-words.ts';

interface KvPutReport {
  key: string;
  revision: number;
  /** Whether the key was there before. */
  existed: boolean;
  bytes: number;
}

export default class KvPut extends BaseCommand<KvPutReport> {
  static override summary = 'Write a value';
  static override description = `Acts when called, and returns when a majority has the write on disk. The revision is the index of its log entry.
Exit 6 with error code OUTCOME_UNKNOWN: the call went out and no answer came; read the key to see whether it took effect.`;
  static override examples = ['<%= config.bin %> <%= command.id %> greeting hello --lab ./lab', 'date | <%= config.bin %> <%= command.id %> now - --endpoint 10.0.0.11:7001 --cacert ca.crt --cert me.crt --key me.key'];
  static override args = { key: keyArg, value: valueArg };
  static override flags = { literal: literalFlag, ...liveFlags };

  protected async execute(): Promise<Answer<KvPutReport>> {
    const { args, flags } = await this.parse(KvPut);
    const key = keyBytes(args.key);
    const value = valueFrom(args.value, flags.literal ? 'literal' : 'styled');
    return withCluster(flags, async ({ cluster, words }) => {
      const { revision, existed } = await cluster.kv().put(key, value, { timeoutMs: this.globals.timeout ?? KV_TIMEOUT_MS });
      return {
        data: { key: args.key, revision, existed, bytes: value.length },
        findings: [],
        next: [commandLine('raft-inspector', 'kv', 'get', ...words, ...dashed(args.key))],
        screen: (style) => [kvWrittenLine('put', key, revision, existed ? 'replaced' : 'new key', style)],
      };
    });
  }
}

/** A key that looks like a flag comes after `--`. */
function dashed(key: string): string[] {
  return key.startsWith('-') ? ['--', key] : [key];
}
