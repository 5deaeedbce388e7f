import net from 'node:net';
import tls from 'node:tls';
import { ServerCredentials } from '@grpc/grpc-js';
import type { Server } from '@grpc/grpc-js';
import { isLoopback } from './credentials.ts';
import type { Security } from './credentials.ts';
import { identityOf } from './identity.ts';

/** Told of each connection that was refused: which rule, and from which address. */
export type RefusalObserver = (rule: string, from: string) => void;

const HANDSHAKE_TIMEOUT_MS = 5_000;
const MAX_CONNECTIONS = 4_096;

/**
 * The one TCP port of a member. It ends TLS itself and hands verified connections to the gRPC server, because the library gives no way
 * to ask for TLS 1.3 or to see a failed handshake. Nothing unverified reaches the HTTP/2 parser.
 */
export class Listener {
  private readonly sockets = new Set<net.Socket>();

  private constructor(
    private readonly server: net.Server,
    private readonly injector: ReturnType<Server['createConnectionInjector']>,
    private readonly onRefused: RefusalObserver,
  ) {}

  /** @throws {Error} With `code` of the operating system when the port cannot be had; `RangeError` for a plain port off loopback. */
  static async open(options: { host: string; port: number; security: Security; grpc: Server; onRefused: RefusalObserver }): Promise<Listener> {
    const { security } = options;
    if (security.kind === 'insecure-loopback' && options.host !== 'localhost' && !isLoopback(options.host)) throw new RangeError(`${options.host} is not a loopback address: without certificates only 127.0.0.0/8 and ::1 are served`);
    const injector = options.grpc.createConnectionInjector(ServerCredentials.createInsecure());
    const server = security.kind === 'mtls' ? tls.createServer(serverOptions(security.material)) : net.createServer();
    const listener = new Listener(server, injector, options.onRefused);
    server.maxConnections = MAX_CONNECTIONS;
    server.on('connection', (socket: net.Socket) => listener.hold(socket));
    if (security.kind === 'mtls') listener.serveTls(server as tls.Server);
    else server.on('connection', (socket: net.Socket) => listener.servePlain(socket));
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen({ host: options.host, port: options.port }, () => {
        server.removeListener('error', reject);
        resolve();
      });
    });
    server.on('error', () => options.onRefused('accept-failed', 'listener'));
    return listener;
  }

  get port(): number {
    const address = this.server.address();
    return typeof address === 'object' && address !== null ? address.port : 0;
  }

  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.server.close(() => resolve()));
    this.injector.destroy();
    for (const socket of this.sockets) socket.destroy();
    await closed;
  }

  private serveTls(server: tls.Server): void {
    server.on('tlsClientError', (error: NodeJS.ErrnoException, socket) => {
      this.onRefused(handshakeRule(error, socket), addressOf(socket));
      socket.destroy();
    });
    server.on('secureConnection', (socket) => {
      socket.on('error', () => undefined); // the HTTP/2 session reports the end of the connection
      if (!socket.authorized || identityOf(socket.getPeerCertificate()) === null) return this.refuse(socket, 'certificate-identity');
      if (socket.alpnProtocol !== 'h2') return this.refuse(socket, 'not-http2');
      this.inject(socket);
    });
  }

  private servePlain(socket: net.Socket): void {
    socket.on('error', () => undefined);
    if (!isLoopback(socket.remoteAddress)) return this.refuse(socket, 'loopback-only');
    this.inject(socket);
  }

  private inject(socket: net.Socket): void {
    socket.setNoDelay(true);
    this.injector.injectConnection(socket);
  }

  private refuse(socket: net.Socket, rule: string): void {
    this.onRefused(rule, addressOf(socket));
    socket.destroy();
  }

  private hold(socket: net.Socket): void {
    this.sockets.add(socket);
    socket.once('close', () => this.sockets.delete(socket));
  }
}

function serverOptions(material: { ca: string; certificate: string; key: string }): tls.TlsOptions {
  return {
    ca: material.ca,
    cert: material.certificate,
    key: material.key,
    minVersion: 'TLSv1.3',
    requestCert: true,
    rejectUnauthorized: true,
    ALPNProtocols: ['h2'],
    handshakeTimeout: HANDSHAKE_TIMEOUT_MS,
  };
}

/** Why a handshake failed, as a stable rule. An unverified chain ends as a reset, with the reason on the socket. */
function handshakeRule(error: NodeJS.ErrnoException, socket: tls.TLSSocket): string {
  const reason = String(socket.authorizationError ?? error.code ?? '');
  if (reason === 'CERT_HAS_EXPIRED' || reason === 'CERT_NOT_YET_VALID') return 'certificate-expired';
  if (reason === 'ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE') return 'certificate-missing';
  if (socket.authorizationError !== undefined && socket.authorizationError !== null) return 'certificate-unknown';
  return 'tls-handshake';
}

function addressOf(socket: net.Socket): string {
  return `${socket.remoteAddress ?? 'unknown'}:${socket.remotePort ?? 0}`;
}

