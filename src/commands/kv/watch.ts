import { Args, Flags } from '@oclif/core';
import type { Answer } from '../../cli/answer.ts';
import { withStream } from '../../cli/live-command.ts';
import { liveFlags } from '../../cli/live-flags.ts';
import { writeError } from '../../cli/output.ts';
import { kvEventLine } from '../../cli/render/kv.ts';
import { escapeControl } from '../../cli/escape.ts';
import { StreamCommand } from '../../cli/stream-command.ts';
import { jsonValue } from '../../cli/value-words.ts';
import type { KvEvent } from '../../engine/native/kv-query.ts';

type Change = Exclude<KvEvent, { kind: 'lost' }>;

export default class KvWatch extends StreamCommand<null> {
  static override summary = 'Changes of keys as they happen, each once and in order';
  static override description = `One JSON document a line into a pipe or with --json: {type: put|delete, key, value, encoding, revision}.
Goes on across changes of the leader and of the member that is asked. Ctrl-C ends it with exit 0.
Exit 4 (compacted): --from-revision lies further back than is kept.`;
  static override examples = ['<%= config.bin %> <%= command.id %> --lab ./lab', '<%= config.bin %> <%= command.id %> /config/ --prefix --from-revision 812 --count 10 --lab ./lab --json'];
  static override args = { key: Args.string({ description: 'The key, or with --prefix what keys begin with; all keys when left out' }) };
  static override flags = {
    prefix: Flags.boolean({ summary: 'Every key that begins so' }),
    'from-revision': Flags.integer({ min: 1, helpValue: '<n>', summary: 'First revision to show; default: what changes from now on' }),
    count: Flags.integer({ min: 1, helpValue: '<n>', summary: 'End after so many changes' }),
    ...liveFlags,
  };

  protected async execute(): Promise<Answer<null>> {
    const { args, flags } = await this.parse(KvWatch);
    const prefix = Buffer.from(args.key ?? '', 'utf8');
    const isExact = args.key !== undefined && !flags.prefix;
    const { quiet, timeout } = this.globals;
    const timer = timeout === undefined ? undefined : setTimeout(() => this.stop(), timeout);
    return withStream(flags, async ({ cluster }) => {
      const options = {
        prefix,
        fromRevision: flags['from-revision'] ?? null,
        signal: this.stopped,
        onResume: (reason: string) => (quiet ? undefined : writeError(`watch goes on: ${escapeControl(reason)}\n`)),
      };
      const changes = async function* (): AsyncGenerator<Change> {
        let left = flags.count ?? Number.POSITIVE_INFINITY;
        try {
          for await (const event of cluster.kv().watch(options)) {
            if (isExact && Buffer.compare(event.key, prefix) !== 0) continue;
            yield event;
            left -= 1;
            if (left <= 0) return;
          }
        } finally {
          clearTimeout(timer);
        }
      };
      return {
        data: null,
        findings: [],
        next: [],
        screen: () => [],
        live: {
          mode: 'append',
          rows: async function* () {
            for await (const event of changes()) {
              const { value: key, encoding: keyEncoding } = jsonValue(event.key);
              yield { type: event.kind, key, ...(keyEncoding === 'utf8' ? {} : { keyEncoding }), ...jsonValue(event.kind === 'put' ? event.value : null), revision: event.revision };
            }
          },
          frames: async function* (style) {
            for await (const event of changes()) yield [kvEventLine(event, style)];
          },
        },
      };
    });
  }
}
