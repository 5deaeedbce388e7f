import type { Chain } from './state.ts';

export function push<T>(chain: Chain<T> | null, head: T): Chain<T> {
  return { head, tail: chain, length: (chain?.length ?? 0) + 1 };
}

/** Oldest first. */
export function inOrder<T>(chain: Chain<T> | null): T[] {
  const items: T[] = [];
  for (let at = chain; at !== null; at = at.tail) items.push(at.head);
  return items.reverse();
}

export function lengthOf<T>(chain: Chain<T> | null): number {
  return chain?.length ?? 0;
}
