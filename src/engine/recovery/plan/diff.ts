import { isRecord } from '../../model/is-record.ts';
import type { RecoveryPlan } from '../../model/plan.ts';

/** One thing in which two plans differ. */
export interface PlanDifference {
  /** `keepTo`, `files member/snap/db`. */
  field: string;
  /** Null: the plan has none. */
  a: string | null;
  b: string | null;
}

/** Every plan has its own; they say nothing of what would be done. The steps follow from the rest. */
const OWN: ReadonlySet<string> = new Set(['format', 'version', 'planId', 'createdAt', 'tool', 'madeBy', 'digest', 'rollback', 'steps']);
const MAX_TEXT = 200;

/** What two plans decide differently, field by field, in the order in which a plan lists them. */
export function diffPlans(a: RecoveryPlan, b: RecoveryPlan): PlanDifference[] {
  const fields = [...new Set([...Object.keys(a), ...Object.keys(b)])].filter((name) => !OWN.has(name));
  return fields.flatMap((name) => differencesIn(name, valueOf(a, name), valueOf(b, name)));
}

function valueOf(plan: RecoveryPlan, name: string): unknown {
  const value: unknown = (plan as unknown as Record<string, unknown>)[name];
  // Evidence says when it was collected, so its digest is new each time; whether the disk is the same, the files tell.
  if (name === 'evidence') return plan.evidence.map((one) => one.label);
  return name === 'overrides' ? plan.overrides.map((one) => one.rule) : value;
}

function differencesIn(field: string, a: unknown, b: unknown): PlanDifference[] {
  if (JSON.stringify(a) === JSON.stringify(b)) return [];
  if (Array.isArray(a) && Array.isArray(b) && [a, b].every((one) => one.length === 0 || isNamedList(one))) return listDifferences(field, a, b);
  if (isTextList(a) && isTextList(b) && (a.some((one) => !b.includes(one)) || b.some((one) => !a.includes(one)))) {
    return [...a.filter((one) => !b.includes(one)).map((one) => ({ field, a: one, b: null })), ...b.filter((one) => !a.includes(one)).map((one) => ({ field, a: null, b: one }))];
  }
  if (isRecord(a) && isRecord(b)) return [...new Set([...Object.keys(a), ...Object.keys(b)])].flatMap((name) => differencesIn(`${field}.${name}`, a[name], b[name]));
  return [{ field, a: show(a), b: show(b) }];
}

/** Lists of things with a name are compared by it, so that one file more is one line. */
function listDifferences(field: string, a: readonly Record<string, unknown>[], b: readonly Record<string, unknown>[]): PlanDifference[] {
  const names = [...new Set([...a, ...b].map(nameOf))];
  const of = (list: readonly Record<string, unknown>[], name: string): Record<string, unknown> | undefined => list.find((one) => nameOf(one) === name);
  return names.flatMap((name) => {
    const [left, right] = [of(a, name), of(b, name)];
    if (left !== undefined && right !== undefined) return differencesIn(`${field} ${name}`, left, right);
    return [{ field: `${field} ${name}`, a: left === undefined ? null : summary(left), b: right === undefined ? null : summary(right) }];
  });
}

function nameOf(one: Record<string, unknown>): string {
  const name = one['path'] ?? one['label'] ?? one['id'] ?? one['member'];
  return typeof name === 'string' ? name : '';
}

function isNamedList(value: unknown): value is Record<string, unknown>[] {
  return Array.isArray(value) && value.length > 0 && value.every((one) => isRecord(one) && ['path', 'label', 'id', 'member'].some((name) => typeof one[name] === 'string'));
}

function isTextList(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((one) => typeof one === 'string');
}

/** The rest of a named thing, its name left out. */
function summary(one: Record<string, unknown>): string {
  return show(Object.fromEntries(Object.entries(one).filter(([, value]) => value !== nameOf(one)))) ?? '';
}

function show(value: unknown): string | null {
  if (value === null || value === undefined) return null;
  const text = isTextList(value) ? value.join(' ') : typeof value === 'string' ? value : JSON.stringify(value);
  return text.length > MAX_TEXT ? `${text.slice(0, MAX_TEXT)}...` : text;
}
