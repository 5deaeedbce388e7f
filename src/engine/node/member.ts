import path from 'node:path';
import { GrpcTransport } from '../adapters/grpc-transport.ts';
import { NodeDisk } from '../adapters/node-disk.ts';
import { systemClock, systemRng } from '../adapters/system-clock.ts';
import { RefusedError } from '../errors.ts';
import { KvMachine } from '../machines/kv/kv-machine.ts';
import { RAFT_DIRECTORY, STATE_DIRECTORY } from '../native/layout.ts';
import type { NodeStatus } from '../ports/node-api.ts';
import { RaftNode } from '../runtime/node.ts';
import { LogStorage } from '../storage/log-storage.ts';
import { SnapshotFileStore } from '../storage/snapshot-files.ts';
import { toStorageFailure } from '../storage/storage-failure.ts';
import { keepBallast } from './ballast.ts';
import { ConfigError } from './config-error.ts';
import type { NodeConfig } from './config.ts';
import { DataLock } from '../adapters/data-lock.ts';
import type { Decorators } from './decorators.ts';
import { checkFence, checkIdentity, checkInitialised, checkSnapshots, openEnvironment } from './environment.ts';
import type { Log } from './line-log.ts';
import { MemberLog } from './member-log.ts';
import { readOwnCertificate } from './own-certificate.ts';

/** What a disk that is full, broken or mounted read-only says to the first write. */
const DISK_CODES = new Set(['ENOSPC', 'EDQUOT', 'EIO', 'EROFS']);
const MAX_FEATURE_LEVEL = 1;
const TRANSFER_DEADLINE_MS = 2000;

/** What a member needs from the process it lives in. */
export interface MemberSurroundings {
  readonly version: string;
  readonly log: Log;
  readonly decorators: Decorators;
  /** Where a peer is really dialled; only a practice cluster says. */
  readonly dial?: (id: string, address: string) => string;
  /** Ends the process at once: what the disk holds is unknown, and nothing more may be sent. */
  readonly fatal: (error: Error) => void;
}

/** A running member: all its parts, opened in order and closed in reverse. */
export class Member {
  private constructor(
    readonly config: NodeConfig,
    private readonly node: RaftNode,
    private readonly log: Log,
    private readonly closers: (() => Promise<void> | void)[],
  ) {}

  /**
   * Opens the data directory, reads and verifies everything, and begins to serve.
   * @throws {RefusedError} `not-initialised`, `fenced`, `directory-in-use`, `member-mismatch`, `address-in-use`.
   * @throws {StorageDamagedError} When the data cannot be true.
   */
  static async start(config: NodeConfig, around: MemberSurroundings): Promise<Member> {
    checkInitialised(config);
    checkFence(config.dataDir);
    const closers: (() => Promise<void> | void)[] = [];
    try {
      const lock = DataLock.take(config.dataDir);
      closers.push(() => lock.release());
      const node = await openNode(config, around, closers);
      return new Member(config, node, around.log, closers);
    } catch (error) {
      await close(closers);
      throw toStartError(error, config);
    }
  }

  status(): NodeStatus {
    return this.node.status();
  }

  /** Leaves in good order: leadership first, so that nobody waits for an election; then everything is closed. */
  async drain(): Promise<void> {
    const { role, members, memberId } = this.node.status();
    if (role === 'leader' && members.some((one) => one.role === 'voter' && one.id !== memberId)) {
      try {
        const { leader } = await this.node.transfer(null, { deadlineMs: TRANSFER_DEADLINE_MS });
        this.log.write('info', 'leadership handed over', { leader });
      } catch (error) {
        this.log.write('warn', 'leadership could not be handed over; the others will elect', { reason: (error as Error).message });
      }
    }
    await close(this.closers);
  }
}

async function openNode(config: NodeConfig, around: MemberSurroundings, closers: (() => Promise<void> | void)[]): Promise<RaftNode> {
  const { dataDir } = config;
  const { decorators, log } = around;
  const raft = await openEnvironment(path.join(dataDir, RAFT_DIRECTORY));
  closers.push(() => raft.close());
  const identity = checkIdentity(raft, config);
  if (keepBallast(dataDir, config.ballastBytes) === 'no-room') log.write('warn', 'the disk has no room for the ballast: free space soon', { bytes: config.ballastBytes });
  const state = await openEnvironment(path.join(dataDir, STATE_DIRECTORY));
  closers.push(() => state.close());
  const observer = new MemberLog(log);
  const { host, port } = splitAddress(config.listen);
  const transport = new GrpcTransport({
    clusterId: identity.clusterId,
    generation: identity.generation,
    memberId: identity.memberId,
    maxFeatureLevel: MAX_FEATURE_LEVEL,
    host,
    port,
    advertise: config.advertise,
    ...(config.tls === null ? { insecureLoopback: true } : { tls: readOwnCertificate(config, config.tls, log) }),
    ...(around.dial === undefined ? {} : { dial: around.dial }),
    observer: { refused: (rule, from) => observer.refused(rule, from) },
  });
  const snapshots = new SnapshotFileStore(decorators.disk(new NodeDisk(dataDir)));
  await checkSnapshots(raft, snapshots);
  const ports = {
    clock: decorators.clock(systemClock),
    rng: systemRng,
    proc: { fatal: around.fatal },
    storage: new LogStorage(decorators.kvStore(raft, 'raft')),
    snapshots,
    machine: new KvMachine(decorators.kvStore(state, 'state')),
    transport: decorators.transport(transport),
  };
  const options = {
    settings: config.settings,
    version: around.version,
    maxFeatureLevel: MAX_FEATURE_LEVEL,
    snapshotEntries: config.snapshot.entries,
    snapshotBytes: config.snapshot.bytes,
    compactionMargin: config.limits.compactionMargin,
    maxCommandBytes: config.limits.maxCommandBytes,
  };
  const node = await RaftNode.start(ports, options, observer);
  closers.push(() => node.stop());
  transport.serve(node);
  return node;
}

/** In reverse order of opening; one that fails does not keep the others open. */
async function close(closers: (() => Promise<void> | void)[]): Promise<void> {
  for (const one of closers.splice(0).reverse()) {
    try {
      await one();
    } catch {
      // It is being closed because something failed already, and that is what gets told.
    }
  }
}

export function splitAddress(address: string): { host: string; port: number } {
  const at = address.lastIndexOf(':');
  return { host: address.slice(0, at).replace(/^\[|\]$/g, ''), port: Number(address.slice(at + 1)) };
}

function toStartError(error: unknown, config: NodeConfig): unknown {
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === 'EADDRINUSE') return new RefusedError('address-in-use', `another process listens on ${config.listen}`, 'Stop it, or give this member another address: listen in its configuration', { cause: error as Error });
  if (code === 'EADDRNOTAVAIL' || code === 'EACCES') return new ConfigError(config.file, 'listen', `${config.listen} cannot be listened on (${code})`, 'Name an address of this machine and a port this user may use', { cause: error });
  if (typeof code === 'string' && code.startsWith('ERR_OSSL')) return new ConfigError(config.file, 'tls', `the certificate or its key cannot be used: ${message}`, 'Check that cert and key belong together and are PEM', { cause: error });
  if (typeof code === 'string' && DISK_CODES.has(code)) return toStorageFailure(error, `starting on ${config.dataDir}`);
  return error;
}
