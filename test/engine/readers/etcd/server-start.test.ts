import assert from 'node:assert/strict';
import { etcdReader } from '../../../../src/engine/readers/etcd/reader.ts';
import { corpusCases, truthOf, unpackMember, type Truth } from '../../../helpers/corpus.ts';

/**
 * What the real server did. `dies` must be foreseen, save where a damaged page of the db kills it only when it is reached; a server
 * that only serves reads has not started in a useful way, so it is never told as started. The servers were started with --force-new-cluster, which kills a learner
 * (it removes all voters); a plain start would not.
 */
const ALLOWED: Record<string, (boolean | null)[]> = { serves: [true], 'serves reads only': [false, null], dies: [false], hangs: [false] };
const PAGE_DAMAGE = 'db-corrupt-34 n3';

describe('etcd serverStarts, against what the real servers did', function () {
  this.timeout(60_000);
  const cases = corpusCases()
    .filter((name) => name.startsWith('etcd/'))
    .flatMap((name) => Object.entries<Truth>(truthOf(name).members ?? {}).map(([member, truth]) => ({ name, member, outcome: truth.boot_check?.outcome as string | undefined })))
    .filter(({ outcome }) => outcome !== undefined);
  for (const { name, member, outcome } of cases) {
    it(`${name} ${member}: ${outcome}`, () => {
      const { report } = etcdReader.read(unpackMember(name, member), {});
      if (report.confState?.learners.includes(report.memberId ?? '')) return assert.equal(report.serverStarts, true);
      const allowed = `${name.slice(5)} ${member}` === PAGE_DAMAGE ? [false, null] : (ALLOWED[outcome as string] as (boolean | null)[]);
      assert.ok(allowed.includes(report.serverStarts as boolean | null), `serverStarts ${report.serverStarts}`);
    });
  }
});
