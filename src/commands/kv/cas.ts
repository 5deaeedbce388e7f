import { Flags } from '@oclif/core';
import type { Answer } from '../../cli/answer.ts';
import { BaseCommand } from '../../cli/base-command.ts';
import { KV_TIMEOUT_MS, keyArg, keyBytes, literalFlag, valueArg } from '../../cli/kv-args.ts';
import { withCluster } from '../../cli/live-command.ts';
import { liveFlags } from '../../cli/live-flags.ts';
import { commandLine } from '../../cli/quote.ts';
import { kvWrittenLine } from '../../cli/render/kv.ts';
import { jsonValue, type ShownValue, showValueBytes, valueFrom } from '../../cli/value-words.ts';
import { EXIT, UsageError } from '../../engine/errors.ts';
import type { KvExpectation } from '../../engine/native/kv-command.ts';

interface KvCasReport {
  key: string;
  swapped: boolean;
  /** Of the write that took place; null when none did. */
  revision: number | null;
  /** What is there instead; null when the swap took place, or the key does not exist. */
  found: (ShownValue & { revision: number }) | null;
}

export default class KvCas extends BaseCommand<KvCasReport> {
  static override summary = 'Write a value only if the key still is as expected';
  static override description = `Acts when called. One of --value-is, --revision-is, --absent says what is expected.
Exit 3 when something else is there: nothing was written, and the answer holds what is there.`;
  static override examples = [
    '<%= config.bin %> <%= command.id %> owner me --absent --lab ./lab',
    '<%= config.bin %> <%= command.id %> owner you --value-is me --lab ./lab',
    '<%= config.bin %> <%= command.id %> owner you --revision-is 812 --lab ./lab --json',
  ];
  static override args = { key: keyArg, value: valueArg };
  static override flags = {
    'value-is': Flags.string({ helpValue: '<value>', summary: 'The key has this value (- and @file as for the value)' }),
    'revision-is': Flags.integer({ min: 1, helpValue: '<n>', summary: 'The key was last written by this entry' }),
    absent: Flags.boolean({ summary: 'There is no such key' }),
    literal: literalFlag,
    ...liveFlags,
  };

  protected async execute(): Promise<Answer<KvCasReport>> {
    const { args, flags } = await this.parse(KvCas);
    const key = keyBytes(args.key);
    const mode = flags.literal ? 'literal' : 'styled';
    if (flags['value-is'] === '-' && args.value === '-' && mode === 'styled') throw new UsageError('stdin cannot be both the expected and the new value', 'Take one of them from a file: @file');
    const expected = expectationFrom(flags, mode);
    const value = valueFrom(args.value, mode);
    return withCluster(flags, async ({ cluster, words }) => {
      const outcome = await cluster.kv().cas(key, expected, value, { timeoutMs: this.globals.timeout ?? KV_TIMEOUT_MS });
      const found = outcome.swapped || outcome.found === null ? null : { ...jsonValue(outcome.found.value), revision: outcome.found.revision };
      return {
        data: { key: args.key, swapped: outcome.swapped, revision: outcome.swapped ? outcome.revision : null, found },
        findings: [],
        exits: outcome.swapped ? [] : [EXIT.findings],
        next: outcome.swapped || outcome.found === null ? [] : [commandLine('raft-inspector', 'kv', 'cas', ...words, '--revision-is', outcome.found.revision, '--', args.key, args.value)],
        screen: function* (style) {
          if (outcome.swapped) yield kvWrittenLine('cas', key, outcome.revision, '', style);
          else if (outcome.found === null) yield `${style.bad('CONFLICT')}  there is no such key; nothing was written`;
          else yield `${style.bad('CONFLICT')}  nothing was written; revision ${outcome.found.revision} is ${showValueBytes(outcome.found.value)}`;
        },
      };
    });
  }
}

function expectationFrom(flags: { 'value-is'?: string | undefined; 'revision-is'?: number | undefined; absent: boolean }, mode: 'styled' | 'literal'): KvExpectation {
  const given = [flags['value-is'] !== undefined, flags['revision-is'] !== undefined, flags.absent].filter(Boolean).length;
  if (given !== 1) throw new UsageError(given === 0 ? 'what is expected of the key was not said' : 'more than one thing is expected of the key', 'Give one of --value-is <value>, --revision-is <n>, --absent');
  if (flags['value-is'] !== undefined) return { kind: 'value', value: valueFrom(flags['value-is'], mode) };
  return flags['revision-is'] === undefined ? { kind: 'absent' } : { kind: 'revision', revision: flags['revision-is'] };
}
