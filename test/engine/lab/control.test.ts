import assert from 'node:assert/strict';
import fs from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { EXIT, RefusedError, UsageError } from '../../../src/engine/errors.ts';
import { ControlServer, giveOrder, LabOrderError } from '../../../src/engine/lab/control.ts';
import { type LabFile, readLab, readLabFile, writeLabFile } from '../../../src/engine/lab/lab-file.ts';
import type { CheckedOrder, LabStatus } from '../../../src/engine/lab/orders.ts';
import { thisHost } from '../../../src/engine/adapters/host-facts.ts';

const STATUS = { dir: 'x', clusterId: 'c', machine: 'kv', timing: 'fast', generation: 1, isRunning: true, supervisor: null, leader: null, members: [], links: [] } as const satisfies LabStatus;

describe('orders to the supervisor of a practice cluster', () => {
  let dir: string;
  let server: ControlServer;
  let carryOut: (order: CheckedOrder) => Promise<LabStatus>;
  const lab = (some: Partial<LabFile> = {}): LabFile => ({
    version: 1,
    clusterId: 'c',
    machine: 'kv',
    timing: 'fast',
    createdAt: 'now',
    supervisor: { pid: process.pid, startTicks: thisHost.startTicksOf(process.pid) ?? 0, socket: path.join(dir, 's'), startedAt: 'now', endsAt: 'later' },
    members: [{ id: 'n1', name: 'n1', port: 4711, links: {}, pid: null, origin: 'initial' }],
    ...some,
  });

  beforeEach(async () => {
    dir = fs.mkdtempSync(path.join(os.tmpdir(), 'raft-inspector-control-'));
    carryOut = () => Promise.resolve(STATUS);
    server = new ControlServer((order) => carryOut(order));
    await server.listen(path.join(dir, 's'));
    writeLabFile(dir, lab());
  });
  afterEach(() => {
    server.close();
    fs.rmSync(dir, { recursive: true });
  });

  /** Bytes as they are; gives the answer. */
  function raw(bytes: string | Buffer): Promise<string> {
    return new Promise((resolve) => {
      const socket = net.connect(path.join(dir, 's'));
      let text = '';
      socket.on('error', () => undefined);
      socket.on('data', (piece: Buffer) => (text += piece.toString()));
      socket.on('close', () => resolve(text));
      socket.end(bytes);
    });
  }

  it('are checked, carried out, and answered; defaults are filled in', async () => {
    const orders: CheckedOrder[] = [];
    carryOut = (order) => {
      orders.push(order);
      return Promise.resolve(STATUS);
    };
    assert.deepEqual(await giveOrder(dir, { kind: 'links', links: [{ from: 'n1', to: 'n2' }], fault: { mode: 'cut' } }), STATUS);
    assert.deepEqual(orders, [{ kind: 'links', links: [{ from: 'n1', to: 'n2' }], fault: { mode: 'cut', stalls: 'both', delayMs: 0, jitterMs: 0, bytesPerSecond: null } }]);
  });

  it('come back as the errors they ended in: refused, usage, or the exit of the member', async () => {
    carryOut = () => Promise.reject(new RefusedError('some-rule', 'no', 'try else'));
    await assert.rejects(giveOrder(dir, { kind: 'status' }), (error) => error instanceof RefusedError && error.rule === 'some-rule' && error.message === 'some-rule: no' && error.hint === 'try else');
    carryOut = () => Promise.reject(new UsageError('what?', 'so'));
    await assert.rejects(giveOrder(dir, { kind: 'status' }), (error) => error instanceof UsageError && error.message === 'what?');
    carryOut = () => Promise.reject(new LabOrderError('STORAGE_DAMAGED', 'n1 ended', 'look', EXIT.findings));
    await assert.rejects(giveOrder(dir, { kind: 'start', id: 'n1' }), (error) => error instanceof LabOrderError && error.exitCode === EXIT.findings && error.code === 'STORAGE_DAMAGED');
    carryOut = () => Promise.reject(new Error('boom'));
    await assert.rejects(giveOrder(dir, { kind: 'status' }), (error) => error instanceof LabOrderError && error.exitCode === EXIT.bug);
  });

  it('that make no sense change nothing and end nothing', async () => {
    let isCalled = false;
    carryOut = () => {
      isCalled = true;
      return Promise.resolve(STATUS);
    };
    for (const bytes of ['\n', 'x\n', '{}\n', '{"kind":"down","more":1}\n', '{"kind":"kill","ids":[],"signal":"SIGKILL"}\n', '{"kind":"kill","ids":["n1"],"signal":"SIGHUP"}\n', Buffer.alloc(1000, 0xff).toString('latin1') + '\n']) {
      assert.match(await raw(bytes), /"ok":false/, JSON.stringify(bytes.slice(0, 40)));
    }
    assert.equal(await raw('no end of line'), '');
    assert.equal(await raw(Buffer.alloc(5 * 1024 * 1024, 0x20)), '', 'too much without an end is cut off');
    assert.equal(isCalled, false);
    await giveOrder(dir, { kind: 'status' });
    assert.equal(isCalled, true);
  });

  it('to a lab that is down, gone, or whose process number belongs to another now, are refused', async () => {
    writeLabFile(dir, lab({ supervisor: null }));
    await assert.rejects(giveOrder(dir, { kind: 'status' }), (error) => error instanceof RefusedError && error.rule === 'lab-down');
    assert.throws(() => readLab(dir), /^RefusedError: lab-down/);
    writeLabFile(dir, lab({ supervisor: { pid: process.pid, startTicks: 1, socket: path.join(dir, 's'), startedAt: 'now', endsAt: 'later' } }));
    await assert.rejects(giveOrder(dir, { kind: 'status' }), /lab-down/);
    await assert.rejects(giveOrder(path.join(dir, 'nothing'), { kind: 'status' }), (error) => error instanceof UsageError && /lab up/.test(error.hint));
  });

  it('lab.json is strict, bounded and private', () => {
    assert.equal((fs.statSync(path.join(dir, 'lab.json')).mode & 0o777).toString(8), '600');
    for (const [text, problem] of [['{', /is not JSON/], ['{}', /./], [JSON.stringify({ ...lab(), more: 1 }), /./], ['x'.repeat(2_000_000), /larger than/]] as const) {
      fs.writeFileSync(path.join(dir, 'lab.json'), text);
      assert.throws(() => readLabFile(dir), problem);
      assert.throws(() => readLabFile(dir), /lab\.json/);
    }
  });
});
