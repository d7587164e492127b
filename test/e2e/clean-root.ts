// SPDX-License-Identifier: Apache-2.0
/**
 * A fresh machine in a folder: this machine's release by debootstrap, and nothing else but Node and npm.
 * Every command runs in a mount namespace of its own, so that no mount outlives it, however it ends.
 */
import { execFileSync, type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { chmodSync, cpSync, existsSync, lstatSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { aptInstall } from './apt.js';

const PROJECT = fileURLToPath(new URL('../..', import.meta.url));
const CACHE = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'falco-ts-tests');

const output = (command: string, ...args: string[]): string => execFileSync(command, args, { encoding: 'utf8', maxBuffer: 1 << 26 });

interface Release {
  readonly id: string;
  readonly codename: string;
}

function release(): Release {
  const text = readFileSync('/etc/os-release', 'utf8');
  const value = (key: string): string => new RegExp(`^${key}="?([^"\n]*)`, 'm').exec(text)?.[1] ?? '';
  return { id: value('ID'), codename: value('VERSION_CODENAME') };
}

/** The server that this machine's apt uses for the release itself. */
function mirror(id: string): string {
  const files = output('sh', '-c', 'cat /etc/apt/sources.list /etc/apt/sources.list.d/*.list /etc/apt/sources.list.d/*.sources 2>/dev/null || true');
  const urls = [...files.matchAll(/^(?:URIs:|deb(?:\s+\[[^\]]*\])?)\s+(\S+)/gm)].map((m) => m[1]);
  const fallback = id === 'ubuntu' ? 'http://archive.ubuntu.com/ubuntu' : 'http://deb.debian.org/debian';
  return urls.find((url) => new RegExp(`/${id}/?$`).test(url)) ?? fallback;
}

/** Beside the least: what Node's own builds want from 26 on. (Nothing whose installation has steps: debootstrap does not know their order.) */
const PACKAGES = ['libatomic1'];

/** A tar of the bare release, made once per machine: half a minute against two seconds. */
function baseTar({ id, codename }: Release): string {
  const tar = join(CACHE, `${[codename, process.arch, ...PACKAGES].join('-')}.tar`);
  if (existsSync(tar)) return tar;
  if (spawnSync('debootstrap', ['--version']).status !== 0) aptInstall('debootstrap');
  mkdirSync(CACHE, { recursive: true });
  const dir = mkdtempSync(join(tmpdir(), 'falco-ts-base-'));
  const components = id === 'ubuntu' ? 'main,universe' : 'main';
  // As in Debian's own images: waiting for the disk after each file takes longer than all the rest of an installation.
  mkdirSync(join(dir, 'etc/dpkg/dpkg.cfg.d'), { recursive: true });
  writeFileSync(join(dir, 'etc/dpkg/dpkg.cfg.d/unsafe-io'), 'force-unsafe-io\n');
  // debootstrap leaves /proc mounted when it fails: in a namespace it cannot.
  output('unshare', '--mount', '--propagation', 'private', 'debootstrap', '--variant=minbase', `--include=${PACKAGES.join(',')}`, `--components=${components}`, codename, dir, mirror(id));
  output('tar', '-C', dir, '--one-file-system', '-cf', `${tar}.new`, '.');
  renameSync(`${tar}.new`, tar);
  rmSync(dir, { recursive: true, force: true });
  return tar;
}

/** Copies a file to the same path below `root`, links followed, unless there is something, be it a link that is good only inside (the loader, in Debian 11). */
function copyInto(root: string, path: string): void {
  if (!path.startsWith('/') || !existsSync(path) || lstatSync(join(root, path), { throwIfNoEntry: false }) !== undefined) return;
  mkdirSync(dirname(join(root, path)), { recursive: true });
  cpSync(realpathSync(path), join(root, path), { recursive: true });
}

/** Node and npm as they run this test, without Node's headers. */
function copyNode(root: string): void {
  const local = join(root, 'usr/local');
  cpSync(realpathSync(process.execPath), join(local, 'bin/node'));
  for (const [, library] of output('ldd', process.execPath).matchAll(/(\/\S+) \(/g)) copyInto(root, library);
  const npm = dirname(dirname(realpathSync(process.env.npm_execpath ?? output('sh', '-c', 'command -v npm').trim())));
  mkdirSync(join(local, 'lib/node_modules'), { recursive: true });
  cpSync(npm, join(local, 'lib/node_modules/npm'), { recursive: true });
  symlinkSync('../lib/node_modules/npm/bin/npm-cli.js', join(local, 'bin/npm'));
}

/** What this machine needs to reach apt's and npm's servers: resolver, proxies, certificates. Returns the environment. */
function copyNetwork(root: string): Record<string, string> {
  cpSync(realpathSync('/etc/resolv.conf'), join(root, 'etc/resolv.conf'));
  cpSync('/etc/hosts', join(root, 'etc/hosts'));
  const settings = output('apt-config', 'dump').split('\n').filter((line) => /^Acquire::(http|https|Check)/i.test(line));
  writeFileSync(join(root, 'etc/apt/apt.conf.d/99network'), `${settings.join('\n')}\n`);

  const npmrc: string[] = [];
  const config = JSON.parse(output('npm', 'config', 'list', '--json')) as Record<string, string | boolean | readonly string[] | null>;
  for (const key of ['registry', 'cafile', 'proxy', 'https-proxy', 'noproxy', 'strict-ssl']) {
    const value = String(config[key] ?? '');
    if (value === '' || value === 'null') continue;
    npmrc.push(`${key}=${value}`);
    if (key === 'cafile') copyInto(root, value);
  }
  mkdirSync(join(root, 'usr/local/etc'), { recursive: true });
  writeFileSync(join(root, 'usr/local/etc/npmrc'), `${npmrc.join('\n')}\n`);

  const env: Record<string, string> = {};
  for (const [key, value] of Object.entries(process.env)) {
    if (value === undefined || !/_proxy$|^NODE_EXTRA_CA_CERTS$|^SSL_CERT_FILE$/i.test(key)) continue;
    env[key] = value;
    copyInto(root, value);
  }
  return env;
}

export interface CleanRootOptions {
  /** A release of Debian, by its code name, instead of this machine's. */
  readonly debian?: string;
}

export class CleanRoot {
  readonly path: string;
  private readonly env: Record<string, string>;

  constructor({ debian }: CleanRootOptions = {}) {
    this.path = mkdtempSync(join(tmpdir(), 'falco-ts-root-'));
    output('tar', '-C', this.path, '-xf', baseTar(debian === undefined ? release() : { id: 'debian', codename: debian }));
    // A root directory of mkdtemp is closed to apt's own user.
    chmodSync(this.path, 0o755);
    copyNode(this.path);
    this.env = {
      ...copyNetwork(this.path),
      HOME: '/root',
      PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
      LANG: 'C.UTF-8',
      ...(process.env.CI ? { CI: process.env.CI } : {}),
    };
  }

  /** The files that git knows or would take, as a clone of what is being tested has them. */
  copyProject(to: string): void {
    const list = output('git', '-C', PROJECT, 'ls-files', '-z', '--cached', '--others', '--exclude-standard');
    for (const file of list.split('\0')) {
      if (!file || !existsSync(join(PROJECT, file))) continue;
      cpSync(join(PROJECT, file), join(this.path, to, file), { preserveTimestamps: true });
    }
  }

  /** Starts a shell command inside; its own process group, so that a signal reaches all of it. */
  spawn(command: string): ChildProcess {
    const enter = 'mount -t proc proc "$0/proc" && mount --rbind /sys "$0/sys" && mount --rbind /dev "$0/dev" && exec chroot "$0" /bin/sh -c "$1"';
    return spawn('unshare', ['--mount', '--propagation', 'private', 'sh', '-c', enter, this.path, command], {
      env: this.env,
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
  }

  /** Runs it to its end. */
  async run(command: string): Promise<{ code: number | null; text: string }> {
    const child = this.spawn(command);
    let text = '';
    const take = (chunk: string): void => {
      text += chunk;
    };
    child.stdout?.setEncoding('utf8').on('data', take);
    child.stderr?.setEncoding('utf8').on('data', take);
    const code = await new Promise<number | null>((resolve) => child.on('close', resolve));
    return { code, text };
  }

  remove(): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}
