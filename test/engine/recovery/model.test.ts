import assert from 'node:assert/strict';
import { prove } from '../../../src/engine/recovery/proof.ts';
import { rankMembers } from '../../../src/engine/recovery/rank.ts';
import type { SurveyedMember } from '../../../src/engine/recovery/surveyed-member.ts';
import { AbstractCluster, randomFrom } from './abstract-cluster.ts';
import type { ModelRules } from './abstract-cluster.ts';

const RAFT: ModelRules = { erratum: true, configurationCounts: 'at-append' };
const UNATTESTED = { noMembershipChange: false, voters: null };

interface Tally {
  surveys: number;
  proven: number;
  /** Sources called proven that lack a committed entry. */
  wrong: number;
  /** Winners of a surveyed quorum that the floor gate removed. */
  gated: number;
}

/** Random clusters, stopped at random moments, and every subset of their disks surveyed. */
function run(surveys: number, seed: number, rules: ModelRules, doctor?: (cluster: AbstractCluster, disks: SurveyedMember[], random: (below: number) => number) => void): Tally {
  const random = randomFrom(seed);
  const tally: Tally = { surveys: 0, proven: 0, wrong: 0, gated: 0 };
  while (tally.surveys < surveys) {
    const size = 3 + random(3);
    const cluster = new AbstractCluster(size, 2 + random(size - 1), random, rules);
    for (let chapter = 0; chapter < 4; chapter++) {
      for (let steps = 20 + random(60); steps > 0; steps--) cluster.step();
      const disks = Array.from({ length: size }, (_, at) => cluster.survey(at));
      doctor?.(cluster, disks, random);
      for (let mask = 1; mask < 1 << size; mask++) judge(cluster, disks.filter((_, at) => mask & (1 << at)), tally);
    }
  }
  return tally;
}

function judge(cluster: AbstractCluster, disks: readonly SurveyedMember[], tally: Tally): void {
  tally.surveys += 1;
  const ranking = rankMembers(disks);
  const { source } = ranking;
  if (!source) return;
  const { proof } = prove(disks, source, ranking.floor, UNATTESTED);
  if (proof !== 'proven') return;
  tally.proven += 1;
  if (ranking.decidedBy === 'floor-gate') tally.gated += 1;
  if (cluster.lacksCommitted(Number(source.label.slice(1)), source.last.index)) tally.wrong += 1;
}

describe('the recovery theorem against an abstract model of Raft', function () {
  this.timeout(60_000);

  it('names no source as proven that lacks a committed entry, in a million surveys', () => {
    const tally = run(1_000_000, 20260101, RAFT);
    assert.ok(tally.surveys >= 1_000_000);
    assert.ok(tally.proven > 100_000, `only ${tally.proven} surveys were proven`);
    assert.equal(tally.wrong, 0);
    assert.equal(tally.gated, 0, 'with a surveyed quorum the floor gate never removes the winner');
  });

  it('holds as well where configurations count from their commit on', () => {
    assert.equal(run(200_000, 7, { ...RAFT, configurationCounts: 'at-apply' }).wrong, 0);
  });

  it('fails when a rolled-back disk counts as whole, so the check can fail', () => {
    const tally = run(100_000, 11, RAFT, (cluster, disks, random) => {
      const at = random(disks.length);
      disks[at] = cluster.rolledBack(at);
    });
    assert.ok(tally.wrong > 100, `only ${tally.wrong} of ${tally.proven}`);
  });

  it('fails without the erratum to one-server changes', () => {
    const tally = run(1_000_000, 13, { ...RAFT, erratum: false });
    assert.ok(tally.wrong > 0, `0 of ${tally.proven}`);
  });
});
