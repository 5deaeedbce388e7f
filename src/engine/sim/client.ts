import { decodeKvAnswer } from '../native/kv-query.ts';
import { encodeKvQuery } from '../native/kv-query.ts';
import { decodeKvResult, encodeKvCommand, type KvCommand } from '../native/kv-command.ts';
import { CallError, type ReadLevel } from '../ports/node-api.ts';
import type { Calls } from './calls.ts';
import type { ClientChecks } from './checkers/client-checks.ts';
import type { Cluster } from './cluster.ts';
import type { HistoryLevel, HistoryOp, HistoryRecorder } from './history.ts';
import type { Prng } from './prng.ts';

/** How long a client waits for one operation, over all its attempts, and for one attempt. */
const OPERATION_US = 2_000_000;
const ATTEMPT_MS = 1_000;
const LEVELS: readonly HistoryLevel[] = ['linearizable', 'linearizable', 'linearizable', 'follower', 'stale'];

interface Operation {
  readonly id: string;
  readonly p: number;
  readonly op: HistoryOp;
  readonly k: string;
  readonly x: string | readonly [string | null, string] | undefined;
  readonly level: HistoryLevel;
  readonly payload: Uint8Array;
  readonly deadlineUs: number;
  /** What was acknowledged before it began: an answer must cover it. */
  readonly floor: number;
  readonly token: number;
}

export interface ClientOptions {
  readonly keys: number;
  /** Names of keys begin with it; a run that goes on with another's disks leaves that one's keys alone. */
  readonly keyPrefix: string;
  readonly generation: number;
  readonly meanThinkUs: number;
  readonly valueBytes: number;
}

function bytes(text: string): Uint8Array {
  return Uint8Array.from(Buffer.from(text, 'latin1'));
}

/**
 * A client: one operation at a time, retried while it has provably not been executed, given up as unknown otherwise. After an unknown
 * outcome it goes on under a new process number, because the old one may still have an operation under way.
 */
export class Client {
  private process: number;
  private sequence = 0;
  private target: string | null = null;
  private token = 0;
  private isStopping = false;
  isBusy = false;

  constructor(
    private readonly name: string,
    private readonly cluster: Cluster,
    private readonly calls: Calls,
    private readonly history: HistoryRecorder,
    private readonly checks: ClientChecks,
    private readonly prng: Prng,
    private readonly options: ClientOptions,
    private readonly newProcess: () => number,
  ) {
    this.process = newProcess();
  }

  start(): void {
    this.think();
  }

  /** Finishes what it does and begins nothing more. */
  stop(): void {
    this.isStopping = true;
  }

  /** One write, whatever else: the proof that the cluster works again. */
  probe(): void {
    if (!this.isBusy) this.begin('put');
  }

  private think(): void {
    this.cluster.world.after(this.prng.exponential(this.options.meanThinkUs), null, () => {
      if (this.isStopping) return;
      if (this.isBusy) return this.think();
      this.begin(this.prng.pick(['put', 'put', 'get', 'get', 'get', 'cas', 'append', 'delete']));
      this.think();
    });
  }

  private begin(op: HistoryOp): void {
    const { world } = this.cluster;
    this.sequence += 1;
    const id = `${this.name}:${this.sequence}`;
    const k = `${this.options.keyPrefix}${this.prng.between(0, this.options.keys)}`;
    const value = this.options.valueBytes === 0 || op === 'append' ? id : id.padEnd(this.prng.between(1, this.options.valueBytes), '.');
    const x = op === 'cas' ? ([this.guess(k), value] as const) : op === 'put' || op === 'append' ? `${value},` : undefined;
    const level = op === 'get' ? this.prng.pick(LEVELS) : 'linearizable';
    const payload = this.encode(op, k, x);
    const operation: Operation = { id, p: this.process, op, k, x, level, payload, deadlineUs: world.nowUs + OPERATION_US, floor: this.checks.floor, token: this.token };
    if (op !== 'get') this.cluster.board.operationOf.set(payload, id);
    this.isBusy = true;
    const node = this.pickTarget();
    this.history.add({ t: 'invoke', ts: world.nowUs * 1000, p: operation.p, op, k, ...(x === undefined ? {} : { x }), id, node, ...(op === 'get' ? { level } : {}) });
    world.note(this.name, `invoke-${op}`, this.sequence, operation.p, () => `${id} ${op} ${k} at ${node}`);
    this.attempt(operation, node);
  }

  /** What the key may hold: the newest committed value half of the time, so that about half of the cas succeed. */
  private guess(k: string): string | null {
    return this.prng.chance(0.6) ? this.cluster.model.at(k, this.cluster.truth.commitIndex) : this.prng.chance(0.5) ? null : 'never,';
  }

  private encode(op: HistoryOp, k: string, x: Operation['x']): Uint8Array {
    const key = bytes(k);
    if (op === 'get') return encodeKvQuery({ kind: 'get', key });
    let command: KvCommand = { op: 'delete', key };
    if (op === 'put' || op === 'append') command = { op, key, value: bytes(String(x)) };
    if (op === 'cas') {
      const [expected, value] = x as readonly [string | null, string];
      command = { op, key, expected: expected === null ? { kind: 'absent' } : { kind: 'value', value: bytes(expected) }, value: bytes(value) };
    }
    return encodeKvCommand(command);
  }

  private attempt(operation: Operation, node: string): void {
    const run = operation.op === 'get' ? this.query(operation, node) : this.propose(operation, node);
    run((failure) => this.failed(operation, failure));
  }

  private propose(operation: Operation, node: string): (failed: (failure: CallError) => void) => void {
    return (failed) =>
      this.calls.call(
        { client: this.name, node, timeoutUs: ATTEMPT_MS * 1000, isWrite: true },
        async (api) => api.propose(operation.payload, { deadlineMs: ATTEMPT_MS }),
        ({ index, term, result }) => {
          const r = this.resultOf(operation.op, result);
          this.checks.wrote(node, operation.id, index, term);
          this.succeed(operation, index, r, term);
        },
        failed,
      );
  }

  private query(operation: Operation, node: string): (failed: (failure: CallError) => void) => void {
    const { level } = operation;
    const token = { generation: this.options.generation, index: operation.token };
    const asked: ReadLevel = level === 'follower' ? { kind: 'follower', maxStalenessMs: 500, token } : { kind: level };
    return (failed) =>
      this.calls.call(
        { client: this.name, node, timeoutUs: ATTEMPT_MS * 1000, isWrite: false },
        async (api) => api.query(operation.payload, { level: asked, deadlineMs: ATTEMPT_MS }),
        ({ index, result }) => {
          const answer = decodeKvAnswer(result);
          const r = answer.kind === 'value' && answer.found !== null ? Buffer.from(answer.found.value).toString('latin1') : null;
          this.checks.read(node, operation, index, r);
          this.succeed(operation, index, r);
        },
        failed,
      );
  }

  private succeed(operation: Operation, index: number, r: string | boolean | null, term?: number): void {
    const { id, p, op, k, level } = operation;
    if (op !== 'get' || level !== 'stale') this.token = Math.max(this.token, index);
    const isRead = op === 'get';
    this.history.add({ t: 'ok', ts: this.cluster.world.nowUs * 1000, p, op, k, r, id, ...(term === undefined ? {} : { term }), index, ...(isRead ? { level } : {}), ...(level === 'follower' ? { token: operation.token } : {}) });
    this.cluster.world.note(this.name, 'ok', index, p, () => `${id} ${op} ${k} at index ${index}`);
    this.isBusy = false;
  }

  private failed(operation: Operation, failure: CallError): void {
    const { world } = this.cluster;
    const { id, p, op, k } = operation;
    if (failure.outcome === 'unknown' && op !== 'get') {
      this.end('info', operation, failure);
      this.process = this.newProcess();
      this.checks.unknown(id);
      return;
    }
    if (world.nowUs >= operation.deadlineUs) {
      if (op !== 'get') this.checks.failed(id);
      return this.end('fail', operation, failure);
    }
    // Provably not executed: the same operation again, at the leader it was told of, or anywhere.
    this.target = failure.leader?.id ?? null;
    world.note(this.name, 'retry', p, 0, () => `${id} ${op} ${k}: ${failure.rule}`);
    world.after(this.prng.between(5_000, 60_000), null, () => this.attempt(operation, this.pickTarget()));
  }

  private end(t: 'fail' | 'info', { id, p, op, k }: Operation, failure: CallError): void {
    this.history.add({ t, ts: this.cluster.world.nowUs * 1000, p, op, k, id, err: failure.rule });
    this.cluster.world.note(this.name, t, p, 0, () => `${id} ${op} ${k}: ${failure.rule}`);
    this.isBusy = false;
  }

  private pickTarget(): string {
    const known = this.target;
    if (known !== null && this.cluster.hosts.has(known) && this.prng.chance(0.8)) return known;
    this.target = null;
    return this.prng.pick(this.cluster.memberIds());
  }

  private resultOf(op: HistoryOp, bytesOf: Uint8Array): string | boolean | null {
    const result = decodeKvResult(bytesOf);
    if (op === 'cas') return result.status === 'ok';
    if (op === 'delete') return result.status === 'ok' && result.existed;
    return null;
  }
}
