import fs from 'node:fs';
import net from 'node:net';

const LOWEST = 10_240;

/**
 * Free ports of 127.0.0.1, all different. They are taken from below the range that the system hands to outgoing connections: there,
 * the port of a killed member could be gone before it is started again.
 */
export async function freePorts(count: number, chance: () => number = Math.random): Promise<number[]> {
  const highest = ephemeralStart();
  const found: net.Server[] = [];
  try {
    for (let attempt = 0; found.length < count && attempt < count * 50; attempt += 1) {
      const server = await bind(LOWEST + Math.floor(chance() * (highest - LOWEST)));
      if (server !== null) found.push(server);
    }
    while (found.length < count) {
      const server = await bind(0);
      if (server === null) throw new Error('no free port on 127.0.0.1');
      found.push(server);
    }
    return found.map((server) => (server.address() as net.AddressInfo).port);
  } finally {
    await Promise.all(found.map((server) => new Promise((resolve) => server.close(resolve))));
  }
}

function bind(port: number): Promise<net.Server | null> {
  const server = net.createServer();
  return new Promise((resolve) => {
    server.once('error', () => resolve(null));
    server.listen(port, '127.0.0.1', () => resolve(server));
  });
}

function ephemeralStart(): number {
  try {
    const first = Number(fs.readFileSync('/proc/sys/net/ipv4/ip_local_port_range', 'utf8').split(/\s+/)[0]);
    return first > LOWEST + 5000 ? first : 32_768;
  } catch {
    return 32_768;
  }
}
