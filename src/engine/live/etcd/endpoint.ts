import { UsageError } from '../../errors.ts';

/** Where an etcd member takes clients. */
export interface EtcdEndpoint {
  /** As it was written: for messages. */
  readonly text: string;
  /** `host:port`. */
  readonly authority: string;
  /** From the scheme; null without one: then it follows whether certificates were given, as in etcd's own tools. */
  readonly isSecure: boolean | null;
}

const SCHEME = /^(https?):\/\/(.*?)\/?$/i;
const HOST_PORT = /^(?:\[[0-9A-Fa-f:.%]+\]|[^\s:/@[\]]+):(\d{1,5})$/;

/** `http://host:port`, `https://host:port` or `host:port`. @throws {UsageError} For anything else. */
export function parseEtcdEndpoint(text: string): EtcdEndpoint {
  const [, scheme = null, rest = text] = SCHEME.exec(text) ?? [];
  const port = Number(HOST_PORT.exec(rest)?.[1] ?? 0);
  if (port < 1 || port > 65_535) throw new UsageError(`"${text}" is no endpoint`, 'Write host:port, or with a scheme: https://10.0.0.11:2379');
  return { text, authority: rest, isSecure: scheme === null ? null : scheme.toLowerCase() === 'https' };
}

/** Whether a word names its scheme. */
export function hasScheme(text: string): boolean {
  return SCHEME.test(text);
}
