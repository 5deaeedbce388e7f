export type Severity = 'info' | 'warn' | 'error';

/** Something worth an operator's eye. `rule` is a stable kebab-case id; `byteOffset` is the start of the record or page. */
export interface Finding {
  rule: string;
  severity: Severity;
  /** Label of the member, null when it concerns several or none. */
  member: string | null;
  /** Path below the member's directory where that is possible, null when no one file is meant. */
  file: string | null;
  byteOffset: number | null;
  message: string;
  /** What to do about it, in one sentence; empty when nothing needs doing. */
  fix: string;
}

/** Builds a finding; what is not given is null. Labels are filled in by the caller that knows them. */
export function finding(
  rule: string,
  severity: Severity,
  message: string,
  where: { file?: string | null; byteOffset?: number | null; member?: string | null; fix?: string } = {},
): Finding {
  return {
    rule,
    severity,
    member: where.member ?? null,
    file: where.file ?? null,
    byteOffset: where.byteOffset ?? null,
    message,
    fix: where.fix ?? '',
  };
}
