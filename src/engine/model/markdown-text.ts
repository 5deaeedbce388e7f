import { printable, printableLines } from './control-characters.ts';

/** Text from data in a paragraph or a cell: nothing of it is markup, a link or a line end. */
export function mdText(text: string): string {
  return printable(text)
    .replace(/[\\`*[\]<>|]/g, '\\$&')
    .replace(/(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])|~(?=~)/g, '\\$&')
    .replace(/&(?=#?\w+;)/g, '&amp;');
}

/** Text as code in a line or a cell. */
export function mdCode(text: string): string {
  const plain = printable(text).replaceAll('|', '\\|');
  const ticks = '`'.repeat(longestRun(plain) + 1);
  const space = plain.startsWith('`') || plain.endsWith('`') || plain === '' ? ' ' : '';
  return `${ticks}${space}${plain}${space}${ticks}`;
}

/** Lines as they stand, in a fence that none of them can close. */
export function mdBlock(text: string | readonly string[], language = 'text'): string[] {
  const lines = typeof text === 'string' ? printableLines(text) : text.map(printable);
  const fence = '`'.repeat(Math.max(3, ...lines.map((line) => longestRun(line) + 1)));
  return [`${fence}${language}`, ...lines, fence];
}

/** A table; cells are Markdown already. */
export function mdTable(headers: readonly string[], rows: readonly (readonly string[])[], right: readonly number[] = []): string[] {
  return [`| ${headers.join(' | ')} |`, `|${headers.map((_, at) => (right.includes(at) ? '---:' : '---')).join('|')}|`, ...rows.map((row) => `| ${row.join(' | ')} |`)];
}

function longestRun(text: string): number {
  return Math.max(0, ...(text.match(/`+/g) ?? []).map((run) => run.length));
}
