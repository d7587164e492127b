// SPDX-License-Identifier: Apache-2.0
import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { release, tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { Ev } from '../../src/events/ids.js';
import type { ProbeHook } from '../../src/sources/native-contract.js';
import { type Call, describeLive, interestIn, LiveProbe, type ParamValue, trigger, triggerPath } from './probe.js';

const dir = mkdtempSync(join(tmpdir(), 'falco-ts-hooks-'));
writeFileSync(join(dir, 'file'), '');
const CALLS: readonly Call[] = [
  ['openat', -100, join(dir, 'file'), 0o101, 0o600],
  ['mkdirat', -100, join(dir, 'made'), 0o700],
  ['renameat2', -100, join(dir, 'made'), -100, join(dir, 'renamed'), 0],
  ['unlinkat', -100, join(dir, 'renamed'), 0x200],
  ['openat', -100, join(dir, 'none'), 0, 0],
  ['socket', 2, 1, 0],
  ['connect', { result: 5 }, { hex: '020000017f0000010000000000000000' }, 16],
  ['execve', join(dir, 'no-program'), 0, 0],
  ['umount2', join(dir, 'none'), 0],
  ['getppid'],
];

/** What differs from one process to the next. */
const OWN = new Set(['tid', 'pid', 'ptid', 'vtid', 'vpid', 'pgid', 'vpgid', 'pgft_maj', 'pgft_min', 'vm_size', 'vm_rss', 'vm_swap', 'pidns_init_start_ts', 'reaper_tid']);

/** The calls of one process of its own, from its beginning to its end, and how the programs were attached. */
async function told(hook: ProbeHook): Promise<{ hook: string | null; missing: readonly string[]; losses: number; events: (readonly [string, Record<string, ParamValue>])[] }> {
  const tids = new Set<number>();
  const probe = await new LiveProbe({ interest: interestIn(CALLS.map(([name]) => name)), hook }, (view) => {
    if (view.type === Ev.SYSCALL_EXECVE_19_X && view.str(27) === triggerPath()) tids.add(view.tid);
    return tids.has(view.tid);
  }).start();
  const { hook: attached, missing } = probe.source;
  const { pid } = await trigger(CALLS, { cwd: dir });
  await probe.find((event) => event.key === 'PROCEXIT_1_E' && event.tid === pid);
  await probe.source.stop();
  const events = probe.events.filter((event) => event.tid === pid)
    .map(({ key, params }) => [key, Object.fromEntries(Object.entries(params).filter(([name]) => !OWN.has(name)))] as const);
  return { hook: attached, missing, losses: Object.values(probe.source.stats().losses).reduce((a, b) => a + b, 0), events };
}

const [major, minor] = release().split('.').map(Number);
/** Older ones have no such programs by tracepoint. */
const isNew = major > 5 || (major === 5 && minor >= 15);
/** Newer ones interrupt those of the other kinds, and miss calls meanwhile. */
const isComplete = major < 7;

describeLive('the probe tells the same, however its programs are attached', () => {
  it.skipIf(!isNew || !isComplete)('by tracepoint (as on Linux 7), by the kernel\'s types (as before), and by neither (as on Linux 5.10)', { timeout: 120_000 }, async () => {
    const [types, tracepoint, raw] = [await told('tp_btf'), await told('tracepoint'), await told('raw_tp')];
    expect(types).toMatchObject({ hook: 'tp_btf', missing: [], losses: 0 });
    expect(types.events.map(([key]) => key)).toEqual(expect.arrayContaining([
      'SYSCALL_EXECVE_19_X', 'SYSCALL_OPENAT_2_X', 'SYSCALL_MKDIRAT_X', 'SYSCALL_RENAMEAT2_X', 'SYSCALL_UNLINKAT_2_X', 'SOCKET_CONNECT_X', 'GENERIC_X', 'PROCEXIT_1_E',
    ]));
    expect(tracepoint).toEqual({ ...types, hook: 'tracepoint' });
    expect(raw).toEqual({ ...types, hook: 'raw_tp' });
  });

  it.skipIf(!isNew)('by the kernel\'s types where tracepoints may not be opened, and says what that means', async () => {
    const rights = '-all,+bpf,+perfmon,+sys_ptrace';
    const code = `import(${JSON.stringify(new URL('../../dist/sources/syscall.js', import.meta.url).href)}).then(async ({ SyscallSource }) => {
      const source = new SyscallSource({ interest: { syscalls: [], tracepoints: [], ignored: [], unavailable: [] }, hook: 'tracepoint' });
      await source.start(() => {});
      console.log(JSON.stringify([source.hook, ...source.missing]));
      await source.stop(); });`;
    // root's user id without root's rights: the project may lie where others have no business.
    const limited = ['--securebits=+noroot,+noroot_locked', `--bounding-set=${rights}`, `--inh-caps=${rights}`, `--ambient-caps=${rights}`];
    const { stdout } = await promisify(execFile)('setpriv', [...limited, process.execPath, '-e', code]);
    // Where tracefs is mounted, root's user id may read it; Debian's kernels do not let it open a perf event at level 3.
    const why = !existsSync('/sys/kernel/tracing/events') ? /counted as missed: cannot read .*; CAP_SYS_ADMIN can, and CAP_DAC_READ_SEARCH/
      : Number(readFileSync('/proc/sys/kernel/perf_event_paranoid', 'utf8')) > 2 ? /counted as missed: cannot open .*; CAP_PERFMON can where kernel.perf_event_paranoid is 2/ : null;
    expect(JSON.parse(stdout)).toEqual(why === null ? ['tracepoint'] : ['tp_btf', expect.stringMatching(why)]);
  });
});
