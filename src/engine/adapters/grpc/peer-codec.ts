import type { Entry } from '../../core/entry.ts';
import type { AppendReply, AppendRequest, VoteRequest } from '../../core/message.ts';
import type { EntryKind } from '../../core/types.ts';
import type { Envelope, Lane, PeerBody, SnapshotAck } from '../../ports/transport.ts';
import * as wire from '../generated/raft_inspector/v1/peer.ts';
import { toBuffer, toPlain } from './bytes.ts';
import { LIMITS } from './limits.ts';

/** What arrived is no message of this protocol, or lies outside its bounds. Ends the stream it came on, nothing else. */
export class MalformedFrameError extends Error {
  constructor(problem: string, options?: ErrorOptions) {
    super(problem, options);
    this.name = 'MalformedFrameError';
  }
}

export type FrameHead = Omit<Envelope, 'body'>;

/** A frame as it arrived: the head all messages share, the lane, and the messages. */
export interface Frame {
  readonly head: FrameHead;
  readonly lane: Lane;
  readonly address: string;
  readonly bodies: readonly PeerBody[];
}

const LANES: Readonly<Record<Lane, wire.Lane>> = { control: wire.Lane.LANE_CONTROL, append: wire.Lane.LANE_APPEND, snapshot: wire.Lane.LANE_SNAPSHOT };
const KINDS: Readonly<Record<EntryKind, wire.EntryKind>> = { command: wire.EntryKind.ENTRY_KIND_COMMAND, noop: wire.EntryKind.ENTRY_KIND_NOOP, confChange: wire.EntryKind.ENTRY_KIND_CONF_CHANGE };
const PHASES: Readonly<Record<VoteRequest['phase'], wire.VotePhase>> = { 'pre-vote': wire.VotePhase.VOTE_PHASE_PRE_VOTE, vote: wire.VotePhase.VOTE_PHASE_VOTE };
const STATUSES: Readonly<Record<SnapshotAck['status'], wire.SnapshotStatus>> = {
  'go-on': wire.SnapshotStatus.SNAPSHOT_STATUS_GO_ON,
  done: wire.SnapshotStatus.SNAPSHOT_STATUS_DONE,
  refused: wire.SnapshotStatus.SNAPSHOT_STATUS_REFUSED,
};

export function encodeFrame(frame: Frame): Buffer {
  const { head } = frame;
  return toBuffer(
    wire.DeliverRequest.encode({
      clusterId: head.clusterId,
      generation: head.generation,
      from: head.from,
      to: head.to,
      version: head.version,
      maxFeatureLevel: head.maxFeatureLevel,
      lane: LANES[frame.lane],
      address: frame.address,
      messages: frame.bodies.map(encodeBody),
    }).finish(),
  );
}

/** @throws {MalformedFrameError} */
export function decodeFrame(bytes: Uint8Array): Frame {
  const frame = readFrame(bytes);
  const head: FrameHead = {
    clusterId: name(frame.clusterId, 'cluster id'),
    generation: frame.generation,
    from: name(frame.from, 'sender'),
    to: name(frame.to, 'addressee'),
    version: frame.version,
    maxFeatureLevel: frame.maxFeatureLevel,
  };
  if (frame.messages.length > LIMITS.messagesPerFrame) throw new MalformedFrameError(`${frame.messages.length} messages in a frame, at most ${LIMITS.messagesPerFrame}`);
  if (frame.address.length > LIMITS.nameLength) throw new MalformedFrameError('the address of the sender is too long');
  return { head, lane: keyOf(LANES, frame.lane, 'lane'), address: frame.address, bodies: frame.messages.map((one) => decodeBody(one, head)) };
}

/** Rough size of an encoded body, for queues; never too small by more than a few bytes a number. */
export function sizeOf(body: PeerBody): number {
  if (body.kind === 'append') return body.entries.reduce((sum, entry) => sum + entry.payload.length + 40, 64);
  if (body.kind === 'snapshot-chunk') return body.bytes.length + (body.manifest?.length ?? 0) + 128;
  return 64;
}

function readFrame(bytes: Uint8Array): wire.DeliverRequest {
  try {
    return wire.DeliverRequest.decode(toPlain(bytes));
  } catch (error) {
    throw new MalformedFrameError('not a frame of this protocol', { cause: error });
  }
}

function encodeBody(body: PeerBody): wire.PeerMessage {
  return { term: body.term, body: variantOf(body) };
}

function variantOf(body: PeerBody): NonNullable<wire.PeerMessage['body']> {
  switch (body.kind) {
    case 'vote':
      return { $case: 'vote', value: { phase: PHASES[body.phase], campaign: body.campaign, lastEntry: body.lastEntry, isTransfer: body.isTransfer } };
    case 'vote-reply':
      return { $case: 'voteReply', value: { phase: PHASES[body.phase], campaign: body.campaign, isGranted: body.isGranted } };
    case 'append':
      return { $case: 'append', value: { number: body.number, prev: body.prev, entries: body.entries.map(encodeEntry), commit: body.commit } };
    case 'append-reply':
      return { $case: 'appendReply', value: { number: body.number, incarnation: body.incarnation, result: encodeResult(body.result) } };
    case 'heartbeat':
      return { $case: 'heartbeat', value: { commit: body.commit, round: body.round } };
    case 'heartbeat-reply':
      return { $case: 'heartbeatReply', value: { round: body.round, incarnation: body.incarnation, durableIndex: body.durableIndex } };
    case 'read-index':
      return { $case: 'readIndex', value: { id: body.id } };
    case 'read-index-reply':
      return { $case: 'readIndexReply', value: { id: body.id, index: body.index ?? undefined } };
    case 'timeout-now':
      return { $case: 'timeoutNow', value: {} };
    case 'snapshot-reply':
      return { $case: 'snapshotReply', value: { index: body.index, incarnation: body.incarnation } };
    case 'removed':
      return { $case: 'removed', value: { configurationIndex: body.configurationIndex } };
    case 'snapshot-chunk':
      return {
        $case: 'snapshotChunk',
        value: { snapshotId: body.snapshotId, manifest: body.manifest ?? undefined, offset: body.offset, content: body.bytes, crc32c: body.crc32c, isLast: body.isLast },
      };
    case 'snapshot-ack':
      return { $case: 'snapshotAck', value: { snapshotId: body.snapshotId, offset: body.offset, status: STATUSES[body.status] } };
  }
}

function encodeEntry(entry: Entry): wire.Entry {
  return { index: entry.index, term: entry.term, kind: KINDS[entry.kind], wallClockMs: entry.wallClockMs, payload: entry.payload };
}

function encodeResult(result: AppendReply['result']): NonNullable<wire.AppendReply['result']> {
  if (result.kind === 'stored') return { $case: 'stored', value: { match: result.match } };
  return { $case: 'conflict', value: { conflictTerm: result.conflictTerm ?? undefined, firstIndex: result.firstIndex, lastIndex: result.lastIndex } };
}

function decodeBody(message: wire.PeerMessage, { from, to }: FrameHead): PeerBody {
  const { body } = message;
  const head = { from, to, term: message.term };
  switch (body?.$case) {
    case 'vote':
      return { ...head, kind: 'vote', phase: keyOf(PHASES, body.value.phase, 'phase'), campaign: body.value.campaign, lastEntry: position(body.value.lastEntry), isTransfer: body.value.isTransfer };
    case 'voteReply':
      return { ...head, kind: 'vote-reply', phase: keyOf(PHASES, body.value.phase, 'phase'), campaign: body.value.campaign, isGranted: body.value.isGranted };
    case 'append':
      return { ...head, kind: 'append', ...decodeAppend(body.value, message.term) };
    case 'appendReply':
      return { ...head, kind: 'append-reply', number: body.value.number, incarnation: body.value.incarnation, result: decodeResult(body.value) };
    case 'heartbeat':
      return { ...head, kind: 'heartbeat', commit: body.value.commit, round: body.value.round };
    case 'heartbeatReply':
      return { ...head, kind: 'heartbeat-reply', round: body.value.round, incarnation: body.value.incarnation, durableIndex: body.value.durableIndex };
    case 'readIndex':
      return { ...head, kind: 'read-index', id: body.value.id };
    case 'readIndexReply':
      return { ...head, kind: 'read-index-reply', id: body.value.id, index: body.value.index ?? null };
    case 'timeoutNow':
      return { ...head, kind: 'timeout-now' };
    case 'snapshotReply':
      return { ...head, kind: 'snapshot-reply', index: body.value.index, incarnation: body.value.incarnation };
    case 'removed':
      return { ...head, kind: 'removed', configurationIndex: body.value.configurationIndex };
    case 'snapshotChunk':
      return { ...head, kind: 'snapshot-chunk', ...decodeChunk(body.value) };
    case 'snapshotAck':
      return { ...head, kind: 'snapshot-ack', snapshotId: name(body.value.snapshotId, 'snapshot id'), offset: body.value.offset, status: keyOf(STATUSES, body.value.status, 'status') };
    case undefined:
      throw new MalformedFrameError('a message of a kind this version does not know');
  }
}

/** The entries must follow `prev` without a gap, in terms that never fall and never pass the sender's own. */
function decodeAppend(append: wire.AppendRequest, term: number): Pick<AppendRequest, 'number' | 'prev' | 'entries' | 'commit'> {
  if (append.entries.length > LIMITS.entriesPerAppend) throw new MalformedFrameError(`${append.entries.length} entries in an append, at most ${LIMITS.entriesPerAppend}`);
  const prev = position(append.prev);
  let last = prev;
  const entries = append.entries.map((entry): Entry => {
    if (entry.index !== last.index + 1) throw new MalformedFrameError(`entry ${entry.index} follows entry ${last.index}`);
    if (entry.term < last.term || entry.term > term) throw new MalformedFrameError(`entry ${entry.index} of term ${entry.term} follows term ${last.term} in an append of term ${term}`);
    last = { term: entry.term, index: entry.index };
    return { index: entry.index, term: entry.term, kind: keyOf(KINDS, entry.kind, 'kind of entry'), wallClockMs: entry.wallClockMs, payload: entry.payload };
  });
  return { number: append.number, prev, entries, commit: append.commit };
}

function decodeResult(reply: wire.AppendReply): AppendReply['result'] {
  switch (reply.result?.$case) {
    case 'stored':
      return { kind: 'stored', match: reply.result.value.match };
    case 'conflict':
      return { kind: 'conflict', conflictTerm: reply.result.value.conflictTerm ?? null, firstIndex: reply.result.value.firstIndex, lastIndex: reply.result.value.lastIndex };
    case undefined:
      throw new MalformedFrameError('an append reply without a result');
  }
}

function decodeChunk(chunk: wire.SnapshotChunk): Pick<Extract<PeerBody, { kind: 'snapshot-chunk' }>, 'snapshotId' | 'manifest' | 'offset' | 'bytes' | 'crc32c' | 'isLast'> {
  if (chunk.content.length > LIMITS.chunkBytes) throw new MalformedFrameError(`a snapshot chunk of ${chunk.content.length} bytes, at most ${LIMITS.chunkBytes}`);
  if ((chunk.manifest?.length ?? 0) > LIMITS.manifestBytes) throw new MalformedFrameError(`a manifest of ${chunk.manifest?.length} bytes, at most ${LIMITS.manifestBytes}`);
  return { snapshotId: name(chunk.snapshotId, 'snapshot id'), manifest: chunk.manifest ?? null, offset: chunk.offset, bytes: chunk.content, crc32c: chunk.crc32c, isLast: chunk.isLast };
}

function position(raw: wire.Position | undefined): { term: number; index: number } {
  return { term: raw?.term ?? 0, index: raw?.index ?? 0 };
}

function name(text: string, what: string): string {
  if (text.length > 0 && text.length <= LIMITS.nameLength) return text;
  throw new MalformedFrameError(`a ${what} of ${text.length} characters`);
}

function keyOf<K extends string>(table: Readonly<Record<K, number>>, value: number, what: string): K {
  for (const key of Object.keys(table) as K[]) if (table[key] === value) return key;
  throw new MalformedFrameError(`${what} ${value} is not known`);
}
