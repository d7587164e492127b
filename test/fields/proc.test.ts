// SPDX-License-Identifier: Apache-2.0
/** `proc.*` and `thread.*` of a cat that a login shell has started. */
import { describe, expect, it } from 'vitest';
import type { Value } from '../../src/lang/value.js';
import { BOOT, Scene } from '../helpers/scene.js';

const now = { key: 'SYSCALL_GETUID_X', options: { ts: BOOT + 6_000_000_000n } };

// biome-ignore format: one line a value
const PRINTED: readonly (readonly [use: string, value: Value, says: string])[] = [
  ['proc.name', 'cat', 'the name'],
  ['proc.exe', '/bin/cat', 'argv[0]'],
  ['proc.exepath', '/usr/bin/cat', 'the path of the executable'],
  ['proc.args', '-n some file', 'the arguments in one text'],
  ['proc.args[1]', 'some file', 'the second argument'],
  ['proc.args[7]', '', 'nothing for an argument that is not there'],
  ['proc.cmdline', 'cat -n some file', 'name and arguments'],
  ['proc.exeline', '/bin/cat -n some file', 'argv[0] and arguments'],
  ['proc.cmdnargs', 2, 'how many arguments'],
  ['proc.cmdlenargs', 11, 'how many bytes they have'],
  ['proc.pexe', '-bash', "the parent's argv[0]"],
  ['proc.pexepath', '/usr/bin/bash', "the parent's executable"],
  ['proc.pname', 'bash', "the parent's name"],
  ['proc.pcmdline', 'bash -l', "the parent's command line"],
  ['proc.aname', 'bash init', 'the names of all ancestors'],
  ['proc.aname[0]', 'cat', 'the process itself as generation 0'],
  ['proc.aname[1]', 'bash', 'the parent as generation 1'],
  ['proc.aname[2]', 'init', 'the grandparent'],
  ['proc.aname[3]', null, 'nothing above init'],
  ['proc.aexe', '-bash /sbin/init', 'argv[0] of all ancestors'],
  ['proc.aexe[1]', '-bash', "the parent's argv[0]"],
  ['proc.aexepath', '/usr/bin/bash /usr/lib/systemd/systemd', 'executables of all ancestors'],
  ['proc.aexepath[2]', '/usr/lib/systemd/systemd', "the grandparent's executable"],
  ['proc.acmdline', 'bash -l init', 'command lines of all ancestors'],
  ['proc.acmdline[1]', 'bash -l', "the parent's command line"],
  ['proc.aargs', '-l ', 'arguments of all ancestors, init having none'],
  ['proc.aargs[1]', '-l', "the parent's arguments"],
  ['proc.apid', 1000, 'its own pid without a generation'],
  ['proc.apid[1]', 100, "the parent's pid"],
  ['proc.apid[2]', 1, "init's pid"],
  ['proc.env', 'HOME=/home/alice PATH=/usr/bin:/bin', 'the environment'],
  ['proc.env[PATH]', '/usr/bin:/bin', 'one variable'],
  ['proc.env[PAT]', '', 'nothing for a part of a name'],
  ['proc.aenv', 'HOME=/home/alice PATH=/usr/bin:/bin', 'its own environment without a generation'],
  ['proc.aenv[1]', 'HOME=/home/alice SECRET=  of bash ', "the parent's environment"],
  ['proc.aenv[SECRET]', 'of bash', "an ancestor's variable, without spaces around it"],
  ['proc.aenv[PATH]', '', 'nothing for a variable that only the process has'],
  ['proc.cwd', '/home/alice/', 'the working directory'],
  ['proc.tty', 34816, 'the terminal'],
  ['proc.pid', 1000, 'the pid'],
  ['proc.ppid', 100, "the parent's pid"],
  ['proc.vpid', 1000, 'the pid in its namespace'],
  ['proc.pvpid', 100, "the parent's pid in its namespace"],
  ['proc.sid', 100, 'the session'],
  ['proc.sname', 'bash', 'who leads the session'],
  ['proc.sid.exe', '-bash', "the session leader's argv[0]"],
  ['proc.sid.exepath', '/usr/bin/bash', "the session leader's executable"],
  ['proc.vpgid', 1000, 'the process group'],
  ['proc.vpgid.name', 'cat', 'who leads the group'],
  ['proc.vpgid.exe', '/bin/cat', "the group leader's argv[0]"],
  ['proc.vpgid.exepath', '/usr/bin/cat', "the group leader's executable"],
  ['proc.pgid', 1000, 'the process group as the host sees it'],
  ['proc.pgid.name', 'cat', 'who leads it'],
  ['proc.pgid.exe', '/bin/cat', "its leader's argv[0]"],
  ['proc.pgid.exepath', '/usr/bin/cat', "its leader's executable"],
  ['proc.is_sid_leader', false, 'that it leads no session'],
  ['proc.is_vpgid_leader', true, 'that it leads its group'],
  ['proc.is_pgid_leader', true, 'that it leads its group as the host sees it'],
  ['proc.duration', 1_000_000_000, 'how long it runs'],
  ['proc.ppid.duration', 6_000_000_000, 'how long its parent runs'],
  ['proc.pid.ts', BOOT + 5_000_000_000n, 'when it began'],
  ['proc.ppid.ts', BOOT, 'when its parent began'],
  ['proc.loginshellid', 100, 'the shell that it was started from'],
  ['proc.fdopencount', 4, 'its open descriptors'],
  ['proc.fdlimit', 1024, 'its limit of descriptors'],
  ['proc.fdusage', 0.390625, 'descriptors in per cent of the limit'],
  ['proc.nthreads', 2, 'its threads'],
  ['proc.nchilds', 1, 'its threads beside the main one'],
  ['proc.stdin.type', 'file', 'what it reads from'],
  ['proc.stdin.name', '/dev/null', 'the name of what it reads from'],
  ['proc.stdout.type', 'pipe', 'what it writes to'],
  ['proc.stdout.name', '', 'an empty name for a pipe'],
  ['proc.stderr.type', null, 'nothing for a descriptor that is closed'],
  ['proc.stderr.name', null, 'nothing for the name of one that is closed'],
  ['thread.tid', 1000, 'the thread'],
  ['thread.ismain', true, 'that it is the main thread'],
  ['thread.vtid', 1000, 'the thread in its namespace'],
  ['thread.nametid', 'cat1000', 'name and thread id'],
  ['thread.cgroups', null, 'nothing without cgroups'],
  ['thread.cpu', null, 'nothing for events without processor times'],
  ['thread.cpu.user', null, 'nothing for events without processor times'],
  ['thread.cpu.system', null, 'nothing for events without processor times'],
  ['thread.exectime', 0, '0 for events other than a switch'],
  ['thread.totexectime', 0, '0 before any switch'],
  ['proc.exe_ino', null, 'nothing for an inode that is not known'],
  ['proc.exe_ino.ctime', null, 'nothing for times that are not known'],
  ['proc.exe_ino.mtime', null, 'nothing for times that are not known'],
  ['proc.exe_ino.ctime_duration_proc_start', null, 'nothing for times that are not known'],
  ['proc.exe_ino.ctime_duration_pidns_start', null, 'nothing for times that are not known'],
  ['proc.pidns_init_start_ts', null, 'nothing for times that are not known'],
];

describe('a process prints', () => {
  for (const [use, value, says] of PRINTED) {
    it(`${use}: ${says}`, () => {
      expect(new Scene().prints(use, now)).toEqual(value);
    });
  }
});

describe('what the kernel side tells of a process prints', () => {
  const scene = () => new Scene().with((t) => {
    t.exeWritable = true;
    t.exeUpperLayer = true;
    t.exeLowerLayer = true;
    t.exeFromMemfd = true;
    t.exeIno = 42;
    t.exeInoCtime = BOOT;
    t.exeInoMtime = BOOT + 1n;
    t.exeInoCtimeDurationCloneTs = 7;
    t.exeInoCtimeDurationPidnsStart = 8;
    t.pidnsInitStartTs = 5n;
    t.capPermitted = 3;
    t.capInheritable = 1n << 40n;
    t.capEffective = 0;
    t.vmSizeKb = 100;
    t.vmRssKb = 50;
    t.vmSwapKb = 25;
    t.pgftMajor = 9;
    t.pgftMinor = 10;
    t.loginuid = 1000;
    t.cgroups = ['memory=/user.slice', 'cpu=/'];
  });
  // biome-ignore format: one line a value
  const told: readonly (readonly [use: string, value: Value])[] = [
    ['proc.is_exe_writable', true], ['proc.is_exe_upper_layer', true], ['proc.is_exe_lower_layer', true], ['proc.is_exe_from_memfd', true],
    ['proc.exe_ino', 42], ['proc.exe_ino.ctime', BOOT], ['proc.exe_ino.mtime', BOOT + 1n],
    ['proc.exe_ino.ctime_duration_proc_start', 7], ['proc.exe_ino.ctime_duration_pidns_start', 8], ['proc.pidns_init_start_ts', 5],
    ['thread.cap_permitted', 'CAP_CHOWN CAP_DAC_OVERRIDE'], ['thread.cap_inheritable', 'CAP_CHECKPOINT_RESTORE'], ['thread.cap_effective', ''],
    ['proc.vmsize', 100], ['proc.vmrss', 50], ['proc.vmswap', 25], ['thread.vmsize', 100], ['thread.vmrss', 50],
    ['thread.vmsize.b', 102_400], ['thread.vmrss.b', 51_200], ['thread.pfmajor', 9], ['thread.pfminor', 10],
    ['user.loginuid', 1000], ['user.loginname', 'alice'],
    ['thread.cgroups', 'memory=/user.slice cpu=/'], ['thread.cgroup.memory', '/user.slice'], ['thread.cgroup.cpu', '/'], ['thread.cgroup.pids', null],
  ];
  for (const [use, value] of told) it(use, () => expect(scene().prints(use)).toEqual(value));
});

describe('a thread that is not the main one', () => {
  const other = { key: 'SYSCALL_GETUID_X', options: { tid: 1001 } };
  it('has the environment, the working directory and the descriptors of its process', () => {
    const scene = new Scene();
    expect(scene.prints('proc.env[PATH]', other)).toBe('/usr/bin:/bin');
    expect(scene.prints('proc.cwd', other)).toBe('/home/alice/');
    expect(scene.prints('proc.stdin.name', other)).toBe('/dev/null');
    expect(scene.prints('proc.fdopencount', other)).toBe(4);
  });
  it('says so, and has no memory of its own', () => {
    const scene = new Scene().with((t) => { t.vmSizeKb = 5; });
    expect(scene.prints('thread.ismain', other)).toBe(false);
    expect(scene.prints('thread.vmsize', other)).toBe(0);
    expect(scene.prints('thread.tid', other)).toBe(1001);
    expect(scene.prints('proc.pid', other)).toBe(1000);
  });
});

describe('a condition without a generation looks at all ancestors', () => {
  for (const [use, values] of [
    ['proc.aname', ['bash', 'init']],
    ['proc.apid', [100, 1]],
    ['proc.aexe', ['-bash', '/sbin/init']],
    ['proc.aexepath', ['/usr/bin/bash', '/usr/lib/systemd/systemd']],
    ['proc.acmdline', ['bash -l', 'init']],
    ['proc.aenv', ['HOME=/home/alice SECRET=  of bash ', '']],
  ] as const) {
    it(use, () => expect(new Scene().compares(use)).toEqual(values));
  }
  it('but at one only with a generation', () => {
    expect(new Scene().compares('proc.aname[2]')).toBe('init');
    expect(new Scene().compares('proc.aenv[SECRET]')).toBe('of bash');
  });
  it('however many lie between: nobody hides by forking again and again', () => {
    const scene = new Scene();
    for (let pid = 2000; pid < 3000; pid++) scene.add(pid, pid, pid === 2000 ? 100 : pid - 1, 'hop', ['hop'], () => {});
    scene.state.seeded();
    const last = { key: 'SYSCALL_GETUID_X', options: { tid: 2999 } };
    expect((scene.compares('proc.aname', last) as string[]).slice(-3)).toEqual(['hop', 'bash', 'init']);
    expect(scene.prints('proc.loginshellid', last)).toBe(100);
  });
  it('and ends when the parents go in a circle', () => {
    const scene = new Scene();
    scene.thread(1).ptid = 1000;
    expect((scene.compares('proc.aname') as string[]).length).toBeLessThan(1000);
    expect(scene.prints('proc.aname')).toContain('bash init cat');
  });
});

describe('a thread of which nothing is known', () => {
  it('prints its id, and nothing of what is not known', () => {
    const stranger = { key: 'SYSCALL_GETUID_X', options: { tid: 4711 } };
    const scene = new Scene();
    expect(scene.prints('thread.tid', stranger)).toBe(4711);
    expect(scene.prints('proc.ppid', stranger)).toBe(null);
    expect(scene.prints('proc.aname', stranger)).toBe(null);
    expect(scene.prints('proc.vpid', stranger)).toBe(null);
    expect(scene.prints('proc.sname', stranger)).toBe('');
  });
});

describe('time on a processor', () => {
  it('counts from one switch there to the next', () => {
    const scene = new Scene();
    const at = (ns: bigint, tid: number) => ({ key: 'SCHEDSWITCH_6_E', values: { next: 1 }, options: { ts: BOOT + ns, tid } });
    scene.first('SCHEDSWITCH_6_E', { next: 1000 }, { ts: BOOT, tid: 1 });
    expect(scene.prints('thread.exectime', at(5n, 1000))).toBe(0);
    expect(scene.prints('thread.exectime', at(25n, 1000))).toBe(20);
    expect(scene.prints('thread.totexectime', at(30n, 1000))).toBe(0);
    expect(scene.prints('thread.totexectime', at(37n, 1000))).toBe(7);
  });
});

describe('captures of old tell of processor use', () => {
  it('as the difference between two reports, at most 100', () => {
    const scene = new Scene();
    const report = (user: number, system: number) => ({ key: 'PROCINFO_E', values: { cpu_usr: user, cpu_sys: system } });
    expect(scene.prints('thread.cpu', report(10, 10))).toBe(0);
    expect(scene.prints('thread.cpu', report(15, 12))).toBe(7);
    expect(scene.prints('thread.cpu', report(900, 12))).toBe(100);
    expect(scene.prints('thread.cpu.user', report(900, 12))).toBe(0);
    expect(scene.prints('thread.cpu.user', report(903, 12))).toBe(3);
    expect(scene.prints('thread.cpu.system', report(903, 12))).toBe(0);
    expect(scene.prints('thread.cpu.system', report(903, 16))).toBe(4);
  });
});

describe('wrong arguments are refused with a reason', () => {
  it.each([
    ['proc.aname[x]', /number of a generation/],
    ['proc.args[x]', /number of an argument/],
    ['thread.cgroup.', /name of a controller/],
    ['fd.types[x]', /number of a descriptor/],
  ])('%s', (use, reason) => expect(new Scene().refuses(use)).toMatch(reason));
});
