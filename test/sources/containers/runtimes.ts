// SPDX-License-Identifier: Apache-2.0
/** Real runtimes from Debian's packages, each with a folder and a socket of its own, and an image made from busybox. */
import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { aptInstall } from '../../e2e/apt.js';
import { busybox } from '../../e2e/container.js';
import { canWatch } from '../../e2e/live-monitor.js';

const PACKAGES = { dockerd: 'docker.io', podman: 'podman' };
const installed = (): boolean => Object.keys(PACKAGES).every((program) => ['/usr/bin', '/usr/sbin'].some((dir) => existsSync(join(dir, program))));

/** CI installs what is missing; elsewhere nothing is installed for a test. */
export const canRunRuntimes = canWatch && (process.env.CI !== undefined || installed());

export const IMAGE = 'registry.example:5000/team/box:1.2';

export interface Runtime {
  readonly name: 'docker' | 'podman';
  readonly socket: string;
  /** Runs a command in a new container, in the background with `-d` among the options. Returns what is printed. */
  run(options: readonly string[], ...command: readonly string[]): string;
  command(...args: readonly string[]): string;
  stop(): Promise<void>;
}

export function installRuntimes(): void {
  if (!installed()) aptInstall(...Object.values(PACKAGES));
}

export async function startDocker(): Promise<Runtime> {
  const dir = mkdtempSync(join(tmpdir(), 'falco-ts-docker-'));
  const socket = join(dir, 'docker.sock');
  const daemon = await start('dockerd', [
    '--iptables=false', '--bridge=none', '--storage-driver=overlay2', '--data-root', join(dir, 'data'), '--exec-root', join(dir, 'exec'), '-p', join(dir, 'pid'), '-H', `unix://${socket}`,
  ], socket, dir);
  const command = (...args: readonly string[]) => output('docker', ['-H', `unix://${socket}`, ...args]);
  return runtime('docker', socket, dir, daemon, command, ['import', '-c', 'LABEL maker=us', imageTar(dir), IMAGE], []);
}

export async function startPodman(): Promise<Runtime> {
  const dir = mkdtempSync(join(tmpdir(), 'falco-ts-podman-'));
  const socket = join(dir, 'podman.sock');
  const own = ['--root', join(dir, 'root'), '--runroot', join(dir, 'run'), '--tmpdir', join(dir, 'tmp'), '--cgroup-manager=cgroupfs', '--runtime', 'runc', '--events-backend', 'file'];
  const daemon = await start('podman', [...own, 'system', 'service', '--time=0', `unix://${socket}`], socket, dir);
  const command = (...args: readonly string[]) => output('podman', [...own, ...args]);
  return runtime('podman', socket, dir, daemon, command, ['import', '-q', '-c', 'LABEL maker=us', imageTar(dir), IMAGE], ['--ulimit', 'nofile=1024:1024', '--ulimit', 'nproc=1024:1024']);
}

function runtime(
  name: Runtime['name'], socket: string, dir: string, daemon: ChildProcess, command: Runtime['command'], importImage: readonly string[], limits: readonly string[],
): Runtime {
  command(...importImage);
  return {
    name,
    socket,
    command,
    run: (options, ...words) => command('run', '--network', 'none', ...limits, ...options, IMAGE, ...words),
    stop: async () => {
      const all = command('ps', '-aq').split('\n').filter((id) => id !== '');
      if (all.length > 0) command('rm', '-f', ...(name === 'podman' ? ['-t', '0'] : []), ...all);
      const ended = new Promise((resolve) => daemon.once('exit', resolve));
      if (daemon.exitCode === null && daemon.kill()) await ended;
      await removeMounted(dir);
    },
  };
}

/** Podman cleans up after each container in a process of its own, which may mount its storage once more. */
async function removeMounted(dir: string): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    spawnSync('umount', ['-l', join(dir, 'root/overlay')], { stdio: 'ignore' });
    try {
      rmSync(dir, { recursive: true, force: true });
      return;
    } catch (error) {
      if (attempt === 20) throw error;
      await new Promise((resolve) => setTimeout(resolve, 250));
    }
  }
}

async function start(program: string, args: readonly string[], socket: string, dir: string): Promise<ChildProcess> {
  const log = join(dir, 'log');
  const file = openSync(log, 'w');
  const daemon = spawn(program, args, { stdio: ['ignore', file, file] });
  for (const end = Date.now() + 20_000; !existsSync(socket); ) {
    if (daemon.exitCode !== null || Date.now() > end) throw new Error(`${program} does not start:\n${readFileSync(log, 'utf8').slice(-2000)}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return daemon;
}

function imageTar(dir: string): string {
  const image = join(dir, 'image');
  mkdirSync(join(image, 'bin'), { recursive: true });
  copyFileSync(busybox(), join(image, 'bin/busybox'));
  for (const name of ['sh', 'sleep', 'cat']) symlinkSync('busybox', join(image, 'bin', name));
  const tar = join(dir, 'image.tar');
  output('tar', ['-C', image, '-cf', tar, '.']);
  return tar;
}

const output = (program: string, args: readonly string[]): string => execFileSync(program, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
