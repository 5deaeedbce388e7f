import type { FaultClass } from './faults.ts';
import type { Prng } from './prng.ts';

export type PartitionKind = Extract<FaultClass, 'isolate' | 'halves' | 'uniform' | 'bridge' | 'ring' | 'one-way' | 'swizzle'>;
export const PARTITION_KINDS: readonly PartitionKind[] = ['isolate', 'halves', 'uniform', 'bridge', 'ring', 'one-way', 'swizzle'];

/** A direction between two members, and when to cut and to restore it, in microseconds from the beginning. */
export interface Cut {
  readonly from: string;
  readonly to: string;
  readonly cutUs: number;
  readonly restoreUs: number;
}

/**
 * Which links a partition cuts. `focus` is the member that isolation and one-way cuts are about. Bridge: two sides that both see
 * one member. Ring: each sees a majority, no two the same. Swizzle: half of the members lose their links one by one, and get them back
 * in another order.
 */
export function drawPartition(kind: PartitionKind, ids: readonly string[], focus: string, prng: Prng): Cut[] {
  const holdUs = prng.magnitude(150_000, 4_000_000);
  const shuffled = prng.shuffled(ids);
  const cutAll = (isCut: (from: string, to: string) => boolean): Cut[] =>
    ids.flatMap((from) => ids.filter((to) => to !== from && isCut(from, to)).map((to) => ({ from, to, cutUs: 0, restoreUs: holdUs })));
  const between = (left: ReadonlySet<string>): Cut[] => cutAll((from, to) => left.has(from) !== left.has(to));
  switch (kind) {
    case 'isolate':
      return between(new Set([focus]));
    case 'halves':
      return between(new Set(shuffled.slice(0, Math.ceil(shuffled.length / 2))));
    case 'uniform':
      return between(new Set(ids.filter(() => prng.chance(0.5))));
    case 'bridge': {
      const [bridge, ...rest] = shuffled;
      const left = new Set(rest.slice(0, Math.ceil(rest.length / 2)));
      return cutAll((from, to) => from !== bridge && to !== bridge && left.has(from) !== left.has(to));
    }
    case 'ring': {
      const reach = Math.floor(ids.length / 2 / 2) || 1;
      return cutAll((from, to) => {
        const apart = Math.abs(shuffled.indexOf(from) - shuffled.indexOf(to));
        return Math.min(apart, shuffled.length - apart) > reach;
      });
    }
    case 'one-way':
      return prng.chance(0.5) ? cutAll((from) => from === focus) : cutAll((_from, to) => to === focus);
    case 'swizzle': {
      const chosen = shuffled.slice(0, Math.ceil(shuffled.length / 2));
      const restored = prng.shuffled(chosen);
      return chosen.flatMap((id, at) =>
        ids.filter((other) => other !== id).flatMap((other) => {
          const [cutUs, restoreUs] = [at * 60_000, holdUs + (restored.indexOf(id) + chosen.length) * 60_000];
          return [{ from: id, to: other, cutUs, restoreUs }, { from: other, to: id, cutUs, restoreUs }];
        }),
      );
    }
  }
}
