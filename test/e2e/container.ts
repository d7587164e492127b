// SPDX-License-Identifier: Apache-2.0
/** Real containers by runc, from busybox and a static program of ours: no image, no network, no daemon. */
import { execFileSync, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmodSync, copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { aptInstall } from './apt.js';
import { PROJECT } from './live-monitor.js';

const CACHE = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'falco-ts-tests');

const run = (command: string, args: readonly string[], cwd?: string): string =>
  execFileSync(command, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'], ...(cwd === undefined ? {} : { cwd }) });

/** Debian's static busybox, unpacked and not installed. */
export function busybox(): string {
  const path = join(CACHE, `busybox-${process.arch}`);
  if (existsSync(path)) return path;
  const dir = mkdtempSync(join(tmpdir(), 'falco-ts-busybox-'));
  if (spawnSync('apt-get', ['download', '-q', 'busybox-static'], { cwd: dir, stdio: 'ignore' }).status !== 0) {
    run('apt-get', ['update', '-q']);
    run('apt-get', ['download', '-q', 'busybox-static'], dir);
  }
  run('sh', ['-c', 'dpkg-deb -x busybox-static_*.deb x'], dir);
  mkdirSync(CACHE, { recursive: true });
  copyFileSync(join(dir, 'x/bin/busybox'), `${path}.new`);
  renameSync(`${path}.new`, path);
  rmSync(dir, { recursive: true });
  return path;
}

/** `test/rules/actions/actions.c`, compiled statically into `dir`. */
export function buildActions(dir: string): string {
  const path = join(dir, 'actions');
  run('gcc', ['-static', '-O1', '-Wall', '-o', path, join(PROJECT, 'test/rules/actions/actions.c')]);
  return path;
}

/** By number. */
const CAPABILITIES = [
  'CHOWN', 'DAC_OVERRIDE', 'DAC_READ_SEARCH', 'FOWNER', 'FSETID', 'KILL', 'SETGID', 'SETUID', 'SETPCAP', 'LINUX_IMMUTABLE',
  'NET_BIND_SERVICE', 'NET_BROADCAST', 'NET_ADMIN', 'NET_RAW', 'IPC_LOCK', 'IPC_OWNER', 'SYS_MODULE', 'SYS_RAWIO', 'SYS_CHROOT',
  'SYS_PTRACE', 'SYS_PACCT', 'SYS_ADMIN', 'SYS_BOOT', 'SYS_NICE', 'SYS_RESOURCE', 'SYS_TIME', 'SYS_TTY_CONFIG', 'MKNOD', 'LEASE',
  'AUDIT_WRITE', 'AUDIT_CONTROL', 'SETFCAP', 'MAC_OVERRIDE', 'MAC_ADMIN', 'SYSLOG', 'WAKE_ALARM', 'BLOCK_SUSPEND', 'AUDIT_READ',
  'PERFMON', 'BPF',
];

/** All that this process may give away: what privileged means here. */
function capabilities(): readonly string[] {
  const bounding = BigInt(`0x${/^CapBnd:\s*(\w+)/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? '0'}`);
  return CAPABILITIES.filter((_, bit) => (bounding >> BigInt(bit)) & 1n).map((name) => `CAP_${name}`);
}

export interface ContainerOptions {
  /** Files to put into the image: path in the container → path here. */
  readonly files?: Readonly<Record<string, string>>;
}

/** A privileged container that idles until commands are run in it; its file system is an overlay, as with real images. */
export class Container {
  readonly id = randomBytes(32).toString('hex');
  /** What `container.id` shows. */
  readonly shortId = this.id.slice(0, 12);
  readonly dir = mkdtempSync(join(tmpdir(), 'falco-ts-container-'));

  constructor(options: ContainerOptions = {}) {
    if (spawnSync('runc', ['--version'], { stdio: 'ignore' }).status !== 0) aptInstall('runc');
    const image = join(this.dir, 'image');
    for (const dir of ['bin', 'dev', 'etc', 'proc', 'sys', 'tmp', 'run', 'mnt', 'root', 'var/run/secrets/kubernetes.io/serviceaccount']) {
      mkdirSync(join(image, dir), { recursive: true });
    }
    copyFileSync(busybox(), join(image, 'bin/busybox'));
    for (const name of ['sh', 'cat', 'cp', 'ip', 'mknod', 'mkdir', 'mount', 'nc', 'nsenter', 'sleep', 'true', 'umount', 'unshare', 'head']) {
      symlinkSync('busybox', join(image, 'bin', name));
    }
    writeFileSync(join(image, 'etc/passwd'), 'root:x:0:0:root:/root:/bin/sh\n');
    for (const [to, from] of Object.entries(options.files ?? {})) {
      mkdirSync(join(image, to, '..'), { recursive: true });
      copyFileSync(from, join(image, to));
      chmodSync(join(image, to), 0o755);
    }
    for (const dir of ['upper', 'work', 'rootfs']) mkdirSync(join(this.dir, dir));
    const layers = `lowerdir=${image},upperdir=${join(this.dir, 'upper')},workdir=${join(this.dir, 'work')}`;
    run('mount', ['-t', 'overlay', 'overlay', '-o', layers, join(this.dir, 'rootfs')]);
    writeFileSync(join(this.dir, 'config.json'), JSON.stringify(this.spec()));
    const log = join(this.dir, 'runc.log');
    try {
      // Detached, the container keeps the descriptors that runc was given: a pipe here would never end.
      execFileSync('runc', ['--log', log, 'run', '--detach', '--bundle', this.dir, this.id], { stdio: 'ignore' });
    } catch {
      const why = readFileSync(log, 'utf8');
      this.remove();
      throw new Error(`runc cannot start a container: ${why}`);
    }
  }

  /** Runs a command line of busybox' shell inside; throws with its output when it fails. */
  sh(script: string): string {
    return run('runc', ['exec', this.id, 'sh', '-c', script]);
  }

  exec(...args: readonly string[]): string {
    return run('runc', ['exec', this.id, ...args]);
  }

  /** The same with a terminal, which script(1) lends. */
  terminal(command: string): string {
    return run('script', ['-qec', `runc exec -t ${this.id} ${command}`, '/dev/null']);
  }

  remove(): void {
    spawnSync('runc', ['delete', '--force', this.id], { stdio: 'ignore' });
    spawnSync('umount', [join(this.dir, 'rootfs')], { stdio: 'ignore' });
    rmSync(this.dir, { recursive: true, force: true });
  }

  private spec(): object {
    const all = capabilities();
    const mount = (destination: string, type: string, source: string, ...options: string[]) => ({ destination, type, source, options });
    return {
      ociVersion: '1.0.2',
      process: {
        terminal: false,
        user: { uid: 0, gid: 0 },
        args: ['sleep', '600'],
        env: ['PATH=/bin'],
        cwd: '/',
        capabilities: { bounding: all, effective: all, permitted: all },
      },
      root: { path: join(this.dir, 'rootfs'), readonly: false },
      hostname: 'container',
      mounts: [
        mount('/proc', 'proc', 'proc'),
        mount('/dev', 'tmpfs', 'tmpfs', 'mode=755'),
        mount('/dev/pts', 'devpts', 'devpts', 'newinstance', 'ptmxmode=0666'),
        mount('/sys', 'sysfs', 'sysfs'),
      ],
      linux: {
        // As docker names a container's group; the process ids are the host's, as with --pid=host.
        cgroupsPath: `/docker/${this.id}`,
        resources: { devices: [{ allow: true, access: 'rwm' }] },
        namespaces: [{ type: 'mount' }, { type: 'uts' }, { type: 'ipc' }, { type: 'network' }],
      },
    };
  }
}
