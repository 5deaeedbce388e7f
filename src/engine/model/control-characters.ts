/**
 * Characters from data that could move the cursor, hide text or reorder a line: C0 and C1 controls, DEL, line separators and
 * Unicode's direction overrides. A key is whatever a client once sent, so nothing of it reaches a terminal or a page raw.
 */
// oxlint-disable-next-line no-control-regex -- control characters are what this file is about
export const UNSAFE_CHARACTERS = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]/g;

const SHORT: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t', '\b': '\\b' };

/** `\n`, `\x1b`, `\u202e`. */
export function spellCharacter(character: string): string {
  const code = character.charCodeAt(0);
  return SHORT[character] ?? (code < 0x100 ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u${code.toString(16).padStart(4, '0')}`);
}

/** Text with controls, direction overrides and lone surrogates spelled out: what is invalid in XML is never left. */
export function printable(text: string): string {
  return text.replace(UNSAFE_CHARACTERS, spellCharacter).replace(/\p{Cs}|[\ufffe\uffff]/gu, spellCharacter);
}

/** Lines of a text that is shown as it stands: line ends and tabs keep their meaning, all else is spelled out. */
export function printableLines(text: string): string[] {
  const lines = text.replaceAll('\r\n', '\n').split('\n');
  if (lines.at(-1) === '') lines.pop();
  return lines.map((line) => printable(line.replaceAll('\t', '    ')));
}
