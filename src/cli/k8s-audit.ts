// SPDX-License-Identifier: Apache-2.0
/** `falco-ts k8s-audit init` and `doctor`: from the loaded rules to a cluster whose audit events arrive. */
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join, resolve } from 'node:path';
import type { LoadedConfig } from '../app/config/load.js';
import { createMachine, cataloguesOf } from '../app/machine.js';
import { loadRules } from '../app/detection.js';
import { LoadFailed } from '../app/errors.js';
import { makeCertificates } from '../audit-setup/certificates.js';
import { APISERVER_FOLDER, CLIENT_CA_FILE, CLUSTERS, type Cluster, clusterSteps, KUBECONFIG_FILE, kubeconfig, pluginLines, POLICY_FILE, SERVER_FILE } from '../audit-setup/cluster.js';
import { derivePolicy } from '../audit-setup/derive-policy.js';
import { auditCounters, endpointOf, expiring, gapsOf, readLog, tryEndpoint } from '../audit-setup/doctor.js';
import { type Need, needsOf } from '../audit-setup/needs.js';
import { parsePolicy, policyText } from '../audit-setup/policy.js';
import { AUDIT_SOURCE } from '../fields/audit-catalogue.js';
import { SYSCALL_SOURCE } from '../fields/catalogues.js';
import { formatDiagnostic } from '../lang/diagnostic.js';
import type { Rule } from '../ruleset/ruleset.js';
import { StartError } from '../sources/source.js';
import { print } from './print.js';
import { collect } from './repeatable.js';
import { configOf, Exit, parseRuleCommand, readBytes, ruleCommand, rulesFilesOf } from './rule-options.js';

const LOOPBACK = '127.0.0.1';

const HELP = `falco-ts k8s-audit: set up and check Kubernetes audit events

  falco-ts k8s-audit init [rules...]    write the audit policy that the rules need, the webhook's kubeconfig, and certificates
  falco-ts k8s-audit doctor [rules...]  report what arrives, what the policy leaves out, and what never came

Run either with --help for its options.
`;

export async function k8sAudit(args: readonly string[]): Promise<number> {
  const [name, ...rest] = args;
  if (name === 'init') return init(rest);
  if (name === 'doctor') return doctor(rest);
  if (name === '--help' || name === '-h') return print(HELP);
  process.stderr.write(HELP);
  return Exit.Unusable;
}

function init(args: readonly string[]): number {
  const command = parseRuleCommand(
    ruleCommand('k8s-audit init', 'Writes the files that an API server needs to send its audit events here, and prints the next steps.')
      .argument('[rules...]', 'rules files and directories (default: the configuration\'s)')
      .option('--dir <folder>', 'where to write', 'k8s-audit')
      .option('--cluster <kind>', `print the steps for one of ${CLUSTERS.join(', ')} only`)
      .option('--host <name>', 'name or address at which the apiserver reaches the webhook; repeatable, the first is used', collect, [])
      .option('--port <number>', 'the webhook\'s port', '9765')
      .option('--days <number>', 'how long the certificates are valid', '825')
      .option('--http', 'plain HTTP, no certificates: only where apiserver and webhook are on one machine; without --host, 127.0.0.1 alone')
      .option('--api-group <group>', 'an API group beside Kubernetes\' own whose resources the rules mean too; repeatable', collect, []),
    args,
  );
  if (typeof command === 'number') return command;
  const options = command.opts<{ dir: string; cluster?: string; host: string[]; port: string; days: string; http?: boolean; apiGroup: string[] }>();
  const clusters = options.cluster === undefined ? CLUSTERS : CLUSTERS.filter((one) => one === options.cluster);
  if (clusters.length === 0) throw new StartError('OPTION', `--cluster ${options.cluster}: expected one of ${CLUSTERS.join(', ')}`);
  const port = wholeNumber('--port', options.port, 65_535);
  const days = wholeNumber('--days', options.days, 36_500);
  const rules = auditRules(command.args, configOf(command));
  const secure = options.http !== true;
  // Without TLS nobody but this machine may reach it, unless asked for.
  const hosts = options.host.length > 0 ? options.host : [secure ? hostname() : LOOPBACK];
  for (const host of hosts) if (!/^[0-9A-Za-z.:-]+$/.test(host)) throw new StartError('OPTION', `--host ${host}: expected a host name or an address`);
  const needs = needsOf(rules);
  const managed = rules.some((rule) => `${rule.conditionText}${rule.output}`.includes('managedFields'));
  const policy = derivePolicy(needs, { omitManagedFields: !managed, groups: options.apiGroup });
  const head = [
    `The audit policy for ${needs.length} rules of Kubernetes audit events, written by falco-ts k8s-audit init.`,
    'Above each entry: the rules that need it. Write it again when the rules change.',
    'An apiserver takes the first entry that fits. Resources are those of Kubernetes itself: --api-group adds others.',
  ];
  const folder = resolve(options.dir);
  const certificates = secure ? makeCertificates(hosts, days) : null;
  const shown = hosts[0].includes(':') ? `[${hosts[0]}]` : hosts[0];
  const url = `${secure ? 'https' : 'http'}://${shown}:${port}/k8s-audit`;
  const written: string[] = [];
  const write = (path: string, text: string, mode: number): void => {
    try {
      writeFileSync(path, text, { mode });
      chmodSync(path, mode);
    } catch (error) {
      throw new StartError('FILE', `${path} cannot be written: ${(error as Error).message}`, undefined, { cause: error });
    }
    written.push(path);
  };
  const forApiserver = join(folder, APISERVER_FOLDER);
  mkdirSync(forApiserver, { recursive: true });
  write(join(forApiserver, POLICY_FILE), policyText(policy, head), 0o644);
  write(join(forApiserver, KUBECONFIG_FILE), kubeconfig(url, certificates), 0o600);
  const files = { server: join(folder, SERVER_FILE), clientAuthority: join(folder, CLIENT_CA_FILE) };
  if (certificates !== null) {
    write(files.server, certificates.server, 0o600);
    write(files.clientAuthority, certificates.authority, 0o644);
  }
  const bodies = policy.rules.filter((rule) => rule.level.startsWith('Request') && !rule.resources?.length);
  const lines = [
    'Written:', ...written.map((path) => `  ${path}`), '',
    ...(bodies.length === 0 ? [] : [`Beware: these rules read bodies of any object, so that secrets are logged too: ${bodies.flatMap((rule) => rule.reasons ?? []).join(', ')}`, '']),
    ...(secure && options.host.length === 0 ? [`The certificate is for the host name ${hosts[0]}: say with --host how the apiserver reaches this machine, if not so.`, ''] : []),
    ...(secure ? [`Only who shows the certificate in ${KUBECONFIG_FILE} can post events: its key belongs to the API servers alone.`, ''] : []),
    ...(!secure && options.host.length > 0 ? ['Beware: over plain HTTP, whoever reaches the port can post events that never happened.', ''] : []),
    `In the configuration of falco-ts${secure ? ' (it reads the certificates again when they change)' : ''}:`,
    ...pluginLines(`${!secure && options.host.length === 0 ? LOOPBACK : ''}:${port}`, secure ? files : null).map((line) => `  ${line}`),
    ...clusters.flatMap((cluster: Cluster) => ['', `${cluster}:`, ...clusterSteps(cluster, forApiserver).map((line) => `  ${line}`)]),
    '', 'Then see whether it works:',
    `  falco-ts k8s-audit doctor --policy ${join(forApiserver, POLICY_FILE)} --kubeconfig ${join(forApiserver, KUBECONFIG_FILE)}`,
  ];
  return print(`${lines.join('\n')}\n`);
}

async function doctor(args: readonly string[]): Promise<number> {
  const command = parseRuleCommand(
    ruleCommand('k8s-audit doctor', 'Reports what arrives, what the audit policy leaves out for the loaded rules, and what never came.')
      .argument('[rules...]', 'rules files and directories (default: the configuration\'s)')
      .option('--policy <file>', 'the audit policy that the apiserver uses')
      .option('--kubeconfig <file>', 'the webhook kubeconfig that the apiserver uses: an empty list of events is posted to where it says')
      .option('--log <file>', 'audit events to look through: a log of the apiserver, or - for standard input')
      .option('--metrics <url>', 'the running monitor\'s metrics (default: where the configuration puts them)')
      .addHelpText('after', '\nExit code: 0 no problems, 1 something is missing, 2 the check could not be completed'),
    args,
  );
  if (typeof command === 'number') return command;
  const options = command.opts<{ policy?: string; kubeconfig?: string; log?: string; metrics?: string }>();
  const loaded = configOf(command);
  const needs = needsOf(auditRules(command.args, loaded));
  const live = needs.filter(({ boxes }) => boxes.length > 0);
  const never = needs.filter(({ boxes }) => boxes.length === 0);
  const lines = [`Rules: ${needs.length} for Kubernetes audit events are enabled.`];
  if (never.length > 0) lines.push(`  They can match nothing as they are configured: ${never.map(({ rule }) => rule).join(', ')}`);
  const parts = [
    options.policy === undefined ? null : aboutPolicy(options.policy, live),
    options.kubeconfig === undefined ? null : await aboutEndpoint(options.kubeconfig),
    await aboutMetrics(options.metrics ?? metricsUrl(loaded), options.metrics !== undefined),
    options.log === undefined ? null : await aboutLog(options.log, live),
  ].filter((part) => part !== null);
  for (const part of parts) lines.push('', ...part.lines);
  if (parts.length === 0) lines.push('', 'Nothing to look at: give --policy, --kubeconfig, --log or --metrics.');
  print(`${lines.join('\n')}\n`);
  return parts.length === 0 ? Exit.Unusable : parts.every(({ well }) => well) ? Exit.Fine : Exit.Failed;
}

interface Part {
  readonly well: boolean;
  readonly lines: readonly string[];
}

function aboutPolicy(path: string, needs: readonly Need[]): Part {
  const gaps = gapsOf(needs, parsePolicy(readBytes(path).toString(), path));
  if (gaps.length === 0) return { well: true, lines: [`Policy ${path}: logs all that the rules read.`] };
  const lines = gaps.flatMap(({ rule, needed, instead }) => [
    `  ${rule} (needs ${needed})`,
    ...[...instead].map(([level, names]) => `    ${level === 'None' ? 'not logged' : `only ${level}`}: ${some(names)}`),
  ]);
  return { well: false, lines: [`Policy ${path}: leaves something out for ${gaps.length} of ${needs.length} rules.`, ...lines] };
}

const some = (names: readonly string[]): string => (names.length > 6 ? `${names.slice(0, 6).join(', ')} and ${names.length - 6} more` : names.join(', '));

async function aboutEndpoint(path: string): Promise<Part> {
  const endpoint = endpointOf(path, readBytes(path).toString());
  const problem = await tryEndpoint(endpoint);
  const old = expiring(endpoint, Date.now());
  return {
    well: problem === null && old.length === 0,
    lines: [`Webhook ${endpoint.url}: ${problem ?? 'takes what is posted from here.'}`, ...old.map((what) => `  Kubeconfig ${path}: ${what}`)],
  };
}

function metricsUrl(loaded: LoadedConfig): string | null {
  const { webserver, metrics } = loaded.config;
  if (!webserver.enabled || !webserver.prometheus_metrics_enabled || !metrics.enabled) return null;
  const { listen_address, listen_port, ssl_enabled } = webserver;
  const host = listen_address === '0.0.0.0' || listen_address === '::' ? '127.0.0.1' : listen_address;
  return `${ssl_enabled ? 'https' : 'http'}://${host}:${listen_port}/metrics`;
}

async function aboutMetrics(url: string | null, asked: boolean): Promise<Part | null> {
  if (url === null) return null;
  let text: string;
  try {
    const answer = await fetch(url, { signal: AbortSignal.timeout(10_000) });
    if (!answer.ok) throw new Error(`it answers ${answer.status}`);
    text = await answer.text();
  } catch (error) {
    const { message, cause } = error as Error;
    return { well: !asked, lines: [`Monitor at ${url}: not to be asked: ${cause instanceof Error ? cause.message : message}`] };
  }
  const counters = auditCounters(text);
  if (counters === null) return { well: false, lines: [`Monitor at ${url}: has no source of audit events: its configuration loads no plugin k8saudit.`] };
  const delivered = counters.get('delivered') ?? 0;
  const refused = [...counters].filter(([outcome, count]) => outcome !== 'delivered' && outcome !== 'produced' && count > 0);
  return {
    well: delivered > 0 && refused.every(([outcome]) => outcome === 'event_duplicate'),
    lines: [
      `Monitor at ${url}: ${delivered === 0 ? 'no audit event has come since it started.' : `${delivered} audit events have come.`}`,
      ...refused.map(([outcome, count]) => `  ${count} refused: ${outcome}`),
    ],
  };
}

async function aboutLog(path: string, needs: readonly Need[]): Promise<Part> {
  const { events, arrivals, refused } = await readLog(path, needs);
  const never = arrivals.filter(({ enough, less }) => enough + less === 0);
  const less = arrivals.filter((one) => one.less > 0);
  const reasons = Object.entries(refused);
  return {
    well: events > 0 && less.length === 0 && reasons.length === 0,
    lines: [
      `Log ${path}: ${events} events; for ${arrivals.length - never.length} of ${arrivals.length} rules, something came that they look at.`,
      ...reasons.map(([reason, count]) => `  ${count} refused: ${reason}`),
      ...less.map((one) => `  ${one.rule}: ${one.less} of ${one.less + one.enough} came with less than it reads`),
      ...(never.length === 0 ? [] : [`  Nothing ever came for: ${never.map(({ rule }) => rule).join(', ')}`]),
    ],
  };
}

/** All rules, with the audit source loaded whether the configuration loads it or not: this is how it gets there. */
function auditRules(named: readonly string[], loaded: LoadedConfig): readonly Rule[] {
  const files = rulesFilesOf(named, loaded);
  const catalogues = cataloguesOf([SYSCALL_SOURCE, AUDIT_SOURCE], createMachine(loaded.config).context, loaded);
  const { ruleset, files: results } = loadRules(files, loaded, catalogues, null);
  if (ruleset === null) {
    for (const d of results.flatMap((file) => file.diagnostics)) if (d.severity === 'error') process.stderr.write(`${formatDiagnostic(d)}\n`);
    throw new LoadFailed('the rules have errors');
  }
  if (!ruleset.rules.some((rule) => rule.enabled && rule.source === AUDIT_SOURCE)) {
    throw new StartError('RULES', 'no rule for Kubernetes audit events is enabled', 'name the files that have them: falco-ts k8s-audit init k8s_audit_rules.yaml');
  }
  return ruleset.rules;
}

function wholeNumber(option: string, text: string, most: number): number {
  const number = Number(text);
  if (!/^\d{1,6}$/.test(text) || number < 1 || number > most) throw new StartError('OPTION', `${option} ${text}: expected a number from 1 to ${most}`);
  return number;
}
