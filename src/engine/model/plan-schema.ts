import { CorruptDataError, RefusedError } from '../errors.ts';
import { canonicalDigest } from './evidence.ts';
import { PLAN_FORMAT, PLAN_VERSION, type RecoveryPlan } from './plan.ts';

/** Longest plan that is read. Most of a plan is its list of files, 150 bytes each. */
export const MAX_PLAN_BYTES = 8 * 1024 ** 2;

const AGAIN = 'Make it again: raft-inspector recover plan <place...>';

/** The file's text: `format` first, one line a top-level field, so that two plans can be told apart with plain diff too. */
export function planText(plan: RecoveryPlan): string {
  const { format, version, ...rest } = plan;
  const lines = Object.entries({ format, version, ...rest }).map(([name, value]) => `  ${JSON.stringify(name)}: ${JSON.stringify(value)}`);
  return `{\n${lines.join(',\n')}\n}\n`;
}

/** Whether text begins like a plan; for telling files apart, not a check. */
export function looksLikePlan(head: string): boolean {
  return head.trimStart().startsWith('{') && head.includes(`"${PLAN_FORMAT}"`);
}

/**
 * Reads a plan's text. Whether what it says makes sense is `lintPlan`'s question. The schema library is loaded here, on the first plan.
 * @throws {CorruptDataError} When it is too long, not JSON, or not a plan.
 * @throws {RefusedError} `plan-newer` when a newer version wrote it, `plan-edited` when it was changed after it was sealed.
 */
export async function parsePlan(text: string, file: string): Promise<RecoveryPlan> {
  if (Buffer.byteLength(text) > MAX_PLAN_BYTES) throw new CorruptDataError(file, MAX_PLAN_BYTES, `is longer than ${MAX_PLAN_BYTES} bytes, which no plan is`, AGAIN);
  const raw = parseJson(text, file);
  const head = headOf(raw);
  if (head.format !== PLAN_FORMAT) throw new CorruptDataError(file, 0, 'is not a recovery plan', `${AGAIN}, or name another file`);
  if (typeof head.version === 'number' && head.version > PLAN_VERSION) {
    const by = typeof head.tool === 'string' ? head.tool.slice(0, 64) : null;
    throw new RefusedError('plan-newer', `${file} is a plan of format version ${head.version}${by === null ? '' : `, written by raft-inspector ${by}`}; this version reads format ${PLAN_VERSION}`, `Use raft-inspector ${by ?? 'of the version that wrote it'} or newer, or make the plan again with this one`);
  }
  const { checkPlan } = await import('./plan-shape.ts');
  const checked = checkPlan(raw);
  if (typeof checked === 'string') throw new CorruptDataError(file, 0, `is not a whole plan of version ${PLAN_VERSION}: ${checked}`, AGAIN);
  if (canonicalDigest(raw as object) !== checked.digest) {
    throw new RefusedError('plan-edited', `${file} does not match its digest: it was changed after it was made`, `A plan is not edited, it is made again with other flags: raft-inspector recover plan --help`);
  }
  return checked;
}

function parseJson(text: string, file: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    const at = errorIndex(text);
    throw new CorruptDataError(file, Buffer.byteLength(text.slice(0, at)), at >= text.length ? 'ends early: it is not whole JSON' : 'is not JSON from here on', AGAIN, { cause });
  }
}

/** Where the text stops being the beginning of some JSON: the engine tells only sometimes, so halves are tried. */
function errorIndex(text: string): number {
  let [sound, broken] = [0, text.length + 1];
  while (broken - sound > 1) {
    const middle = Math.floor((sound + broken) / 2);
    if (couldGoOn(text.slice(0, middle))) sound = middle;
    else broken = middle;
  }
  return sound;
}

function couldGoOn(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch (error) {
    const { message } = error as Error;
    return message.startsWith('Unexpected end') || Number(/at position (\d+)/.exec(message)?.[1] ?? -1) >= text.length;
  }
}

function headOf(raw: unknown): { format?: unknown; version?: unknown; tool?: unknown } {
  return typeof raw === 'object' && raw !== null ? raw : {};
}
