import assert from 'node:assert/strict';
import { decodeConfChange, decodeHardState, decodeMetadata, decodeSnapshotMetadata, decodeWalSnapshot } from '../../../../src/engine/readers/etcd/raft-messages.ts';
import { ProtobufReader } from '../../../../src/engine/readers/protobuf.ts';
import { RECORD } from '../../../../src/engine/readers/etcd/wal-frame.ts';
import { memberJson, promoteJson } from '../../../../src/engine/writers/etcd/member-json.ts';
import { encodeConfChange, encodeConfChangeEntry, encodeHardState, encodeMetadata, encodeSnapshot, encodeWalSnapshot } from '../../../../src/engine/writers/etcd/raft-messages.ts';
import { WalEncoder } from '../../../../src/engine/writers/etcd/wal-encoder.ts';

const SELF = 'fe9c64eaf3991d47';

describe('etcd wal encoder', () => {
  it('makes the frames that a server makes', () => {
    // A new log of member 1 of cluster 2, as etcd's own wal package writes it.
    const encoder = new WalEncoder();
    const context = memberJson({ id: '1', name: 'a', peerUrls: ['http://a:2380'], clientUrls: [] });
    assert.equal(encoder.seed().toString('hex'), '04000000000000840804100000000000');
    assert.equal(encoder.record(RECORD.metadata, encodeMetadata('1', '2')).toString('hex'), '0e00000000000082080110a9f6f0ac0c1a04080110020000');
    assert.equal(encoder.record(RECORD.snapshot, encodeWalSnapshot({ term: 0, index: 0 }, null)).toString('hex'), '0e0000000000008208051099cffffd0d1a04080010000000');
    const entry = encodeConfChangeEntry({ term: 1, index: 1 }, { type: 'add-voter', id: '1', context });
    assert.equal(
      encoder.record(RECORD.entry, entry).toString('hex'),
      '4a00000000000086080210b2ad83ca091a40080110011801223808001000180122307b226964223a312c227065657255524c73223a5b22687474703a2f2f613a32333830225d2c226e616d65223a2261227d000000000000',
    );
    assert.equal(encoder.record(RECORD.state, encodeHardState({ term: 1, vote: '1', commit: 1 })).toString('hex'), '1000000000000000080310baddefd2011a06080110011801');
    const removal = encodeConfChangeEntry({ term: 2, index: 7 }, { type: 'remove', id: '86bb2ec4699f8c28', context: null });
    assert.equal(encoder.record(RECORD.entry, removal).toString('hex'), '200000000000000008021084a3956a1a17080110021807220f0800100118a898feccc6d8cbdd8601');
  });

  it('keeps 64-bit ids exact', () => {
    assert.equal(decodeConfChange(encodeConfChange({ type: 'remove', id: SELF, context: null }))?.id, SELF);
    assert.equal(decodeHardState(encodeHardState({ term: 3, vote: SELF, commit: 2 ** 40 })).vote, SELF);
    assert.deepEqual(decodeMetadata(encodeMetadata(SELF, 'b8f404356c5207a')), { memberId: SELF, clusterId: 'b8f404356c5207a' });
    assert.equal(memberJson({ id: SELF, name: null, peerUrls: ['http://a:1'], clientUrls: [] }), `{"id":${BigInt(`0x${SELF}`)},"peerURLs":["http://a:1"]}`);
    const promotion = decodeConfChange(encodeConfChange({ type: 'add-voter', id: SELF, context: promoteJson(SELF) }));
    assert.equal(promotion?.isPromote, true);
  });

  it('writes no vote as 0', () => {
    assert.deepEqual(decodeHardState(encodeHardState({ term: 3, vote: null, commit: 4 })), { term: 3, vote: null, commit: 4 });
  });

  it('writes snapshots with their configuration', () => {
    const confState = { voters: [SELF], learners: ['1'] };
    assert.deepEqual(decodeWalSnapshot(encodeWalSnapshot({ term: 2, index: 9 }, confState)), { term: 2, index: 9 });
    const reader = new ProtobufReader(encodeSnapshot(Buffer.from('{}'), confState, { term: 2, index: 9 }));
    reader.next();
    assert.equal(reader.text, '{}');
    reader.next();
    assert.deepEqual(decodeSnapshotMetadata(reader.bytes), { term: 2, index: 9, confState });
  });
});
