// SPDX-License-Identifier: Apache-2.0
/**
 * A clean root, booted: systemd as the first process of namespaces of its own, which is what systemd-nspawn makes, with all
 * capabilities and no filter of system calls. Its cgroups are a tree of version 2 below one group of this machine.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { readdirSync, readFileSync, rmdirSync, writeFileSync, mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import type { CleanRoot } from './clean-root.js';

/** Mounts what a booted machine has, makes the folder the root, and becomes systemd. $0 is the folder. */
const INIT = `
set -e
mount --rbind "$0" "$0"
cd "$0"
mount -t proc proc proc
mount -t sysfs sysfs sys
mount -t cgroup2 cgroup sys/fs/cgroup
mount -t bpf bpf sys/fs/bpf
mount -t tmpfs -o mode=755 tmpfs dev
for name in null zero full random urandom tty; do touch dev/$name; mount --bind /dev/$name dev/$name; done
mkdir dev/pts dev/shm
mount -t devpts -o newinstance,ptmxmode=0666 devpts dev/pts
ln -s pts/ptmx dev/ptmx
ln -s /proc/self/fd dev/fd
mount -t tmpfs -o mode=755 tmpfs run
mount -t tmpfs tmpfs tmp
pivot_root . mnt
umount -l /mnt
exec env -i container=unshare PATH=/usr/sbin:/usr/bin:/sbin:/bin /lib/systemd/systemd
`;

export class BootedMachine {
  private child: ChildProcess | null = null;
  private group = '';

  constructor(private readonly root: CleanRoot) {}

  /** @throws when systemd has not reached its default target within a minute */
  async boot(): Promise<void> {
    const tree = / (\S+) cgroup2 /.exec(readFileSync('/proc/self/mounts', 'utf8'))?.[1];
    if (tree === undefined) throw new Error('no cgroup2 is mounted here');
    this.group = mkdtempSync(join(tree, 'falco-ts-test-'));
    writeFileSync(join(this.root.path, 'etc/machine-id'), '');
    const enter = 'echo $$ > "$0/cgroup.procs" && exec unshare --mount --pid --cgroup --uts --ipc --net --fork --kill-child --propagation private sh -c "$1" "$2"';
    const child = spawn('setpriv', ['--pdeathsig', 'KILL', 'sh', '-c', enter, this.group, INIT, this.root.path], { stdio: ['ignore', 'ignore', 'pipe'] });
    this.child = child;
    let text = '';
    child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
    });
    for (const end = Date.now() + 60_000; ; await new Promise((resolve) => setTimeout(resolve, 200))) {
      if (child.exitCode !== null || child.signalCode !== null) throw new Error(`it does not boot:\n${text}`);
      const state = (await this.run('systemctl is-system-running')).text.trim();
      if (state === 'running' || state === 'degraded') return;
      if (Date.now() > end) throw new Error(`it does not get further than '${state}':\n${text}`);
    }
  }

  /** Runs a shell command in it, to its end. */
  async run(command: string): Promise<{ readonly code: number | null; readonly text: string }> {
    const init = this.init();
    if (init === undefined) return { code: null, text: '' };
    const child = spawn('nsenter', ['--all', '--target', init, 'env', '-i', 'PATH=/usr/sbin:/usr/bin:/sbin:/bin', 'LANG=C.UTF-8', 'sh', '-c', command], { stdio: ['ignore', 'pipe', 'pipe'] });
    let text = '';
    const take = (chunk: string): void => {
      text += chunk;
    };
    child.stdout.setEncoding('utf8').on('data', take);
    child.stderr.setEncoding('utf8').on('data', take);
    const code = await new Promise<number | null>((resolve) => child.on('close', resolve));
    return { code, text };
  }

  /** As by pulling the plug. */
  async stop(): Promise<void> {
    const { child } = this;
    this.child = null;
    if (child === null) return;
    const closed = new Promise((resolve) => child.once('close', resolve));
    if (child.exitCode === null && child.kill('SIGKILL')) await closed;
    for (const end = Date.now() + 10_000; ; await new Promise((resolve) => setTimeout(resolve, 50))) {
      try {
        removeGroups(this.group);
        return;
      } catch (error) {
        // The last processes are on their way out.
        if (Date.now() > end) throw error;
      }
    }
  }

  private init(): string | undefined {
    const { pid } = this.child ?? {};
    try {
      return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ')[0] || undefined;
    } catch {
      return undefined;
    }
  }
}

function removeGroups(group: string): void {
  for (const entry of readdirSync(group, { withFileTypes: true })) if (entry.isDirectory()) removeGroups(join(group, entry.name));
  rmdirSync(group);
}
