/** A server started for a rehearsal, a drill or a test: on loopback only, ended by whoever started it. */
export interface StartedServer {
  /** `embedded engine`, `etcd 3.4.23`. */
  readonly software: string;
  /** `host:port` for clients. */
  readonly endpoints: readonly string[];
  readonly pid: number;
  /** Ends it, and waits until it is gone. */
  stop(): Promise<void>;
  /** SIGKILL, and waits until it is gone. */
  kill(): Promise<void>;
  /** What it wrote to its log last, for errors. */
  lastWords(): string;
}
