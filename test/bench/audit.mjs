// SPDX-License-Identifier: Apache-2.0
// Audit events a second through the webhook: node test/bench/audit.mjs [events] [rules.yaml]. Needs `npm run build`.
// A process of its own posts bodies as an apiserver does (400 events, several connections, keep-alive); this one receives,
// evaluates the rules and formats the alerts. Prints Falco's figure beside it.
import { fork } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const shared = here('../../../shared');
const CONNECTIONS = 4;

/** Bodies of real events where the corpus is at hand, otherwise of made ones that are as large. */
function bodies() {
  const corpus = `${shared}/corpus/k8s-audit/main/webhook-bodies.jsonl.gz`;
  if (existsSync(corpus)) return gunzipSync(readFileSync(corpus)).toString().split('\n').filter(Boolean);
  const item = (n) => ({
    level: 'RequestResponse', auditID: `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`, stage: 'ResponseComplete',
    requestURI: `/api/v1/namespaces/default/pods/web-${n}`, verb: n % 5 === 0 ? 'create' : 'get',
    user: { username: n % 3 === 0 ? 'alice' : 'system:kube-scheduler', groups: ['system:authenticated'] },
    sourceIPs: ['10.0.0.1'], userAgent: 'kubectl/v1.36.2', objectRef: { resource: 'pods', namespace: 'default', name: `web-${n}`, apiVersion: 'v1' },
    responseStatus: { metadata: {}, code: 200 },
    requestObject: { kind: 'Pod', spec: { containers: [{ name: 'web', image: 'nginx', securityContext: { privileged: n % 50 === 0 } }] }, status: { note: 'x'.repeat(700) } },
    requestReceivedTimestamp: '2026-11-23T08:04:40.681000Z', stageTimestamp: '2026-11-23T08:04:40.686563Z',
    annotations: { 'authorization.k8s.io/decision': 'allow', 'authorization.k8s.io/reason': '' },
  });
  return Array.from({ length: 5 }, (_, b) => JSON.stringify({ kind: 'EventList', items: Array.from({ length: 400 }, (_, n) => item(b * 400 + n)) }));
}

/**
 * An apiserver's way of posting, made cheap, since it shares the processors with what is measured: bodies are made once, and
 * for each round only the beginnings of their audit IDs are written anew. The same event again would be passed over.
 */
async function client(port, events) {
  const made = bodies().map((text) => {
    const body = Buffer.from(text.replaceAll('"auditID":"', '"auditID":"00000000-'));
    const ids = [];
    for (let at = body.indexOf('"auditID":"'); at !== -1; at = body.indexOf('"auditID":"', at + 1)) ids.push(at + 11);
    const head = `POST /k8s-audit?timeout=30s HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n`;
    return { body, ids, head };
  });
  let n = 0;
  let sent = 0;
  let bytes = 0;
  const connection = () =>
    new Promise((done, fail) => {
      const socket = connect(port, '127.0.0.1');
      const next = () => {
        if (sent >= events) {
          socket.end();
          done();
          return;
        }
        const round = Buffer.from(String((n / made.length) | 0).padStart(8, '0'));
        const { body, ids, head } = made[n++ % made.length];
        const copy = Buffer.from(body);
        for (const at of ids) copy.set(round, at);
        sent += ids.length;
        bytes += copy.length;
        socket.cork();
        socket.write(head);
        socket.write(copy);
        socket.uncork();
      };
      socket.on('data', (answer) => (answer.toString('latin1').startsWith('HTTP/1.1 200') ? next() : fail(new Error(answer.toString()))));
      socket.on('error', fail);
      next();
    });
  const cpu = process.cpuUsage();
  await Promise.all(Array.from({ length: CONNECTIONS }, connection));
  const { user, system } = process.cpuUsage(cpu);
  process.send({ sent, bytes, cpu: user + system });
}

/** Processor time of each thread in microseconds, by its id. */
const threads = () =>
  new Map(readdirSync('/proc/self/task').map((id) => [id, Number(readFileSync(`/proc/self/task/${id}/schedstat`, 'utf8').split(' ')[0]) / 1000]));

/** What the machine is worth just now: microseconds an event for JSON.parse of the same bytes. */
function parsing() {
  const texts = bodies();
  const start = process.cpuUsage();
  let items = 0;
  for (let round = 0; round < 30; round++) for (const text of texts) items += JSON.parse(text).items.length;
  const { user, system } = process.cpuUsage(start);
  return (user + system) / items;
}

async function server(events, rulesFile) {
  const load = (path) => import(here(`../../dist/${path}.js`));
  const { captureAlert } = await load('alert/capture');
  const { formatJson } = await load('alert/format');
  const { createEngine } = await load('engine/engine');
  const { auditCatalogue } = await load('fields/audit-catalogue');
  const { loadRuleset } = await load('ruleset/load');
  const { K8sAuditSource } = await load('sources/k8s-audit');

  const catalogue = auditCatalogue({ hostname: 'bench', clock: { firstEvent: 0n } });
  const { rules } = loadRuleset([{ name: rulesFile, text: readFileSync(rulesFile, 'utf8') }], { catalogues: [catalogue] }).value;
  let alerts = 0;
  let alertBytes = 0;
  const engine = createEngine(rules, [catalogue], {
    matching: 'first',
    onMatch: (rule, event) => {
      alerts++;
      alertBytes += formatJson(captureAlert(rules[rule], event, 'bench')).length;
    },
  });
  const index = engine.sourceIndex('k8s_audit');
  const source = new K8sAuditSource({ openParams: 'http://127.0.0.1:0/k8s-audit', warn: console.error });
  await source.start((event) => engine.process(index, event), () => {});

  const before = parsing();
  const atRest = threads();
  const delay = monitorEventLoopDelay({ resolution: 5 });
  delay.enable();
  const begin = process.hrtime.bigint();
  const cpu = process.cpuUsage();
  const child = fork(fileURLToPath(import.meta.url), ['--client', String(source.port), String(events)]);
  const { bytes, cpu: clientCpu } = await new Promise((done, fail) => {
    child.on('message', done);
    child.on('exit', (code) => code !== 0 && fail(new Error('the client failed')));
  });
  const seconds = Number(process.hrtime.bigint() - begin) / 1e9;
  const used = process.cpuUsage(cpu);
  const { delivered } = source.stats();
  const each = [...threads()].map(([id, time]) => (time - (atRest.get(id) ?? 0)) / delivered).sort((a, b) => b - a);
  await source.stop();
  const rate = delivered / seconds;
  const parse = (before + parsing()) / 2;
  const total = (used.user + used.system) / delivered;
  console.log(`rules            ${rulesFile} (${rules.length})`);
  console.log(`events           ${delivered} in ${(bytes / 1e6).toFixed(0)} MB, ${alerts} alerts (${(alertBytes / 1e6).toFixed(1)} MB)`);
  console.log(`events/s         ${rate.toFixed(0)}   (peer with the field's rules: 6400-7000; goal: 50000)`);
  console.log(`CPU an event     ${total.toFixed(1)} us, of that ${each[0].toFixed(1)} and ${each[1].toFixed(1)} in the two busiest threads; ${(clientCpu / delivered).toFixed(1)} us in the client`);
  console.log(`                 JSON.parse of the same bytes alone, just before and after: ${parse.toFixed(1)} us, ratio ${(total / parse).toFixed(1)}`);
  console.log(`by CPU alone     ${(1e6 / each[0]).toFixed(0)} events/s, if the busiest thread had a processor for itself`);
  console.log(`event loop       p99 ${(delay.percentile(99) / 1e6).toFixed(0)} ms, longest ${(delay.max / 1e6).toFixed(0)} ms`);
  console.log(`resident memory  ${(process.resourceUsage().maxRSS / 1024).toFixed(0)} MB at the most   (peer: 189 MB)`);
}

const [mode, port, count] = process.argv.slice(2);
if (mode === '--client') await client(Number(port), Number(count));
else {
  const upstream = `${shared}/reference/rules/k8s_audit_rules.yaml`;
  const rulesFile = process.argv[3] ?? (existsSync(upstream) ? upstream : here('../../rules/k8s_audit_rules.yaml'));
  await server(Number(process.argv[2] ?? 200_000), rulesFile);
}
