import { encodeConfiguration, type Configuration } from '../../../src/engine/core/configuration.ts';
import type { Entry, HardState } from '../../../src/engine/core/entry.ts';
import type { Input } from '../../../src/engine/core/input.ts';
import type { Log } from '../../../src/engine/core/log.ts';
import type { Message } from '../../../src/engine/core/message.ts';
import type { Ready, Write } from '../../../src/engine/core/ready.ts';
import { FAST } from '../../../src/engine/core/settings.ts';
import type { RaftState } from '../../../src/engine/core/state.ts';
import { startRaft } from '../../../src/engine/core/step.ts';
import { encodeBatch } from '../../../src/engine/native/batch-record.ts';
import { EMPTY_CHAIN } from '../../../src/engine/native/chain-hash.ts';
import { encodeKvCommand } from '../../../src/engine/native/kv-command.ts';
import { indexKey, META_DATABASE, META_KEY, segmentName } from '../../../src/engine/native/layout.ts';
import { encodeSnapshotNames } from '../../../src/engine/native/named-records.ts';
import { encodeHardState, encodePosition } from '../../../src/engine/native/position-records.ts';
import type { KvOperation } from '../../../src/engine/ports/kv-store.ts';
import type { NamedSnapshot } from '../../../src/engine/ports/storage.ts';
import type { PeerBody } from '../../../src/engine/ports/transport.ts';
import { CheckBoard } from '../../../src/engine/sim/check-board.ts';
import { ClientChecks } from '../../../src/engine/sim/checkers/client-checks.ts';
import { Counters } from '../../../src/engine/sim/counters.ts';
import { Faults } from '../../../src/engine/sim/faults.ts';
import { GroundTruth, type MemberTruth } from '../../../src/engine/sim/ground-truth.ts';
import { Prng } from '../../../src/engine/sim/prng.ts';
import { ReferenceModel } from '../../../src/engine/sim/reference-model.ts';
import { Trace } from '../../../src/engine/sim/trace.ts';
import { World } from '../../../src/engine/sim/world.ts';

export const NO_READY: Ready = { write: null, messages: [], appends: [], messagesAfterWrite: [], proposals: [], reads: [], changes: [], transfers: [], snapshotsTo: [], restore: null, dropReceived: false, configuration: null };
export const TICK: Input = { kind: 'tick', ticks: 1 };

export function configurationOf(voters: readonly string[], learners: readonly string[] = []): Configuration {
  const member = (role: 'voter' | 'learner') => (id: string) => ({ id, name: id, address: `${id}:1`, role });
  return { members: [...voters.map(member('voter')), ...learners.map(member('learner'))], tombstones: [], changes: [] };
}

export function noop(index: number, term: number): Entry {
  return { index, term, kind: 'noop', wallClockMs: 7, payload: new Uint8Array(0) };
}

export function put(index: number, term: number, value: string): Entry {
  const [key, bytes] = [Uint8Array.from(Buffer.from('k')), Uint8Array.from(Buffer.from(value))];
  return { index, term, kind: 'command', wallClockMs: 7, payload: encodeKvCommand({ op: 'put', key, value: bytes }) };
}

export function change(index: number, term: number, configuration: Configuration): Entry {
  return { index, term, kind: 'confChange', wallClockMs: 7, payload: encodeConfiguration(configuration) };
}

export function writeOf(part: Partial<Write>): Write {
  return { number: 1, hardState: null, truncateFrom: null, entries: [], install: null, ...part };
}

/** All checkers over three voters n1, n2, n3 and a learner l1, with entry 1 everywhere, fed with steps made by hand. */
export class CheckBench {
  readonly world: World;
  readonly truth: GroundTruth;
  readonly model = new ReferenceModel();
  readonly board: CheckBoard;
  readonly clients: ClientChecks;
  snapshotSize: number | null = 100;

  constructor() {
    const [prng, counters] = [Prng.fromSeed('1'), new Counters()];
    this.world = new World(prng, new Faults(prng, new Set(), null, counters), counters, new Trace(0));
    this.truth = new GroundTruth(this.world);
    this.board = new CheckBoard(this.truth, this.model, () => this.snapshotSize);
    this.clients = new ClientChecks(this.truth, this.model, counters);
    const configuration = configurationOf(['n1', 'n2', 'n3'], ['l1']);
    this.truth.begin(configuration);
    for (const id of ['n1', 'n2', 'n3', 'l1']) {
      this.store(id, { entries: [{ ...change(1, 1, configuration), wallClockMs: 0 }], hardState: { term: 1, vote: '', commit: 1 } });
      this.board.booted(this.truth.member(id));
    }
  }

  get rules(): string[] {
    return [...new Set(this.world.violations.map((one) => one.rule))];
  }

  member(id: string): MemberTruth {
    return this.truth.member(id);
  }

  /** Bytes reach the disk of a member. */
  store(id: string, part: { entries?: readonly Entry[]; hardState?: HardState; base?: { index: number; term: number }; snapshots?: readonly NamedSnapshot[] }): void {
    const operations: KvOperation[] = [];
    const [first] = part.entries ?? [];
    if (first !== undefined) operations.push({ kind: 'put', database: segmentName(1), key: indexKey(first.index), value: encodeBatch(part.entries ?? [], EMPTY_CHAIN).record });
    if (part.hardState !== undefined) operations.push({ kind: 'put', database: META_DATABASE, key: META_KEY.hardState, value: encodeHardState(part.hardState) });
    if (part.snapshots !== undefined) operations.push({ kind: 'put', database: META_DATABASE, key: META_KEY.snapshots, value: encodeSnapshotNames(part.snapshots) });
    if (part.base !== undefined) operations.push({ kind: 'put', database: META_DATABASE, key: META_KEY.base, value: encodePosition('base', { ...part.base, chainHash: EMPTY_CHAIN }) });
    this.board.stored(this.truth.member(id), operations);
  }

  /** A state that fits the member's log as the checkers have it, but for what is said here. */
  state(id: string, part: Partial<RaftState> = {}): RaftState {
    const { view } = this.truth.member(id);
    const outline = { base: { index: 0, term: 0 }, termRuns: [], sizes: [] };
    const start = startRaft({ id, settings: FAST, seed: 1, incarnation: 1, hardState: { term: 1, vote: '', commit: 0 }, log: outline, snapshot: { index: 0, term: 0 }, configurations: [], lastApplied: 0 });
    const log: Log = { ...start.log, last: view.last, runs: [{ term: view.term(view.last) ?? 0, first: 1 }] };
    return { ...start, log, commit: 1, lastApplied: 1, configurations: [...view.configurations], ...part };
  }

  /** One step. `before` and `after` are what differs from a fitting state; the write is followed before `after` is made. */
  step(id: string, before: Partial<RaftState>, after: Partial<RaftState>, ready: Partial<Ready> = {}, input: Input = TICK): void {
    const member = this.truth.member(id);
    const stateBefore = this.state(id, before);
    // The state after a step tells of a log that already follows the write: found out on a copy.
    const { view } = member;
    const copy = view.clone();
    if (ready.write != null) {
      if (ready.write.truncateFrom !== null) copy.truncate(ready.write.truncateFrom);
      for (const entry of ready.write.entries) copy.append(entry);
    }
    member.view = copy;
    const stateAfter = this.state(id, after);
    member.view = view;
    this.board.stepped(member, stateBefore, input, stateAfter, { ...NO_READY, ...ready });
  }

  /** The usual: n1 leads term 2 by the votes of n1 and n2. */
  elect(id = 'n1', term = 2, voters: readonly string[] = ['n1', 'n2']): void {
    for (const voter of voters) this.store(voter, { hardState: { term, vote: id, commit: 1 } });
    for (const voter of voters) if (voter !== id) this.send({ kind: 'vote-reply', from: voter, to: id, term, phase: 'vote', campaign: 1, isGranted: true });
    this.step(id, { role: 'candidate', term }, { role: 'leader', term });
  }

  /** The leader appends, and the members named have it on their disks. */
  append(id: string, entries: readonly Entry[], holders: readonly string[]): void {
    const term = entries[0]?.term ?? 0;
    this.step(id, { role: 'leader', term }, { role: 'leader', term }, { write: writeOf({ entries }) });
    for (const holder of holders) {
      if (holder !== id) this.step(holder, { term }, { term }, { write: writeOf({ entries }) });
      this.store(holder, { entries, hardState: { ...this.truth.member(holder).disk.hardState, term } });
    }
  }

  send(body: PeerBody): void {
    this.board.sent(this.truth.member(body.from), { clusterId: 'sim', generation: 1, from: body.from, to: body.to, version: 1, maxFeatureLevel: 1, body });
  }

  receive(id: string, message: Message, before: Partial<RaftState>, after: Partial<RaftState>, ready: Partial<Ready> = {}): void {
    this.step(id, before, after, ready, { kind: 'message', message });
  }
}
