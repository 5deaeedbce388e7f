import { printable } from '../model/control-characters.ts';

const HTML_SPECIAL: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;', '`': '&#96;' };

/** Text of HTML or XML that was made here, and may stand in a page as it is. */
export class Markup {
  constructor(readonly text: string) {}
}

export type MarkupValue = string | number | Markup | readonly Markup[];

/**
 * A piece of HTML or XML. Whatever is filled in is text and is escaped, but for pieces made by this same function: a string from data
 * cannot become markup by an oversight.
 */
export function markup(parts: TemplateStringsArray, ...values: MarkupValue[]): Markup {
  let text = parts[0] ?? '';
  for (const [at, value] of values.entries()) text += `${fill(value)}${parts[at + 1] ?? ''}`;
  return new Markup(text);
}

/** A piece or nothing. */
export function when(condition: boolean, piece: () => Markup): Markup {
  return condition ? piece() : NOTHING;
}

export const NOTHING = new Markup('');

export function join(pieces: readonly Markup[], between = ''): Markup {
  return new Markup(pieces.map((one) => one.text).join(between));
}

const SHORT_TEXT = 100;

/** At most so many characters, and a sign that something is gone; of a long text, how much. Never ends within a surrogate pair. */
export function clip(text: string, maxCharacters: number): string {
  if (text.length <= maxCharacters) return text;
  const kept = text.slice(0, maxCharacters).replace(/[\ud800-\udbff]$/, '');
  return maxCharacters < SHORT_TEXT ? `${kept}…` : `${kept}… (+${text.length - kept.length} characters)`;
}

function fill(value: MarkupValue): string {
  if (value instanceof Markup) return value.text;
  if (typeof value === 'number') return String(value);
  if (typeof value !== 'string') return value.map((one) => one.text).join('');
  return printable(value).replace(/[&<>"'`]/g, (character) => HTML_SPECIAL[character] ?? '');
}
