import { UsageError } from '../errors.ts';
import type { DrillFile, DrillLimits, DrillLoad } from './drill-file.ts';
import { type Fault, faultSchema } from './fault.ts';
import { NOTHING_LOST } from './scenario.ts';

/** A fault, or a chain of them, that has a name. */
export interface Preset {
  readonly name: string;
  readonly title: string;
  /** What it stands for, for the catalogue. */
  readonly topic: string;
  readonly timing: 'fast' | 'calm';
  readonly nodes: 3 | 5;
  readonly faults: readonly Fault[];
  readonly limits: DrillLimits;
  readonly load: Partial<DrillLoad>;
}

type Loose = Parameters<typeof faultSchema.parse>[0];

function preset(name: string, topic: string, title: string, faults: Loose[], more: Partial<Pick<Preset, 'timing' | 'nodes' | 'limits' | 'load'>> = {}): Preset {
  const { limits, ...rest } = more;
  return { name, title, topic, timing: 'fast', nodes: 3, load: {}, ...rest, faults: faults.map((one) => faultSchema.parse(one)), limits: { rtoMs: 60_000, ...NOTHING_LOST, ...limits } };
}

/** Faults by name; each is a drill of its own, and a line in the `faults` of any other. */
export const PRESETS: readonly Preset[] = [
  preset('delay-200-50', 'network', 'every link 200 ms slow, with 50 ms of jitter', [{ kind: 'delay', target: 'all', delayMs: 200, jitterMs: 50, forMs: 10_000 }], { timing: 'calm' }),
  preset('loss-30', 'network', 'three messages of ten are lost', [{ kind: 'messages', target: 'all', action: 'drop', chance: 0.3, forMs: 10_000 }], { timing: 'calm' }),
  preset('duplicate-30', 'network', 'three messages of ten arrive twice', [{ kind: 'messages', target: 'all', action: 'duplicate', chance: 0.3, forMs: 5000 }]),
  preset('reorder-30', 'network', 'three messages of ten are overtaken', [{ kind: 'messages', target: 'all', action: 'reorder', chance: 0.3, forMs: 5000 }]),
  preset('leader-isolated', 'network', 'the leader is cut off', [{ kind: 'disconnect', target: 'leader', forMs: 5000 }], { limits: { electionMs: 2000 } }),
  preset('follower-isolated', 'network', 'a follower is cut off; the majority goes on', [{ kind: 'disconnect', target: 'follower', forMs: 5000 }]),
  preset('one-way', 'network', 'the leader is heard by nobody and hears everybody', [{ kind: 'one-way', target: 'leader', forMs: 5000 }]),
  preset('cluster-split', 'network', 'five members fall into 2, 2 and 1: no side has a majority', [{ kind: 'split', target: 'leader', sizes: [2, 2, 1], forMs: 4000 }], { nodes: 5 }),
  preset('delay-spike', 'network', 'half a second of delay on every link, for three seconds', [{ kind: 'delay', target: 'all', delayMs: 500, forMs: 3000 }], { timing: 'calm' }),
  preset('delay-100-500', 'network', '100 to 500 ms for ten seconds: clients that retry succeed', [{ kind: 'delay', target: 'all', delayMs: 100, jitterMs: 400, forMs: 10_000 }], { timing: 'calm', load: { clients: 64, timeoutMs: 10_000 }, limits: { failureRatePercent: 0 } }),
  preset('loss-100', 'network', 'nothing reaches the leader or leaves it for a minute: it steps down', [{ kind: 'disconnect', target: 'leader', how: 'stall', forMs: 60_000 }], { limits: { electionMs: 2000 } }),
  preset('leader-killed', 'process', 'kill -9 of the leader', [{ kind: 'kill', target: 'leader', forMs: 3000 }], { limits: { electionMs: 1000 } }),
  preset('leader-paused', 'process', 'the leader stops for three seconds and goes on', [{ kind: 'pause', target: 'leader', forMs: 3000 }]),
  preset('fsync-loss', 'storage', 'a commit of the leader fails and is not on the disk', [{ kind: 'disk', target: 'leader', fails: 'EIO', lands: false, forMs: 3000 }]),
  preset('fsync-lies', 'storage', 'a commit of the leader fails, and is on the disk all the same', [{ kind: 'disk', target: 'leader', fails: 'EIO', lands: true, forMs: 3000 }]),
  preset('full-disk', 'storage', "the leader's disk is full", [{ kind: 'disk', target: 'leader', fails: 'ENOSPC', forMs: 3000 }]),
  preset('storage-blocked', 'storage', 'a follower can write nothing at all', [{ kind: 'disk', target: 'follower', parts: ['raft', 'state', 'snapshots'], fails: 'EIO', forMs: 3000 }]),
  preset('slow-disk', 'storage', 'five seconds a commit on the leader, for thirty seconds', [{ kind: 'disk', target: 'leader', delayMs: 5000, forMs: 30_000 }]),
  preset('clock-ahead', 'clock', "a follower's clock is five seconds ahead and runs twice as fast", [{ kind: 'clock', target: 'follower', rate: 2, wallOffsetMs: 5000, forMs: 5000 }]),
  preset('partition-fast-clock', 'combined', 'a follower with a fast clock is cut off, and comes back', [{ kind: 'clock', target: 'n1', rate: 2, forMs: 8000 }, { kind: 'disconnect', target: 'n1', atMs: 1000, forMs: 4000 }]),
  preset('delay-term-conflict', 'combined', 'slow links, and the leader cut off meanwhile', [{ kind: 'delay', target: 'all', delayMs: 100, jitterMs: 50, forMs: 8000 }, { kind: 'disconnect', target: 'leader', atMs: 2000, forMs: 4000 }], { timing: 'calm' }),
  preset('old-leader-returns', 'combined', 'a leader comes back with the term it had', [{ kind: 'pause', target: 'leader', forMs: 4000 }, { kind: 'delay', target: 'all', delayMs: 20, atMs: 3000, forMs: 3000 }]),
  preset('delay-then-stop', 'combined', 'two seconds of delay for thirty, and the service stopped after ten', [{ kind: 'delay', target: 'leader', delayMs: 2000, forMs: 30_000 }, { kind: 'stop', target: 'leader', atMs: 10_000, forMs: 10_000 }], { timing: 'calm' }),
  preset('flapping', 'network', 'a follower comes and goes', [{ kind: 'flapping', target: 'follower', everyMs: 800, forMs: 8000 }]),
];

export function presetOf(name: string): Preset | undefined {
  return PRESETS.find((one) => one.name === name);
}

/** The faults of a file, names replaced by what they stand for. @throws {UsageError} For a name that is none. */
export function faultsOf(file: Pick<DrillFile, 'faults'>): Fault[] {
  return file.faults.flatMap((one): Fault[] => {
    if (!('preset' in one)) return [one];
    const found = presetOf(one.preset);
    if (found === undefined) throw new UsageError(`no fault is called ${one.preset}`, `There are ${PRESETS.map(({ name }) => name).join(', ')}`);
    return found.faults.map((fault) => faultSchema.parse({ ...fault, atMs: fault.atMs + (one.atMs ?? 0), ...(one.forMs === undefined ? {} : { forMs: one.forMs }), ...(one.target === undefined ? {} : { target: one.target }) }));
  });
}

const ROLES: readonly string[] = ['leader', 'follower', 'followers', 'all'];

/** @throws {UsageError} When a fault means a member, or parts, that a cluster of this size has not: it would hit somebody else. */
export function checkTargets(faults: readonly Fault[], nodes: number): void {
  const members = Array.from({ length: nodes }, (_, at) => `n${at + 1}`);
  for (const fault of faults) {
    if (!ROLES.includes(fault.target) && !members.includes(fault.target)) throw new UsageError(`no member is called ${fault.target}`, `The members are ${members.join(', ')}; or name a role: ${ROLES.join(', ')}`);
    if (fault.kind !== 'split') continue;
    const sum = fault.sizes.reduce((all, one) => all + one, 0);
    if (sum !== nodes) throw new UsageError(`a split into ${fault.sizes.join(' | ')} is one of ${sum} members, and the cluster has ${nodes}`, `Set nodes: ${sum}, or other sizes`);
  }
}
