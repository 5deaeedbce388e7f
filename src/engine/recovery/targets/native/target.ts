import type { RecoveryTarget } from '../target.ts';
import { buildNative } from './build.ts';
import { checkNative } from './check.ts';
import { draftNative } from './draft.ts';

/** Members of our own engine: one transaction begins a new lineage. */
export const nativeTarget: RecoveryTarget = {
  kinds: ['native'],
  serves: ({ reading }) => reading.report.store === 'native',
  draft: (source, decision) => Promise.resolve().then(() => draftNative(source, decision)),
  build: (request) => buildNative(request),
  check: (directory, outcome, parameters) => Promise.resolve().then(() => checkNative(directory, outcome, parameters)),
};
