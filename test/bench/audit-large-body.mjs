// SPDX-License-Identifier: Apache-2.0
// How long alerts wait, and what is lost, while a body of 100 MB arrives and 100,000 system calls a second are watched:
// node test/bench/audit-large-body.mjs [megabytes [system calls a second]]. Needs root and `npm run build`.
// The built program runs with both sources. Small bodies are posted one after another, and a file is opened after each; both
// are timed to the alert on its standard output: alone, under system calls, and while large bodies are sent as well.
import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, openSync, closeSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';

const MEGABYTES = Number(process.argv[2] ?? 100);
const CALLS = Number(process.argv[3] ?? 100_000);
const folder = mkdtempSync(join(tmpdir(), 'falco-ts-bench-'));
const free = await new Promise((done) => {
  const server = createServer().listen(0, '127.0.0.1', () => {
    const { port } = server.address();
    server.close(() => done(port));
  });
});
const rules = join(folder, 'rules.yaml');
const config = join(folder, 'falco.yaml');
const load = join(folder, 'live-load');
execFileSync('cc', ['-O2', '-o', load, fileURLToPath(new URL('live-load.c', import.meta.url))]);
writeFileSync(rules, `- rule: R\n  desc: d\n  condition: ka.verb = create\n  output: id=%ka.auditid;\n  priority: INFO\n  source: k8s_audit
- rule: S\n  desc: d\n  condition: evt.type in (open, openat, openat2) and fd.name startswith ${folder}/open-\n  output: id=%fd.filename;\n  priority: INFO
`);
writeFileSync(config, `rules_files: [${rules}]
log_stderr: true
log_syslog: false
webserver: {enabled: false}
stdout_output: {enabled: true}
buffered_outputs: false
plugins: [{name: k8saudit, library_path: libk8saudit.so, open_params: "http://127.0.0.1:${free}/k8s-audit", init_config: {webhookMaxBatchSize: ${2 ** 30}, maxEventSize: 41000000}}]
load_plugins: [k8saudit]
`);
const event = (id, verb, data) => ({
  level: 'RequestResponse', auditID: id, stage: 'ResponseComplete', verb, user: { username: 'eve' },
  objectRef: { resource: 'pods', namespace: 'default' }, stageTimestamp: '2026-11-23T08:04:40.686563Z', requestObject: { data },
});
const list = (items) => JSON.stringify({ kind: 'EventList', apiVersion: 'audit.k8s.io/v1', items });

const program = spawn(process.execPath, ['--max-semi-space-size=2', fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url)), '-c', config, '-U'], { stdio: ['ignore', 'pipe', 'pipe'] });
let said = '';
program.stderr.on('data', (data) => {
  said += data;
});
const waiting = new Map();
program.stdout.on('data', (data) => {
  for (const [, id] of data.toString().matchAll(/id=([\w-]+);/g)) waiting.get(id)?.(performance.now());
});
const post = (body) =>
  new Promise((done, fail) => {
    const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };
    const sent = request({ port: free, host: '127.0.0.1', method: 'POST', path: '/k8s-audit', headers }, (answer) => {
      answer.resume().on('end', () => done(answer.statusCode));
    });
    sent.on('error', fail);
    sent.end(body);
  });
let n = 0;
/** The delays of an audit event's alert and of a system call's, in milliseconds. */
async function probe() {
  n++;
  const alerted = (id) => new Promise((done) => waiting.set(id, done));
  const posted = alerted(`probe-${n}`);
  const opened = alerted(`open-${n}`);
  const start = performance.now();
  const answered = post(list([event(`probe-${n}`, 'create', '')]));
  const audit = (await posted) - start;
  await answered;
  const call = performance.now();
  closeSync(openSync(join(folder, `open-${n}`), 'w'));
  const syscall = (await opened) - call;
  rmSync(join(folder, `open-${n}`));
  waiting.clear();
  await new Promise((done) => setTimeout(done, 5));
  return { audit, syscall };
}
const report = (name, delays) => {
  console.log(`${name.padEnd(44)}audit event   ${shown(delays.map(({ audit }) => audit))}`);
  console.log(`${' '.repeat(44)}system call   ${shown(delays.map(({ syscall }) => syscall))}`);
};
const shown = (delays) => {
  const sorted = delays.toSorted((a, b) => a - b);
  const at = (share) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))].toFixed(0);
  return `p50 ${at(0.5)} ms, p99 ${at(0.99)} ms, longest ${at(1)} ms (${sorted.length} alerts)`;
};

for (let tries = 0; tries < 100; tries++) {
  if ((await post(list([])).catch(() => 0)) === 200) break;
  await new Promise((done) => setTimeout(done, 100));
}
for (let k = 0; k < 20; k++) await probe();
async function measured(name, count) {
  const delays = [];
  for (let k = 0; k < count; k++) delays.push(await probe());
  report(name, delays);
}
await measured('alert delay, alone', 50);
// Two calls a round: open and close.
const calls = CALLS > 0 ? spawn(load, ['opens', String(2 ** 30), String(CALLS / 2)], { stdio: 'ignore' }) : null;
await measured(`while ${CALLS} system calls/s are watched`, 50);

/** The large body is sent from a thread of its own, so that this one only measures. */
async function during(name, items, size) {
  const sender = new Worker(
    `const { parentPort, workerData: { port, items, size } } = require('node:worker_threads');
     const item = (n) => (${event.toString()})('large-' + size + '-' + n, 'get', 'x'.repeat(size));
     const body = JSON.stringify({ kind: 'EventList', apiVersion: 'audit.k8s.io/v1', items: Array.from({ length: items }, (_, n) => item(n)) });
     const start = performance.now();
     const sent = require('node:http').request({ port, host: '127.0.0.1', method: 'POST', path: '/k8s-audit', headers: { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) } }, (answer) => {
       answer.resume().on('end', () => parentPort.postMessage({ status: answer.statusCode, bytes: body.length, ms: performance.now() - start }));
     });
     parentPort.once('message', () => sent.end(body));
     parentPort.postMessage('ready');`,
    { eval: true, workerData: { port: free, items, size } },
  );
  await new Promise((done) => sender.once('message', done));
  const done = new Promise((finish) => sender.once('message', finish));
  let over = false;
  const end = done.then((answer) => {
    over = true;
    return answer;
  });
  sender.postMessage('go');
  const delays = [];
  while (!over) delays.push(await probe());
  const { status, bytes, ms } = await end;
  await sender.terminate();
  report(`and ${name}`, delays);
  console.log(`${' '.repeat(44)}${(bytes / 1e6).toFixed(0)} MB in ${(ms / 1000).toFixed(1)} s, answered ${status}`);
}
await during('events of 2 kB', Math.round((MEGABYTES * 1e6) / 2300), 2000);
await during('events of 1 MB', MEGABYTES, 1_000_000);
// As large as the largest that a real apiserver has sent; then one beyond the limit, which is passed over as it comes.
await during('events of 40 MB', Math.ceil(MEGABYTES / 40), 40_000_000);
await during('one event, too large', 1, MEGABYTES * 1e6);
calls?.kill();
program.kill('SIGTERM');
await new Promise((done) => program.on('close', done));
for (const line of said.split('\n')) if (/Lost in|Falling behind|events, \d+ delivered/.test(line)) console.log(line);
rmSync(folder, { recursive: true });
