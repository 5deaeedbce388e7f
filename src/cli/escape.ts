import { spellCharacter, UNSAFE_CHARACTERS } from '../engine/model/control-characters.ts';

const UNSAFE_JSON = /[\u007f-\u009f\u2028\u2029\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]/g;

/** Text from data as it may be printed: unsafe characters are spelled out (`\n`, `\x1b`, `\u202e`). */
export function escapeControl(text: string): string {
  return text.replace(UNSAFE_CHARACTERS, spellCharacter);
}

/** The colour sequences this tool writes itself; all others are spelled out like any control character. */
// oxlint-disable-next-line no-control-regex -- a colour sequence begins with one
const OWN_SEQUENCES = /(\u001b\[(?:0|1|2|22|31|32|33|36|39)m)/;

/** A finished screen line: our own colours pass when colour is on, everything else unsafe is spelled out. */
export function escapeLine(line: string, mode: 'plain' | 'coloured'): string {
  if (mode === 'plain') return escapeControl(line);
  return line
    .split(OWN_SEQUENCES)
    .map((part, at) => (at % 2 === 1 ? part : escapeControl(part)))
    .join('');
}

/** JSON text with what JSON leaves raw (DEL, C1, direction overrides) as `\u` escapes: the same document, safe to look at. */
export function escapeJson(json: string): string {
  return json.replace(UNSAFE_JSON, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

/** Bytes as readable text: valid UTF-8 with its controls spelled out; anything else as ASCII and `\xNN`. */
export function escapeBytes(bytes: Uint8Array): string {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const text = buffer.toString('utf8');
  if (Buffer.from(text, 'utf8').equals(buffer)) return escapeControl(text);
  return Array.from(buffer, (byte) => (byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : `\\x${byte.toString(16).padStart(2, '0')}`)).join('');
}
