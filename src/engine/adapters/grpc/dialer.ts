import type tls from 'node:tls';
import type { FrameHead } from './peer-codec.ts';
import type { Security } from './credentials.ts';

/** What every outgoing connection of a member needs to know. */
export interface Dialer {
  readonly security: Security;
  /** Null without TLS. */
  readonly context: tls.SecureContext | null;
  readonly self: Omit<FrameHead, 'to'>;
  /** Where a peer is really dialled; the practice cluster puts its proxies between. */
  address(id: string, address: string): string;
  /** Where this member can be dialled, `host:port`. */
  advertised(): string;
}
