import { Flags } from '@oclif/core';
import type { Answer } from '../../cli/answer.ts';
import { BaseCommand } from '../../cli/base-command.ts';
import { placeArg } from '../../cli/flags.ts';
import { oneReading, openNamed, placeFlags } from '../../cli/places.ts';
import { commandLine } from '../../cli/quote.ts';
import { decodedFields, logLines, type LogRow } from '../../cli/render/log.ts';
import { headLine } from '../../cli/render/head.ts';
import type { Style } from '../../cli/render/style.ts';
import { type LogSelection, rangeOf, selectRecords } from '../../engine/inspect/log-rows.ts';
import type { EntryDecoder, MemberReading } from '../../engine/model/reading.ts';
import { decoderFor } from '../../engine/readers/decoders.ts';

const counter = { min: 0 };
const STORE_WORDS = { etcd: 'etcd WAL', 'raft-boltdb': 'raft-boltdb', 'raft-wal': 'raft-wal', native: 'native' } as const;

export default class InspectLog extends BaseCommand<{ label: string; entries: Iterable<LogRow> }> {
  static override summary = 'The entries of a log, decoded; values are hidden';
  static override description = 'Streams: a log of any length needs no more memory than a short one. The decoder is chosen by the store; values are shown with --redact none.';
  static override examples = ['<%= config.bin %> inspect log n1 --tail 20', '<%= config.bin %> inspect log n1.tgz --around 2172', '<%= config.bin %> inspect log n1 --kind conf-change --format ndjson'];
  static override args = { place: placeArg() };
  static override flags = {
    ...placeFlags,
    'at-byte': Flags.integer({ ...counter, summary: 'The record that holds this byte of its file' }),
    to: Flags.integer({ ...counter, summary: 'Last index' }),
    around: Flags.integer({ min: 1, summary: 'The entries beside this index' }),
    term: Flags.integer({ ...counter, summary: 'Only entries of this term' }),
    kind: Flags.string({ options: ['command', 'noop', 'conf-change'], summary: 'Only entries of this kind' }),
    tail: Flags.integer({ min: 1, summary: 'The last n entries' }),
    decode: Flags.string({ helpValue: '<name or command>', summary: 'etcd, consul, sider, or a program: an entry on stdin, a line of JSON out' }),
    from: Flags.string({ helpValue: '<index>', summary: 'First index; a file name: the manifest, unit or configuration that names the directory' }),
  };

  protected async execute(): Promise<Answer<{ label: string; entries: Iterable<LogRow> }>> {
    const { args, flags } = await this.parse(InspectLog);
    // `--from` of this command is an index first; a word that is none names a manifest, as everywhere else.
    const index = flags.from !== undefined && /^\d+$/.test(flags.from) ? Number(flags.from) : undefined;
    const place = args.place === undefined ? [] : [args.place];
    const reading = oneReading(await openNamed(place, { 'wal-dir': flags['wal-dir'], from: index === undefined ? flags.from : undefined }, { depth: 'log', progress: this.progress }));
    const selection: LogSelection = {
      ...(index === undefined ? {} : { from: index }),
      ...(flags.to === undefined ? {} : { to: flags.to }),
      ...(flags.around === undefined ? {} : { around: flags.around }),
      ...(flags['at-byte'] === undefined ? {} : { atByte: flags['at-byte'] }),
      ...(flags.term === undefined ? {} : { term: flags.term }),
      ...(flags.kind === undefined ? {} : { kind: flags.kind === 'conf-change' ? 'confChange' : flags.kind }),
      ...(flags.tail === undefined ? {} : { tail: flags.tail }),
    };
    const range = rangeOf(selection, reading);
    const decode = await decoderFor(reading.report, flags.decode);
    const entries = { [Symbol.iterator]: () => this.rowsOf(reading, selection, decode) };
    return {
      data: { label: reading.report.label, entries },
      findings: reading.findings,
      next: [commandLine('raft-inspector', 'inspect', 'fsck', ...place)],
      rows: () => entries,
      screen: (style) => logLines(head(reading, range, this.globals.redact, style), entries, this.globals.redact, style),
    };
  }

  private *rowsOf(reading: MemberReading, selection: LogSelection, decode: EntryDecoder): Generator<LogRow> {
    for (const record of selectRecords(reading, selection)) {
      const { file, byteOffset } = record;
      if (record.type === 'damage') {
        const { fromIndex, toIndex, reason } = record;
        const known = fromIndex === null ? '; index unknown' : '; index known from its neighbours';
        yield { index: fromIndex, toIndex, term: null, kind: 'DAMAGED', bytes: null, file, byteOffset, op: null, key: null, valueBytes: null, detail: `${reason}${known}`, damaged: true };
        continue;
      }
      const { index, term, kind, bytes, appendedAt } = record;
      yield { index, term, kind, bytes, file, byteOffset, ...decodedFields(decode(record), this.globals.redact), ...(appendedAt === undefined ? {} : { appendedAt }) };
    }
  }
}

function head(reading: MemberReading, range: { from?: number; to?: number }, redaction: string, style: Style): string {
  const { report } = reading;
  const last = report.damage.reduce((most, one) => Math.max(most, one.tail?.index ?? 0), report.log.lastIndex);
  const lost = report.damage.reduce((sum, one) => sum + (one.fromIndex === null ? 1 : (one.toIndex ?? one.fromIndex) - one.fromIndex + 1), 0);
  const total = Math.max(0, last - report.log.firstIndex + 1);
  const left = lost > 0 ? `${style.bad('DAMAGED')}  ${lost} of ${total} entries` : `${style.strong('LOG')}  ${total} entries`;
  const from = Math.max(range.from ?? report.log.firstIndex, 1);
  const hidden = redaction === 'none' ? 'values shown' : 'values hidden (--redact none shows)';
  return headLine(left, `${STORE_WORDS[report.store]}  showing ${from}-${Math.min(range.to ?? last, last)}  ${hidden}`).replace(/ {2,}(?=(?:etcd|raft|native))/, '        ');
}
