/** Files a plan may name: a data directory has dozens. */
export const MAX_PLAN_FILES = 20_000;
