import assert from 'node:assert/strict';
import net from 'node:net';
import { type LinkFault, NO_FAULT } from '../../../src/engine/lab/link-fault.ts';
import { LinkProxy } from '../../../src/engine/lab/proxy.ts';
import { pause } from '../../helpers/pause.ts';

const fault = (some: Partial<LinkFault>): LinkFault => ({ ...NO_FAULT, ...some });

/** Counts what it gets and sends it back. */
async function echoServer(): Promise<{ port: number; close(): Promise<void>; sockets: Set<net.Socket> }> {
  const sockets = new Set<net.Socket>();
  const server = net.createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => sockets.delete(socket));
    socket.pipe(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as net.AddressInfo).port,
    sockets,
    close: async () => {
      for (const one of sockets) one.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

class Client {
  text = '';
  error: string | null = null;
  private constructor(readonly socket: net.Socket) {
    socket.setEncoding('utf8').on('data', (piece: string) => (this.text += piece));
    socket.on('error', (error: NodeJS.ErrnoException) => (this.error = error.code ?? 'error'));
  }
  static async dial(port: number): Promise<Client> {
    const client = new Client(net.connect(port, '127.0.0.1'));
    await new Promise<void>((resolve) => client.socket.once('connect', resolve).once('close', () => resolve()));
    return client;
  }
  /** Waits until so much text came. */
  async until(length: number, deadlineMs = 5000): Promise<number> {
    const started = performance.now();
    while (this.text.length < length) {
      if (performance.now() - started > deadlineMs) throw new Error(`only ${this.text.length} of ${length} characters came`);
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
    return performance.now() - started;
  }
}

const closed = (socket: net.Socket): Promise<void> => new Promise((resolve) => (socket.closed ? resolve() : socket.once('close', () => resolve())));

describe('link proxy of a practice cluster', () => {
  let echo: Awaited<ReturnType<typeof echoServer>>;
  let proxy: LinkProxy;
  let port: number;
  const clients: Client[] = [];
  const dial = async (): Promise<Client> => {
    const client = await Client.dial(port);
    clients.push(client);
    return client;
  };

  beforeEach(async () => {
    echo = await echoServer();
    proxy = new LinkProxy(echo.port);
    port = await proxy.listen(0);
  });
  afterEach(async () => {
    for (const one of clients.splice(0)) one.socket.destroy();
    await proxy.stop();
    await echo.close();
  });

  it('carries bytes both ways, whole and in order', async () => {
    const client = await dial();
    const text = Array.from({ length: 20_000 }, (_, at) => `${at},`).join('');
    client.socket.write(text);
    await client.until(text.length);
    assert.equal(client.text, text);
    assert.equal(proxy.openConnections, 1);
  });

  it('passes a half-closed connection on, and forgets ended ones', async () => {
    const client = await dial();
    client.socket.end('bye');
    await closed(client.socket);
    assert.equal(client.text, 'bye');
    const deadline = performance.now() + 2000;
    while (proxy.openConnections > 0 && performance.now() < deadline) await pause(5);
    assert.equal(proxy.openConnections, 0);
  });

  it('cut resets open connections and new ones; healing lets new ones through at once', async () => {
    const client = await dial();
    client.socket.write('x');
    await client.until(1);
    proxy.setFault(fault({ mode: 'cut' }));
    await closed(client.socket);
    assert.equal(client.error, 'ECONNRESET');
    const refused = await dial();
    if (!refused.socket.destroyed) await closed(refused.socket);
    assert.equal(refused.text, '');
    proxy.setFault(NO_FAULT);
    const again = await dial();
    again.socket.write('hello');
    await again.until(5);
  });

  it('stall keeps the connection open and silent; after healing every byte arrives, in order', async () => {
    const client = await dial();
    client.socket.write('a');
    await client.until(1);
    proxy.setFault(fault({ mode: 'stall' }));
    client.socket.write('b');
    await pause(150);
    assert.equal(client.text, 'a');
    assert.equal(client.error, null);
    client.socket.write('c');
    proxy.setFault(NO_FAULT);
    await client.until(3);
    assert.equal(client.text, 'abc');
  });

  it('stall of one way lets the other way through', async () => {
    const client = await dial();
    client.socket.write('a');
    await client.until(1);
    proxy.setFault(fault({ mode: 'stall', stalls: 'forward' }));
    client.socket.write('b');
    for (const one of echo.sockets) one.write('from-the-far-side');
    await client.until('afrom-the-far-side'.length);
    assert.equal(client.text, 'afrom-the-far-side', 'nothing of what went forward came back');
  });

  it('delay and jitter hold bytes back without reordering them', async () => {
    proxy.setFault(fault({ delayMs: 60, jitterMs: 40 }));
    const client = await dial();
    for (let at = 0; at < 20; at += 1) {
      client.socket.write(`${at} `);
      await pause(2);
    }
    const expected = Array.from({ length: 20 }, (_, at) => `${at} `).join('');
    const tookMs = await client.until(expected.length);
    assert.equal(client.text, expected);
    assert.ok(tookMs > 50, `two ways of 60 ms and more took ${tookMs} ms`);
    proxy.setFault(NO_FAULT);
    client.text = '';
    client.socket.write('quick');
    assert.ok((await client.until(5)) < 50);
  });

  it('throttle keeps to the bytes a second', async () => {
    proxy.setFault(fault({ bytesPerSecond: 100_000 }));
    const client = await dial();
    client.socket.write('x'.repeat(20_000));
    const tookMs = await client.until(20_000);
    assert.ok(tookMs > 180, `20 KB at 100 KB/s took ${tookMs} ms`);
  });

  it('a target that is gone is passed on as a reset, not as silence', async () => {
    await echo.close();
    const client = await dial();
    if (!client.socket.destroyed) await closed(client.socket);
    assert.equal(client.error, 'ECONNRESET');
  });

  it('holds back a bounded amount in front of a slow reader', async () => {
    const client = await dial();
    proxy.setFault(fault({ delayMs: 2000 }));
    const before = process.memoryUsage().arrayBuffers;
    const block = Buffer.alloc(1024 * 1024);
    let written = 0;
    for (let at = 0; at < 64; at += 1) {
      if (client.socket.write(block)) written += block.length;
      await pause(1);
    }
    await pause(100);
    assert.ok(process.memoryUsage().arrayBuffers - before < 160 * 1024 * 1024, 'the proxy must push back');
    assert.ok(client.socket.writableLength > 16 * 1024 * 1024, `most of it waits at the sender: ${client.socket.writableLength}, ${written}`);
  });
});
