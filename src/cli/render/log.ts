import type { DecodedEntry } from '../../engine/model/reading.ts';
import { jsonKey, type Redaction, showKey, showValue } from '../redact.ts';
import { escapeControl } from '../escape.ts';
import type { Style } from './style.ts';
import { type Column, streamColumns } from './table.ts';
import { fitLines } from './wrap.ts';

/** A row of `inspect log`: an entry, or a damaged place. */
export interface LogRow {
  index: number | null;
  /** Last index of a damaged range. */
  toIndex?: number | null;
  term: number | null;
  kind: string;
  bytes: number | null;
  file: string;
  byteOffset: number;
  op: string | null;
  key: string | null;
  valueBytes: number | null;
  detail: string;
  appendedAt?: string;
  value?: string;
  nested?: { op: string; key: string | null; valueBytes: number | null }[];
  undecodable?: boolean;
  damaged?: true;
}

/** What decoding gave, as far as `--redact` lets it out. */
export function decodedFields(decoded: DecodedEntry, redaction: Redaction): Pick<LogRow, 'op' | 'key' | 'valueBytes' | 'detail' | 'value' | 'nested' | 'undecodable'> {
  const value = showValue(decoded.value, redaction);
  return {
    op: decoded.op,
    key: jsonKey(decoded.key, redaction),
    valueBytes: decoded.valueBytes,
    detail: redaction === 'all' && decoded.key !== null ? '' : decoded.detail,
    ...(value === undefined ? {} : { value }),
    ...(decoded.nested === undefined ? {} : { nested: decoded.nested.map((one) => ({ op: one.op, key: jsonKey(one.key, redaction), valueBytes: one.valueBytes })) }),
    ...(decoded.undecodable ? { undecodable: true } : {}),
  };
}

/** The rows as they come, under their head line. */
export function* logLines(head: string, rows: Iterable<LogRow>, redaction: Redaction, style: Style): Generator<string> {
  yield* fitLines(head, style);
  const spec: Column<LogRow>[] = [
    { header: 'INDEX', cell: (row) => row.index, align: 'right' },
    { header: 'TERM', cell: (row) => (row.damaged ? '?' : row.term), align: 'right' },
    { header: 'KIND', cell: (row) => (row.kind === 'confChange' ? 'conf-change' : row.kind), paint: (text, row) => (row.damaged ? style.bad(text) : text) },
    { header: 'BYTES', cell: (row) => row.bytes, align: 'right' },
    { header: 'AT BYTE', cell: (row) => row.byteOffset, align: 'right' },
    { header: 'WHAT', cell: (row) => what(row, redaction, style) },
  ];
  let isHeader = true;
  const marks: boolean[] = [];
  const marked = (function* (): Generator<LogRow> {
    for (const row of rows) {
      marks.push(row.damaged === true);
      yield row;
    }
  })();
  for (const line of streamColumns(marked, spec)) {
    if (isHeader) {
      isHeader = false;
      yield line;
    } else yield marks.shift() ? `${style.bad('>')}${line.slice(1)}` : line;
  }
}

/** Below this width a damaged row keeps its reason and drops how its index is known. */
const ROOM_FOR_WHOLE_REASON = 90;

function what(row: LogRow, redaction: Redaction, style: Style): string {
  if (row.damaged) return escapeControl(style.terminal && style.width < ROOM_FOR_WHOLE_REASON ? (row.detail.split(';')[0] ?? '') : row.detail);
  // Keys were redacted when the row was made: here they are only made safe to print.
  const key = row.key === null ? null : showKey(row.key, redaction === 'all' ? 'values' : redaction);
  const size = row.valueBytes === null ? '' : ` ${row.valueBytes} B`;
  const head = [row.op, key].filter((part) => part !== null && part !== '').join(' ');
  return `${head}${size === '' ? '' : ` ${size}`}${row.detail === '' ? '' : `  ${escapeControl(row.detail)}`}${row.value === undefined ? '' : `  = ${row.value}`}`;
}
