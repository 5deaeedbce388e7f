import { UsageError } from '../engine/errors.ts';

/** How a report is written; `table` stands for nothing asked for. */
export type ReportFormat = 'md' | 'html' | 'json' | 'junit';

const BY_ENDING: Readonly<Record<string, ReportFormat>> = { html: 'html', htm: 'html', md: 'md', markdown: 'md', json: 'json', xml: 'junit' };

/**
 * The format that `--format` asks for, else the one that the file's ending means, else Markdown.
 * @throws {UsageError} When the command has no such format, or flag and ending disagree.
 */
export function reportFormat(asked: string | undefined, file: string | undefined, offered: readonly ReportFormat[]): ReportFormat {
  const ending = file === undefined || file === '-' ? undefined : BY_ENDING[/\.([a-z]+)$/i.exec(file)?.[1]?.toLowerCase() ?? ''];
  const format = offered.find((one) => one === asked) ?? (asked === undefined ? ending : undefined) ?? 'md';
  if (ending !== undefined && asked !== undefined && ending !== format) throw new UsageError(`--format ${asked} and ${file} ask for two different things`, 'Leave --format out: the ending of the file decides');
  if (!offered.includes(format)) throw new UsageError(`${file ?? format} would be ${format}, which this report cannot be`, `It can be ${offered.join(', ')}`);
  return format;
}
