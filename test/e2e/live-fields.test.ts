// SPDX-License-Identifier: Apache-2.0
/** Fields of live events, beside what the kernel and the C library say of the same things. */
import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, realpathSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Container } from './container.js';
import { canWatch, type JsonAlert, LiveMonitor } from './live-monitor.js';

const FIELDS = [
  'evt.type', 'evt.res', 'evt.arg.flags', 'evt.rawarg.flags', 'evt.is_open_read', 'evt.is_open_write', 'evt.category', 'evt.hostname', 'evt.args',
  'proc.name', 'proc.exe', 'proc.exepath', 'proc.cmdline', 'proc.args[0]', 'proc.cwd', 'proc.pid', 'proc.ppid', 'proc.pname', 'proc.aname[2]', 'proc.env[MARK]',
  'proc.exe_ino', 'proc.is_exe_writable', 'proc.is_exe_from_memfd', 'proc.tty', 'proc.stdin.type', 'proc.stdin.name', 'proc.stdout.type', 'proc.nthreads',
  'thread.ismain', 'thread.tid', 'thread.cap_effective', 'user.name', 'user.uid', 'group.gid', 'group.name', 'user.loginuid',
  'fd.name', 'fd.nameraw', 'fd.directory', 'fd.filename', 'fd.type', 'fd.num', 'fd.ino', 'fs.path.name', 'container.id', 'container.name',
  'fd.sip', 'fd.sport', 'fd.rip', 'fd.l4proto', 'fd.is_server',
];

const RULES = `
- rule: Marked open
  desc: a file with our mark is opened
  condition: evt.type in (open, openat) and fd.name contains live-fields-mark
  output: seen ${FIELDS.map((field) => `%${field}`).join(' ')}
  priority: INFO
- rule: Marked connect
  desc: a connection to our port
  condition: evt.type=connect and fd.sport=PORT
  output: seen ${FIELDS.map((field) => `%${field}`).join(' ')}
  priority: INFO
`;

describe.skipIf(!canWatch)('fields of live events', () => {
  const dir = mkdtempSync(join(tmpdir(), 'live-fields-'));
  const file = join(dir, 'live-fields-mark');
  let monitor: LiveMonitor;
  let server: Server;
  let port = 0;

  beforeAll(async () => {
    writeFileSync(file, 'x');
    server = createServer((socket) => socket.end());
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    port = typeof address === 'object' && address !== null ? address.port : 0;
    const rules = join(dir, 'rules.yaml');
    writeFileSync(rules, RULES.replace('PORT', String(port)));
    monitor = new LiveMonitor({ rules: [rules] });
    await monitor.wait((alert) => alert.rule === 'Marked open', 20_000, () => execFileSync('cat', [file]));
  }, 60_000);
  afterAll(async () => {
    await monitor?.stop();
    server?.close();
    rmSync(dir, { recursive: true, force: true });
  });

  /** The fields of the first new alert that has `mark` in it. */
  const fields = async (mark: string, act: () => void): Promise<JsonAlert['output_fields']> => {
    const old = new Set(monitor.alerts().map((alert) => alert.time));
    act();
    return (await monitor.wait((alert) => !old.has(alert.time) && JSON.stringify(alert).includes(mark))).output_fields;
  };

  it('a file that is read says who read it, and by what', async () => {
    const seen = await fields('first-mark', () => {
      execFileSync('sh', ['-c', `cd ${dir}; cat -- ./live-fields-mark; true`], { env: { PATH: process.env.PATH, MARK: 'first-mark' }, stdio: ['ignore', 'pipe', 'pipe'] });
    });
    const cat = realpathSync(execFileSync('sh', ['-c', 'command -v cat'], { encoding: 'utf8' }).trim());
    expect(seen).toMatchObject({
      'evt.type': 'openat', 'evt.res': 'SUCCESS', 'evt.is_open_read': true, 'evt.is_open_write': false, 'evt.category': 'file', 'evt.hostname': hostname(),
      'proc.name': 'cat', 'proc.exe': 'cat', 'proc.exepath': cat, 'proc.cmdline': 'cat -- ./live-fields-mark', 'proc.args[0]': '--', 'proc.cwd': `${dir}/`,
      'proc.pname': 'sh', 'proc.env[MARK]': 'first-mark', 'proc.is_exe_from_memfd': false, 'proc.stdin.type': 'file', 'proc.stdin.name': '/dev/null',
      'proc.nthreads': 1, 'thread.ismain': true, 'user.name': 'root', 'user.uid': 0, 'group.name': 'root',
      'fd.name': file, 'fd.nameraw': './live-fields-mark', 'fd.directory': dir, 'fd.filename': 'live-fields-mark', 'fd.type': 'file',
      'fs.path.name': file, 'container.id': 'host', 'container.name': 'host',
    });
    expect(seen['evt.arg.flags']).toMatch(/^O_RDONLY/);
    expect(Number(seen['evt.rawarg.flags']) & 1).toBe(1);
    expect(seen['fd.ino']).toBe(statSync(file).ino);
    expect(seen['proc.exe_ino']).toBe(statSync(cat).ino);
    expect(seen['thread.tid']).toBe(seen['proc.pid']);
    expect(seen['thread.cap_effective']).toContain('CAP_CHOWN');
    expect(seen['evt.args']).toContain(`name=./live-fields-mark(${file})`);
  });

  it('a connection says both ends', async () => {
    const seen = await fields('Marked connect', () => {
      execFileSync('bash', ['-c', `exec 3<>/dev/tcp/127.0.0.1/${port}`], { stdio: 'ignore' });
    });
    expect(seen).toMatchObject({ 'fd.type': 'ipv4', 'fd.sip': '127.0.0.1', 'fd.sport': port, 'fd.rip': '127.0.0.1', 'fd.l4proto': 'tcp', 'proc.name': 'bash' });
    expect(seen['fd.name']).toMatch(new RegExp(`^127\\.0\\.0\\.1:\\d+->127\\.0\\.0\\.1:${port}$`));
  });

  it("in a container, users have the container's names", async () => {
    const passwd = join(dir, 'passwd');
    const group = join(dir, 'group');
    writeFileSync(passwd, 'root:x:0:0::/root:/bin/sh\nwebmaster:x:1234:1234::/:/bin/sh\n');
    writeFileSync(group, 'root:x:0:\nwebgroup:x:1234:\n');
    const mark = join(dir, 'mark');
    copyFileSync(file, mark);
    const container = new Container({ files: { 'etc/passwd': passwd, 'etc/group': group, 'live-fields-mark': mark } });
    try {
      const seen = await monitor.wait(
        (alert) => alert.output_fields['container.id'] === container.shortId && alert.output_fields['user.name'] === 'webmaster',
        10_000,
        () => execFileSync('runc', ['exec', '--user', '1234:1234', container.id, 'cat', '/live-fields-mark']),
      );
      expect(seen.output_fields).toMatchObject({ 'user.uid': 1234, 'group.gid': 1234, 'group.name': 'webgroup', 'proc.name': 'cat', 'fd.name': '/live-fields-mark' });
    } finally {
      container.remove();
    }
  }, 60_000);
});
