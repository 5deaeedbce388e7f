import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { laterCommand, laterIds } from '../../src/cli/later-commands.ts';
import { resolveCommand } from '../../src/cli/resolve.ts';
import { ensureBuilt, ROOT, runCli } from '../helpers/run-cli.ts';

describe('commands of later versions', function () {
  this.timeout(60_000);
  before(ensureBuilt);
  const ids = ['recover:pick', 'recover:collect', 'inspect:member', 'snapshot:verify', 'version'];

  it('are named in full, and told from slips of the pen', () => {
    assert.equal(laterCommand(['snapshot', 'diff', 'a', 'b'], ids), 'snapshot diff');
    assert.equal(laterCommand(['upgrade', 'plan'], ids), 'upgrade plan');
    assert.equal(laterCommand(['bench'], ids), 'bench');
    assert.equal(laterCommand(['doctor'], ids), 'doctor');
    assert.equal(laterCommand(['recover', 'pikc'], ids), undefined);
    assert.equal(laterCommand(['toString'], ids), undefined);
    assert.deepEqual(resolveCommand(['--json', 'upgrade', 'run', '--step'], ids), { kind: 'later', words: 'upgrade run' });
  });

  it('are no longer listed once they exist', () => {
    const manifest = Object.keys((JSON.parse(fs.readFileSync(path.join(ROOT, 'oclif.manifest.json'), 'utf8')) as { commands: object }).commands);
    assert.deepEqual(laterIds().filter((id) => manifest.includes(id)), []);
  });

  it('are refused plainly with exit 2, and root help does not name them', () => {
    const ran = runCli(['upgrade', 'plan', 'n1', '--json']);
    assert.equal(ran.code, 2);
    const envelope = JSON.parse(ran.stdout) as { schema: string; error: { message: string } };
    assert.equal(envelope.schema, 'raft-inspector/upgrade-plan/v1');
    assert.match(envelope.error.message, /this version cannot do "upgrade plan" yet: nothing was done/);
    assert.doesNotMatch(ran.stderr, /Did you mean/);
    const help = runCli([]).stdout;
    for (const id of laterIds()) assert.ok(!help.includes(` ${id.replace(':', ' ')}`), `root help names ${id}`);
  });
});
