import assert from 'node:assert/strict';
import path from 'node:path';
import { goldenScripts } from '../../helpers/golden-script.ts';
import { ROOT } from '../../helpers/run-cli.ts';
import { ScriptedCluster } from '../../helpers/scripted-cluster.ts';

describe('core: golden scripts', () => {
  const scripts = goldenScripts(path.join(ROOT, 'test/testdata/core'));

  it('are there', () => assert.ok(scripts.length >= 15, `${scripts.length} scripts`));

  for (const script of scripts) it(script.name, () => script.check(new ScriptedCluster()));
});
