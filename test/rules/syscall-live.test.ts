// SPDX-License-Identifier: Apache-2.0
/** Each default rule for system calls: the real deed on the real kernel, and the alert that a user sees. */
import { execFileSync } from 'node:child_process';
import { chmodSync, copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { buildActions, Container } from '../e2e/container.js';
import { canWatch, type JsonAlert, LiveMonitor, PROJECT } from '../e2e/live-monitor.js';

const RULES = join(PROJECT, 'rules/falco_rules.yaml');

type Fields = Readonly<Record<string, string | number | RegExp>>;

/** Runs a shell command line on the host, in a mount namespace of its own so that it can put a stand-in over a file. */
function host(script: string): void {
  execFileSync('unshare', ['--mount', '--propagation', 'private', 'bash', '-c', `set -e; ${script}`], { stdio: ['ignore', 'pipe', 'pipe'] });
}

describe.skipIf(!canWatch)('default rules for system calls, live', () => {
  let monitor: LiveMonitor;
  let container: Container;
  let dir: string;
  let actions: string;
  let server: Server;
  let port: number;
  let output = '';
  const fired = new Set<string>();

  beforeAll(async () => {
    dir = mkdtempSync(join(tmpdir(), 'falco-ts-rules-'));
    actions = buildActions(dir);
    for (const name of ['nginx', 'debugfs', 'apk', 'curl']) {
      copyFileSync(actions, join(dir, name));
      chmodSync(join(dir, name), 0o755);
    }
    writeFileSync(join(dir, 'token'), 'not-a-token\n');
    mkdirSync(join(dir, '.ssh'));
    writeFileSync(join(dir, '.ssh/id_ed25519'), 'not a key\n');
    server = createServer((socket) => socket.destroy()).listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    port = (server.address() as { port: number }).port;
    container = new Container({
      files: {
        '/bin/actions': actions,
        '/bin/debugfs': actions,
        '/bin/apk': actions,
        '/bin/curl': actions,
        '/var/run/secrets/kubernetes.io/serviceaccount/token': join(dir, 'token'),
      },
    });
    monitor = new LiveMonitor({ rules: [RULES] });
    await monitor.ready();
  }, 60_000);

  afterAll(async () => {
    output = (await monitor?.stop()) ?? '';
    container?.remove();
    server?.close();
    rmSync(dir, { recursive: true, force: true });
  }, 30_000);

  /** Waits for the rule's alert with these fields. */
  async function expectAlert(rule: string, fields: Fields, priority: string): Promise<JsonAlert> {
    const fits = (alert: JsonAlert): boolean =>
      alert.rule === rule &&
      Object.entries(fields).every(([name, wanted]) => {
        const value = alert.output_fields[name];
        return wanted instanceof RegExp ? wanted.test(String(value)) : value === wanted;
      });
    const alert = await monitor.wait(fits, 5000);
    fired.add(rule);
    expect(alert.priority).toBe(priority);
    expect(alert.source).toBe('syscall');
    // A field that is never there is a mistake in the output. Some depend on the way: path, from, moved_to.
    for (const field of ['proc.name', 'proc.cmdline', 'container.id']) expect(alert.output).not.toContain(`${field}=<NA>`);
    return alert;
  }

  const onHost = (fields: Fields): Fields => ({ 'container.id': 'host', 'user.name': 'root', ...fields });
  const inside = (fields: Fields): Fields => ({ 'container.id': container.shortId, ...fields });

  describe('on the host', () => {
    it('File written in binary directory: open, creat, openat and openat2', async () => {
      const file = `/usr/local/bin/falco-ts-test-${process.pid}`;
      try {
        host(`${actions} open-ways ${file}`);
        const seen = () => monitor.alerts().filter((a) => a.rule === 'File written in binary directory' && a.output_fields['fd.name'] === file);
        await monitor.wait(() => seen().length >= 4);
        expect(seen().length).toBe(4);
        await expectAlert('File written in binary directory', onHost({ 'fd.name': file, 'proc.name': 'actions', 'proc.cmdline': `actions open-ways ${file}` }), 'Error');
      } finally {
        rmSync(file, { force: true });
      }
    });

    it('File moved or linked into binary directory: mv, ln, ln -s, relative paths too', async () => {
      const file = `/usr/local/bin/falco-ts-test-${process.pid}`;
      const rule = 'File moved or linked into binary directory';
      try {
        host(`echo x > /usr/local/falco-ts-test; mv /usr/local/falco-ts-test ${file}; cd /usr/local/bin; ln ${file} ${file}-hard; ln -s /tmp/elsewhere falco-ts-test-${process.pid}-soft`);
        await expectAlert(rule, onHost({ 'fs.path.target': file, 'fs.path.source': '/usr/local/falco-ts-test', 'proc.name': 'mv', 'evt.type': /^rename/ }), 'Error');
        await expectAlert(rule, onHost({ 'fs.path.source': `${file}-hard`, 'proc.name': 'ln', 'evt.type': /^link/ }), 'Error');
        await expectAlert(rule, onHost({ 'fs.path.source': `${file}-soft`, 'fs.path.target': /elsewhere$/, 'proc.name': 'ln', 'evt.type': /^symlink/ }), 'Error');
      } finally {
        for (const end of ['', '-hard', '-soft']) rmSync(`${file}${end}`, { force: true });
      }
    });

    it('Password hashes or sudo rules read', async () => {
      host('cat /etc/shadow > /dev/null');
      await expectAlert('Password hashes or sudo rules read', onHost({ 'fd.name': '/etc/shadow', 'proc.name': 'cat', 'proc.cmdline': 'cat /etc/shadow' }), 'Warning');
    });

    it('SSH private key read', async () => {
      host(`cat ${dir}/.ssh/id_ed25519 > /dev/null`);
      await expectAlert('SSH private key read', onHost({ 'fd.name': `${dir}/.ssh/id_ed25519`, 'proc.name': 'cat' }), 'Warning');
    });

    it('Search for private keys or passwords', async () => {
      host(`grep -r "BEGIN RSA PRIVATE KEY" ${dir}/.ssh || true`);
      await expectAlert('Search for private keys or passwords', onHost({ 'proc.name': 'grep', 'proc.cmdline': /BEGIN RSA PRIVATE KEY/ }), 'Warning');
    });

    it('Account file changed: written, and another put in its place', async () => {
      host(`cp /etc/passwd ${dir}/passwd; mount --bind ${dir}/passwd /etc/passwd; echo 'x:x:0:0::/:/bin/sh' >> /etc/passwd`);
      await expectAlert('Account file changed', onHost({ 'fd.name': '/etc/passwd', 'proc.name': 'bash' }), 'Error');
      host(`mkdir ${dir}/etc; mount --bind ${dir}/etc /etc; echo > /etc/new; mv /etc/new /etc/sudoers`);
      await expectAlert('Account file changed', { 'fs.path.target': '/etc/sudoers', 'proc.name': 'mv' }, 'Error');
    });

    it('Link made to account file', async () => {
      symlinkSync('/etc/shadow', join(dir, 'innocent'));
      await expectAlert('Link made to account file', onHost({ 'fs.path.source': join(dir, 'innocent'), 'fs.path.target': '/etc/shadow' }), 'Warning');
    });

    it('SSH login key added', async () => {
      host(`echo ssh-ed25519 AAAA >> ${dir}/.ssh/authorized_keys`);
      await expectAlert('SSH login key added', onHost({ 'fd.name': `${dir}/.ssh/authorized_keys`, 'proc.name': 'bash' }), 'Warning');
    });

    it('Start-up entry written', async () => {
      const file = '/etc/cron.d/falco-ts-test';
      mkdirSync('/etc/cron.d', { recursive: true });
      try {
        host(`echo '# nothing' > ${file}`);
        await expectAlert('Start-up entry written', onHost({ 'fd.name': file, 'proc.name': 'bash' }), 'Warning');
      } finally {
        rmSync(file, { force: true });
      }
    });

    it("Program given to its owner's rights", async () => {
      host(`cp ${actions} ${dir}/tool; chmod u+s ${dir}/tool`);
      await expectAlert("Program given to its owner's rights", onHost({ 'fs.path.name': `${dir}/tool`, 'evt.arg.mode': /S_ISUID/, 'proc.name': 'chmod' }), 'Notice');
    });

    it('Security log cleared: emptied, removed, moved away', async () => {
      host("mount -t tmpfs none /var/log; touch /var/log/auth.log /var/log/wtmp /var/log/syslog; : > /var/log/auth.log; rm /var/log/wtmp; mv /var/log/syslog /var/log/other");
      await expectAlert('Security log cleared', onHost({ 'fd.name': '/var/log/auth.log', 'proc.name': 'bash' }), 'Warning');
      await expectAlert('Security log cleared', onHost({ 'fs.path.name': '/var/log/wtmp', 'proc.name': 'rm', 'evt.type': /^unlink/ }), 'Warning');
      await expectAlert('Security log cleared', onHost({ 'fs.path.source': '/var/log/syslog', 'proc.name': 'mv' }), 'Warning');
    });

    it('Shell history cleared', async () => {
      host(`touch ${dir}/.bash_history; cp /dev/null ${dir}/.bash_history; rm ${dir}/.bash_history`);
      await expectAlert('Shell history cleared', onHost({ 'fd.name': `${dir}/.bash_history`, 'proc.name': 'cp' }), 'Warning');
      await expectAlert('Shell history cleared', onHost({ 'fs.path.name': `${dir}/.bash_history`, 'proc.name': 'rm' }), 'Warning');
    });

    it('Program run from memory', async () => {
      host(`${actions} memfd-exec`);
      await expectAlert('Program run from memory', onHost({ 'proc.exepath': /memfd:payload/, 'proc.pname': 'actions' }), 'Critical');
    });

    it('Program run from shared memory', async () => {
      const file = `/dev/shm/falco-ts-test-${process.pid}`;
      copyFileSync(actions, file);
      chmodSync(file, 0o755);
      try {
        host(file);
        await expectAlert('Program run from shared memory', onHost({ 'proc.exepath': file }), 'Warning');
      } finally {
        rmSync(file);
      }
    });

    it('Network connection as standard input or output', async () => {
      host(`${actions} dup-socket ${port}`);
      const fields = { 'fd.name': new RegExp(`->127\\.0\\.0\\.1:${port}$`), 'proc.name': 'actions' };
      await expectAlert('Network connection as standard input or output', onHost(fields), 'Critical');
    });

    it('Shell started by a server', async () => {
      host(`${dir}/nginx run-shell`);
      await expectAlert('Shell started by a server', onHost({ 'proc.name': /^(sh|dash)$/, 'proc.pname': 'nginx', 'proc.cmdline': 'sh -c :' }), 'Warning');
    });

    it('Process taken over with ptrace', async () => {
      host(`${actions} ptrace-attach`);
      await expectAlert('Process taken over with ptrace', onHost({ 'evt.arg.request': 'PTRACE_ATTACH', 'proc.name': 'actions' }), 'Warning');
    });

    it('Kernel setting that runs programs changed', async () => {
      const file = '/proc/sys/kernel/core_pattern';
      const before = readFileSync(file, 'utf8');
      host(`exec 3>${file}`);
      expect(readFileSync(file, 'utf8')).toBe(before);
      await expectAlert('Kernel setting that runs programs changed', onHost({ 'fd.name': file, 'proc.name': 'bash' }), 'Critical');
    });

    it('Kernel memory opened', async () => {
      // Some virtual machines have neither: a plain file of the name stands in.
      const file = ['/proc/kcore', '/dev/mem'].find((path) => existsSync(path));
      host(file === undefined ? 'mount -t tmpfs none /dev; touch /dev/mem; head -c 0 /dev/mem' : `head -c 0 ${file}`);
      await expectAlert('Kernel memory opened', onHost({ 'fd.name': file ?? '/dev/mem', 'proc.name': 'head' }), 'Warning');
    });
  });

  describe('in a container', () => {
    it('Interactive shell in container', async () => {
      container.terminal('sh -c true');
      await expectAlert('Interactive shell in container', inside({ 'proc.name': 'sh', 'proc.cmdline': 'sh -c true', 'proc.tty': /^[1-9]\d*$/ }), 'Notice');
    });

    it('a shell without a terminal is no alert', () => {
      container.sh('true # quiet');
      expect(monitor.alerts().filter((alert) => alert.rule === 'Interactive shell in container' && alert.output.includes('# quiet'))).toEqual([]);
    });

    it('Kernel module loaded', async () => {
      container.exec('actions', 'load-module');
      await expectAlert('Kernel module loaded', inside({ 'proc.name': 'actions', 'evt.res': /^E[A-Z]+$/ }), 'Critical');
    });

    it('File system mounted in container, and Cgroup release agent set in container', async () => {
      container.sh('mkdir /tmp/cg; /bin/mount -t tmpfs none /tmp/cg; echo > /tmp/cg/release_agent; /bin/umount /tmp/cg');
      await expectAlert('File system mounted in container', inside({ 'evt.arg.dir': '/tmp/cg', 'evt.arg.type': 'tmpfs', 'proc.name': 'mount' }), 'Warning');
      await expectAlert('Cgroup release agent set in container', inside({ 'fd.name': '/tmp/cg/release_agent', 'proc.name': 'sh' }), 'Critical');
    });

    it('Host disk opened in container', async () => {
      const [, major, minor, disk] = /^\s*(\d+)\s+(\d+)\s+\d+\s+((?:sd|vd|xvd|nvme)\w+)$/m.exec(readFileSync('/proc/partitions', 'utf8')) ?? [];
      // Where nobody may open the disk, a plain file of the name stands in.
      container.sh(`mknod /dev/${disk} b ${major} ${minor} && head -c 0 /dev/${disk} || { rm -f /dev/sdz; echo > /dev/sdz; }; /bin/head -c 0 /dev/${disk} || /bin/head -c 0 /dev/sdz`);
      await expectAlert('Host disk opened in container', inside({ 'fd.name': /^\/dev\/(sd|vd|xvd|nvme)/, 'proc.name': 'head' }), 'Critical');
    });

    it('Disk debugger run in container', async () => {
      container.exec('debugfs', '-w', '/dev/null');
      await expectAlert('Disk debugger run in container', inside({ 'proc.cmdline': 'debugfs -w /dev/null' }), 'Critical');
    });

    it('Namespace entered from container', async () => {
      container.sh('/bin/nsenter -t $$ -u /bin/true; true');
      await expectAlert('Namespace entered from container', inside({ 'proc.name': 'nsenter' }), 'Critical');
    });

    it('User namespace made in container', async () => {
      container.exec('unshare', '-U', '/bin/true');
      await expectAlert('User namespace made in container', inside({ 'evt.arg.flags': /CLONE_NEWUSER/, 'proc.name': 'unshare' }), 'Notice');
    });

    it("Container runtime's socket used in container", async () => {
      const path = join(container.dir, 'rootfs/run/docker.sock');
      const runtime = createServer().listen(path);
      await new Promise((resolve) => runtime.once('listening', resolve));
      try {
        container.exec('actions', 'connect-unix', '/run/docker.sock');
        await expectAlert("Container runtime's socket used in container", inside({ 'fd.name': /\/run\/docker\.sock$/, 'proc.name': 'actions' }), 'Warning');
      } finally {
        runtime.close();
      }
    });

    it("Host's files reached through proc in container", async () => {
      container.sh('/bin/cat /proc/$$/root/etc/passwd; true');
      await expectAlert("Host's files reached through proc in container", inside({ 'fd.name': /^\/proc\/\d+\/root\/etc\/passwd$/, 'proc.name': 'cat' }), 'Warning');
    });

    it('New program run in container', async () => {
      container.sh('cp /bin/actions /tmp/downloaded; /tmp/downloaded');
      await expectAlert('New program run in container', inside({ 'proc.exepath': '/tmp/downloaded', 'proc.name': 'downloaded' }), 'Critical');
    });

    it('Package manager run in container', async () => {
      container.exec('apk', 'add', 'something');
      await expectAlert('Package manager run in container', inside({ 'proc.cmdline': 'apk add something' }), 'Notice');
    });

    it('Network tool run in container', async () => {
      container.sh('/bin/nc -w 1 127.0.0.1 1; true');
      await expectAlert('Network tool run in container', inside({ 'proc.cmdline': 'nc -w 1 127.0.0.1 1' }), 'Notice');
    });

    it('Cloud metadata asked by a tool in container', async () => {
      container.sh('/bin/ip link set lo up; /bin/ip addr add 169.254.169.254/32 dev lo; /bin/nc -l -p 80 >/dev/null & sleep 0.2; curl connect-tcp 169.254.169.254 80');
      await expectAlert('Cloud metadata asked by a tool in container', inside({ 'fd.name': /->169\.254\.169\.254:80$/, 'proc.name': 'curl' }), 'Warning');
    });

    it('Service account token read by a tool in container', async () => {
      container.sh('/bin/cat /var/run/secrets/kubernetes.io/serviceaccount/token > /dev/null');
      await expectAlert('Service account token read by a tool in container', inside({ 'fd.name': '/var/run/secrets/kubernetes.io/serviceaccount/token', 'proc.name': 'cat' }), 'Warning');
    });

    it('eBPF program loaded in container', async () => {
      container.exec('actions', 'bpf-load');
      await expectAlert('eBPF program loaded in container', inside({ 'proc.name': 'actions', 'proc.cmdline': 'actions bpf-load' }), 'Notice');
    });
  });

  it('every rule in the file has been seen to fire', () => {
    const rules = (parse(readFileSync(RULES, 'utf8')) as { rule?: string }[]).flatMap((item) => item.rule ?? []);
    expect(rules.length).toBeGreaterThan(30);
    expect(rules.filter((rule) => !fired.has(rule))).toEqual([]);
  });

  it('ends on Ctrl-C with counts of events and of alerts by rule, and without a loss', async () => {
    output = await monitor.stop();
    expect(output).toMatch(/Events detected: \d+/);
    expect(output).toMatch(/File written in binary directory: \d+/);
  });
});
