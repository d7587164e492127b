// SPDX-License-Identifier: Apache-2.0
/**
 * What a guest of another architecture runs: a root of Debian's packages, unpacked and never installed, with Node from npm; and the
 * project with what `npm pack` makes for that architecture instead of this machine's build.
 */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFileSync, cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { CACHE, DebianArchive, made } from '../../src/setup/debian.mjs';

const SUITE = 'bookworm';
const NODE = 20;
/** Shells and tools of the smoke; a compiler and Python for the programs of the live tests. */
const PACKAGES = ['bash', 'dash', 'coreutils', 'findutils', 'grep', 'sed', 'procps', 'util-linux', 'mount', 'hostname', 'base-passwd', 'libstdc++6', 'libatomic1', 'gcc', 'libc6-dev', 'perl-base', 'python3'];
/** Where the guest sees the project. */
export const PROJECT_THERE = '/opt/falco-ts';

const npm = (args, cwd) => execFileSync('npm', [...args, '--no-audit', '--no-fund', '--ignore-scripts'], { cwd, stdio: ['ignore', 'ignore', 'inherit'] });

/** The file system of a guest, kept from run to run. */
export async function foreignRoot(arch, debian, log) {
  const archive = new DebianArchive({ suite: SUITE, architecture: debian, log });
  await archive.update();
  const packages = await archive.closure(PACKAGES);
  const key = createHash('sha256').update(readFileSync(new URL(import.meta.url))).update(packages.join(' ')).digest('hex').slice(0, 12);
  const unpacked = await archive.unpack(packages, join(CACHE, 'kernels', `packages-${debian}-${key}`));
  return made(join(CACHE, 'kernels', `root-${debian}-${key}`), async (root) => {
    cpSync(unpacked, root, { recursive: true, verbatimSymlinks: true });
    // What the packages' scripts would do.
    for (const name of ['passwd', 'group']) copyFileSync(join(root, `usr/share/base-passwd/${name}.master`), join(root, 'etc', name));
    for (const dir of ['dev', 'proc', 'sys', 'run', 'tmp', 'var/tmp', 'root', 'mnt', PROJECT_THERE]) mkdirSync(join(root, dir), { recursive: true });
    symlinkSync('gcc', join(root, 'usr/bin/cc'));
    const at = mkdtempSync(join(root, 'tmp/node-'));
    npm(['install', '--no-save', '--force', '--prefix', at, `node-linux-${arch}@${NODE}`], at);
    cpSync(join(at, `node_modules/node-linux-${arch}/bin/node`), join(root, 'usr/local/bin/node'));
    rmSync(at, { recursive: true });
  });
}

/** A copy of the project at `to`, without this machine's builds: the loader then takes the package's. */
export async function foreignProject(arch, project, to) {
  execFileSync(process.execPath, [join(project, 'src/setup/prebuild/prebuild.mjs'), arch], { stdio: ['ignore', 'inherit', 'inherit'] });
  const key = createHash('sha256').update(readFileSync(join(project, 'package-lock.json'))).digest('hex').slice(0, 12);
  const modules = await made(join(CACHE, 'kernels', `modules-${arch}-${key}`), async (dir) => {
    for (const name of ['package.json', 'package-lock.json']) copyFileSync(join(project, name), join(dir, name));
    npm(['install', '--no-save', '--omit=dev', `--cpu=${arch}`, '--os=linux', '--libc=glibc'], dir);
  });
  rmSync(to, { recursive: true, force: true });
  mkdirSync(to, { recursive: true });
  const files = execFileSync('git', ['-C', project, 'ls-files', '-z', '--cached', '--others', '--exclude-standard'], { encoding: 'utf8' }).split('\0');
  for (const file of files) if (file && existsSync(join(project, file))) cpSync(join(project, file), join(to, file));
  for (const dir of ['dist', `prebuilds/linux-${arch}`]) cpSync(join(project, dir), join(to, dir), { recursive: true });
  cpSync(join(modules, 'node_modules'), join(to, 'node_modules'), { recursive: true, verbatimSymlinks: true });
  return to;
}
