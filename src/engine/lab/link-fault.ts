import { z } from 'zod';

/** What is wrong with one directed link: the connections that one member dials to another. */
export const linkFaultSchema = z.strictObject({
  /** `cut`: connections are reset, new ones too. `stall`: they stay, and nothing is read from them. */
  mode: z.enum(['cut', 'stall']).nullable(),
  /** Which bytes a stall holds: those of the dialling member, those of the dialled one, or all. */
  stalls: z.enum(['forward', 'backward', 'both']).default('both'),
  delayMs: z.number().min(0).max(60_000).default(0),
  /** Up to this much is added to the delay, at random; the order of bytes stays. */
  jitterMs: z.number().min(0).max(60_000).default(0),
  /** Null: as fast as it goes. */
  bytesPerSecond: z.int().min(1).nullable().default(null),
});

export type LinkFault = z.output<typeof linkFaultSchema>;

export const NO_FAULT: LinkFault = { mode: null, stalls: 'both', delayMs: 0, jitterMs: 0, bytesPerSecond: null };

export function isFaulty(fault: LinkFault): boolean {
  return fault.mode !== null || fault.delayMs > 0 || fault.jitterMs > 0 || fault.bytesPerSecond !== null;
}

/** `cut`, `stall`, `delay 50 ms ± 20 ms`: for people. */
export function showFault(fault: LinkFault): string {
  const words: string[] = [];
  if (fault.mode !== null) words.push(fault.mode === 'stall' && fault.stalls !== 'both' ? `stall ${fault.stalls}` : fault.mode);
  if (fault.delayMs > 0 || fault.jitterMs > 0) words.push(`delay ${fault.delayMs} ms${fault.jitterMs > 0 ? ` + up to ${fault.jitterMs} ms` : ''}`);
  if (fault.bytesPerSecond !== null) words.push(`${fault.bytesPerSecond} B/s`);
  return words.join(', ');
}
