import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { pathToFileURL } from 'node:url';

const PROGRAMS = ['chromium', 'chromium-browser', 'google-chrome'];
const ANSWER_MS = 60_000;

/** What to emulate. */
export interface Look {
  scheme: 'light' | 'dark';
  media: 'screen' | 'print';
  width: number;
  height: number;
}

/** Sizes in inches, as the protocol wants them. */
export const PAPER = { a4: { paperWidth: 8.27, paperHeight: 11.69 }, letter: { paperWidth: 8.5, paperHeight: 11 } } as const;

interface Answer {
  id?: number;
  method?: string;
  params?: Record<string, unknown>;
  result?: Record<string, unknown>;
  error?: { message: string };
  sessionId?: string;
}

/** Why no browser can be used; null when there is one. */
export function chromiumMissing(): string | null {
  return program() === null ? `none of ${PROGRAMS.join(', ')} is installed` : null;
}

function program(): string | null {
  return PROGRAMS.find((one) => spawnSync(one, ['--version'], { timeout: 20_000 }).status === 0) ?? null;
}

/** A headless browser with one page, spoken to over a pipe. What the page asks of the network and what it complains about is kept. */
export class Chromium {
  /** Addresses the page asked for, the file itself first. */
  readonly requests: string[] = [];
  /** Errors and warnings of the page, policy violations among them. */
  readonly complaints: string[] = [];
  private readonly waiting = new Map<number, { resolve: (result: Record<string, unknown>) => void; reject: (error: Error) => void }>();
  private readonly events = new Map<string, () => void>();
  private nextId = 0;
  private session = '';

  private constructor(
    private readonly child: ChildProcess,
    private readonly profile: string,
  ) {
    let held = '';
    (child.stdio[4] as Readable).setEncoding('utf8').on('data', (text: string) => {
      const parts = (held + text).split('\0');
      held = parts.pop() ?? '';
      for (const part of parts) this.take(JSON.parse(part) as Answer);
    });
    child.once('exit', () => this.fail(new Error('the browser ended')));
  }

  static async start(): Promise<Chromium> {
    const profile = fs.mkdtempSync(path.join(os.tmpdir(), 'raft-inspector-browser-'));
    const flags = ['--headless=new', '--remote-debugging-pipe', '--disable-gpu', '--disable-background-networking', '--disable-component-update', '--disable-sync', '--no-first-run', '--hide-scrollbars', '--font-render-hinting=none', '--disable-dev-shm-usage', `--user-data-dir=${profile}`];
    // The sandbox cannot be set up by root, nor in most containers; the pages are our own files.
    const child = spawn(program() ?? '', [...flags, '--no-sandbox', 'about:blank'], { stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'] });
    const browser = new Chromium(child, profile);
    try {
      const { targetInfos } = (await browser.call('Target.getTargets')) as { targetInfos: { type: string; targetId: string }[] };
      const page = targetInfos.find((one) => one.type === 'page') ?? ((await browser.call('Target.createTarget', { url: 'about:blank' })) as { targetId: string });
      browser.session = ((await browser.call('Target.attachToTarget', { targetId: page.targetId, flatten: true })) as { sessionId: string }).sessionId;
      for (const domain of ['Page', 'Network', 'Log', 'Runtime']) await browser.call(`${domain}.enable`);
      return browser;
    } catch (error) {
      await browser.close();
      throw error;
    }
  }

  /** Loads a file and waits until all of it is there. */
  async open(file: string, fragment = ''): Promise<void> {
    this.requests.length = 0;
    this.complaints.length = 0;
    const loaded = new Promise<void>((resolve) => this.events.set('Page.loadEventFired', resolve));
    await this.call('Page.navigate', { url: `${pathToFileURL(file).href}${fragment}` });
    await loaded;
  }

  async look(look: Look): Promise<void> {
    await this.call('Emulation.setDeviceMetricsOverride', { width: look.width, height: look.height, deviceScaleFactor: 1, mobile: false });
    await this.call('Emulation.setEmulatedMedia', { media: look.media, features: [{ name: 'prefers-color-scheme', value: look.scheme }] });
  }

  /** A picture of the window. */
  async screenshot(): Promise<Buffer> {
    const { data } = (await this.call('Page.captureScreenshot', { format: 'png' })) as { data: string };
    return Buffer.from(data, 'base64');
  }

  async pdf(paper: keyof typeof PAPER): Promise<Buffer> {
    await this.call('Emulation.setEmulatedMedia', { media: '', features: [{ name: 'prefers-color-scheme', value: 'dark' }] });
    const { data } = (await this.call('Page.printToPDF', { ...PAPER[paper], preferCSSPageSize: false, printBackground: true, marginTop: 0.63, marginBottom: 0.63, marginLeft: 0.63, marginRight: 0.63 })) as { data: string };
    return Buffer.from(data, 'base64');
  }

  /** What an expression gives in the page; of JSON's kinds only. */
  async evaluate<T>(expression: string): Promise<T> {
    const { result, exceptionDetails } = (await this.call('Runtime.evaluate', { expression, returnByValue: true })) as { result: { value: T }; exceptionDetails?: { text: string } };
    if (exceptionDetails !== undefined) throw new Error(exceptionDetails.text);
    return result.value;
  }

  /** Ends the process that was started, and takes its profile away. */
  async close(): Promise<void> {
    if (this.child.exitCode === null && this.child.signalCode === null) {
      const ended = new Promise((resolve) => this.child.once('exit', resolve));
      this.child.kill('SIGKILL');
      await ended;
    }
    fs.rmSync(this.profile, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
  }

  private call(method: string, params: Record<string, unknown> = {}): Promise<Record<string, unknown>> {
    const id = (this.nextId += 1);
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`${method}: the browser did not answer within ${ANSWER_MS} ms`)), ANSWER_MS);
      const settle = <T>(then: (value: T) => void) => (value: T): void => {
        clearTimeout(timer);
        then(value);
      };
      this.waiting.set(id, { resolve: settle(resolve), reject: settle(reject) });
      (this.child.stdio[3] as Writable).write(`${JSON.stringify({ id, method, params, ...(this.session === '' ? {} : { sessionId: this.session }) })}\0`);
    });
  }

  private take(answer: Answer): void {
    if (answer.id !== undefined) {
      const waiting = this.waiting.get(answer.id);
      this.waiting.delete(answer.id);
      if (answer.error !== undefined) waiting?.reject(new Error(answer.error.message));
      else waiting?.resolve(answer.result ?? {});
      return;
    }
    const { method = '', params = {} } = answer;
    if (method === 'Network.requestWillBeSent') this.requests.push((params['request'] as { url: string }).url);
    if (method === 'Log.entryAdded') this.complaints.push((params['entry'] as { text: string }).text);
    if (method === 'Runtime.consoleAPICalled' || method === 'Runtime.exceptionThrown') this.complaints.push(JSON.stringify(params));
    this.events.get(method)?.();
    this.events.delete(method);
  }

  private fail(error: Error): void {
    for (const one of this.waiting.values()) one.reject(error);
    this.waiting.clear();
  }
}

/** Pages of a PDF as the browser writes it: their objects are not compressed. */
export function pdfPages(pdf: Buffer): number {
  return (pdf.toString('latin1').match(/\/Type\s*\/Page(?![a-zA-Z])/g) ?? []).length;
}
