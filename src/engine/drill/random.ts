import { createHash } from 'node:crypto';

/** Numbers in [0, 1) that a seed decides: the same seed hits the same members at the same steps. */
export function randomOf(seed: string): () => number {
  let round = 0;
  return () => {
    const digest = createHash('sha256').update(`${seed}/${round}`).digest();
    round += 1;
    return digest.readUIntBE(0, 6) / 2 ** 48;
  };
}

/** One of a list. @throws {RangeError} When it is empty. */
export function pickOne<T>(list: readonly T[], random: () => number): T {
  const found = list[Math.floor(random() * list.length)];
  if (found === undefined) throw new RangeError('nothing to choose from');
  return found;
}
