import crypto from 'node:crypto';
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { performance } from 'node:perf_hooks';

type Bag = Record<string, unknown>;

/** What the engine must not use: each would make two runs of one seed differ. */
function forbidden(): [holder: Bag, name: string][] {
  const world = globalThis as unknown as Bag;
  const web = globalThis.crypto as unknown as Bag;
  const named = (holder: unknown, names: readonly string[]): [Bag, string][] => names.map((name) => [holder as Bag, name]);
  return [
    ...named(Date, ['now']),
    ...named(performance, ['now']),
    ...named(process, ['hrtime', 'uptime']),
    ...named(Math, ['random']),
    ...named(world, ['setTimeout', 'setInterval', 'setImmediate', 'WeakRef', 'FinalizationRegistry', 'fetch']),
    ...named(web, ['getRandomValues', 'randomUUID']),
    ...named(crypto, ['randomBytes', 'randomFillSync', 'randomFill', 'randomInt', 'randomUUID', 'generateKeyPairSync', 'generateKeyPair']),
    ...named(fs, ['openSync', 'readFileSync', 'writeFileSync', 'readSync', 'writeSync', 'open', 'readFile', 'writeFile', 'mkdirSync', 'readdirSync', 'createReadStream', 'createWriteStream']),
    ...named(fs.promises, ['open', 'readFile', 'writeFile', 'mkdir', 'readdir', 'rename', 'unlink', 'rm']),
  ];
}

/** Thrown where a run reaches for the real world. */
export class NondeterminismError extends Error {
  constructor(what: string) {
    super(`${what} was called inside a simulated run`);
    this.name = 'NondeterminismError';
  }
}

/**
 * Makes time, chance, timers, files and weak references throw until the returned function is called. A call is also told to
 * `report`, so that a caller that swallows the error does not hide it.
 */
export function forbidTheRealWorld(report: (error: NondeterminismError) => void): () => void {
  const saved = forbidden().map(([holder, name]) => ({ holder, name, descriptor: Object.getOwnPropertyDescriptor(holder, name) }));
  for (const { holder, name } of saved) {
    const refuse = function refuse(): never {
      const error = new NondeterminismError(name);
      report(error);
      throw error;
    };
    Object.defineProperty(holder, name, { value: refuse, configurable: true, writable: true });
  }
  const RealDate = globalThis.Date;
  globalThis.Date = new Proxy(RealDate, {
    construct(target, parameters, newTarget): object {
      if (parameters.length === 0) RealDate.now(); // throws: the clock was asked
      return Reflect.construct(target, parameters, newTarget) as object;
    },
  });
  syncBuiltinESMExports();
  return () => {
    globalThis.Date = RealDate;
    for (const { holder, name, descriptor } of saved) {
      if (descriptor === undefined) delete holder[name];
      else Object.defineProperty(holder, name, descriptor);
    }
    syncBuiltinESMExports();
  };
}
