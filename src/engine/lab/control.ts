import fs from 'node:fs';
import net from 'node:net';
import { EXIT, type ExitCode, InspectorError, RefusedError, UnreachableError, UsageError } from '../errors.ts';
import { readLabFile, supervisorOf } from './lab-file.ts';
import { type CheckedOrder, type LabStatus, type Order, orderSchema, type Reply } from './orders.ts';

const MAX_LINE_BYTES = 4 * 1024 * 1024;

/** An order was understood and could not be carried out; the code is that of what went wrong, such as a member's own exit. */
export class LabOrderError extends InspectorError {
  constructor(
    readonly code: string,
    message: string,
    hint: string,
    readonly exitCode: ExitCode,
  ) {
    super(message, hint);
  }
}

/**
 * Tells the supervisor of the lab in `dir` to do something and waits until it is done.
 * @throws {RefusedError} `lab-down` when none runs; what the supervisor refuses or fails at.
 */
export async function giveOrder(dir: string, order: Order, timeoutMs = 60_000): Promise<LabStatus> {
  const supervisor = supervisorOf(dir, readLabFile(dir));
  const reply = await ask(supervisor.socket, order, timeoutMs);
  if (reply.ok) return reply.status;
  const { kind, rule, message, hint, exit } = reply.error;
  if (kind === 'usage') throw new UsageError(message, hint);
  if (kind === 'refused') throw new RefusedError(rule, message, hint);
  throw new LabOrderError(rule, message, hint, exit);
}

function ask(socketPath: string, order: Order, timeoutMs: number): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const socket = net.connect(socketPath);
    let text = '';
    const fail = (problem: string): void => {
      socket.destroy();
      reject(new UnreachableError(`the lab's supervisor ${problem}`, `Its log tells more: log/supervisor.log in the lab's directory`));
    };
    socket.setTimeout(timeoutMs, () => fail(`did not answer within ${timeoutMs} ms`));
    socket.setEncoding('utf8');
    socket.on('connect', () => socket.end(`${JSON.stringify(order)}\n`));
    socket.on('data', (piece: string) => {
      text += piece;
      if (text.length > MAX_LINE_BYTES) fail('answered too much');
    });
    socket.on('error', (error: NodeJS.ErrnoException) => fail(`cannot be reached (${error.code ?? error.message})`));
    socket.on('end', () => {
      try {
        resolve(JSON.parse(text) as Reply);
      } catch {
        fail('ended before it answered');
      }
    });
  });
}

/** The supervisor's side: one connection, one order, one answer. The socket's mode keeps other users out. */
export class ControlServer {
  private readonly server = net.createServer({ allowHalfOpen: true }, (socket) => this.serve(socket));

  constructor(private readonly carryOut: (order: CheckedOrder) => Promise<LabStatus>) {}

  async listen(socketPath: string): Promise<void> {
    fs.rmSync(socketPath, { force: true });
    await new Promise<void>((resolve, reject) => {
      this.server.once('error', reject);
      this.server.listen(socketPath, resolve);
    });
    fs.chmodSync(socketPath, 0o600);
  }

  close(): void {
    this.server.close();
  }

  private serve(socket: net.Socket): void {
    let text = '';
    let isTaken = false;
    socket.setEncoding('utf8');
    socket.on('error', () => undefined); // who asked went away
    socket.on('end', () => {
      if (!isTaken) socket.end(); // whatever that was, it was no order
    });
    socket.on('data', (piece: string) => {
      text += piece;
      if (text.length > MAX_LINE_BYTES) socket.destroy();
      const end = text.indexOf('\n');
      if (end === -1 || isTaken) return;
      isTaken = true;
      void this.answer(text.slice(0, end)).then((reply) => socket.end(`${JSON.stringify(reply)}\n`));
    });
  }

  private async answer(line: string): Promise<Reply> {
    try {
      return { ok: true, status: await this.carryOut(orderSchema.parse(JSON.parse(line))) };
    } catch (error) {
      return { ok: false, error: toReplyError(error) };
    }
  }
}

function toReplyError(error: unknown): Extract<Reply, { ok: false }>['error'] {
  if (error instanceof UsageError) return { kind: 'usage', rule: error.code, message: error.message, hint: error.hint, exit: error.exitCode };
  // The message of a refusal begins with its rule, and the asking side puts it there again.
  if (error instanceof RefusedError) return { kind: 'refused', rule: error.rule, message: error.message.slice(error.rule.length + 2), hint: error.hint, exit: error.exitCode };
  if (error instanceof InspectorError) return { kind: 'failed', rule: error.code, message: error.message, hint: error.hint, exit: error.exitCode };
  return { kind: 'failed', rule: 'BUG', message: error instanceof Error ? error.message : String(error), hint: '', exit: EXIT.bug };
}
