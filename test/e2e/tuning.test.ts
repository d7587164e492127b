// SPDX-License-Identifier: Apache-2.0
/** From a live alert to its silence: what `explain` writes is put beside the rules of the running monitor, which goes on for everything else. */
import { execFile } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { canWatch, LiveMonitor, PROJECT } from './live-monitor.js';

describe.skipIf(!canWatch)('tuning a running monitor by an alert of its own', () => {
  let dir: string;
  let monitor: LiveMonitor;
  beforeAll(async () => {
    dir = mkdtempSync(join(tmpdir(), 'falco-ts-tuning-'));
    mkdirSync(join(dir, 'rules.d'));
    for (const name of ['one', "two's"]) writeFileSync(join(dir, name), '');
    cpSync('/bin/cat', join(dir, 'other program'));
    writeFileSync(join(dir, 'rules.yaml'), `- rule: Guarded file read
  desc: d
  condition: evt.type in (open, openat) and fd.directory = ${dir} and proc.name in (cat, "other program")
  output: guarded %fd.name by %proc.exepath as %proc.cmdline of %user.name from %proc.pname (%proc.pid)
  priority: WARNING
`);
    monitor = new LiveMonitor({ rules: [join(PROJECT, 'rules/falco_rules.yaml'), join(dir, 'rules.yaml'), join(dir, 'rules.d')] });
    await monitor.ready();
  });
  afterAll(async () => {
    await monitor?.stop();
    rmSync(dir, { recursive: true, force: true });
  });

  it('silences the same command, and neither another file, nor another program, nor other options', async () => {
    const actions: readonly (readonly [string, ...string[]])[] = [['/bin/cat', join(dir, 'one')], ['/bin/cat', join(dir, "two's")], [join(dir, 'other program'), join(dir, 'one')], ['/bin/cat', '-u', join(dir, 'one')]];
    const act = async (): Promise<void> => {
      for (const [program, ...args] of actions) await promisify(execFile)(program, args);
    };
    const commands = (): readonly unknown[] => monitor.alerts().filter(({ rule }) => rule === 'Guarded file read').map(({ output_fields }) => output_fields['proc.cmdline']);
    const all = [`cat ${dir}/one`, `cat ${dir}/two's`, `other program ${dir}/one`, `cat -u ${dir}/one`];
    await act();
    await expect.poll(commands, { timeout: 10_000 }).toEqual(all);
    // The first of them, in the way of whoever tunes: the file of alerts, the number of the one that is harmless.
    const num = monitor.alerts().findIndex(({ rule }) => rule === 'Guarded file read') + 1;
    const explain = [join(PROJECT, 'dist/cli/main.js'), 'explain', '--yaml', '--num', String(num), '-r', join(PROJECT, 'rules/falco_rules.yaml'), '-r', join(dir, 'rules.yaml'), join(monitor.dir, 'alerts.json')];
    const { stdout } = await promisify(execFile)(process.execPath, explain);
    writeFileSync(join(dir, 'rules.d/known.yaml'), stdout);
    await monitor.process.until(/Reloaded: \d+ rules/, 15_000);
    await monitor.ready();
    await act();
    await monitor.ready();
    expect(commands()).toEqual([...all, ...all.slice(1)]);
  }, 60_000);
});
