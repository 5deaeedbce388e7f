import assert from 'node:assert/strict';
import { evidenceText, parseEvidence } from '../../../src/engine/model/evidence.ts';
import type { Evidence } from '../../../src/engine/model/evidence.ts';
import type { MemberReading } from '../../../src/engine/model/reading.ts';
import { readerFor } from '../../../src/engine/readers/index.ts';
import { collectEvidence } from '../../../src/engine/recovery/collect.ts';
import { decoderFor } from '../../../src/engine/readers/decoders.ts';
import { comparePairs } from '../../../src/engine/recovery/divergence.ts';
import { examine, pick } from '../../../src/engine/recovery/pick.ts';
import { corpusCases, truthOf, unpackMember } from '../../helpers/corpus.ts';
import type { Truth } from '../../helpers/corpus.ts';

interface Case {
  truth: Truth;
  evidences: Evidence[];
  readings: Map<Evidence, MemberReading>;
}

async function survey(name: string): Promise<Case> {
  const truth = truthOf(name);
  const readings = new Map<Evidence, MemberReading>();
  for (const label of Object.keys(truth.members)) {
    const path = unpackMember(name, label);
    const reading = readerFor(path, label).read(path, { depth: 'log' });
    reading.report.label = label;
    readings.set(collectEvidence(reading, { tool: 'test', label, decode: await decoderFor(reading.report) }), reading);
  }
  return { truth, evidences: [...readings.keys()], readings };
}

describe('picking from the captured clusters', function () {
  this.timeout(30_000);
  for (const name of corpusCases().filter((one) => truthOf(one).members !== undefined)) {
    it(`${name}: source and divergence as the servers' own tools say`, async () => {
      const { truth, evidences, readings } = await survey(name);
      const pairs = comparePairs(evidences, (evidence) => readings.get(evidence));
      const { report, findings } = examine(evidences, {}, { pairs });
      const right: string[] = truth.expected_source_ties.length > 0 ? truth.expected_source_ties : [truth.expected_source];
      assert.ok(report.source !== null && right.includes(report.source), `picked ${report.source}, right is ${right.join(' or ')}`);

      const damaged = new Set((truth.expected_errors as { member: string }[]).map((one) => one.member));
      for (const { members, same_up_to, conflict_first, conflict_last } of truth.divergence) {
        if (members.some((label: string) => damaged.has(label))) continue; // there the library refuses what a reader still can read
        const pair = pairs.find((one) => members.includes(one.a) && members.includes(one.b));
        assert.deepEqual([pair?.commonPrefixEnd, pair?.divergesAt, pair?.divergesTo], [same_up_to, conflict_first, conflict_last], members.join(' and '));
      }
      assert.ok(!findings.some((one) => one.rule === 'same-position-other-content'));
    });
  }

  it('evidence files alone give the same answer as the disks', async () => {
    for (const name of ['etcd/double-trap-3516', 'etcd/bit-flip-3614', 'hashicorp-raft/divergent-tail-150', 'consul/term-trap-187']) {
      const { evidences, readings } = await survey(name);
      const fromDisks = examine(evidences, {}, { pairs: comparePairs(evidences, (evidence) => readings.get(evidence)) }).report;
      const files = await Promise.all(evidences.map((one) => parseEvidence(evidenceText(one), 'evidence.json')));
      assert.deepEqual(pick(files), fromDisks, name);
    }
  });

  it('says in words why the traps do not count', async () => {
    const { evidences } = await survey('etcd/double-trap-3516');
    const trap = pick(evidences).ranking.find((one) => one.label === 'n2');
    assert.match(trap?.reason ?? '', /longer, higher term: neither counts/);
    const { evidences: terms } = await survey('hashicorp-raft/term-trap-112');
    assert.match(pick(terms).ranking[1]?.reason ?? '', /current term \d+ does not count/);
  });

  it('takes reordered servers in a bootstrap configuration for what they are', async () => {
    const { evidences } = await survey('consul/term-trap-187');
    const { report, findings } = examine(evidences);
    assert.equal(report.source, 'consul-2');
    assert.equal(findings.find((one) => one.rule === 'configuration-order')?.severity, 'info');
  });

  it('refuses equal positions with other content, and finds the entry', async () => {
    const { evidences, readings } = await survey('etcd/healthy-34');
    const [a, b] = evidences as [Evidence, Evidence];
    const real = readings.get(b) as MemberReading;
    const changed: MemberReading = {
      ...real,
      *records(range) {
        for (const record of real.records(range)) {
          if (record.type === 'entry' && record.index === 700) yield { ...record, data: Uint8Array.from([...record.data, 1]) };
          else yield record;
        }
      },
    };
    const other = collectEvidence(changed, { tool: 'test', label: 'x' });
    const exact = comparePairs([a, other], (evidence) => (evidence === a ? readings.get(a) : changed));
    assert.equal(exact[0]?.conflict?.index, 700);
    const fromEvidence = comparePairs([a, other])[0]?.conflict;
    assert.ok(fromEvidence && fromEvidence.index <= 700 && fromEvidence.upTo >= 700 && fromEvidence.upTo - fromEvidence.index < 256);
    const { report, refused } = examine([a, other], {}, { pairs: exact });
    assert.equal(report.source, null);
    assert.match(refused ?? '', /different content in entry 700/);
  });
});
