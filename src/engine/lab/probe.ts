import type { LabConnection } from './lab-file.ts';

export async function probeWrite(_connection: LabConnection, _deadlineMs: number): Promise<void> {}
