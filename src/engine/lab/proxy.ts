import net from 'node:net';
import { ByteFlow, type FlowShape } from './byte-flow.ts';
import { type LinkFault, NO_FAULT } from './link-fault.ts';

const HOST = '127.0.0.1';

interface Connection {
  readonly near: net.Socket;
  readonly far: net.Socket;
  readonly forward: ByteFlow;
  readonly backward: ByteFlow;
}

/** One directed link between two members: a TCP proxy on loopback that can be cut, stalled, slowed and healed at any moment. */
export class LinkProxy {
  private readonly connections = new Set<Connection>();
  private fault: LinkFault = NO_FAULT;
  private readonly server = net.createServer({ allowHalfOpen: true, noDelay: true }, (near) => this.accept(near));

  constructor(
    /** Port of the member that is dialled. */
    private readonly targetPort: number,
    private readonly chance: () => number = Math.random,
  ) {}

  /** Listens on `port` of 127.0.0.1; 0 picks a free one. Gives the port. */
  listen(port: number): Promise<number> {
    return new Promise((resolve, reject) => {
      this.server.once('error', reject);
      this.server.listen(port, HOST, () => {
        this.server.off('error', reject);
        this.server.on('error', () => undefined); // accept failures (file limit): the dialling side sees them
        resolve((this.server.address() as net.AddressInfo).port);
      });
    });
  }

  get openConnections(): number {
    return this.connections.size;
  }

  get currentFault(): LinkFault {
    return this.fault;
  }

  /** Takes effect at once, on open connections too. */
  setFault(fault: LinkFault): void {
    this.fault = fault;
    if (fault.mode === 'cut') {
      for (const one of this.connections) reset(one);
      return;
    }
    for (const one of this.connections) {
      one.forward.reshape(shapeOf(fault, 'forward'));
      one.backward.reshape(shapeOf(fault, 'backward'));
    }
  }

  async stop(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.server.close(() => resolve()));
    for (const one of this.connections) reset(one);
    await closed;
  }

  private accept(near: net.Socket): void {
    if (this.fault.mode === 'cut') {
      near.on('error', () => undefined);
      near.resetAndDestroy();
      return;
    }
    const far = net.connect({ host: HOST, port: this.targetPort, allowHalfOpen: true, noDelay: true });
    const connection: Connection = {
      near,
      far,
      forward: new ByteFlow(near, far, shapeOf(this.fault, 'forward'), this.chance),
      backward: new ByteFlow(far, near, shapeOf(this.fault, 'backward'), this.chance),
    };
    this.connections.add(connection);
    const end = (): void => {
      if (!this.connections.delete(connection)) return;
      connection.forward.stop();
      connection.backward.stop();
    };
    // An error on one side (the member was killed, refused, or reset it) is passed on as a reset.
    near.on('error', () => {
      far.resetAndDestroy();
      end();
    });
    far.on('error', () => {
      near.resetAndDestroy();
      end();
    });
    const closeBoth = (): void => {
      if (near.destroyed && far.destroyed) end();
    };
    near.on('close', closeBoth);
    far.on('close', closeBoth);
  }
}

function reset({ near, far }: Connection): void {
  near.resetAndDestroy();
  far.resetAndDestroy();
}

function shapeOf(fault: LinkFault, way: 'forward' | 'backward'): FlowShape {
  return {
    isStalled: fault.mode === 'stall' && (fault.stalls === 'both' || fault.stalls === way),
    delayMs: fault.delayMs,
    jitterMs: fault.jitterMs,
    bytesPerSecond: fault.bytesPerSecond,
  };
}
