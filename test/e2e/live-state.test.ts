// SPDX-License-Identifier: Apache-2.0
/**
 * What a user sees of the lives of real processes: each is lived by a small C program, which says by the name of the file
 * that it opens what the kernel told it, and the monitor's alert has to agree.
 */
import { execFile, execFileSync } from 'node:child_process';
import { chmodSync, chownSync, copyFileSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { canWatch, type JsonAlert, LiveMonitor } from './live-monitor.js';

const FIELDS = [
  'evt.type', 'evt.res', 'evt.rawres', 'proc.name', 'proc.exe', 'proc.exepath', 'proc.cmdline', 'proc.pid', 'proc.ppid', 'proc.pname', 'proc.aname[2]', 'proc.vpid',
  'proc.sid', 'proc.sname', 'proc.is_sid_leader', 'proc.is_vpgid_leader', 'proc.is_pgid_leader', 'proc.vpgid', 'proc.pgid', 'proc.nthreads', 'proc.nchilds', 'proc.env[LIFE]',
  'proc.cwd', 'proc.exe_ino', 'proc.exe_ino.ctime', 'proc.exe_ino.mtime', 'proc.exe_ino.ctime_duration_proc_start', 'proc.is_exe_writable', 'proc.is_exe_upper_layer',
  'proc.is_exe_lower_layer', 'proc.is_exe_from_memfd', 'proc.stdin.type', 'proc.stdin.name', 'proc.stdout.type', 'proc.stderr.type', 'proc.stderr.name', 'proc.duration', 'thread.tid',
  'thread.ismain', 'thread.vtid', 'thread.cap_effective', 'thread.cap_permitted', 'user.uid', 'user.loginuid', 'group.gid', 'fd.name', 'fd.num', 'fd.type', 'fd.l4proto',
  'fd.cip', 'fd.sip', 'fd.sport', 'fd.is_upper_layer', 'fd.connected',
];
const OUTPUT = FIELDS.map((field) => `%${field}`).join(' ');

describe.skipIf(!canWatch)('of the lives of processes', () => {
  const dir = mkdtempSync(join(tmpdir(), 'live-state-'));
  const marks = join(dir, 'life-mark');
  const lives = join(dir, 'lives');
  const overlay = join(dir, 'overlay');
  let monitor: LiveMonitor;
  let server: Server;
  let port = '';

  beforeAll(async () => {
    execFileSync('cc', ['-O1', '-Wall', '-pthread', '-o', lives, fileURLToPath(new URL('lives.c', import.meta.url))]);
    chmodSync(dir, 0o755);
    mkdirSync(marks);
    chmodSync(marks, 0o777);
    server = createServer((socket) => socket.end());
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    port = String((server.address() as { port: number }).port);
    const rules = join(dir, 'rules.yaml');
    const rule = (name: string, condition: string): string => `- { rule: ${name}, desc: d, condition: '${condition}', output: '${OUTPUT}', priority: INFO }\n`;
    writeFileSync(rules, rule('Marked', `evt.type in (open, openat) and fd.name startswith ${marks}/`)
      + rule('Copied', `evt.type=dup and proc.exepath startswith ${dir}`) + rule('Connected', `evt.type=connect and fd.sport=${port} and proc.exepath startswith ${dir}`));
    monitor = new LiveMonitor({ rules: [rules] });
    await monitor.wait((alert) => alert.rule === 'Marked', 30_000, () => execFileSync(lives, ['mark', join(marks, 'ready')]));
  }, 90_000);
  afterAll(async () => {
    await monitor?.stop();
    server?.close();
    try {
      execFileSync('umount', ['-R', overlay], { stdio: 'ignore' });
    } catch {
      // It was not mounted.
    }
    rmSync(dir, { recursive: true, force: true });
  });

  interface Seen {
    readonly fields: JsonAlert['output_fields'];
    /** What the process itself said. */
    readonly parent: number;
    readonly session: number;
  }

  const run = async (program: string, args: readonly string[], options: object = {}): Promise<void> => void (await promisify(execFile)(program, args, options));
  const marked = async (mode: string): Promise<Seen> => {
    const alert = await monitor.wait((one) => one.rule === 'Marked' && String(one.output_fields['fd.name']).startsWith(`${join(marks, mode)}:`), 15_000);
    const [, parent, session] = String(alert.output_fields['fd.name']).split(':').map(Number);
    return { fields: alert.output_fields, parent, session };
  };
  const life = async (mode: string, extra: readonly string[] = [], options: object = {}): Promise<Seen> => {
    await run(lives, [mode, join(marks, mode), ...extra], options);
    return marked(mode);
  };
  const copied = (command: string, fits: (fields: JsonAlert['output_fields']) => boolean = () => true): Promise<JsonAlert> =>
    monitor.wait((one) => one.rule === 'Copied' && String(one.output_fields['proc.cmdline']).startsWith(`lives ${command} `) && fits(one.output_fields), 15_000);

  it('a process whose parent ends has the parent that the kernel gave it', async () => {
    const { fields, parent } = await life('orphan');
    expect(fields['proc.ppid']).toBe(parent);
  });

  it('where an ancestor is a subreaper, that is the parent', async () => {
    const { fields, parent } = await life('subreaper');
    expect(fields).toMatchObject({ 'proc.ppid': parent, 'proc.pname': 'lives' });
    expect(parent).toBeGreaterThan(1);
  });

  it('a session has its leader, and who is in it says so', async () => {
    const { fields, session, parent } = await life('session');
    expect(fields).toMatchObject({ 'proc.sid': session, 'proc.sname': 'lives', 'proc.is_sid_leader': false, 'proc.ppid': parent });
    const leader = await life('leader');
    expect(leader.fields).toMatchObject({ 'proc.sid': leader.session, 'proc.pid': leader.session, 'proc.is_sid_leader': true });
  });

  it('the child of a vfork is itself after exec, with its parent', async () => {
    const { fields, parent } = await life('vfork', [], { env: { LIFE: 'of a child' } });
    expect(fields).toMatchObject({ 'proc.ppid': parent, 'proc.pname': 'lives', 'proc.cmdline': expect.stringMatching(/mark/), 'proc.exepath': lives, 'proc.env[LIFE]': 'of a child' });
  });

  it('a thread that executes a program becomes the process, and the others are gone', async () => {
    const { fields } = await life('thread-exec');
    expect(fields).toMatchObject({ 'thread.ismain': true, 'proc.nthreads': 1, 'proc.nchilds': 0, 'proc.exe': 'lives', 'proc.exepath': lives });
    expect([fields['thread.tid'], fields['thread.vtid'], fields['proc.vpid']]).toEqual([fields['proc.pid'], fields['proc.pid'], fields['proc.pid']]);
  });

  it('descriptors that are shared with another process (CLONE_FILES) are known in both', async () => {
    await run(lives, ['clone-files', join(marks, 'clone-files')]);
    expect((await copied('clone-files')).output_fields['fd.name']).toBe(join(marks, 'clone-files'));
  });

  it('a descriptor that was sent over a unix socket is known by its file', async () => {
    await run(lives, ['rights', join(marks, 'rights')]);
    const { output_fields: fields } = await copied('rights', (seen) => String(seen['fd.name']).startsWith('/'));
    expect(fields).toMatchObject({ 'fd.name': join(marks, 'rights'), 'fd.type': 'file' });
  });

  it('a connect that does not wait says its destination, and that it goes on', async () => {
    await run(lives, ['connect', 'x', port]);
    const seen = (await monitor.wait((one) => one.rule === 'Connected' && String(one.output_fields['proc.cmdline']).startsWith('lives connect'), 15_000)).output_fields;
    expect(seen).toMatchObject({ 'evt.res': 'EINPROGRESS', 'evt.rawres': -115, 'fd.type': 'ipv4', 'fd.sip': '127.0.0.1', 'fd.sport': Number(port), 'fd.l4proto': 'tcp' });
    expect((await copied('connect')).output_fields).toMatchObject({ 'fd.sip': '127.0.0.1', 'fd.connected': true });
  });

  it('IPv4 through an IPv6 socket is IPv4', async () => {
    await run(lives, ['mapped', 'x', port]);
    const seen = (await monitor.wait((one) => one.rule === 'Connected' && String(one.output_fields['proc.cmdline']).startsWith('lives mapped'), 15_000)).output_fields;
    expect(seen).toMatchObject({ 'evt.res': 'SUCCESS', 'fd.type': 'ipv4', 'fd.cip': '127.0.0.1', 'fd.sip': '127.0.0.1', 'fd.sport': Number(port) });
  });

  it('a UDP socket that is not connected has the ends of its last message', async () => {
    await run(lives, ['udp', 'x', '9']);
    expect((await copied('udp')).output_fields).toMatchObject({ 'fd.type': 'ipv4', 'fd.l4proto': 'udp', 'fd.sip': '127.0.0.1', 'fd.sport': 9, 'fd.name': expect.stringMatching(/->127\.0\.0\.1:9$/) });
  });

  it('a program that runs from memory is flagged, others are not', async () => {
    expect((await life('memory')).fields).toMatchObject({ 'proc.is_exe_from_memfd': true, 'proc.exepath': 'memfd:payload' });
    expect((await life('mark')).fields).toMatchObject({ 'proc.is_exe_from_memfd': false });
  });

  it('inode and times are those of the executable', async () => {
    const { fields } = await life('mark', [], {});
    const exe = statSync(lives, { bigint: true });
    expect(fields['proc.exe_ino']).toBe(Number(exe.ino));
    expect(Math.abs(Number(fields['proc.exe_ino.ctime']) - Number(exe.ctimeNs))).toBeLessThan(1000);
    expect(Math.abs(Number(fields['proc.exe_ino.mtime']) - Number(exe.mtimeNs))).toBeLessThan(1000);
    expect(Number(fields['proc.exe_ino.ctime_duration_proc_start'])).toBeGreaterThan(0);
    expect(Number(fields['proc.duration'])).toBeLessThan(10e9);
  });

  it('capabilities that were dropped are gone', async () => {
    expect((await life('capabilities')).fields).toMatchObject({ 'thread.cap_effective': 'CAP_CHOWN', 'thread.cap_permitted': 'CAP_CHOWN', 'user.uid': 0 });
  });

  it('whether the user may write the executable', async () => {
    const own = join(dir, 'own');
    copyFileSync(lives, own);
    chownSync(own, 4711, 4712);
    expect((await life('user', [lives])).fields).toMatchObject({ 'user.uid': 4711, 'group.gid': 4712, 'proc.is_exe_writable': false, 'thread.cap_effective': '' });
    await run(lives, ['user', join(marks, 'owner'), own]);
    expect((await marked('owner')).fields).toMatchObject({ 'proc.is_exe_writable': true, 'proc.exepath': own });
  });

  it('who logged in', async () => {
    expect((await life('login')).fields['user.loginuid']).toBe(1234);
  });

  it('what standard streams are', async () => {
    await run('sh', ['-c', `"$0" mark ${join(marks, 'streams')} < /etc/hostname 2> /dev/zero | cat`, lives]);
    const { fields } = await marked('streams');
    expect(fields).toMatchObject({ 'proc.stdin.type': 'file', 'proc.stdin.name': '/etc/hostname', 'proc.stdout.type': 'pipe', 'proc.stderr.type': 'file', 'proc.stderr.name': '/dev/zero' });
  });

  it('from which layer of an overlay a program and a file come', async () => {
    mkdirSync(overlay);
    execFileSync('mount', ['-t', 'tmpfs', 'none', overlay]);
    const [lower, upper, work, merged] = ['lower', 'upper', 'work', 'merged'].map((name) => join(overlay, name));
    for (const path of [lower, upper, work, merged]) mkdirSync(path);
    copyFileSync(lives, join(lower, 'lives'));
    execFileSync('mount', ['-t', 'overlay', 'overlay', '-o', `lowerdir=${lower},upperdir=${upper},workdir=${work}`, merged]);
    await run(join(merged, 'lives'), ['mark', join(marks, 'lower')]);
    expect((await marked('lower')).fields).toMatchObject({ 'proc.is_exe_upper_layer': false, 'proc.is_exe_lower_layer': true, 'proc.exepath': join(merged, 'lives') });
    copyFileSync(lives, join(merged, 'added'));
    chmodSync(join(merged, 'added'), 0o755);
    await run(join(merged, 'added'), ['mark', join(marks, 'upper')]);
    expect((await marked('upper')).fields).toMatchObject({ 'proc.is_exe_upper_layer': true, 'proc.is_exe_lower_layer': false });
    expect((await marked('mark')).fields).toMatchObject({ 'proc.is_exe_upper_layer': false, 'proc.is_exe_lower_layer': false });
  });
});
