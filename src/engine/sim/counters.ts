/**
 * Proof that troubles really happened: what each counter counts is in its name, the list is the one a campaign must fill. A zero
 * anywhere after a campaign means that the simulator stopped testing something, and fails it.
 */
export const REQUIRED_COUNTERS = [
  'drop', 'delay', 'clog', 'duplicate', 'reorder', 'queue-limit', 'resend', 'foreign-cluster', 'foreign-generation', 'foreign-addressee',
  'partition-isolate', 'partition-halves', 'partition-uniform', 'partition-bridge', 'partition-ring', 'partition-one-way', 'partition-swizzle',
  'request-lost', 'reply-lost',
  'disk-read-error', 'disk-write-error', 'disk-fsync-dropped', 'disk-fsync-reverted', 'disk-full', 'short-write', 'slow-sync',
  'file-bit-flip', 'file-zeroed-sector', 'file-misdirected-write',
  'commit-error-without-effect', 'commit-error-with-effect', 'committed-but-reported-failed', 'map-full', 'slow-commit',
  'record-bit-flip', 'record-zeroed', 'record-misdirected',
  'crash', 'crash-at-call', 'crash-at-start', 'kill-all', 'pause', 'wipe', 'rollback', 'clock-rate', 'clock-jump',
  'crash-lost-unsynced-data', 'crash-tore-last-write', 'crash-kept-unsynced-rename', 'crash-lost-unsynced-rename', 'crash-lost-create', 'crash-mid-commit-kept', 'crash-mid-commit-lost',
  'restart-as-follower', 'restart-as-learner', 'restart-as-candidate', 'restart-as-leader',
  'crash-in-snapshot-write', 'crash-in-snapshot-install', 'crash-in-trim', 'crash-in-config-change', 'crash-in-transfer', 'crash-in-bootstrap', 'old-generation-refused',
  'election', 'election-contested', 'pre-vote-refused', 'check-quorum-step-down', 'conflict-over-two-terms', 'truncated-config',
  'append-clipped-at-commit', 'stale-reply-dropped', 'read-failed-by-term-change', 'follower-read-waited',
  'snapshot-taken', 'snapshot-installed', 'snapshot-resumed', 'log-trimmed',
  'learner-added', 'learner-promoted', 'member-removed', 'leader-removal-handed-over', 'leadership-transferred', 'damage-detected', 'amnesia-detected',
  'unknown-later-done', 'unknown-later-never-done', 'quorum-lost-and-regained',
] as const;

/** Events that a campaign has to show, but the engine does not have the feature yet. Shown with every campaign, so that nobody forgets. */
export const NOT_YET_COUNTED = [
  'session evicted', 'session expired', 'session replayed from a snapshot', 'duplicate answered from the cache', 'duplicate answered from the table',
  'increment chain broken', 'feature level raised in mid-traffic',
] as const;

/** Invariants that wait for a feature. */
export const NOT_YET_CHECKED = ['I14 exactly once (sessions)', 'I23 feature level'] as const;

export class Counters {
  private readonly counts = new Map<string, number>();

  hit(name: string, by = 1): void {
    this.counts.set(name, (this.counts.get(name) ?? 0) + by);
  }

  get(name: string): number {
    return this.counts.get(name) ?? 0;
  }

  add(other: Readonly<Record<string, number>>): void {
    for (const [name, count] of Object.entries(other)) this.hit(name, count);
  }

  toRecord(): Record<string, number> {
    return Object.fromEntries([...this.counts].sort(([a], [b]) => (a < b ? -1 : 1)));
  }

  /** Required counters that are still zero. */
  zeros(): string[] {
    return REQUIRED_COUNTERS.filter((name) => this.get(name) === 0);
  }
}
