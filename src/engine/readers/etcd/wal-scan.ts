import { UnreadableError } from '../../errors.ts';
import { crc32c } from '../../native/crc32c.ts';
import { FileSource } from '../file-source.ts';
import { MAX_RECORD_BYTES, RECORD, SERVER_MAX_RECORD_BYTES, WalFrameReader, type FrameStatus } from './wal-frame.ts';
import { continuesAt, findResumption, type Resumption } from './wal-resync.ts';
import type { WalSegment } from './wal-segments.ts';

/**
 * A place where the log cannot be read on. `torn`: an unfinished write at the very end, harmless; `bad-record`: bytes inside are
 * wrong; `missing-segment`: a file is missing before this segment; `broken-chain`: records are missing at the end of the segment
 * before; `unreadable`: the file cannot be read.
 */
export interface WalDamage {
  kind: 'torn' | 'bad-record' | 'missing-segment' | 'broken-chain' | 'unreadable';
  segment: WalSegment;
  byteOffset: number;
  reason: string;
  /** In the newest segment the log ends before it; in an older one the log starts again behind it. */
  inNewest: boolean;
  /** What the record called itself, where its header can still be read. */
  recordType: number;
  /** What etcd makes of it: `cuts` the log off here, `refuses` to start; null where that depends on its patch release. */
  server: 'cuts' | 'refuses' | null;
}

/** One step of a walk over the WAL: a record whose checksum holds, or damage. The same object every time, valid until the next step. */
export interface WalEvent {
  damage: WalDamage | null;
  frame: WalFrameReader;
  segment: WalSegment;
  inNewest: boolean;
}

/** How far each segment was read: offsets by ordinal, so that a second walk sees the same log though a server goes on writing. */
export type WalEnds = number[];

export interface WalScanOptions {
  ends?: WalEnds | undefined;
  onBytes?: ((bytes: number) => void) | undefined;
  /** Called with each file as it is opened. */
  onOpen?: ((source: FileSource) => void) | undefined;
  /** Called with the offset behind the last frame of a segment. */
  onEnd?: ((segment: WalSegment, offset: number) => void) | undefined;
  /** Segments before this ordinal are left out. */
  fromOrdinal?: number | undefined;
}

const PROGRESS_RECORDS = 0x3fff;
/**
 * Records besides its checksum record that a segment has before it gets its name: metadata, then the hard state, or in the first
 * segment a snapshot record. Both are synced before the rename (cut and Create, wal.go, the same in 3.3 to 3.6), so a crash takes
 * neither. Only a cut right after a start, before the hard state changes, leaves the state out: an entry follows it at once.
 */
const NAMED_RECORDS = 2;
/** Past this many damaged places the rest of a segment counts as one. */
const MAX_DAMAGES = 1000;
/** A frame that changes while it is looked at is being written; it is read again this often before it is judged. */
const MAX_REREADS = 16;

/** Running checksum; `known` is false where reading begins or goes on without a predecessor. */
interface Chain {
  crc: number;
  known: boolean;
}

/**
 * Walks the records of all segments in order, checks the checksum chain, and goes on behind damage where the chain can be taken
 * up again. Checksum records are not reported.
 * @see etcd v3.6.14, server/storage/wal/wal.go (ReadAll), decoder.go (decodeRecord, isTornEntry)
 */
export function* walkWal(segments: readonly WalSegment[], options: WalScanOptions = {}): Generator<WalEvent, void, undefined> {
  const chain: Chain = { crc: 0, known: false };
  let previous: WalSegment | undefined;
  for (const segment of segments.slice(options.fromOrdinal ?? 0)) {
    const inNewest = segment.ordinal === segments.length - 1;
    if (previous && segment.seq !== previous.seq + 1) {
      yield damageEvent({ kind: 'missing-segment', segment, byteOffset: 0, reason: missingReason(previous, segment), inNewest: false, recordType: 0, server: 'refuses' });
      chain.known = false;
    }
    previous = segment;
    if (!chain.known) chain.crc = 0;
    try {
      using source = FileSource.open(segment.path, segment.name);
      options.onOpen?.(source);
      const scan = new SegmentScan(source, segment, inNewest, chain, options.ends?.[segment.ordinal] ?? source.size, options.onBytes);
      for (let event = scan.next(); event; event = scan.next()) yield event;
      options.onEnd?.(segment, scan.endsInDamage ? source.size : scan.offset);
    } catch (error) {
      if (!(error instanceof UnreadableError)) throw error;
      chain.known = false;
      yield damageEvent({ kind: 'unreadable', segment, byteOffset: 0, reason: error.problem, inNewest, recordType: 0, server: 'refuses' });
    }
  }
}

const NO_FRAME = null as unknown as WalFrameReader;

function damageEvent(damage: WalDamage): WalEvent {
  return { damage, frame: NO_FRAME, segment: damage.segment, inNewest: damage.inNewest };
}

function missingReason(previous: WalSegment, segment: WalSegment): string {
  const missing = segment.seq - previous.seq - 1;
  return missing === 1 ? `segment ${previous.seq + 1} is missing` : `${missing} segments are missing from ${previous.seq + 1} on`;
}

/** One segment's walk. */
class SegmentScan {
  /** Start of the next frame. */
  offset = 0;
  /** The records cannot be read to their end: what lies behind `offset` is damage, not the tail of the file. */
  endsInDamage = false;
  private damages = 0;
  private rereads = { offset: -1, left: 0 };
  private records = 0;
  /** Whole records besides checksum records. */
  private content = 0;
  private reported = 0;
  private done = false;
  private pending: WalDamage | null = null;
  private readonly frame: WalFrameReader;
  private readonly event: WalEvent;

  constructor(
    private readonly source: FileSource,
    private readonly segment: WalSegment,
    private readonly inNewest: boolean,
    private readonly chain: Chain,
    limit: number,
    private readonly onBytes: ((bytes: number) => void) | undefined,
  ) {
    this.frame = new WalFrameReader(source, limit);
    this.event = { damage: null, frame: this.frame, segment, inNewest };
  }

  next(): WalEvent | null {
    const { frame, event } = this;
    while (!this.done) {
      const status = frame.at(this.offset);
      const problem = status === 'record' ? this.accept(frame) : undefined;
      if (status === 'record' && problem === undefined) {
        this.offset = frame.nextOffset;
        if ((++this.records & PROGRESS_RECORDS) === 0) this.progress(this.offset);
        if (frame.type !== RECORD.crc) {
          this.content++;
          event.damage = null;
          return event;
        }
      } else {
        const judged = status === 'end' ? this.behindEnd(frame) : this.behindDamage(frame, status, problem);
        if (judged !== 'changed') this.goOn(judged);
      }
      if (this.pending) {
        event.damage = this.pending;
        this.pending = null;
        return event;
      }
    }
    return null;
  }

  private goOn(resumption: Resumption | null): void {
    if (resumption) {
      this.chain.crc = resumption.crc;
      this.chain.known = true;
      this.offset = resumption.offset;
    } else {
      this.done = true;
      this.progress(this.source.size);
    }
  }

  private progress(offset: number): void {
    this.onBytes?.(offset - this.reported);
    this.reported = offset;
  }

  /** Takes a record into the chain; returns what is wrong with its checksum. */
  private accept(frame: WalFrameReader): string | undefined {
    const { chain } = this;
    if (frame.type === RECORD.crc) {
      // The chain's seed. Adopted where reading begins (decoder.go), compared everywhere else.
      const isBroken = chain.known && chain.crc !== 0 && chain.crc !== frame.storedCrc;
      if (isBroken && frame.offset !== 0) return 'checksum record does not continue the records before it';
      if (isBroken) this.report('broken-chain', 0, 'the checksum does not continue the segment before it: records are missing at its end', frame.type, 'refuses', false);
      chain.crc = frame.storedCrc;
      chain.known = true;
      return undefined;
    }
    const crc = crc32c(frame.data, chain.crc);
    if (crc !== frame.storedCrc) return 'checksum wrong';
    chain.crc = crc;
    return undefined;
  }

  /** A zero length field ends the log, unless whole records follow: then a part of the file was zeroed. */
  private behindEnd(frame: WalFrameReader): Resumption | 'changed' | null {
    const { offset } = frame;
    if ((offset >= frame.size && !this.isHollow) || this.damages >= MAX_DAMAGES) return null;
    const resumption = findResumption(this.source, offset + 8, frame.size);
    if (this.isBeingWritten(frame)) return 'changed';
    if (resumption) this.report('bad-record', offset, 'zeros where a record should be, and whole records behind them', 0, this.inNewest ? 'cuts' : 'refuses');
    else if (this.isHollow) {
      this.report('bad-record', offset, `${offset >= frame.size ? 'the file ends' : 'zeros begin'} ${HOLLOW}`, 0, 'cuts');
      this.endsInDamage = true;
    }
    return resumption;
  }

  /** The newest segment lacks what it had when it got its name: it lost its content, which no unfinished write explains. */
  private get isHollow(): boolean {
    return this.inNewest && this.content < NAMED_RECORDS;
  }

  /**
   * A server appends: what was found behind the frame was written after it, so the frame is compared with the file last of all, when
   * everything behind it has been looked at.
   */
  private isBeingWritten(frame: WalFrameReader): boolean {
    if (this.rereads.offset !== frame.offset) this.rereads = { offset: frame.offset, left: MAX_REREADS };
    return this.rereads.left-- > 0 && frame.hasChanged();
  }

  private behindDamage(frame: WalFrameReader, status: FrameStatus, problem: string | undefined): Resumption | 'changed' | null {
    const { offset, size, nextOffset, storedCrc } = frame;
    const recordType = status === 'record' ? frame.type : 0;
    const hasZeroSector = (status === 'record' || status === 'malformed') && frame.hasZeroSector();
    let resumption: Resumption | null = null;
    if (this.damages < MAX_DAMAGES) {
      if (status === 'record' && continuesAt(this.source, nextOffset, storedCrc, size)) resumption = { offset: nextOffset, crc: storedCrc };
      else resumption = findResumption(this.source, offset + 8, size);
    }
    if (this.isBeingWritten(frame)) return 'changed';
    const unfinished = status === 'short' || status === 'beyond' || hasZeroSector;
    const hollow = unfinished && !resumption && this.isHollow;
    const kind = this.inNewest && !resumption && unfinished && !hollow ? 'torn' : 'bad-record';
    this.report(kind, offset, hollow ? `the file breaks off ${HOLLOW}` : (problem ?? reasonFor(status)), recordType, this.serverOn(frame, status, hasZeroSector));
    if (!resumption) this.chain.known = false;
    this.endsInDamage = !resumption && kind !== 'torn';
    return resumption;
  }

  /**
   * A body beyond the file counts as an unfinished write, save in 3.5.5 and 3.5.6; before 3.5.5 only up to a sane size.
   * @see etcd v3.6.14, server/storage/wal/decoder.go
   */
  private serverOn(frame: WalFrameReader, status: FrameStatus, hasZeroSector: boolean): WalDamage['server'] {
    if (!this.inNewest) return 'refuses';
    if (status === 'short' || hasZeroSector) return 'cuts';
    if (status === 'beyond' && frame.claimedBytes < SERVER_MAX_RECORD_BYTES) return 'cuts';
    return status === 'beyond' || frame.nextOffset === frame.offset ? null : 'refuses';
  }

  private report(kind: WalDamage['kind'], byteOffset: number, reason: string, recordType: number, server: WalDamage['server'], inNewest = this.inNewest): void {
    this.damages++;
    this.pending = { kind, segment: this.segment, byteOffset, reason, inNewest, recordType, server };
  }
}

/** Completes "the file ends" and the like. */
const HOLLOW = 'within the first records, which etcd syncs before it gives a segment its name: what the segment held is lost';

function reasonFor(status: FrameStatus): string {
  if (status === 'short') return 'the file ends inside a length field';
  if (status === 'beyond') return `the record is longer than the rest of the file (or than ${MAX_RECORD_BYTES >> 20} MiB)`;
  return 'not a record of the write-ahead log';
}
