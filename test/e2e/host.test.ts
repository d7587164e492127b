// SPDX-License-Identifier: Apache-2.0
/** One machine without Node and compilers, booted by a real systemd: the Debian package and its unit, from installation to purge. */
import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { aptInstall } from './apt.js';
import { BootedMachine } from './booted.js';
import { CleanRoot } from './clean-root.js';
import { canWatch, PROJECT } from './live-monitor.js';

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

it('a Node that cannot be taken along, since it needs libraries of this machine, is refused before anything is built', () => {
  const dir = mkdtempSync(join(tmpdir(), 'falco-ts-node-'));
  try {
    symlinkSync('/usr/bin/openssl', join(dir, 'node'));
    const { status, stderr } = spawnSync(join(PROJECT, 'docker/stage.sh'), [join(dir, 'out')], { encoding: 'utf8', env: { PATH: `${dir}:/usr/bin:/bin` } });
    expect(stderr).toMatch(/node needs libraries of this machine \(lib(ssl|crypto)\.so.*nodejs\.org first in PATH/);
    expect(status).toBe(1);
    expect(existsSync(join(dir, 'out'))).toBe(false);
  } finally {
    rmSync(dir, { recursive: true });
  }
});

describe.skipIf(!canWatch)('the Debian package, on a machine booted by systemd', () => {
  let root: CleanRoot;
  let machine: BootedMachine;
  let dir: string;
  let name: string;
  beforeAll(async () => {
    dir = mkdtempSync(join(tmpdir(), 'falco-ts-deb-'));
    execFileSync(join(PROJECT, 'docker/host/build-deb.sh'), [dir], { stdio: ['ignore', 'ignore', 'pipe'], maxBuffer: 1 << 26 });
    name = readdirSync(dir).find((one) => one.endsWith('.deb')) ?? '';
    root = new CleanRoot();
    const { code, text } = await root.run('apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends systemd logrotate');
    expect(code, text).toBe(0);
    rmSync(join(root.path, 'usr/local/bin/node'));
    rmSync(join(root.path, 'usr/local/lib/node_modules'), { recursive: true });
    cpSync(join(dir, name), join(root.path, 'root', name));
    machine = new BootedMachine(root);
    await machine.boot();
  }, 15 * MINUTE);
  afterAll(async () => {
    await machine?.stop();
    root?.remove();
    rmSync(dir, { recursive: true, force: true });
  }, MINUTE);

  const journal = async (): Promise<string> => (await machine.run('journalctl --unit=falco-ts --output=cat --no-pager')).text;
  /** What the unit's journal has behind what it had at `from`. Does `prompt` again each time that it is not there yet. */
  async function said(pattern: RegExp, from = 0, prompt?: string): Promise<RegExpExecArray> {
    for (const end = Date.now() + MINUTE; ; await new Promise((resolve) => setTimeout(resolve, 300))) {
      const text = await journal();
      const match = pattern.exec(text.slice(from));
      if (match !== null) return match;
      if (Date.now() > end) throw new Error(`no ${pattern} in the journal:\n${text}`);
      if (prompt !== undefined) await machine.run(prompt);
    }
  }
  /** A systemctl command that must work. */
  const systemctl = async (words: string): Promise<void> => {
    const { code, text } = await machine.run(`systemctl ${words}`);
    expect(code, `${text}${await journal()}`).toBe(0);
  };
  const state = async (): Promise<string> => (await machine.run('systemctl is-active falco-ts; systemctl is-enabled falco-ts')).text.trim().replace('\n', ', ');
  const mainPid = async (): Promise<string> => (await machine.run('systemctl show --property=MainPID --value falco-ts')).text.trim();

  it('installs where there is neither Node nor a compiler, lays out the configuration, and is started', { timeout: 5 * MINUTE }, async () => {
    const { code, text } = await machine.run(`dpkg -i /root/${name} && falco-ts --version && falco-ts --dry-run`);
    expect(code, text).toBe(0);
    expect(text).toMatch(/\/etc\/falco-ts\/falco\.yaml \| schema validation: ok/);
    expect(text).toMatch(/\/etc\/falco-ts\/rules\.d\/local\.yaml \| schema validation: ok/);
    expect(text).not.toMatch(/no effect|warning/i);
    await said(/Opening 'syscall' source/);
    expect(await state()).toBe('active, enabled');
    expect((await machine.run('command -v node npm gcc; stat -c %a /var/log/falco-ts /var/lib/falco-ts')).text).toBe('700\n700\n');
    const config = parse(readFileSync(join(root.path, 'etc/falco-ts/falco.yaml'), 'utf8')) as { file_output: { filename: string }; spool: { directory: string } };
    // Where the unit lets it write.
    expect(config.file_output.filename).toMatch(new RegExp(`^/var/log/${unit('LogsDirectory')}/`));
    expect(config.spool.directory).toMatch(new RegExp(`^/var/lib/${unit('StateDirectory')}/`));
  });

  it('watches under all restrictions of the unit: alerts are in the journal and in the file', { timeout: 2 * MINUTE }, async () => {
    const [alert] = await said(/^\{.*dropped-by-host-test.*$/m, 0, 'echo x > /usr/bin/dropped-by-host-test');
    expect(JSON.parse(alert)).toMatchObject({ rule: 'File written in binary directory', output_fields: { 'user.name': 'root', 'proc.name': 'sh' } });
    expect(readFileSync(join(root.path, 'var/log/falco-ts/alerts.json'), 'utf8')).toContain('dropped-by-host-test');
    const status = (await machine.run(`cat /proc/${await mainPid()}/status`)).text;
    expect(status).toMatch(/^NoNewPrivs:\t1$/m);
    expect(status).toMatch(/^Seccomp:\t2$/m);
    // BPF, PERFMON, SYS_RESOURCE where this machine may give it, SYS_PTRACE, DAC_READ_SEARCH.
    expect(status).toMatch(/^CapEff:\t000000c00[01]080004$/m);
    expect(await journal()).not.toMatch(/EPERM|EACCES|EROFS|Operation not permitted|lacks/);
    expect((await machine.run(`cat /proc/${await mainPid()}/root/usr/bin/falco-ts > /dev/null; nsenter -t ${await mainPid()} -m touch /usr/bin/x`)).text).toContain('Read-only file system');
  });

  it('systemctl reload takes a changed configuration, and refuses a broken one while the old one works on', { timeout: 2 * MINUTE }, async () => {
    const pid = await mainPid();
    let from = (await journal()).length;
    await machine.run("printf '%s\\n' '- rule: Reload seen' '  desc: by a test' '  condition: evt.type in (open, openat, openat2, creat) and fd.name = /root/reload-seen' '  output: reload seen' '  priority: NOTICE' > /etc/falco-ts/rules.d/seen.yaml");
    await systemctl('reload falco-ts');
    await said(/"rule":"Reload seen"/, from, 'echo > /root/reload-seen');
    from = (await journal()).length;
    await machine.run("echo 'stdout_output: [' >> /etc/falco-ts/falco.yaml");
    await systemctl('reload falco-ts');
    await said(/falco\.yaml:\d+:\d+: error CONFIG_YAML/, from);
    from = (await journal()).length;
    await said(/"rule":"Reload seen"/, from, 'echo > /root/reload-seen');
    expect(await mainPid()).toBe(pid);
  });

  it('says in the journal why it does not start, and starts when that is mended', { timeout: 2 * MINUTE }, async () => {
    const from = (await journal()).length;
    await machine.run('systemctl restart falco-ts');
    await said(/falco\.yaml:\d+:\d+: error CONFIG_YAML/, from);
    await said(/Main process exited, code=exited, status=1/, from);
    await machine.run("sed -i '$d' /etc/falco-ts/falco.yaml");
    // By itself: the unit tries again.
    await said(/Opening 'syscall' source/, from);
    expect(await state()).toBe('active, enabled');
  });

  it('goes on in a new file after logrotate', { timeout: 2 * MINUTE }, async () => {
    expect((await machine.run('logrotate --force /etc/logrotate.d/falco-ts')).code).toBe(0);
    const from = (await journal()).length;
    await said(/dropped-after-rotation/, from, 'echo x > /usr/bin/dropped-after-rotation');
    expect((await machine.run('grep -l dropped /var/log/falco-ts/*; stat -c %a /var/log/falco-ts/alerts.json')).text).toBe('/var/log/falco-ts/alerts.json\n/var/log/falco-ts/alerts.json.1\n600\n');
  });

  it('stops at once with its count, and is started again by the next boot', { timeout: 2 * MINUTE }, async () => {
    let from = (await journal()).length;
    await systemctl('stop falco-ts');
    await said(/Events detected: [1-9]/, from);
    await said(/falco-ts\.service: Deactivated successfully/, from);
    expect(await state()).toBe('inactive, enabled');
    await machine.stop();
    await machine.boot();
    from = 0;
    await said(/"rule":"Reload seen"/, from, 'echo > /root/reload-seen');
  });

  it('installed again it is the same, but not enabled where somebody has disabled it', { timeout: 5 * MINUTE }, async () => {
    await machine.run('echo "# mine" >> /etc/falco-ts/falco.yaml; systemctl disable --now falco-ts');
    const again = await machine.run(`dpkg -i /root/${name}`);
    expect(again.code, again.text).toBe(0);
    expect(await state()).toBe('inactive, disabled');
    expect((await machine.run('tail -n 1 /etc/falco-ts/falco.yaml')).text).toBe('# mine\n');
    await systemctl('enable --now falco-ts');
    await machine.run('dpkg -r falco-ts');
    expect((await machine.run('cat /proc/[0-9]*/comm')).text).not.toMatch(/^node/m);
    const back = await machine.run(`dpkg -i /root/${name}`);
    expect(back.code, back.text).toBe(0);
    expect(await state()).toBe('active, enabled');
  });

  it('is gone after a purge, with its state', { timeout: 5 * MINUTE }, async () => {
    const { code, text } = await machine.run('rm /etc/falco-ts/rules.d/seen.yaml; dpkg -P falco-ts; ls -d /etc/falco-ts /usr/lib/falco-ts /usr/bin/falco-ts /var/lib/falco-ts /var/log/falco-ts /etc/systemd/system/*/falco-ts.service 2>/dev/null; systemctl is-active falco-ts');
    expect(code, text).not.toBe(0);
    expect(text).not.toMatch(/^\//m);
    expect(text).toMatch(/^inactive$/m);
  });
});
