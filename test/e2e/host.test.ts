// SPDX-License-Identifier: Apache-2.0
/** One machine without Node and compilers: the Debian package installed, the unit checked, the program run with the unit's rights. */
import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { aptInstall } from './apt.js';
import { CleanRoot } from './clean-root.js';
import { canWatch, PROJECT } from './live-monitor.js';
import { Watched } from './watch.js';

const MINUTE = 60_000;
const UNIT = join(PROJECT, 'docker/host/falco-ts.service');
const unit = (key: string): string => new RegExp(`^${key}=(.*)$`, 'm').exec(readFileSync(UNIT, 'utf8'))?.[1] ?? '';

describe.skipIf(!canWatch)('the systemd unit', () => {
  it('is hardened: systemd rates its exposure as low', () => {
    if (spawnSync('systemd-analyze', ['--version']).status !== 0) aptInstall('systemd');
    const text = execFileSync('systemd-analyze', ['security', '--offline=yes', '--no-pager', UNIT], { encoding: 'utf8' });
    const exposure = Number(/Overall exposure level for falco-ts\.service: ([\d.]+)/.exec(text)?.[1]);
    expect(exposure).toBeLessThanOrEqual(3.2);
  });
});

describe.skipIf(!canWatch)('the Debian package', () => {
  let machine: CleanRoot;
  let dir: string;
  let name: string;
  beforeAll(() => {
    dir = mkdtempSync(join(tmpdir(), 'falco-ts-deb-'));
    execFileSync(join(PROJECT, 'docker/host/build-deb.sh'), [dir], { stdio: ['ignore', 'ignore', 'pipe'], maxBuffer: 1 << 26 });
    name = readdirSync(dir).find((one) => one.endsWith('.deb')) ?? '';
    machine = new CleanRoot();
    rmSync(join(machine.path, 'usr/local/bin/node'));
    rmSync(join(machine.path, 'usr/local/lib/node_modules'), { recursive: true });
    cpSync(join(dir, name), join(machine.path, 'root', name));
  }, 15 * MINUTE);
  afterAll(() => {
    machine?.remove();
    rmSync(dir, { recursive: true, force: true });
  }, MINUTE);

  it('installs where there is neither Node nor a compiler, and lays out the configuration', { timeout: 5 * MINUTE }, async () => {
    const { code, text } = await machine.run(`dpkg -i /root/${name} && falco-ts --version && falco-ts --dry-run`);
    expect(code, text).toBe(0);
    expect(text).toMatch(/\/etc\/falco-ts\/falco\.yaml \| schema validation: ok/);
    expect(text).toMatch(/\/etc\/falco-ts\/rules\.d\/local\.yaml \| schema validation: ok/);
    expect(text).not.toMatch(/no effect|warning/i);
    expect((await machine.run('command -v node npm gcc; stat -c %a /var/log/falco-ts /var/lib/falco-ts')).text).toBe('700\n700\n');
    const config = parse(readFileSync(join(machine.path, 'etc/falco-ts/falco.yaml'), 'utf8')) as { file_output: { filename: string }; spool: { directory: string } };
    // Where the unit lets it write.
    expect(config.file_output.filename).toMatch(new RegExp(`^/var/log/${unit('LogsDirectory')}/`));
    expect(config.spool.directory).toMatch(new RegExp(`^/var/lib/${unit('StateDirectory')}/`));
  });

  it('watches with the capabilities of the unit and no others', { timeout: 2 * MINUTE }, async () => {
    const names = unit('CapabilityBoundingSet').split(' ').map((one) => `+${one.replace('CAP_', '').toLowerCase()}`);
    const options = `--bounding-set=-all,${names.join(',')} --inh-caps=-all --no-new-privs`;
    const monitor = new Watched(machine.spawn(`exec setpriv ${options} ${unit('ExecStart')} -o webserver.enabled=false`));
    try {
      await monitor.until(/Opening 'syscall' source/, MINUTE);
      // Its own root is not this machine's: the path is the same, and so is what the rule says of it.
      const [alert] = await monitor.until(/^\{.*dropped-by-host-test.*$/m, MINUTE, () => machine.spawn('echo x > /usr/bin/dropped-by-host-test'));
      expect(JSON.parse(alert)).toMatchObject({ rule: 'File written in binary directory', output_fields: { 'user.name': 'root' } });
    } finally {
      await monitor.interrupt();
    }
    expect(readFileSync(join(machine.path, 'var/log/falco-ts/alerts.json'), 'utf8')).toContain('dropped-by-host-test');
  });

  it('is gone after a purge, with its state', { timeout: 5 * MINUTE }, async () => {
    const { code, text } = await machine.run('dpkg -P falco-ts && ls -d /etc/falco-ts /usr/lib/falco-ts /usr/bin/falco-ts /var/lib/falco-ts /var/log/falco-ts 2>/dev/null; true');
    expect(code, text).toBe(0);
    expect(text).not.toMatch(/^\//m);
  });
});
