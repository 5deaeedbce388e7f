import { Flags } from '@oclif/core';
import type { Answer } from '../../src/cli/answer.ts';
import { BaseCommand } from '../../src/cli/base-command.ts';
import { CorruptDataError, EXIT, RefusedError } from '../../src/engine/errors.ts';
import { finding } from '../../src/engine/model/finding.ts';

/** A command with every kind of ending, run as a process of its own: `node --import tsx fake-command.ts --end damage --json`. */
class Fake extends BaseCommand<unknown> {
  static override id = 'inspect:fake';
  static override flags = { end: Flags.string({ required: true }) };

  protected async execute(): Promise<Answer<unknown>> {
    const { flags } = await this.parse(Fake);
    const answer: Answer<unknown> = { data: { big: 2n ** 60n, small: 7n, text: 'a\u001b[2Jb\u009b\u202e' }, findings: [], next: ["raft-inspector inspect log 'a b'"], screen: (style) => [`${style.good('ok')} key \u001b[2Jraw`] };
    switch (flags.end) {
      case 'ok':
        return answer;
      case 'damage':
        return { ...answer, findings: [finding('torn', 'error', 'cut short', { file: 'x.wal', byteOffset: 12 })] };
      case 'warning':
        return { ...answer, findings: [finding('old', 'warn', 'old')] };
      case 'both':
        return { ...answer, findings: [finding('torn', 'error', 'cut short')], exits: [EXIT['no-candidate'], EXIT.unverifiable] };
      case 'undecided':
        return { ...answer, findings: [finding('torn', 'error', 'cut short')], findingsDecide: false };
      case 'refused':
        throw new RefusedError('process-running', 'etcd has it open', 'stop etcd');
      case 'corrupt':
        throw new CorruptDataError('member/wal/0.wal', 4096, 'checksum wrong');
      case 'bug':
        throw new TypeError('cannot read this');
      case 'slow':
        process.stderr.write('waiting\n');
        await new Promise((resolve) => setTimeout(resolve, 30_000));
        return answer;
      case 'lazy':
        return { ...answer, data: { before: 1, entries: numbers(3), after: 2 } };
      case 'lazy-broken':
        return { ...answer, data: { entries: broken() } };
      case 'rows':
        return { ...answer, rows: () => [{ index: 1 }, { index: 2 }] };
      case 'endless':
        return { ...answer, screen: () => lines() };
      case 'timeout': {
        const { progress } = this;
        for (;;) progress(1, 2, 'reading');
      }
      default:
        throw new Error(`no ending ${flags.end}`);
    }
  }
}

function* numbers(count: number): Generator<{ index: number }> {
  for (let index = 1; index <= count; index += 1) yield { index };
}

function* broken(): Generator<{ index: number }> {
  yield { index: 1 };
  throw new CorruptDataError('member/wal/0.wal', 8192, 'page missing');
}

function* lines(): Generator<string> {
  for (;;) yield 'line '.repeat(20);
}

await Fake.run(process.argv.slice(2), import.meta.dirname);
