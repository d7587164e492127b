// SPDX-License-Identifier: Apache-2.0
import { spawn, spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { canWatch, PROJECT } from './live-monitor.js';
import { Watched } from './watch.js';

const NOBODY = 65534;
const NAMES = ['bpf', 'perfmon', 'sys_ptrace'];
/** Their bits: 39, 38 and 19. */
const SET = (1n << 39n) | (1n << 38n) | (1n << 19n);

/** Arguments of setpriv for a user without any right but these. */
function limited(user: number, names: readonly string[]): string[] {
  const set = ['-all', ...names.map((name) => `+${name}`)].join(',');
  const noRoot = user === 0 ? ['--securebits=+noroot,+noroot_locked'] : [];
  return [`--reuid=${user}`, `--regid=${user}`, '--clear-groups', ...noRoot, `--bounding-set=${set}`, `--inh-caps=${set}`, `--ambient-caps=${set}`];
}

describe.skipIf(!canWatch)('without root', () => {
  const dir = mkdtempSync(join(tmpdir(), 'falco-ts-caps-'));
  const marker = join(dir, 'marker');
  chmodSync(dir, 0o755);
  writeFileSync(marker, '');
  writeFileSync(join(dir, 'rules.yaml'), `- rule: Marker read
  desc: The marker was opened.
  condition: evt.type in (open, openat, openat2) and fd.name = ${marker} and proc.name = cat
  output: marker read by %proc.name %proc.pname
  priority: NOTICE
`);
  // Where the project is nobody's business, root's user id without root's rights does as well.
  const mayRead = spawnSync('setpriv', [...limited(NOBODY, []), process.execPath, '-e', `require('fs').readFileSync(${JSON.stringify(join(PROJECT, 'dist/cli/main.js'))})`]).status === 0;
  const user = mayRead ? NOBODY : 0;

  afterAll(() => rmSync(dir, { recursive: true }));

  it('three capabilities are enough: it watches, with a limit on locked memory that it may not raise', async () => {
    const command = ['--memlock=65536:65536', 'setpriv', ...limited(user, NAMES), process.execPath, join(PROJECT, 'dist/cli/main.js'),
      '-r', join(dir, 'rules.yaml'), '-o', 'json_output=true', '-o', 'webserver.enabled=false', '-o', 'log_syslog=false', '--enable-source', 'syscall'];
    const watched = new Watched(spawn('prlimit', command, { detached: true, stdio: ['ignore', 'pipe', 'pipe'] }));
    await watched.until(/"rule":"Marker read"/, 40_000, () => spawnSync('cat', [marker]));
    const status = readFileSync(`/proc/${watched.child.pid}/status`, 'utf8');
    expect(BigInt(`0x${/^CapEff:\s*(\w+)/m.exec(status)?.[1]}`)).toBe(SET);
    expect(/^Uid:\s*(\d+)/m.exec(status)?.[1]).toBe(String(user));
    expect(await watched.interrupt()).toBe(0);
    expect(watched.text).not.toMatch(/This kernel lacks/);
  }, 60_000);

  it('one of them less is refused with the name of what is missing', () => {
    const { status, stderr } = spawnSync('setpriv', [...limited(user, ['perfmon', 'sys_ptrace']), process.execPath, join(PROJECT, 'dist/cli/main.js'), '-r', join(dir, 'rules.yaml'),
      '-o', 'webserver.enabled=false', '--enable-source', 'syscall'], { encoding: 'utf8', timeout: 40_000 });
    expect(stderr).toMatch(/PROBE_EPERM/);
    expect(stderr).toMatch(/the capabilities that are missing: CAP_BPF$/m);
    expect(status).toBe(1);
  });
});
