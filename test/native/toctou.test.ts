// SPDX-License-Identifier: Apache-2.0
import { execFile, execFileSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, realpathSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { compile, describeLive, interestIn, type LiveEvent, LiveProbe } from './probe.js';
import { hex } from './calls.js';

const run = promisify(execFile);
const x64 = process.arch === 'x64';
const KEYS: Readonly<Record<string, string>> = {
  open: 'SYSCALL_OPEN_X', creat: 'SYSCALL_CREAT_X', openat: 'SYSCALL_OPENAT_2_X', openat2: 'SYSCALL_OPENAT2_X', interrupted: 'SYSCALL_OPENAT_2_X',
  connect: 'SOCKET_CONNECT_X',
};

/** Calls that take paths and give no file: what `race-paths` calls them, and the paths of their events, below its directory. */
const PATH_CALLS: readonly { readonly call: string; readonly name: string; readonly key: string; readonly paths: Readonly<Record<string, string>> }[] = [
  { call: 'unlink', name: 'unlinkat', key: 'SYSCALL_UNLINKAT_2_X', paths: { name: '/real' } },
  { call: 'mkdir', name: 'mkdirat', key: 'SYSCALL_MKDIRAT_X', paths: { path: '/real' } },
  { call: 'rename', name: 'renameat2', key: 'SYSCALL_RENAMEAT2_X', paths: { oldpath: '/real', newpath: '/second' } },
  { call: 'link', name: 'linkat', key: 'SYSCALL_LINKAT_2_X', paths: { oldpath: '/real', newpath: '/second' } },
  { call: 'symlink', name: 'symlinkat', key: 'SYSCALL_SYMLINKAT_X', paths: { target: '/real', linkpath: '/second' } },
  { call: 'chmod', name: 'fchmodat', key: 'SYSCALL_FCHMODAT_X', paths: { filename: '' } },
];

interface Said { readonly pid: number; readonly result: number; readonly inode: number }

describeLive('a program that changes a path or an address while the kernel is at it', () => {
  const dir = realpathSync(mkdtempSync(join(tmpdir(), 'falco-ts-race-')));
  const [real, fake] = [join(dir, 'real'), join(dir, 'fake')];
  let probe: LiveProbe;

  beforeAll(async () => {
    compile('race');
    probe = await new LiveProbe({ interest: interestIn(['open', 'creat', 'openat', 'openat2', 'connect', 'execve', ...PATH_CALLS.map(({ name }) => name)]), bufferBytes: 1 << 23 }).start();
  });
  afterAll(async () => {
    await probe.source.stop();
    expect(probe.source.missing.filter((line) => /^the (BPF program|tracepoint)/.test(line))).toEqual([]);
  });

  /** All events of the call that was raced, in order. */
  async function raced(call: string, memory: 'present' | 'absent'): Promise<{ said: Said; events: readonly LiveEvent[] }> {
    const { stdout } = await run(compile('race'), [call, memory, dir], { timeout: 60_000 });
    const said = JSON.parse(stdout) as Said;
    const isOurs = (e: LiveEvent): boolean => e.tid === said.pid && e.key === KEYS[call] && String(e.params.name ?? e.params.addr).match(/real|fake|7265616c|66616b65/) !== null;
    await probe.find((e) => e.tid === said.pid && e.key === 'PROCEXIT_1_E');
    return { said, events: probe.events.filter(isOurs) };
  }

  for (const call of ['openat', 'openat2', ...(x64 ? ['open', 'creat'] : [])]) {
    it(`${call}: the path is the one that the kernel used`, async () => {
      const { said, events } = await raced(call, 'present');
      expect(said.result).toBeGreaterThan(0);
      const own = events.filter((e) => e.params.ino === said.inode);
      expect(own.map((e) => [e.params.fd, e.params.name])).toEqual([[said.result, real]]);
      // The changed flags of openat2's structure are not taken either: O_RDONLY is 1 on the wire.
      if (call === 'openat2') expect(own[0].params.flags).toBe(1);
    });
  }

  it('openat of a path that the kernel had to fetch first: what stands there, then what was opened', async () => {
    const { said, events } = await raced('openat', 'absent');
    const own = events.filter((e) => e.params.ino === said.inode);
    expect(own.map((e) => e.params.name)).toEqual([fake, real]);
    const [{ name: _given, ...first }, { name: _used, ...second }] = own.map((e) => e.params);
    expect(second).toEqual(first);
  });

  it('openat that fails: the path is the one that the kernel looked for', async () => {
    const { said, events } = await raced('interrupted', 'present');
    expect(said.result).toBe(-4);
    // The kernel's own word for it, before the signal is delivered (ERESTARTSYS).
    expect(events.map((e) => [e.params.fd, e.params.name])).toContainEqual([-512, real]);
    expect(events.filter((e) => Number(e.params.fd) < 0 && e.params.name !== real)).toEqual([]);
  });

  it('connect: the address is the one that the kernel used', async () => {
    const { said, events } = await raced('connect', 'present');
    expect(said.result).toBe(0);
    expect(events.map((e) => e.params.addr)).toEqual([`01${hex(real)}00`, `01${hex(real)}00`]);
    for (const { params } of events) expect(String(params.tuple).endsWith(`${hex(real)}00`)).toBe(true);
  });

  for (const { call, key, paths } of PATH_CALLS) {
    it(`${call}: the paths are those that the kernel used`, async () => {
      const own = mkdtempSync(join(dir, 'paths-'));
      if (call !== 'mkdir') writeFileSync(join(own, 'real'), 'x');
      const said = JSON.parse((await run(compile('race-paths'), [call, own], { timeout: 60_000 })).stdout) as Said;
      expect(said.result).toBe(0);
      const event = await probe.find((e) => e.tid === said.pid && e.key === key);
      expect(event.params).toMatchObject(Object.fromEntries(Object.entries(paths).map(([name, path]) => [name, `${own}${path}`])));
    });
  }

  it('execve: the file name is that of the program that runs', async () => {
    execFileSync('rm', ['-f', real, fake]);
    for (const path of [real, fake]) copyFileSync('/bin/true', path);
    const ran = new Set<string>();
    for (let i = 0; i < 40 && (i < 10 || ran.size < 2); i++) {
      const { stdout } = await run(compile('race'), ['execve', 'present', dir], { timeout: 60_000 });
      const { pid } = JSON.parse(stdout) as Said;
      const event = await probe.find((e) => e.tid === pid && e.key === 'SYSCALL_EXECVE_19_X' && e.params.res === 0 && /real$|fake$/.test(String(e.params.trusted_exepath)));
      expect(event.params.filename).toBe(event.params.trusted_exepath);
      ran.add(String(event.params.filename));
    }
  });

  it('an ordinary path that leads through a symbolic link is reported once, as it was given', async () => {
    const link = join(dir, 'link');
    const program = `import os; os.symlink('/etc/passwd', ${JSON.stringify(link)}); fd = os.open(${JSON.stringify(link)}, os.O_RDONLY); print(os.getpid())`;
    const { stdout } = await run('python3', ['-c', program]);
    await probe.find((e) => e.tid === Number(stdout) && e.key === 'PROCEXIT_1_E');
    const opens = probe.events.filter((e) => e.tid === Number(stdout) && /hostname$|link$/.test(String(e.params.name)));
    expect(opens.map((e) => e.params.name)).toEqual([link]);
  });
});
