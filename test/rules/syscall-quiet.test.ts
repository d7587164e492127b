// SPDX-License-Identifier: Apache-2.0
/** Ordinary work of an administrator raises no alert: packages, accounts, logins, files, containers. */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Container } from '../e2e/container.js';
import { canWatch, type JsonAlert, LiveMonitor } from '../e2e/live-monitor.js';

describe.skipIf(!canWatch)('default rules keep silent', () => {
  let monitor: LiveMonitor;
  let dir: string;

  beforeAll(async () => {
    dir = mkdtempSync(join(tmpdir(), 'falco-ts-quiet-'));
    monitor = new LiveMonitor();
    await monitor.ready();
  }, 60_000);
  afterAll(async () => {
    await monitor?.stop();
    rmSync(dir, { recursive: true, force: true });
  });

  /** The session tells this test's processes from everybody else's. Runs it in a session of its own; returns the alerts of that session, once the monitor has seen all of it. */
  async function alertsOf(script: string): Promise<readonly JsonAlert[]> {
    const before = monitor.alerts().length;
    const text = execFileSync('setsid', ['--wait', 'bash', '-c', `echo session $$; exec 2>&1; set -e; ${script}`], { encoding: 'utf8', timeout: 110_000 });
    const session = Number(/session (\d+)/.exec(text)?.[1]);
    await monitor.ready();
    return monitor.alerts().slice(before).filter((alert) => alert.output_fields['proc.sid'] === session);
  }

  it('the session finds what does raise one', async () => {
    expect(await alertsOf('cat /etc/shadow >/dev/null')).toHaveLength(1);
  });

  it('when a package that brings programs is installed again', { timeout: 120_000 }, async () => {
    // As a real terminal would have it, but in this session.
    const apt = 'DEBIAN_FRONTEND=noninteractive apt-get -q -y -o Dpkg::Use-Pty=0 -o DPkg::Lock::Timeout=60';
    expect(await alertsOf(`${apt} update; ${apt} install --reinstall hostname sed`)).toEqual([]);
  });

  it('when an account is made, used and removed', async () => {
    const name = 'falcotsquiet';
    try {
      expect(await alertsOf(`useradd --create-home ${name}; echo '${name}:x9!kQz' | chpasswd; passwd -S ${name}; su ${name} -c 'ls ~ >/dev/null'; chage -l ${name} >/dev/null; userdel --remove ${name}`)).toEqual([]);
    } finally {
      spawnSync('userdel', ['--remove', name], { stdio: 'ignore' });
    }
  });

  it('when files are copied, searched, packed, built and put under version control', async () => {
    const work = `cd ${dir}; cp -r /etc/skel home; grep -r PATH home >/dev/null; find /usr/share/doc -name copyright >/dev/null; tar czf a.tgz home; tar xzf a.tgz; ln -s home link; chmod 755 home`;
    const build = `echo 'int main(){return 0;}' > a.c; gcc -o a a.c; ./a; git init -q repo; cd repo; git -c user.name=a -c user.email=a@b commit -q --allow-empty -m x`;
    expect(await alertsOf(`${work}; ${build}; node -e 'require("fs").readdirSync("/etc")'; python3 -c 'import os; os.listdir("/etc")'; bash -lc true`)).toEqual([]);
  });

  it('when a container starts, runs a job without a terminal, and ends', async () => {
    const before = monitor.alerts().length;
    const container = new Container();
    try {
      container.sh('/bin/cat /etc/passwd > /tmp/copy; /bin/mkdir /tmp/x; /bin/sleep 0.1');
    } finally {
      container.remove();
    }
    await monitor.ready();
    expect(monitor.alerts().slice(before).filter((alert) => alert.output_fields['container.id'] === container.shortId)).toEqual([]);
  });
});
