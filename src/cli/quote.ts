/** One word for a POSIX shell: bare where that is safe, single-quoted elsewhere, `$'..'` where control characters are in it. */
export function quote(word: string): string {
  if (/^[A-Za-z0-9_@%+=:,./-]+$/.test(word)) return word;
  // oxlint-disable-next-line no-control-regex -- control characters are what this is about
  if (/[\u0000-\u001f\u007f]/.test(word)) return `$'${word.replace(/[\\']/g, '\\$&').replace(/[\u0000-\u001f\u007f]/g, octal)}'`;
  return `'${word.replaceAll("'", "'\\''")}'`;
}

function octal(character: string): string {
  return `\\${character.charCodeAt(0).toString(8).padStart(3, '0')}`;
}

/**
 * A command line to type: every argument quoted as it needs, `undefined` and `false` left out. A place that begins with a dash would be
 * read as flags, so it gets `./` in front.
 */
export function commandLine(...words: (string | number | undefined | false)[]): string {
  const typed = words.filter((word): word is string | number => word !== undefined && word !== false).map(String);
  const end = typed.indexOf('--');
  return typed.map((word, at) => quote((end === -1 || at < end) && isDashedPlace(word, typed[at - 1]) ? `./${word}` : word)).join(' ');
}

/** Flags are spelled `--name` or with one letter here, and their values follow them. */
function isDashedPlace(word: string, before: string | undefined): boolean {
  const isFlag = before !== undefined && /^(--.|-.$)/.test(before);
  return /^-[^-]./.test(word) && !isFlag;
}
