import assert from 'node:assert/strict';
import fs from 'node:fs';
import { corpusCases, truthOf, unpackMember } from '../../../helpers/corpus.ts';
import { failures, stage } from './staged.ts';

/** Members of 3.6: Debian has no such server, so what is written for it is read back by our own reader only. */
const cases = corpusCases()
  .filter((name) => name.startsWith('etcd/') && !name.includes('snapshot-files'))
  .map((name) => ({ name, truth: truthOf(name) }))
  .filter(({ truth }) => truth.software.startsWith('etcd 3.6.'));

describe('etcd targets on 3.6 directories', () => {
  let parent: string | null = null;

  afterEach(() => {
    if (parent !== null) fs.rmSync(parent, { recursive: true, force: true });
  });

  for (const { name, truth } of cases) {
    const member = truth.expected_source as string;
    const boot = truth.members[member].boot_check_full_log ?? truth.members[member].boot_check;

    it(`${name}, ${member}: appended, its revision as the real server told it`, async () => {
      const { draft, checks, parent: made } = await stage(unpackMember(name, member));
      parent = made;
      assert.deepEqual(failures(checks), []);
      assert.equal(draft.kind, 'etcd-append');
      assert.equal(draft.outcome.clusterId, truth.members[member].cluster_id);
      assert.deepEqual(draft.outcome.voters, [truth.members[member].node_id]);
      if (draft.outcome.revision !== null) assert.equal(draft.outcome.revision, boot.hashkv.revision);
      if (draft.outcome.stateHash !== null) assert.equal(draft.outcome.stateHash, boot.hashkv.hash);
    });

    it(`${name}, ${member}: rebuilt with a new cluster id and a raised revision`, async () => {
      const { draft, checks, parent: made } = await stage(unpackMember(name, member), { newClusterId: 'new', bumpRevision: 1000 });
      parent = made;
      assert.deepEqual(failures(checks), []);
      assert.equal(draft.kind, 'etcd-rebuild');
      if (draft.outcome.revision !== null) assert.equal(draft.outcome.revision, boot.hashkv.revision + 1000);
    });
  }
});
