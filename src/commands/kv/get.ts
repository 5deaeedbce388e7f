import { Flags } from '@oclif/core';
import type { Answer } from '../../cli/answer.ts';
import { BaseCommand } from '../../cli/base-command.ts';
import { escapeControl } from '../../cli/escape.ts';
import { durationFlag } from '../../cli/flags.ts';
import { KV_TIMEOUT_MS, keyArg, keyBytes } from '../../cli/kv-args.ts';
import { withCluster } from '../../cli/live-command.ts';
import { liveFlags } from '../../cli/live-flags.ts';
import { writeError } from '../../cli/output.ts';
import { kvGetLines } from '../../cli/render/kv.ts';
import { jsonValue } from '../../cli/value-words.ts';
import { UsageError } from '../../engine/errors.ts';
import type { KvLevel } from '../../engine/live/kv-access.ts';
import { finding } from '../../engine/model/finding.ts';

interface KvGetReport {
  key: string;
  /** Null: there is no such key. */
  value: string | null;
  /** How `value` is to be read; null where there is none. */
  encoding: 'utf8' | 'base64' | null;
  /** Index of the entry that wrote it; null: there is no such key. */
  revision: number | null;
  consistency: KvLevel['kind'];
  /** Everything up to this entry is in the answer. */
  index: number;
  /** How long ago the answering member heard its leader; null where it does not say. */
  leaderContactMs: number | null;
}

const DEFAULT_STALENESS_MS = 1000;

export default class KvGet extends BaseCommand<KvGetReport> {
  static override summary = 'Read a value, as fresh as asked for';
  static override description = `linearizable: nothing acknowledged before is missing (any member answers, once a majority has confirmed the leader).
follower: from a member that heard its leader at most --max-staleness ago; exit 4 (too-stale) when none that is asked has.
stale: from whichever member answers, whatever it has; works without a leader.

A key that does not exist is an answer: exit 0, value null, nothing on stdout without --json. With --must-exist it is exit 3.
Into a pipe only the value is printed, control characters spelled out; --json gives it exactly, as text or base64.`;
  static override examples = ['<%= config.bin %> <%= command.id %> greeting --lab ./lab', '<%= config.bin %> <%= command.id %> greeting --consistency follower --max-staleness 200ms --lab ./lab', '<%= config.bin %> <%= command.id %> greeting --consistency stale --endpoint 127.0.0.1:7001 --json'];
  static override args = { key: keyArg };
  static override flags = {
    consistency: Flags.string({ options: ['linearizable', 'follower', 'stale'], default: 'linearizable', helpValue: 'linearizable|follower|stale', summary: 'How fresh the answer has to be' }),
    'max-staleness': durationFlag({ summary: `With follower: how long ago the member may have heard its leader (default ${DEFAULT_STALENESS_MS / 1000}s)` }),
    'must-exist': Flags.boolean({ summary: 'Exit 3 when there is no such key' }),
    ...liveFlags,
  };

  protected async execute(): Promise<Answer<KvGetReport>> {
    const { args, flags } = await this.parse(KvGet);
    const key = keyBytes(args.key);
    const level = levelFrom(flags.consistency, flags['max-staleness']);
    return withCluster(flags, async ({ cluster }) => {
      const { found, index, leaderContactMs } = await cluster.kv().get(key, level, { timeoutMs: this.globals.timeout ?? KV_TIMEOUT_MS });
      const isMissing = found === null && flags['must-exist'];
      return {
        data: { key: args.key, ...jsonValue(found?.value ?? null), revision: found?.revision ?? null, consistency: level.kind, index, leaderContactMs },
        findings: isMissing ? [finding('no-such-key', 'error', `there is no key ${args.key}`)] : [],
        next: [],
        screen: (style) => {
          // Not on stdout: into a pipe that holds the value alone.
          if (isMissing) writeError(`there is no key ${escapeControl(args.key)}\n`);
          return kvGetLines({ value: found?.value ?? null, revision: found?.revision ?? null, level: level.kind, index, leaderContactMs }, style);
        },
      };
    });
  }
}

function levelFrom(consistency: string, maxStalenessMs: number | undefined): KvLevel {
  if (maxStalenessMs !== undefined && consistency !== 'follower') throw new UsageError(`--max-staleness says nothing with --consistency ${consistency}`, 'It belongs to --consistency follower');
  if (consistency === 'follower') return { kind: 'follower', maxStalenessMs: maxStalenessMs ?? DEFAULT_STALENESS_MS };
  return consistency === 'stale' ? { kind: 'stale' } : { kind: 'linearizable' };
}
