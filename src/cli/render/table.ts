import stringWidth from 'string-width';

/** A column of a listing. Columns with `drop` may go when the rows are too wide, the lowest number first. */
export interface Column<Row> {
  header: string;
  cell(row: Row): string | number | null | undefined;
  /** Numbers go right; so does a column that says so. Default: right when every cell is a number. */
  align?: 'left' | 'right';
  drop?: number;
  /** Applied after padding, so colour never disturbs the alignment. */
  paint?(text: string, row: Row): string;
}

/** Columns that a text takes on a terminal: wide characters count two, colours none. */
export function displayWidth(text: string): number {
  // oxlint-disable-next-line no-control-regex -- plain ASCII is the common case and needs no table
  return /^[\u0020-\u007e]*$/.test(text) ? text.length : stringWidth(text);
}

export function padTo(text: string, width: number, align: 'left' | 'right' = 'left'): string {
  const space = ' '.repeat(Math.max(0, width - displayWidth(text)));
  return align === 'right' ? space + text : text + space;
}

interface Laid<Row> {
  column: Column<Row>;
  cells: string[];
  width: number;
  align: 'left' | 'right';
}

export interface TableOptions {
  /** Columns to fit. */
  width?: number;
  /** Spaces before each row. Default 2. */
  indent?: number;
  /** Default true. */
  headers?: boolean;
}

/**
 * Rows as plain aligned columns without borders, two spaces apart, never wrapped. Holds all rows: for long listings use
 * `streamColumns`.
 */
export function columns<Row>(rows: readonly Row[], spec: readonly Column<Row>[], options: TableOptions = {}): string[] {
  const laid = fit(
    spec.map((column) => lay(column, rows)),
    options,
  );
  const lines: string[] = options.headers === false ? [] : [join(laid.map((one) => padTo(one.column.header, one.width, one.align)), options)];
  rows.forEach((row, at) => {
    lines.push(join(laid.map((one) => paintCell(one, one.cells[at] ?? '', row)), options));
  });
  return lines;
}

/** The same for lists of any length: widths come from the first rows, later cells may stick out. */
export function* streamColumns<Row>(rows: Iterable<Row>, spec: readonly Column<Row>[], options: TableOptions & { sample?: number } = {}): Generator<string> {
  const iterator = rows[Symbol.iterator]();
  const sample: Row[] = [];
  let next = iterator.next();
  for (; !next.done && sample.length < (options.sample ?? 200); next = iterator.next()) sample.push(next.value);
  yield* columns(sample, spec, options);
  const laid = fit(
    spec.map((column) => lay(column, sample)),
    options,
  );
  for (; !next.done; next = iterator.next()) {
    const row = next.value;
    yield join(laid.map((one) => paintCell(one, toText(one.column.cell(row)), row)), options);
  }
}

function toText(value: string | number | null | undefined): string {
  return value === null || value === undefined || value === '' ? '-' : String(value);
}

function lay<Row>(column: Column<Row>, rows: readonly Row[]): Laid<Row> {
  const raw = rows.map((row) => column.cell(row));
  const cells = raw.map(toText);
  const present = raw.filter((value) => value !== null && value !== undefined);
  const numeric = present.length > 0 && present.every((value) => typeof value === 'number');
  const width = cells.reduce((widest, cell) => Math.max(widest, displayWidth(cell)), displayWidth(column.header));
  return { column, cells, width, align: column.align ?? (numeric ? 'right' : 'left') };
}

function fit<Row>(laid: Laid<Row>[], options: TableOptions): Laid<Row>[] {
  const width = options.width ?? Number.POSITIVE_INFINITY;
  const total = (kept: Laid<Row>[]): number => (options.indent ?? 2) + kept.reduce((sum, one) => sum + one.width + 2, -2);
  let kept = laid;
  const droppable = laid.filter((one) => one.column.drop !== undefined).sort((a, b) => (a.column.drop ?? 0) - (b.column.drop ?? 0));
  for (const one of droppable) {
    if (total(kept) <= width) break;
    kept = kept.filter((other) => other !== one);
  }
  return kept;
}

function paintCell<Row>(one: Laid<Row>, cell: string, row: Row): string {
  const padded = padTo(cell, one.width, one.align);
  return one.column.paint ? one.column.paint(padded, row) : padded;
}

function join(cells: string[], options: TableOptions): string {
  return `${' '.repeat(options.indent ?? 2)}${cells.join('  ')}`.trimEnd();
}
