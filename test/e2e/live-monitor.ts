// SPDX-License-Identifier: Apache-2.0
/** The real program on the real kernel: `dist/cli/main.js` as its own process, alerts read from its JSON file. */
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Watched } from './watch.js';

export const PROJECT = fileURLToPath(new URL('../..', import.meta.url));

/** Live tests need root. CI has it: there they must fail rather than be left out. */
export const canWatch = process.getuid?.() === 0 || process.env.CI !== undefined;

export interface JsonAlert {
  readonly rule: string;
  readonly priority: string;
  readonly source: string;
  readonly output: string;
  readonly time: string;
  readonly tags: readonly string[];
  readonly output_fields: Readonly<Record<string, string | number | boolean | null>>;
}

export interface MonitorOptions {
  readonly rules?: readonly string[];
  /** Lines of falco.yaml beside those that this class needs. */
  readonly config?: readonly string[];
  readonly args?: readonly string[];
}

export class LiveMonitor {
  readonly dir = mkdtempSync(join(tmpdir(), 'falco-ts-live-'));
  readonly process: Watched;
  private probes = 0;
  private readonly file = join(this.dir, 'alerts.json');

  constructor(options: MonitorOptions = {}) {
    const rules = options.rules ?? [join(PROJECT, 'rules/falco_rules.yaml')];
    const config = [
      `rules_files: ${JSON.stringify(rules)}`,
      'json_output: true',
      'stdout_output: { enabled: false }',
      `file_output: { enabled: true, keep_alive: true, filename: ${JSON.stringify(this.file)} }`,
      'webserver: { enabled: false }',
      'log_syslog: false',
      'log_stderr: true',
      'append_output: [{ suggested_output: true }, { match: { source: syscall }, extra_fields: [proc.sid] }]',
      ...(options.config ?? []),
    ];
    writeFileSync(join(this.dir, 'falco.yaml'), `${config.join('\n')}\n`);
    const args = [join(PROJECT, 'dist/cli/main.js'), '-c', join(this.dir, 'falco.yaml'), ...(options.args ?? [])];
    this.process = new Watched(spawn(process.execPath, args, { detached: true, stdio: ['ignore', 'pipe', 'pipe'] }));
  }

  alerts(): readonly JsonAlert[] {
    try {
      const lines = readFileSync(this.file, 'utf8').split('\n');
      return lines.slice(0, -1).map((line) => JSON.parse(line) as JsonAlert);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
      throw error;
    }
  }

  /** Resolves once events flow: a read of the password hashes, marked by a second argument, has raised its alert. */
  async ready(): Promise<void> {
    // A new one each time: what happened before this call has been seen when its alert is there.
    const probe = `ready-${process.pid}-${++this.probes}`;
    await this.wait((alert) => JSON.stringify(alert).includes(probe), 15_000, () => {
      spawn('cat', ['/etc/shadow', `/${probe}`], { stdio: 'ignore' });
    });
  }

  async wait(matches: (alert: JsonAlert) => boolean, timeoutMs = 5000, prompt?: () => void): Promise<JsonAlert> {
    const end = Date.now() + timeoutMs;
    for (;;) {
      const found = this.alerts().find(matches);
      if (found !== undefined) return found;
      if (Date.now() > end || this.process.ended) {
        const seen = this.alerts().slice(-20).map((alert) => `  ${alert.rule}: ${alert.output}`).join('\n');
        throw new Error(`${this.process.ended ? 'it ended' : `no such alert within ${timeoutMs} ms`}. The last alerts:\n${seen}\n${this.process.text.slice(-2000)}`);
      }
      prompt?.();
      await new Promise((resolve) => setTimeout(resolve, prompt === undefined ? 30 : 300));
    }
  }

  /** Ctrl-C. Returns what it printed. */
  async stop(): Promise<string> {
    await this.process.interrupt();
    rmSync(this.dir, { recursive: true, force: true });
    return this.process.text;
  }
}
