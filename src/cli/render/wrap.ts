import type { Style } from './style.ts';
import { displayWidth } from './table.ts';

/** Breaks text at blanks so that lines fit; a longer word stays whole. */
export function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && displayWidth(line) + 1 + displayWidth(word) > width) {
      lines.push(line);
      line = word;
    } else line = line === '' ? word : `${line} ${word}`;
  }
  lines.push(line);
  return lines;
}

/** Lines of `text` after `head`, broken at blanks to fit `width`; the lines after the first are indented to the text's start. */
export function wrapAfter(head: string, text: string, width: number): string[] {
  const indent = displayWidth(head);
  return wrap(text, Math.max(20, width - indent)).map((line, at) => ((at === 0 ? head : ' '.repeat(indent)) + line).trimEnd());
}

/** A first line of two parts: where a terminal is too narrow for both, the second stands below, whole. */
export function fitHead(line: string, left: string, right: string, style: Pick<Style, 'terminal' | 'width'>): string[] {
  if (!style.terminal || displayWidth(line) <= style.width) return [line];
  return [...fitLines(left, style), ...(right === '' ? [] : fitLines(`  ${right}`, style))];
}

/** One line, or several where a terminal is too narrow for it; a pipe gets it whole. The lines after the first are indented. */
export function fitLines(text: string, style: Pick<Style, 'terminal' | 'width'>): string[] {
  if (!style.terminal || displayWidth(text) <= style.width) return [text];
  const indent = text.length - text.trimStart().length;
  return wrapAfter(' '.repeat(Math.max(2, indent)), text.trimStart(), style.width).map((line, at) => (at === 0 ? line.slice(Math.max(2, indent) - indent) : line));
}
