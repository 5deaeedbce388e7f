import assert from 'node:assert/strict';
import { membersOf } from '../corpus/case-reading.ts';
import { runCli } from '../helpers/cli.ts';
import { corpusCases, truthOf, unpackCase, unpackMember } from '../helpers/corpus.ts';
import { treeFingerprint } from '../helpers/tree-fingerprint.ts';
import { lookingCommands } from './commands.ts';

/** Small cases of every store, damaged ones among them; scripts/long.mjs asks for all, bytes included. */
const SMALL = ['etcd/double-trap-3614', 'etcd/torn-tail-34', 'hashicorp-raft/bad-bolt-150', 'hashicorp-raft/wal-torn-tail-173', 'consul/term-trap-187'];
const isLong = process.env['RAFT_INSPECTOR_LONG'] === '1';

function cases(): string[] {
  return isLong ? corpusCases().filter((name) => truthOf(name).members !== undefined) : SMALL;
}

describe('read-only: looking leaves names, sizes, times and modes as they were', function () {
  this.timeout(isLong ? 600_000 : 120_000);
  for (const name of cases()) {
    it(name, () => {
      const root = unpackCase(name);
      const depth = isLong ? 'bytes' : 'names';
      const before = treeFingerprint(root, depth);
      for (const args of lookingCommands(membersOf(name).map((member) => unpackMember(name, member)))) {
        const { code, stderr } = runCli(args);
        assert.ok(code === 0 || code === 3 || code === 9 || code === 11, `${args.slice(0, 2).join(' ')} ended with ${code}: ${stderr.slice(0, 600)}`);
        assert.deepEqual(treeFingerprint(root, depth), before, `${args.slice(0, 3).join(' ')} changed something`);
      }
    });
  }
});
