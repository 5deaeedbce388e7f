import assert from 'node:assert/strict';
import { Membership } from '../../../../src/engine/readers/etcd/membership.ts';
import type { StoredConfChange } from '../../../../src/engine/readers/etcd/raft-messages.ts';

function change(type: StoredConfChange['type'], id: string, facts: Partial<StoredConfChange> = {}): StoredConfChange {
  return { type, id, isPromote: false, name: null, peerUrls: [`http://${id}:2380`], clientUrls: [], ...facts };
}

/** Voters a and b, learner c; d was removed. */
function founded(): Membership {
  const membership = new Membership();
  const steps = [change('add-voter', 'a'), change('add-voter', 'b'), change('add-learner', 'c'), change('add-voter', 'd'), change('remove', 'd')];
  steps.forEach((step, at) => assert.ok(membership.apply(step, at + 1), `step ${at}`));
  return membership;
}

function view({ voters, learners, index }: Membership): unknown {
  return { voters: [...voters].sort(), learners: [...learners].sort(), index };
}

// ValidateConfigurationChange, server/etcdserver/api/membership/cluster.go of etcd v3.5.30.
describe('etcd membership: what the store rejects has no effect', () => {
  for (const [what, rejected] of [
    ['adding a known id', change('add-voter', 'a', { peerUrls: ['http://new:2380'] })],
    ['adding a removed id', change('add-voter', 'd')],
    ['adding a peer URL in use', change('add-voter', 'e', { peerUrls: ['http://b:2380'] })],
    ['adding a learner with a known id', change('add-learner', 'b')],
    ['promoting a voter', change('add-voter', 'a', { isPromote: true, peerUrls: [] })],
    ['promoting an unknown member', change('add-voter', 'e', { isPromote: true, peerUrls: [] })],
    ['removing an unknown member', change('remove', 'e')],
    ['removing a removed member', change('remove', 'd')],
    ['updating an unknown member', change('update', 'e')],
    ['updating a removed member', change('update', 'd')],
  ] as const) {
    it(what, () => {
      const membership = founded();
      const before = view(membership);
      assert.equal(membership.apply(rejected, 9), false);
      assert.deepEqual(view(membership), before);
    });
  }

  it('promotes a learner, and updates nothing but peer URLs', () => {
    const membership = founded();
    assert.ok(membership.apply(change('add-voter', 'c', { isPromote: true, peerUrls: [] }), 6));
    assert.deepEqual(view(membership), { voters: ['a', 'b', 'c'], learners: [], index: 6 });
    assert.deepEqual(membership.members.get('c')?.peerUrls, ['http://c:2380']);
    assert.ok(membership.apply(change('update', 'a', { name: 'other', peerUrls: ['http://moved:2380'] }), 7));
    assert.deepEqual([membership.members.get('a')?.name, membership.members.get('a')?.peerUrls], [null, ['http://moved:2380']]);
  });
});
