import { FieldError, type Fields, parseFields } from './json-fields.ts';
import { MAX_ID_BYTES } from './position-records.ts';

/** Largest content of a fence file that is believed. */
export const MAX_FENCE_BYTES = 16 * 1024;

/** Why a data directory must not be started any more: the content of `FENCED`, one JSON object. */
export interface FenceRecord {
  readonly version: 1;
  /** One sentence for whoever tries to start it. */
  readonly why: string;
  /** The lineage that took this directory's place; null where that is not known. */
  readonly clusterId: string | null;
  readonly generation: number | null;
  /** The plan that fenced it; null when none did. */
  readonly planId: string | null;
  /** RFC 3339, UTC. */
  readonly at: string;
}

export function encodeFence({ why, clusterId, generation, planId, at }: Omit<FenceRecord, 'version'>): string {
  return `${JSON.stringify({ version: 1, why, clusterId, generation, planId, at })}\n`;
}

/** Null when the text is no fence record: the file fences all the same, only nobody knows why. */
export function parseFence(text: string): FenceRecord | null {
  try {
    if (text.length > MAX_FENCE_BYTES) return null;
    const fields = parseFields(Buffer.from(text, 'utf8'), 'fence');
    const record: FenceRecord = {
      version: fields.constant('version', 1),
      why: fields.text('why', { maxBytes: 4096 }),
      clusterId: textOrNull(fields, 'clusterId', MAX_ID_BYTES),
      generation: counterOrNull(fields.value('generation')),
      planId: textOrNull(fields, 'planId', 64),
      at: fields.text('at', { maxBytes: 64 }),
    };
    fields.end();
    return record;
  } catch (error) {
    if (error instanceof FieldError) return null;
    throw error;
  }
}

function textOrNull(fields: Fields, name: string, maxBytes: number): string | null {
  const value = fields.value(name);
  if (value === null) return null;
  if (typeof value === 'string' && value !== '' && Buffer.byteLength(value) <= maxBytes) return value;
  throw new FieldError(`fence: ${name} is neither a text nor null`);
}

function counterOrNull(value: unknown): number | null {
  if (value === null) return null;
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value;
  throw new FieldError('fence: generation is neither a whole number nor null');
}
