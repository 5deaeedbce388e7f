import { Args } from '@oclif/core';
import { UsageError } from '../engine/errors.ts';

export const memberIdArg = Args.string({ required: true, description: "The member's id; for etcd its name or id" });
export const addressArg = Args.string({ description: 'Where the other members reach it: host:port, for etcd its peer URL; a practice cluster (--lab) knows it' });

/** An id as members take one. @throws {UsageError} For anything else. */
export function checkMemberId(id: string): string {
  if (/^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/.test(id)) return id;
  throw new UsageError(`"${id}" is no member id`, 'An id has 1 to 63 letters, digits, dots, dashes or underscores, and begins with a letter or digit');
}

/** The address given, or the one a practice cluster knows. @throws {UsageError} When there is none, or it is not host:port. */
export async function addressOf(id: string, given: string | undefined, lab: string | undefined): Promise<string> {
  if (given !== undefined) return checkAddress(given);
  if (lab === undefined) throw new UsageError(`no address was given for ${id}`, 'Add it behind the id as host:port: 10.0.0.14:7001');
  const { readLab } = await import('../engine/lab/lab-file.ts');
  const address = readLab(lab).members.find((one) => one.id === id)?.address;
  if (address !== undefined) return address;
  throw new UsageError(`the practice cluster in ${lab} has no ${id}`, `Make it first: raft-inspector lab start ${id} --dir ${lab}`);
}

/** @throws {UsageError} When it is neither host:port nor a URL of one. */
function checkAddress(address: string): string {
  const port = /^(?:https?:\/\/)?(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+):(\d{1,5})$/.exec(address)?.[1];
  if (port !== undefined && Number(port) >= 1 && Number(port) <= 65_535) return address;
  throw new UsageError(`"${address}" is no address`, 'Write host:port: 10.0.0.14:7001; for etcd its peer URL: https://10.0.0.14:2380');
}
