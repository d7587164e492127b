// SPDX-License-Identifier: Apache-2.0
/**
 * Short-lived containers in a row, real ones by runc, under the whole monitor: is every command shown in its own container,
 * and does the monitor's memory stay where it is? `node test/bench/containers.mjs [number, 300]` as root; needs runc and a
 * static busybox (its path in BUSYBOX).
 */
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const COUNT = Number(process.argv[2] ?? 300);
const BUSYBOX = process.env.BUSYBOX ?? '/bin/busybox';
const MAIN = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));
const dir = mkdtempSync(join(tmpdir(), 'falco-ts-bench-'));
const alerts = join(dir, 'alerts.json');

const rootfs = join(dir, 'rootfs');
for (const folder of ['bin', 'proc']) mkdirSync(join(rootfs, folder), { recursive: true });
copyFileSync(BUSYBOX, join(rootfs, 'bin/busybox'));
symlinkSync('busybox', join(rootfs, 'bin/true'));
writeFileSync(join(dir, 'rules.yaml'), `- rule: Command
  desc: a command of ours
  condition: evt.type in (execve, execveat) and proc.args startswith bench-
  output: seen %container.id %proc.args
  priority: INFO
`);
writeFileSync(join(dir, 'falco.yaml'), JSON.stringify({
  rules_files: [join(dir, 'rules.yaml')], json_output: true, stdout_output: { enabled: false }, webserver: { enabled: false }, log_stderr: true, log_syslog: false,
  file_output: { enabled: true, keep_alive: true, filename: alerts },
}));
const monitor = spawn(process.execPath, ['--max-semi-space-size=2', MAIN, '-c', join(dir, 'falco.yaml')], { stdio: 'ignore' });
const seen = () => {
  try {
    return readFileSync(alerts, 'utf8').split('\n').slice(0, -1).map((line) => JSON.parse(line).output_fields);
  } catch {
    return [];
  }
};
const until = async (what) => {
  for (const end = Date.now() + 30_000; !what(); ) {
    if (Date.now() > end) return false;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  return true;
};
const memory = () => Number(/^VmRSS:\s*(\d+)/m.exec(readFileSync(`/proc/${monitor.pid}/status`, 'utf8'))[1]) / 1024;
const containerId = (i) => (i + 1).toString(16).padStart(12, '0') + 'c'.repeat(52);

function runContainer(i) {
  writeFileSync(join(dir, 'config.json'), JSON.stringify({
    ociVersion: '1.0.2', root: { path: rootfs }, mounts: [{ destination: '/proc', type: 'proc', source: 'proc' }],
    process: { user: { uid: 0, gid: 0 }, args: ['true', `bench-${i}`], env: ['PATH=/bin'], cwd: '/' },
    linux: { cgroupsPath: `/docker/${containerId(i)}`, namespaces: [{ type: 'mount' }, { type: 'pid' }, { type: 'ipc' }] },
  }));
  execFileSync('runc', ['run', '--bundle', dir, containerId(i)], { stdio: 'ignore' });
}

try {
  const ready = await until(() => {
    spawnSync('true', ['bench-ready']);
    return seen().length > 0;
  });
  if (!ready) throw new Error('the monitor does not start');
  const begun = performance.now();
  let early = 0;
  for (let i = 0; i < COUNT; i++) {
    runContainer(i);
    if (i === Math.floor(COUNT / 3)) early = memory();
  }
  const seconds = (performance.now() - begun) / 1000;
  await until(() => new Set(seen().map((fields) => fields['proc.args'])).has(`bench-${COUNT - 1}`));
  const last = memory();
  const ids = new Map(seen().map((fields) => [fields['proc.args'], fields['container.id']]));
  const wrong = Array.from({ length: COUNT }, (_, i) => i).filter((i) => ids.get(`bench-${i}`) !== containerId(i).slice(0, 12));
  console.log(`${COUNT} containers in ${seconds.toFixed(1)} s: ${COUNT - wrong.length} commands in their own container, ${wrong.length} not`);
  console.log(`memory of the monitor: ${early.toFixed(1)} MB after a third, ${last.toFixed(1)} MB at the end`);
  if (wrong.length > 0) process.exitCode = 1;
} finally {
  const ended = new Promise((resolve) => monitor.once('exit', resolve));
  monitor.kill('SIGINT');
  await ended;
  rmSync(dir, { recursive: true, force: true });
}
