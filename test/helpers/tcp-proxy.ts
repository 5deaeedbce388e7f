import net from 'node:net';

interface Pair {
  readonly client: net.Socket;
  readonly server: net.Socket;
}

/** Carries bytes between a client and a server on 127.0.0.1, and cuts or holds them on demand. */
export class TcpProxy {
  readonly pairs: Pair[] = [];
  accepted = 0;
  private isHolding = false;

  private constructor(private readonly server: net.Server) {}

  static async open(targetPort: () => number): Promise<TcpProxy> {
    const server = net.createServer();
    const proxy = new TcpProxy(server);
    server.on('connection', (client) => proxy.join(client, net.connect({ host: '127.0.0.1', port: targetPort() })));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return proxy;
  }

  get address(): string {
    return `127.0.0.1:${(this.server.address() as net.AddressInfo).port}`;
  }

  /** Stops reading on every connection, of now and later, without closing any. */
  hold(): void {
    this.isHolding = true;
    for (const { client, server } of this.pairs) for (const socket of [client, server]) socket.pause();
  }

  resume(): void {
    this.isHolding = false;
    for (const { client, server } of this.pairs) for (const socket of [client, server]) socket.resume();
  }

  /** Ends every connection with a reset. */
  cut(): void {
    for (const { client, server } of this.pairs.splice(0)) for (const socket of [client, server]) socket.resetAndDestroy();
  }

  async close(): Promise<void> {
    this.cut();
    await new Promise<void>((resolve) => this.server.close(() => resolve()));
  }

  private join(client: net.Socket, server: net.Socket): void {
    const pair = { client, server };
    this.accepted += 1;
    this.pairs.push(pair);
    for (const [from, to] of [[client, server], [server, client]] as const) {
      from.setNoDelay(true);
      from.on('data', (bytes) => {
        if (!to.write(bytes)) from.pause();
      });
      to.on('drain', () => this.isHolding || from.resume());
      from.on('error', () => to.destroy());
      from.on('close', () => {
        to.destroy();
        const at = this.pairs.indexOf(pair);
        if (at >= 0) this.pairs.splice(at, 1);
      });
    }
    if (this.isHolding) for (const socket of [client, server]) socket.pause();
  }
}
