// SPDX-License-Identifier: Apache-2.0
// Replay of captures by the whole program with upstream's rules: node test/bench/replay-rules.mjs [runs]. Needs `npm run build`.
// Beyond start-up: the program's own CPU time over a capture, less that over one with a single event; the median of all runs.
// The mixed capture is made here, always the same: opens, closes, writes, connects, and processes that fork, exec and end.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildEvent, sockaddr, socktuple, viewOf } from '../../dist/events/event-builder.js';
import { ScapFile } from '../../dist/sources/scap-file.js';
import { State } from '../../dist/state/state.js';
import { ThreadInfo } from '../../dist/state/thread-info.js';
import { UserTable } from '../../dist/state/users.js';

const here = (name) => fileURLToPath(new URL(name, import.meta.url));
const shared = here('../../../shared');
const runs = Number(process.argv[2] ?? 5);
const dir = mkdtempSync(join(tmpdir(), 'falco-ts-bench-'));
const EVENTS = 407_000;
const T0 = 1_700_000_000_000_000_000n;

/** A machine of 40 processes; `count` events, of which `alerts` open /etc/shadow. */
async function mixed(path, count, alerts) {
  const users = new UserTable();
  users.load('', 'root:x:0:0:root:/root:/bin/bash\nwww:x:33:33::/var/www:/usr/sbin/nologin\n', 'root:x:0:\nwww:x:33:\n');
  const state = new State({ users });
  const add = (tid, ptid, comm, exepath) => {
    const thread = new ThreadInfo(tid, tid);
    Object.assign(thread, { ptid, comm, exe: comm, exepath, sid: 1, pgid: tid, vtid: tid, vpid: tid, vpgid: tid, uid: 0, gid: 0, cwd: '/srv/', fdLimit: 1024 });
    state.seedThread(thread);
  };
  add(1, 0, 'systemd', '/usr/lib/systemd/systemd');
  for (let i = 0; i < 40; i++) add(1000 + i, 1, `worker${i % 4}`, `/usr/bin/worker${i % 4}`);
  state.seeded();
  const file = new ScapFile(path, { compress: true });
  file.begin(state, { cpus: 2, memoryBytes: 2n ** 31n, maxPid: 4_194_304n, hostname: 'bench', bootTs: T0 - 10n ** 12n });
  let written = 0;
  const event = (key, values, tid) => {
    if (written >= count) return;
    const view = viewOf(buildEvent(key, values, { ts: T0 + BigInt(written) * 5000n, tid }));
    view.cpu = written & 1;
    file.event(view);
    written++;
  };
  const cgroups = ['cpuset=/', 'cpu=/system.slice/worker.service', 'cpuacct=/system.slice/worker.service', 'io=/', 'memory=/system.slice/worker.service'];
  const task = (tid, ptid, comm) => ({
    exe: `/usr/bin/${comm}`, args: ['-c', 'true'], tid, pid: tid, ptid, fdlimit: 1024, pgft_maj: 0, pgft_min: 100, vm_size: 4000, vm_rss: 1000, vm_swap: 0, comm, cgroups,
  });
  const every = alerts === 0 ? 0 : Math.floor(count / (alerts + 10));
  let nextAlert = every;
  for (let round = 0, child = 100_000; written < count; round++) {
    const tid = 1000 + (round % 40);
    const shadow = every !== 0 && written >= nextAlert;
    if (shadow) nextAlert += every;
    const name = shadow ? '/etc/shadow' : `/usr/share/data/part-${round % 97}/file-${round % 1013}.dat`;
    event('SYSCALL_OPENAT_2_X', { fd: 5, dirfd: -100, name, flags: 1 | 0x1000, mode: 0, dev: 0xfe00, ino: round }, tid);
    event('SYSCALL_READ_X', { res: 80, data: Buffer.alloc(80, 'x'), fd: 5, size: 4096 }, tid);
    event('SYSCALL_CLOSE_X', { res: 0, fd: 5 }, tid);
    event('SYSCALL_OPENAT_2_X', { fd: 6, dirfd: -100, name: `/srv/out/log-${round % 31}.txt`, flags: 2 | 4, mode: 0o644, dev: 0xfe00, ino: 7 }, tid);
    for (let i = 0; i < 4; i++) event('SYSCALL_WRITE_X', { res: 80, data: Buffer.alloc(80, 'y'), fd: 6, size: 80 }, tid);
    event('SYSCALL_CLOSE_X', { res: 0, fd: 6 }, tid);
    if (round % 4 === 0) {
      event('SOCKET_SOCKET_X', { fd: 7, domain: 2, type: 1, proto: 0, flags: 0 }, tid);
      event('SOCKET_CONNECT_X', { res: 0, tuple: socktuple(['10.0.0.5', 40_000 + (round % 20_000)], ['10.0.0.9', 443]), fd: 7, addr: sockaddr(['10.0.0.9', 443]) }, tid);
      event('SYSCALL_CLOSE_X', { res: 0, fd: 7 }, tid);
    }
    if (round % 16 === 0) {
      child++;
      const ids = { flags: 0, uid: 0, gid: 0, vtid: child, vpid: child, pidns_init_start_ts: 0 };
      event('SYSCALL_CLONE_20_X', { res: child, ...task(tid, 1, `worker${round % 4}`), ...ids, vtid: tid, vpid: tid }, tid);
      event('SYSCALL_CLONE_20_X', { res: 0, ...task(child, tid, `worker${round % 4}`), ...ids }, child);
      event('SYSCALL_EXECVE_19_X', {
        res: 0, ...task(child, tid, 'sort'), env: ['PATH=/usr/bin:/bin', 'LANG=C.UTF-8', 'HOME=/srv'], tty: 0, vpgid: tid, loginuid: -1, flags: 0, cap_inheritable: 0,
        cap_permitted: 0, cap_effective: 0, exe_ino: 77, exe_ino_ctime: T0 - 10n ** 15n, exe_ino_mtime: T0 - 10n ** 15n, uid: 0, trusted_exepath: '/usr/bin/sort', pgid: tid, gid: 0, filename: '/usr/bin/sort',
      }, child);
      event('PROCEXIT_1_E', { status: 0, ret: 0, sig: 0, core: 0, reaper_tid: 0 }, child);
    }
  }
  await file.close();
}

const alertsFile = join(dir, 'alerts.txt');
function run(capture, rules) {
  const config = join(dir, 'falco.yaml');
  rmSync(alertsFile, { force: true });
  writeFileSync(config, `engine: {kind: replay, replay: {capture_file: ${capture}}}\nstdout_output: {enabled: false}\nsyslog_output: {enabled: false}\n` +
    `file_output: {enabled: true, keep_alive: true, filename: ${alertsFile}}\nwebserver: {enabled: false}\nlog_syslog: false\n${rules.all ? "rules: [{enable: {rule: '*'}}]\n" : ''}`);
  const begin = performance.now();
  const { stderr, status } = spawnSync('sh', ['-c', 'node --max-semi-space-size=2 "$@"; s=$?; times >&2; exit $s', 'sh', here('../../dist/cli/main.js'), '-c', config, ...rules.files.flatMap((file) => ['-r', file])], { encoding: 'utf8' });
  if (status !== 0) throw new Error(stderr);
  const [user, sys] = stderr.trim().split('\n').at(-1).split(' ').map((t) => /(\d+)m([\d.]+)s/.exec(t)).map((m) => Number(m[1]) * 60 + Number(m[2]));
  return { cpu: user + sys, wall: (performance.now() - begin) / 1000, alerts: existsSync(alertsFile) ? readFileSync(alertsFile, 'utf8').split('\n').length - 1 : 0 };
}
const median = (list) => [...list].sort((a, b) => a - b)[list.length >> 1];

const upstream = ['falco_rules', 'falco-incubating_rules', 'falco-sandbox_rules'].map((name) => join(shared, `reference/rules/${name}.yaml`));
const stable = { files: [upstream[0]], all: false };
const all = { files: upstream, all: true };
const containers = join(shared, 'corpus/syscalls/containers/capture.scap');
try {
  if (!existsSync(upstream[0])) throw new Error(`no upstream rules at ${upstream[0]}`);
  const empty = join(dir, 'empty.scap');
  const quiet = join(dir, 'quiet.scap');
  const loud = join(dir, 'loud.scap');
  await mixed(empty, 1, 0);
  await mixed(quiet, EVENTS, 0);
  await mixed(loud, EVENTS, 10_000);
  const cases = [
    { name: 'mixed, no alert, 25 stable rules', capture: quiet, events: EVENTS, rules: stable, peer: 0.19, goal: 0.19 },
    { name: 'mixed, 10,000 alerts, all 93 rules', capture: loud, events: EVENTS, rules: all, peer: 1.05, goal: 0.7 },
    { name: 'containers, 25 stable rules', capture: containers, events: 232_691, rules: stable, peer: 0.17, goal: 0.17 },
    { name: 'containers, all 93 rules', capture: containers, events: 232_691, rules: all, peer: 0.24, goal: 0.24 },
  ].filter(({ capture }) => existsSync(capture));
  for (const one of cases) Object.assign(one, { cpu: [], wall: [] });
  for (let i = 0; i < runs; i++) {
    const start = new Map([stable, all].map((rules) => [rules, run(empty, rules)]));
    for (const one of cases) {
      const { cpu, wall, alerts } = run(one.capture, one.rules);
      one.cpu.push(cpu - start.get(one.rules).cpu);
      one.wall.push(wall - start.get(one.rules).wall);
      one.alerts = alerts;
    }
  }
  console.log(`beyond start-up, median of ${runs}; Falco's figures are those of its reference machine`);
  for (const { name, cpu, wall, events, alerts, peer, goal } of cases) {
    const seconds = median(cpu);
    console.log(`${name.padEnd(36)} ${seconds.toFixed(2)} s of CPU in all threads, ${median(wall).toFixed(2)} s (${(events / median(wall) / 1000).toFixed(0)}k events/s), ${alerts} alerts   peer ${peer} s, goal ${goal} s`);
  }
} finally {
  rmSync(dir, { recursive: true, force: true });
}
