import assert from 'node:assert/strict';
import { type ConsentRequest, consentTo, type Prompter } from '../../src/cli/consent.ts';
import { plainStyle } from '../../src/cli/render/terminal-style.ts';
import { DeclinedError, RefusedError, UsageError } from '../../src/engine/errors.ts';

const ID = '55c00990150d08f5';
const plain: ConsentRequest = { execute: true, confirm: undefined, clusterId: ID, isLab: false, severe: null, preview: () => ['what would be done'] };
const severe: ConsentRequest = { ...plain, severe: 'no further failure is tolerated' };

/** Answers a prompt, or fails the test when it is asked at all. */
function prompter(answer: string | null, isInteractive = true): Prompter & { asked: number; shown: string[] } {
  const one: Prompter & { asked: number; shown: string[] } = {
    isInteractive,
    asked: 0,
    shown: [],
    show: (preview) => void one.shown.push(...preview(plainStyle())),
    ask: async () => {
      one.asked += 1;
      if (answer === null) throw new Error('must not ask');
      return answer;
    },
  };
  return one;
}

describe('consent to a change', () => {
  it('previews without --execute, whatever else was given', async () => {
    for (const request of [plain, severe, { ...severe, confirm: ID }, { ...severe, isLab: true }]) assert.equal(await consentTo({ ...request, execute: false }, prompter(null)), 'preview');
  });

  it('acts with --execute alone where margin is left, and on a practice cluster', async () => {
    assert.equal(await consentTo(plain, prompter(null)), 'go');
    assert.equal(await consentTo({ ...severe, isLab: true }, prompter(null)), 'go');
  });

  it('asks for the id of the cluster where none is left, and takes 8 characters of it', async () => {
    for (const typed of [ID, ' 55c00990 ', '55c00990150d']) {
      const asked = prompter(typed);
      assert.equal(await consentTo(severe, asked), 'go');
      assert.deepEqual([asked.asked, asked.shown], [1, ['what would be done']]);
    }
    for (const typed of ['', 'y', 'yes', '55c0099', '55c00991', `${ID}0`]) await assert.rejects(consentTo(severe, prompter(typed)), DeclinedError, typed);
  });

  it('never asks off a terminal: the flag that answers is named', async () => {
    await assert.rejects(consentTo(severe, prompter(null, false)), (error) => error instanceof UsageError && error.hint.endsWith('--confirm 55c00990'));
    assert.equal(await consentTo({ ...severe, confirm: '55c00990' }, prompter(null, false)), 'go');
  });

  it('refuses the id of another cluster, also in a preview and where nothing had to be confirmed', async () => {
    for (const request of [severe, plain, { ...plain, execute: false }]) {
      await assert.rejects(consentTo({ ...request, confirm: 'deadbeefdeadbeef' }, prompter(null)), (error) => error instanceof RefusedError && error.rule === 'confirm-mismatch');
      await assert.rejects(consentTo({ ...request, confirm: '55c' }, prompter(null)), UsageError);
    }
  });

  it('takes the whole of an id that is shorter than 8 characters', async () => {
    assert.equal(await consentTo({ ...severe, clusterId: 'lab', confirm: 'lab' }, prompter(null, false)), 'go');
    await assert.rejects(consentTo({ ...severe, clusterId: 'lab' }, prompter('la')), DeclinedError);
  });
});
