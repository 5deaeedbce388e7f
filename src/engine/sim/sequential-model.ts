import type { Operation } from './history.ts';

/** The value of one key; null: absent. */
export type KeyState = string | null;

export interface StepResult {
  readonly state: KeyState;
  readonly r: string | boolean | null;
}

/** What one operation does to one key, one after another: the meaning both checkers go by. */
export function applyTo(state: KeyState, { op, x }: Pick<Operation, 'op' | 'x'>): StepResult {
  switch (op) {
    case 'get':
      return { state, r: state };
    case 'put':
      return { state: String(x), r: null };
    case 'append':
      return { state: (state ?? '') + String(x), r: null };
    case 'delete':
      return { state: null, r: state !== null };
    case 'cas': {
      const [expected, next] = x as readonly [string | null, string];
      return expected === state ? { state: next, r: true } : { state, r: false };
    }
  }
}
