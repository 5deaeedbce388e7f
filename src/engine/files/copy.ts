import crypto from 'node:crypto';
import { syncPath } from './durable.ts';
import { type FileFacts, type FileOps, REAL_FILES } from './file-ops.ts';

const CHUNK_BYTES = 1 << 20;
const HOLE_BYTES = 4096;
const ZEROS = Buffer.alloc(HOLE_BYTES);

/**
 * A true copy: writing to one never changes the other. Blocks are shared where the file system can; elsewhere runs of zeros become
 * holes, so that a preallocated segment of 64 MiB takes only what is written in it. Owner, mode and time of change are kept, the
 * owner as far as this user may. The copy is synced, its name is not.
 * @returns SHA-256 of what was copied, and its length; both null where blocks were shared and nothing was read.
 */
export async function copyFile(from: string, to: string, ops: FileOps = REAL_FILES): Promise<{ sha256: string | null; bytes: number | null }> {
  const facts = ops.facts(from);
  if (ops.clone(from, to)) {
    keepFacts(to, facts, ops);
    syncPath(ops, to);
    return { sha256: null, bytes: null };
  }
  const hash = crypto.createHash('sha256');
  const source = ops.open(from, 'read');
  let bytes = 0;
  try {
    const target = ops.open(to, 'create', 0o600);
    try {
      const buffer = Buffer.allocUnsafe(CHUNK_BYTES);
      for (;;) {
        const chunk = buffer.subarray(0, ops.read(source, buffer, bytes));
        hash.update(chunk);
        writeSparse(ops, target, chunk, bytes);
        bytes += chunk.length;
        if (chunk.length < buffer.length) break;
        await new Promise((resolve) => setImmediate(resolve));
      }
      ops.truncate(target, bytes);
    } finally {
      ops.close(target);
    }
  } finally {
    ops.close(source);
  }
  keepFacts(to, facts, ops);
  syncPath(ops, to);
  return { sha256: hash.digest('hex'), bytes };
}

/** Gives a file or directory the mode, owner and time of change of another. */
export function keepFacts(file: string, facts: Pick<FileFacts, 'mode' | 'uid' | 'gid' | 'mtimeNs'> | null, ops: FileOps = REAL_FILES): void {
  if (facts === null) return;
  keepOwner(file, facts, ops);
  const now = ops.facts(file);
  if (now !== null && now.mtimeNs !== facts.mtimeNs) ops.setModified(file, facts.mtimeNs);
}

/** The same without the time. The owner comes first: changing it clears bits of the mode. */
export function keepOwner(file: string, facts: Pick<FileFacts, 'mode' | 'uid' | 'gid'>, ops: FileOps = REAL_FILES): void {
  const now = ops.facts(file);
  if (now === null) return;
  if (now.uid !== facts.uid || now.gid !== facts.gid) {
    try {
      ops.setOwner(file, facts.uid, facts.gid);
    } catch (error) {
      // Only root can give files away; who is not owns what he makes, as with cp.
      if ((error as NodeJS.ErrnoException).code !== 'EPERM') throw error;
    }
  }
  if (ops.facts(file)?.mode !== facts.mode) ops.setMode(file, facts.mode);
}

/** Writes a chunk that begins at a multiple of 4 KiB, and leaves out pieces that hold only zeros. */
function writeSparse(ops: FileOps, fd: number, chunk: Buffer, position: number): void {
  let from = -1;
  const flush = (to: number): void => {
    if (from >= 0) ops.write(fd, chunk.subarray(from, to), position + from);
    from = -1;
  };
  for (let at = 0; at < chunk.length; at += HOLE_BYTES) {
    const piece = chunk.subarray(at, at + HOLE_BYTES);
    if (piece.equals(piece.length === HOLE_BYTES ? ZEROS : ZEROS.subarray(0, piece.length))) flush(at);
    else if (from < 0) from = at;
  }
  flush(chunk.length);
}
