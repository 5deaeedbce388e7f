import net from 'node:net';
import tls from 'node:tls';
import { CallCredentials, ChannelCredentials } from '@grpc/grpc-js';
import { identityOf } from './identity.ts';
import type { Identity } from './identity.ts';

/** Mutual TLS, PEM: the cluster's authority, the own certificate and its key. */
export interface TlsMaterial {
  readonly ca: string;
  readonly certificate: string;
  readonly key: string;
}

/** How connections are protected. Plain text is for experiments on one machine: it refuses every address but loopback, on both sides. */
export type Security = { readonly kind: 'mtls'; readonly material: TlsMaterial } | { readonly kind: 'insecure-loopback' };

/** @throws {RangeError} When neither or both are given: there is no default that could be weaker than meant. */
export function securityOf(options: { readonly tls?: TlsMaterial | undefined; readonly insecureLoopback?: boolean | undefined }): Security {
  if (options.tls !== undefined && options.insecureLoopback !== true) return { kind: 'mtls', material: options.tls };
  if (options.tls === undefined && options.insecureLoopback === true) return { kind: 'insecure-loopback' };
  throw new RangeError('Give either TLS material or insecureLoopback: true, not both and not neither');
}

export function contextOf(material: TlsMaterial): tls.SecureContext {
  return tls.createSecureContext({ ca: material.ca, cert: material.certificate, key: material.key, minVersion: 'TLSv1.3' });
}

export function isLoopback(address: string | undefined): boolean {
  if (address === undefined || net.isIP(address) === 0) return false; // a name like 127.example.org is no loopback address
  return address === '::1' || address.startsWith('127.') || address.startsWith('::ffff:127.');
}

/** Something on the way to a verified connection was refused; `rule` is stable. */
export class ConnectionRefusedError extends Error {
  constructor(
    readonly rule: string,
    message: string,
  ) {
    super(message);
    this.name = 'ConnectionRefusedError';
  }
}

/** What a handshake ends with when certificates or versions do not fit; all else is the network, and worth another try at once. */
const CERTIFICATE_ERROR = /^(CERT_|UNABLE_TO_|SELF_SIGNED|DEPTH_ZERO|INVALID_|PATH_LENGTH|ERR_SSL|ERR_TLS|EPROTO)/;

/** What the connector of a channel found out, for who decides on the next attempt. */
export interface DialWatch {
  /** Null when the server may be spoken to, else why not. Not asked on plain connections. */
  accepts(identity: Identity | null): string | null;
  refused(rule: string, message: string): void;
  connected?(identity: Identity | null): void;
}

/**
 * Credentials of one channel. The library would keep a connection attempt that hangs in its handshake for ever; this connector knows
 * the sockets it was given and destroys them with the channel. Host names are not compared: members are known by the URI in their
 * certificates, whatever address or proxy leads to them.
 */
export class DialCredentials extends ChannelCredentials {
  private readonly sockets = new Set<net.Socket>();
  private isDestroyed = false;

  constructor(
    private readonly security: Security,
    private readonly context: tls.SecureContext | null,
    private readonly watch: DialWatch,
  ) {
    super();
  }

  _isSecure(): boolean {
    return this.security.kind === 'mtls';
  }

  _equals(other: ChannelCredentials): boolean {
    return this === other;
  }

  _createSecureConnector(): ReturnType<ChannelCredentials['_createSecureConnector']> {
    return {
      connect: async (socket) => {
        this.hold(socket);
        const secured = this.context === null ? this.plain(socket) : await this.secure(socket, this.context);
        return { socket: secured, secure: this.context !== null };
      },
      waitForReady: () => Promise.resolve(),
      getCallCredentials: () => CallCredentials.createEmpty(),
      destroy: () => undefined,
    };
  }

  /** Ends whatever is connected or connecting. */
  destroy(): void {
    this.isDestroyed = true;
    for (const socket of this.sockets) socket.destroy();
  }

  private hold(socket: net.Socket): void {
    if (this.isDestroyed) {
      socket.destroy();
      throw new ConnectionRefusedError('closed', 'the channel was closed while it connected');
    }
    this.sockets.add(socket);
    socket.once('close', () => this.sockets.delete(socket));
  }

  private plain(socket: net.Socket): net.Socket {
    if (isLoopback(socket.remoteAddress)) {
      this.watch.connected?.(null);
      return socket;
    }
    return this.refuse(socket, 'loopback-only', `${socket.remoteAddress} is not a loopback address: connections without certificates stay on one machine`);
  }

  private async secure(socket: net.Socket, secureContext: tls.SecureContext): Promise<net.Socket> {
    const secured = tls.connect({ socket, secureContext, ALPNProtocols: ['h2'], rejectUnauthorized: true, servername: 'member.raft-inspector.internal', checkServerIdentity: () => undefined });
    await new Promise<void>((resolve, reject) => {
      secured.once('secureConnect', resolve);
      secured.once('error', reject);
      secured.once('close', () => reject(new Error('closed during the TLS handshake')));
    }).catch((error: NodeJS.ErrnoException) => {
      secured.on('error', () => undefined);
      secured.destroy();
      if (CERTIFICATE_ERROR.test(error.code ?? '')) this.refuse(secured, 'tls-handshake', `TLS handshake: ${error.code}`);
      throw error;
    });
    secured.on('error', () => undefined); // the HTTP/2 session reports the end of the connection
    if (secured.alpnProtocol !== 'h2') this.refuse(secured, 'tls-handshake', 'the server does not speak HTTP/2');
    const identity = identityOf(secured.getPeerCertificate());
    const objection = this.watch.accepts(identity);
    if (objection !== null) this.refuse(secured, 'server-identity', objection);
    this.watch.connected?.(identity);
    return secured;
  }

  private refuse(socket: net.Socket, rule: string, message: string): never {
    socket.destroy();
    if (!this.isDestroyed) this.watch.refused(rule, message);
    throw new ConnectionRefusedError(rule, message);
  }
}
