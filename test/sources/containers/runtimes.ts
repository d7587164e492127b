// SPDX-License-Identifier: Apache-2.0
/** Real runtimes from Debian's packages, each with a folder and a socket of its own, and an image made from busybox. */
import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { aptInstall } from '../../e2e/apt.js';
import { busybox } from '../../e2e/container.js';
import { canWatch } from '../../e2e/live-monitor.js';
import { CriClient } from './cri-client.js';
import { writeImageArchive } from './image-archive.js';

const PACKAGES = { dockerd: 'docker.io', podman: 'podman', containerd: 'containerd', '../lib/cni/ptp': 'containernetworking-plugins' };
const installed = (): boolean => Object.keys(PACKAGES).every((program) => ['/usr/bin', '/usr/sbin'].some((dir) => existsSync(join(dir, program))));

/** CI installs what is missing; elsewhere nothing is installed for a test. */
export const canRunRuntimes = canWatch && (process.env.CI !== undefined || installed());

export const IMAGE = 'registry.example:5000/team/box:1.2';

export interface Runtime {
  readonly name: 'docker' | 'podman';
  readonly socket: string;
  /** Runs a command in a new container, in the background with `-d` among the options. Returns what is printed. */
  run(options: readonly string[], ...command: readonly string[]): string;
  /** What the options and the command would run, not started. */
  create(options: readonly string[], ...command: readonly string[]): string;
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

export interface Containerd {
  readonly socket: string;
  readonly cri: CriClient;
  /** The image as a file, for other namespaces than that of Kubernetes. */
  readonly image: string;
  /** containerd's own client. */
  ctr(...args: readonly string[]): string;
  stop(): Promise<void>;
}

const PAUSE = 'registry.example:5000/pause:1';
/** Addresses of the pods: of a network that nobody else is likely to use. */
export const POD_NETWORK = '10.254.77.';

/** containerd with the interface that the kubelet speaks, and a network plugin that gives addresses. */
export async function startContainerd(): Promise<Containerd> {
  const dir = mkdtempSync(join(tmpdir(), 'falco-ts-containerd-'));
  const socket = join(dir, 'containerd.sock');
  const cni = join(dir, 'cni');
  mkdirSync(cni);
  writeFileSync(join(cni, '10-pods.conf'), JSON.stringify({
    cniVersion: '0.4.0', name: `pods-${process.pid}`, type: 'ptp',
    ipam: { type: 'host-local', dataDir: join(dir, 'ipam'), ranges: [[{ subnet: `${POD_NETWORK}0/24` }]] },
  }));
  const config = join(dir, 'config.toml');
  const cri = 'plugins."io.containerd.grpc.v1.cri"';
  // Groups of cgroups by their paths, and no lower scores for the OOM killer: neither systemd nor the right to lower them need be there.
  writeFileSync(config, `version = 2
root = "${dir}/root"
state = "${dir}/state"
[grpc]
  address = "${socket}"
[${cri}]
  sandbox_image = "${PAUSE}"
  restrict_oom_score_adj = true
  [${cri}.containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
    [${cri}.containerd.runtimes.runc.options]
      SystemdCgroup = false
  [${cri}.cni]
    conf_dir = "${cni}"
    bin_dir = "/usr/lib/cni"
`);
  const daemon = await start('containerd', ['-c', config], socket, dir);
  const ctr = (...args: readonly string[]) => output('ctr', ['-a', socket, ...args]);
  const layer = imageTar(dir);
  const images = [{ name: IMAGE, labels: { maker: 'us' } }, { name: PAUSE, entrypoint: ['sleep', '100000'] }].map((image) => writeImageArchive(dir, { ...image, layer }));
  for (const image of images) ctr('-n', 'k8s.io', 'images', 'import', image);
  const client = new CriClient(socket);
  return {
    socket,
    cri: client,
    image: images[0],
    ctr,
    stop: async () => {
      await client.close();
      for (const namespace of ctr('namespaces', 'ls', '-q').split('\n').filter((name) => name !== '')) {
        for (const task of ctr('-n', namespace, 'tasks', 'ls', '-q').split('\n').filter((name) => name !== '')) ctr('-n', namespace, 'tasks', 'delete', '-f', task);
      }
      const ended = new Promise((resolve) => daemon.once('exit', resolve));
      if (daemon.exitCode === null && daemon.kill()) await ended;
      await removeMounted(dir);
    },
  };
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
    create: (options, ...words) => command('create', '--network', 'none', ...limits, ...options, IMAGE, ...words),
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
