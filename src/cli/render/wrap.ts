import { displayWidth } from './table.ts';

/** Lines of `text` after `head`, broken at blanks to fit `width`; the lines after the first are indented to the text's start. */
export function wrapAfter(head: string, text: string, width: number): string[] {
  const indent = displayWidth(head);
  const room = Math.max(20, width - indent);
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && displayWidth(line) + 1 + displayWidth(word) > room) {
      lines.push(line);
      line = word;
    } else line = line === '' ? word : `${line} ${word}`;
  }
  lines.push(line);
  return lines.map((one, at) => (at === 0 ? head : ' '.repeat(indent)) + one);
}
