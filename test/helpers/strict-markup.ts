/** A start tag as written: its name and its attributes, values unescaped no further. */
export interface Tag {
  name: string;
  attributes: Map<string, string>;
}

const VOID = new Set(['meta', 'br', 'hr', 'img', 'link', 'input']);

/**
 * Reads markup the strict way: every `<` begins a tag, every attribute is double-quoted, every tag is closed in order. What a lenient
 * parser would repair is an error here. Gives all start tags and the text between them.
 */
export function readStrictly(text: string): { tags: Tag[]; text: string } {
  const tags: Tag[] = [];
  const open: string[] = [];
  let at = 0;
  let plain = '';
  while (at < text.length) {
    if (text[at] !== '<') {
      const next = text.indexOf('<', at);
      const part = text.slice(at, next === -1 ? text.length : next);
      if (open.at(-1) !== 'style' && /&(?!(amp|lt|gt|quot|#39|#96);)/.test(part)) throw new Error(`a bare & near: ${part.slice(0, 80)}`);
      plain += part;
      at += part.length;
      continue;
    }
    if (open.at(-1) === 'style' && !text.startsWith('</style>', at)) throw new Error(`a < within the style sheet at ${at}`);
    const end = text.slice(at).match(/^<\/([a-zA-Z][a-zA-Z0-9-]*)>|^<(!doctype html)>|^<\?xml [^<>]*\?>|^<([a-zA-Z][a-zA-Z0-9-]*)((?:\s+[a-zA-Z][a-zA-Z0-9:-]*(?:="[^"<>]*")?)*)\s*(\/?)>/);
    if (end === null) throw new Error(`no tag begins at ${at}: ${text.slice(at, at + 80)}`);
    const [whole, closing, , name, attributes = '', slash] = end;
    if (closing !== undefined) {
      const last = open.pop();
      if (last !== closing) throw new Error(`</${closing}> closes <${last}> at ${at}`);
    } else if (name !== undefined) {
      tags.push({ name, attributes: new Map([...attributes.matchAll(/([a-zA-Z][a-zA-Z0-9:-]*)(?:="([^"]*)")?/g)].map((one) => [one[1] ?? '', one[2] ?? ''])) });
      if (slash !== '/' && !VOID.has(name)) open.push(name);
    }
    at += whole.length;
  }
  if (open.length > 0) throw new Error(`not closed: ${open.join(', ')}`);
  return { tags, text: plain };
}
