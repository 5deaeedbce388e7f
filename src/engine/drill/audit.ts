import type { Write } from './traffic.ts';

/** What became of the writes of a run, told from the final state. */
export interface Audit {
  readonly acknowledged: number;
  /** Acknowledged and not there: `mark in key, entry n`. */
  readonly lost: readonly Write[];
  /** Found more than once. */
  readonly duplicated: readonly Write[];
  /** Told as not done, and there. */
  readonly revived: readonly Write[];
  /** Of unknown outcome: how many took effect, how many did not. Every one is one or the other. */
  readonly doubtful: { readonly there: number; readonly absent: number };
  /** Marks that nobody wrote. */
  readonly strangers: number;
  /** Pairs where a write that began after another had ended has the lower index. */
  readonly disordered: readonly string[];
}

/**
 * Compares what clients were told with what the cluster holds.
 * @param state Marks by key, in the order they were appended.
 */
export function audit(writes: readonly Write[], state: ReadonlyMap<string, readonly string[]>): Audit {
  const counts = new Map<string, number>();
  for (const [key, marks] of state) for (const mark of marks) counts.set(`${key} ${mark}`, (counts.get(`${key} ${mark}`) ?? 0) + 1);
  const timesOf = (write: Write): number => counts.get(`${write.key} ${write.mark}`) ?? 0;
  const of = (outcome: Write['outcome']): Write[] => writes.filter((one) => one.outcome === outcome);
  const ok = of('ok');
  const doubtful = [...of('info'), ...of('open')];
  const known = new Set(writes.map((one) => `${one.key} ${one.mark}`));
  const lost = ok.filter((one) => timesOf(one) === 0);
  return {
    acknowledged: ok.length,
    lost,
    duplicated: writes.filter((one) => timesOf(one) > 1),
    revived: of('fail').filter((one) => timesOf(one) > 0),
    doubtful: { there: doubtful.filter((one) => timesOf(one) > 0).length, absent: doubtful.filter((one) => timesOf(one) === 0).length },
    strangers: [...counts.keys()].filter((one) => !known.has(one)).length,
    disordered: disorderOf(ok.filter((one) => timesOf(one) > 0)),
  };
}

/** Writes that ended before another began must have the smaller index: one pass over both orders, O(n log n). */
function disorderOf(ok: readonly Write[]): string[] {
  const byEnd = [...ok].sort((a, b) => a.endedAt - b.endedAt);
  const byStart = [...ok].sort((a, b) => a.invokedAt - b.invokedAt);
  const wrong: string[] = [];
  let at = 0;
  let highest: Write | null = null;
  for (const write of byStart) {
    for (let earlier = byEnd[at]; earlier !== undefined && earlier.endedAt < write.invokedAt; earlier = byEnd[at]) {
      if (highest === null || earlier.revision > highest.revision) highest = earlier;
      at += 1;
    }
    if (highest !== null && highest.revision >= write.revision) wrong.push(`${write.mark} has entry ${write.revision}, and ${highest.mark}, which ended before it began, ${highest.revision}`);
  }
  return wrong;
}
