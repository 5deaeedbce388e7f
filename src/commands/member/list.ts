import { Flags } from '@oclif/core';
import type { Answer } from '../../cli/answer.ts';
import { FORMATS } from '../../cli/flags.ts';
import { withCluster, withStream } from '../../cli/live-command.ts';
import { liveFlags, type OpenedCluster } from '../../cli/live-flags.ts';
import { parseDuration } from '../../cli/measure.ts';
import { WatchMemory } from '../../cli/member-watch.ts';
import { isTerminal } from '../../cli/output.ts';
import { commandLine } from '../../cli/quote.ts';
import { memberListLines } from '../../cli/render/member-list.ts';
import { prometheusLines } from '../../cli/render/prometheus.ts';
import { StreamCommand } from '../../cli/stream-command.ts';
import { EXIT, type ExitCode, InspectorError, UsageError } from '../../engine/errors.ts';
import type { MemberList as List } from '../../engine/live/member-list.ts';
import { type Finding, finding } from '../../engine/model/finding.ts';

const TIMEOUT_MS = 5000;
const WATCH_MS = 2000;
const SHORTEST_WATCH_MS = 200;

export default class MemberList extends StreamCommand<List> {
  static override summary = 'The members, who leads, who is behind, and how many may still fail';
  static override description = `Exit 6 when there is no leader, 3 when a member is down; that no further failure is tolerated is a warning.
A member is down when its leader has not heard of it for 1.5 s; without a leader, when it does not answer.
--watch looks again every 2 s (--watch=500ms): it repaints on a terminal, q or Ctrl-C ends it; into a pipe a JSON document a line.
--format prom prints the Prometheus text format.`;
  static override examples = ['<%= config.bin %> <%= command.id %> --lab ./lab', '<%= config.bin %> <%= command.id %> --watch --endpoint 127.0.0.1:7001', '<%= config.bin %> <%= command.id %> --format prom --endpoint 127.0.0.1:7001'];
  static override flags = {
    watch: Flags.boolean({ summary: 'Look again every 2 s, or as often as --watch=<duration> says' }),
    format: Flags.string({ helpGroup: 'GLOBAL', options: [...FORMATS, 'prom'], helpValue: [...FORMATS, 'prom'].join('|'), summary: 'How to print the answer' }),
    ...liveFlags,
  };

  protected async execute(): Promise<Answer<List>> {
    const everyMs = this.takeInterval();
    const { flags } = await this.parse(MemberList);
    const timeoutMs = this.globals.timeout ?? TIMEOUT_MS;
    if (flags.watch) {
      if (flags.format === 'prom') throw new UsageError('--watch and --format prom ask for two different things', 'Let Prometheus ask again: leave out --watch');
      return withStream(flags, async (opened) => this.watching(opened, everyMs, timeoutMs));
    }
    return withCluster(flags, async ({ cluster, words }) => {
      const list = await cluster.memberList({ timeoutMs });
      return {
        data: list,
        findings: findingsOf(list),
        exits: exitsOf(list),
        next: nextAfter(list, words),
        screen: (style) => (flags.format === 'prom' ? prometheusLines(list, cluster.kind) : memberListLines(list, { kind: cluster.kind }, style)),
      };
    });
  }

  /** `--watch=500ms`: the framework knows no flag whose value may be left out. */
  private takeInterval(): number {
    const at = this.argv.findIndex((word) => word.startsWith('--watch='));
    const word = this.argv[at];
    if (word === undefined) return WATCH_MS;
    const everyMs = parseDuration(word.slice('--watch='.length));
    if (everyMs < SHORTEST_WATCH_MS) throw new UsageError(`${word} is too often`, `At least ${SHORTEST_WATCH_MS}ms`);
    this.argv[at] = '--watch';
    return everyMs;
  }

  private watching({ cluster }: OpenedCluster, everyMs: number, timeoutMs: number): Answer<List> & Required<Pick<Answer<List>, 'live'>> {
    const exits: ExitCode[] = [];
    const looks = async function* (stopped: AbortSignal): AsyncGenerator<{ at: Date; list: List | null; error: InspectorError | null }> {
      while (!stopped.aborted) {
        const startedAt = performance.now();
        try {
          yield { at: new Date(), list: await cluster.memberList({ timeoutMs }), error: null };
        } catch (error) {
          // A cluster that does not answer right now is what somebody watches for.
          if (!(error instanceof InspectorError) || error.exitCode !== EXIT.unreachable) throw error;
          yield { at: new Date(), list: null, error };
        }
        await pauseOr(stopped, Math.max(0, everyMs - (performance.now() - startedAt)));
      }
    };
    const { stopped } = this;
    const watchKeys = (): (() => void) => onKey(() => this.stop());
    return {
      data: EMPTY,
      findings: [],
      exits,
      next: [],
      screen: () => [],
      live: {
        mode: 'redraw',
        rows: async function* () {
          for await (const { at, list, error } of looks(stopped)) yield { at: at.toISOString(), ...(list ?? { error: { code: error?.code, message: error?.message } }), findings: list === null ? [] : findingsOf(list) };
        },
        frames: async function* (style) {
          const memory = new WatchMemory();
          const release = watchKeys();
          try {
            for await (const { at, list, error } of looks(stopped)) {
              memory.add(list, at.toTimeString().slice(0, 8));
              const head = style.dim(`every ${everyMs / 1000} s, q quits`.padEnd(60) + at.toTimeString().slice(0, 8));
              const body = list === null ? [`${style.bad('ERROR')}  ${error?.message ?? 'nobody answered'}`] : memberListLines(list, { kind: cluster.kind, history: memory.history, historyHeader: memory.headerFor(everyMs), events: memory.events }, style);
              yield [head, ...body];
            }
          } finally {
            release();
          }
        },
      },
    };
  }
}

const EMPTY: List = { clusterId: '', leader: null, term: 0, commitIndex: 0, members: [], pendingChange: null, configurationIndex: 0, removedIds: [], quorum: 0, failuresTolerated: 0 };

/** What is not as it should be. */
export function findingsOf(list: List): Finding[] {
  const findings: Finding[] = [];
  if (list.leader === null) findings.push(finding('no-leader', 'error', 'there is no leader: nothing can be written', { fix: 'A majority of the voters has to be up and to reach each other' }));
  for (const member of list.members.filter((one) => !one.healthy)) findings.push(finding('member-down', 'error', member.problem ?? 'it does not answer', { member: member.id, fix: 'Look whether its process runs and can be reached' }));
  if (list.leader !== null && list.failuresTolerated === 0) findings.push(finding('no-margin', 'warn', 'no further failure is tolerated', { fix: list.members.some((one) => !one.healthy) ? 'Bring back the members that are down, or replace them' : 'Add members: raft-inspector member add' }));
  return findings;
}

function exitsOf(list: List): ExitCode[] {
  return list.leader === null ? [EXIT.unreachable] : [];
}

function nextAfter(list: List, words: readonly string[]): string[] {
  if (list.leader === null) return ['raft-inspector recover --help'];
  const learner = list.members.find((one) => one.role === 'learner' && one.healthy);
  return learner === undefined ? [] : [commandLine('raft-inspector', 'member', 'promote', learner.id, ...words)];
}

function pauseOr(stopped: AbortSignal, ms: number): Promise<void> {
  if (stopped.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const end = (): void => {
      clearTimeout(timer);
      stopped.removeEventListener('abort', end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    stopped.addEventListener('abort', end, { once: true });
  });
}

/** Calls `quit` for q and Ctrl-C; gives back how to let go of the keyboard. */
function onKey(quit: () => void): () => void {
  if (!isTerminal(0)) return () => undefined;
  const { stdin } = process;
  const onData = (keys: Buffer): void => {
    if (keys.includes('q') || keys.includes(3)) quit();
  };
  stdin.setRawMode(true);
  stdin.resume();
  stdin.on('data', onData);
  return () => {
    stdin.off('data', onData);
    stdin.setRawMode(false);
    stdin.pause();
  };
}
