import { Args } from '@oclif/core';
import { UsageError } from '../engine/errors.ts';

export const memberIdArg = Args.string({ required: true, description: "The member's id" });
export const addressArg = Args.string({ required: true, description: 'Where it listens, as host:port' });

/** An id as members take one. @throws {UsageError} For anything else. */
export function checkMemberId(id: string): string {
  if (/^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/.test(id)) return id;
  throw new UsageError(`"${id}" is no member id`, 'An id has 1 to 63 letters, digits, dots, dashes or underscores, and begins with a letter or digit');
}

/** @throws {UsageError} When it is not host:port. */
export function checkAddress(address: string): string {
  const port = /^(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+):(\d{1,5})$/.exec(address)?.[1];
  if (port !== undefined && Number(port) >= 1 && Number(port) <= 65_535) return address;
  throw new UsageError(`"${address}" is no address`, 'Write host:port, without a scheme: 10.0.0.14:7001');
}
