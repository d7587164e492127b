// SPDX-License-Identifier: Apache-2.0
/**
 * A virtual machine with one of Debian's kernels and this machine's files: they are shared read-only (virtiofs), and what
 * the guest writes stays in its memory. QEMU emulates the processor, since nested virtualisation is rare.
 */
import { execFileSync, spawn } from 'node:child_process';
import { copyFileSync, createWriteStream, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { CACHE, DebianArchive } from '../../src/setup/debian.mjs';

/** @typedef {{ name: string, suite: string }} Kernel  a version as people call it, and Debian's suite that has it */

/** @type {readonly Kernel[]} oldest first; the newest is whatever Debian's backports have */
export const KERNELS = [
  { name: '5.10', suite: 'bullseye-security' },
  { name: '6.1', suite: 'bookworm' },
  { name: '6.12', suite: 'trixie' },
  { name: 'newest', suite: 'trixie-backports' },
];

/** Another architecture's, by name only: emulated, with a root of its own. */
export const FOREIGN = [{ name: 'arm64', suite: 'bookworm', arch: 'arm64' }].filter(({ arch }) => arch !== process.arch);

/** Debian's and QEMU's names by Node's. */
export const MACHINES = {
  x64: { debian: 'amd64', qemu: 'qemu-system-x86_64', options: [], threads: 'multi', console: 'ttyS0' },
  arm64: { debian: 'arm64', qemu: 'qemu-system-aarch64', options: ['-machine', 'virt'], threads: 'single', console: 'ttyAMA0' },
};

/** In the order in which they need each other; newer kernels have most of them built in. */
const MODULES = ['virtio', 'virtio_ring', 'virtio_pci_modern_dev', 'virtio_pci_legacy_dev', 'virtio_pci', 'fuse', 'virtiofs', 'overlay'];

const output = (command, args, options = {}) => execFileSync(command, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'], maxBuffer: 1 << 28, ...options });
const find = (dir, accept) => readdirSync(dir, { recursive: true }).filter((path) => accept(path)).map((path) => join(dir, path));

/** The kernel's packages, unpacked: the smaller "cloud" build, which differs in drivers only. */
export async function fetchKernel({ suite }, arch, log) {
  const { debian } = MACHINES[arch];
  const archive = new DebianArchive({ suite, architecture: debian, log });
  await archive.update();
  const parts = async (name) => {
    const wanted = (await archive.depends(name)).filter((one) => /^linux-(image|binary|modules)-\d/.test(one));
    return [...wanted, ...(await Promise.all(wanted.map(parts))).flat()];
  };
  const names = [...new Set(await parts(`linux-image-cloud-${debian}`))];
  return archive.unpack(names, join(CACHE, 'kernels', names[0]));
}

async function busybox(arch, log) {
  const { debian } = MACHINES[arch];
  const archive = new DebianArchive({ suite: 'bookworm', architecture: debian, log });
  return join(await archive.unpack(['busybox-static'], join(CACHE, 'kernels', `busybox-${debian}`)), 'bin/busybox');
}

/** A compressed module is unpacked here: old kernels cannot. */
function copyModules(kernel, to) {
  mkdirSync(to);
  const files = find(kernel, (path) => /\.ko(\.xz)?$/.test(path));
  for (const [i, name] of MODULES.entries()) {
    const file = files.find((path) => path.endsWith(`/${name}.ko`) || path.endsWith(`/${name}.ko.xz`));
    if (file === undefined) continue;
    const copy = join(to, `${i}-${name}.ko`);
    if (file.endsWith('.xz')) writeFileSync(copy, output('xz', ['-dc', file], { encoding: 'buffer' }));
    else copyFileSync(file, copy);
  }
}

function packInitrd(dir, { kernel, shell, hostShell, command }) {
  const root = join(dir, 'initrd');
  for (const name of ['bin', 'dev', 'proc', 'sys', 'lower', 'rw', 'root']) mkdirSync(join(root, name), { recursive: true });
  copyFileSync(shell, join(root, 'bin/busybox'));
  for (const name of ['sh', 'mount', 'insmod', 'mkdir', 'cp', 'chroot', 'poweroff']) symlinkSync('busybox', join(root, 'bin', name));
  copyModules(kernel, join(root, 'modules'));
  for (const [name, from] of [['init', 'init.sh'], ['guest.sh', 'guest.sh']]) copyFileSync(fileURLToPath(new URL(from, import.meta.url)), join(root, name));
  execFileSync('chmod', ['+x', join(root, 'init')]);
  writeFileSync(join(root, 'command.sh'), command);
  const image = join(dir, 'initrd.cpio');
  execFileSync('sh', ['-c', 'cd "$0" && find . | "$1" cpio -o -H newc > "$2" 2> /dev/null', root, hostShell, image]);
  return image;
}

/** In a mount namespace of its own: nothing is left mounted, and the shared files cannot be written to. */
const START = `
set -e
dir=$1 files=$2 from=$3 to=$4
shift 4
mount -t tmpfs tmpfs "$dir"
mkdir "$dir/files"
mount --bind "$files" "$dir/files"
if [ -n "$to" ]; then mount --bind "$from" "$dir/files$to"; mount -o remount,bind,ro "$dir/files$to"; fi
mount -o remount,bind,ro "$dir/files"
mount -t tmpfs tmpfs /run
/usr/lib/qemu/virtiofsd --socket-path="$dir/socket" -o source="$dir/files" -o cache=always -o no_posix_lock > "$dir/log" 2>&1 &
tries=0
while [ ! -S "$dir/socket" ]; do
  tries=$((tries + 1))
  [ $tries -lt 300 ] || { cat "$dir/log"; exit 1; }
  sleep 0.1
done
exec "$@"
`;

/**
 * Boots the kernel and runs a shell script in it, as root with CI=true.
 *
 * @param {{ kernel: string, arch: 'x64' | 'arm64', command: string, log: string, seconds: number, life: { sign: RegExp, seconds: number },
 *   root?: string, share?: { from: string, to: string } }} what
 *   `kernel`: its unpacked packages; `life`: what it must print, and when it is given up without; `root`: the file system, instead of
 *   this machine's; `share`: a folder of this machine, and where the guest sees it: a path that `root` has
 * @returns {Promise<{ code: number | null, alive: boolean, text: string, seconds: number }>} `code` null: it did not get to its end
 */
export async function runInGuest({ kernel, arch, command, log, seconds, life, root = '/', share = { from: '', to: '' } }) {
  const { qemu, options, threads, console: terminal } = MACHINES[arch];
  const started = Date.now();
  const dir = mkdtempSync(join(tmpdir(), 'falco-ts-guest-'));
  const remove = () => rmSync(dir, { recursive: true, force: true });
  process.on('exit', remove);
  try {
    const hostShell = await busybox(process.arch, log);
    const initrd = packInitrd(dir, { kernel, shell: await busybox(arch, log), hostShell, command });
    const image = find(kernel, (path) => /(^|\/)vmlinuz(-[^/]*)?$/.test(path))[0];
    mkdirSync(join(dir, 'share'));
    const machine = [...options, '-accel', `tcg,thread=${threads},tb-size=512`, '-cpu', 'max', '-smp', '2', '-m', '2G',
      '-object', 'memory-backend-memfd,id=memory,size=2G,share=on', '-numa', 'node,memdev=memory',
      '-chardev', `socket,id=files,path=${dir}/share/socket`, '-device', 'vhost-user-fs-pci,chardev=files,tag=files', '-device', 'virtio-rng-pci',
      '-nodefaults', '-display', 'none', '-no-reboot', '-serial', 'stdio',
      '-kernel', image, '-initrd', initrd, '-append', `console=${terminal} quiet panic=-1 mitigations=off no_timer_check`];
    const text = await collect(['sh', '-c', START, 'guest', join(dir, 'share'), root, share.from, share.to, qemu, ...machine], { log, seconds, life });
    const result = /^RESULT (\d+)\s*$/m.exec(text);
    return { code: result === null ? null : Number(result[1]), alive: life.sign.test(text), text, seconds: Math.round((Date.now() - started) / 1000) };
  } finally {
    process.off('exit', remove);
    remove();
  }
}

/** What it prints, within the time. However this process ends, QEMU ends with it, and virtiofsd with QEMU. */
function collect(command, { log, seconds, life }) {
  const file = createWriteStream(log, { flags: 'a' });
  const child = spawn('setpriv', ['--pdeathsig', 'KILL', 'unshare', '--mount', '--propagation', 'private', ...command], { stdio: ['ignore', 'pipe', 'pipe'], detached: true });
  let text = '';
  const take = (chunk) => {
    // A serial line ends with CR LF; escape sequences are for terminals.
    const plain = chunk.replaceAll('\r', '').replaceAll(/\x1b\[[0-9;?]*[A-Za-z]/g, '');
    text += plain;
    file.write(plain);
  };
  child.stdout.setEncoding('utf8').on('data', take);
  child.stderr.setEncoding('utf8').on('data', take);
  const stop = () => {
    try {
      process.kill(-child.pid, 'SIGKILL');
    } catch {
      // It has ended already.
    }
  };
  process.on('exit', stop);
  const giveUp = (why) => {
    take(`\nguest: ${why}\n`);
    stop();
  };
  const timers = [
    setTimeout(() => giveUp(`not through within ${seconds} s`), seconds * 1000),
    setTimeout(() => life.sign.test(text) || giveUp(`no sign of life within ${life.seconds} s`), life.seconds * 1000),
  ];
  return new Promise((resolve) => {
    const done = () => {
      timers.forEach(clearTimeout);
      process.off('exit', stop);
      stop();
      file.end(() => resolve(text));
    };
    child.on('error', (error) => {
      take(`${error.message}\n`);
      done();
    });
    child.on('exit', done);
  });
}

/** What a run needs, as Debian packages. */
export function missingForGuests(arch) {
  const needs = [
    [MACHINES[arch].qemu, arch === 'x64' ? 'qemu-system-x86' : 'qemu-system-arm'],
    ['/usr/lib/qemu/virtiofsd', 'qemu-system-common'],
    ['xz', 'xz-utils'],
    ['/usr/share/keyrings/debian-archive-keyring.gpg', 'debian-archive-keyring'],
  ];
  const found = (name) => (name.startsWith('/') ? existsSync(name) : ['/usr/bin', '/bin', '/usr/local/bin'].some((dir) => existsSync(join(dir, name))));
  return needs.filter(([name]) => !found(name)).map(([, name]) => name);
}
