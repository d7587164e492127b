// SPDX-License-Identifier: Apache-2.0
// Audit events a second through the webhook: node test/bench/audit.mjs [events] [rules.yaml]. Needs `npm run build`.
// A process of its own posts bodies as an apiserver does (400 events, several connections, keep-alive); this one receives,
// evaluates the rules and formats the alerts. Prints the peer's figure beside it.
import { fork } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { Agent, request } from 'node:http';
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

function post(agent, port, body) {
  return new Promise((done, fail) => {
    const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };
    const sent = request({ port, agent, method: 'POST', path: '/k8s-audit?timeout=30s', headers }, (response) => {
      response.resume();
      response.on('end', () => (response.statusCode === 200 ? done() : fail(new Error(`answered ${response.statusCode}`))));
    });
    sent.on('error', fail);
    sent.end(body);
  });
}

async function client(port, events) {
  const texts = bodies();
  const sizes = texts.map((text) => JSON.parse(text).items.length);
  const agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS });
  let n = 0;
  let sent = 0;
  let bytes = 0;
  const poster = async () => {
    while (sent < events) {
      const round = (n / texts.length) | 0;
      const which = n++ % texts.length;
      sent += sizes[which];
      // Another audit ID each time: the same event again would be passed over.
      const body = texts[which].replaceAll('"auditID":"', `"auditID":"${round}-`);
      bytes += body.length;
      await post(agent, port, body);
    }
  };
  await Promise.all(Array.from({ length: CONNECTIONS }, poster));
  process.send({ sent, bytes });
  agent.destroy();
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

  const delay = monitorEventLoopDelay({ resolution: 5 });
  delay.enable();
  const begin = process.hrtime.bigint();
  const cpu = process.cpuUsage();
  const child = fork(fileURLToPath(import.meta.url), ['--client', String(source.port), String(events)]);
  const { bytes } = await new Promise((done, fail) => {
    child.on('message', done);
    child.on('exit', (code) => code !== 0 && fail(new Error('the client failed')));
  });
  const seconds = Number(process.hrtime.bigint() - begin) / 1e9;
  const used = process.cpuUsage(cpu);
  const { delivered } = source.stats();
  await source.stop();
  const rate = delivered / seconds;
  // What the machine is worth just now: only parsing the same bytes, the least of ten rounds.
  const texts = bodies();
  let parse = Infinity;
  for (let round = 0; round < 10; round++) {
    const start = process.cpuUsage();
    let items = 0;
    for (const text of texts) items += JSON.parse(text).items.length;
    parse = Math.min(parse, process.cpuUsage(start).user / items);
  }
  console.log(`rules            ${rulesFile} (${rules.length})`);
  console.log(`events           ${delivered} in ${(bytes / 1e6).toFixed(0)} MB, ${alerts} alerts (${(alertBytes / 1e6).toFixed(1)} MB)`);
  console.log(`events/s         ${rate.toFixed(0)}   (peer with the field's rules: 6400-7000; goal: 50000)`);
  console.log(`CPU an event     ${((used.user + used.system) / delivered).toFixed(1)} us`);
  console.log(`                 (JSON.parse of the same bytes alone: ${parse.toFixed(1)} us on this machine, now)`);
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
