/** An open file. Positions and lengths are bytes. */
export interface DiskFile {
  /** May return fewer bytes at the end of the file. */
  read(position: number, length: number): Promise<Uint8Array>;
  /** Writes all of `bytes`; not durable before `sync`. */
  write(position: number, bytes: Uint8Array): Promise<void>;
  truncate(bytes: number): Promise<void>;
  sync(): Promise<void>;
  size(): Promise<number>;
  close(): Promise<void>;
}

/**
 * Files, below one root. Paths are relative, with `/`. A name (create, rename, remove) is durable only after `syncDirectory`.
 * Errors are those of the operating system with their `code` (`ENOENT`, `ENOSPC`, `EIO`).
 */
export interface Disk {
  /** `create` makes the file or empties it; `update` makes it when missing and keeps what it holds. */
  open(path: string, mode: 'read' | 'create' | 'update'): Promise<DiskFile>;
  rename(from: string, to: string): Promise<void>;
  remove(path: string): Promise<void>;
  /** Names in a directory, sorted; none when it does not exist. */
  list(directory: string): Promise<string[]>;
  makeDirectory(path: string): Promise<void>;
  syncDirectory(path: string): Promise<void>;
}
