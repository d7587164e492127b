// SPDX-License-Identifier: Apache-2.0
/** The pages behind the README, rules/README.md and docker/README.md: their commands are run, their YAML is read, their tables are whole. */
import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, describe, expect, it, vi } from 'vitest';
import { run } from '../cli/program.js';
import { PROJECT } from './live-monitor.js';

// Whole programs start here, on machines that may be busy.
vi.setConfig({ testTimeout: 120_000 });

const dir = mkdtempSync(join(tmpdir(), 'falco-ts-pages-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const page = (path: string): string => readFileSync(join(PROJECT, path), 'utf8');
const blocks = (text: string, language: string): readonly string[] =>
  [...text.matchAll(new RegExp(`^( *)\`\`\`${language}\n([\\s\\S]*?)^ *\`\`\`$`, 'gm'))].map(([, indent, body]) => body.replace(new RegExp(`^${indent}`, 'gm'), ''));
const commands = (text: string): readonly string[] => blocks(text, 'sh').flatMap((block) => block.split('\n').filter((line) => line !== ''));

function shell(command: string): Promise<{ code: number; text: string }> {
  return new Promise((resolve) => {
    execFile('sh', ['-c', command], { cwd: PROJECT, maxBuffer: 1 << 26 }, (error, stdout, stderr) => resolve({ code: error === null ? 0 : Number(error.code), text: stdout + stderr }));
  });
}

/** Reads a configuration as the program would, with the default rules unless it names some. */
async function dryRun(config: string, ...args: readonly string[]): Promise<string> {
  const file = join(dir, 'falco.yaml');
  writeFileSync(file, `log_stderr: true\nlog_syslog: false\nstdout_output: { enabled: true }\nrules_files: [${join(PROJECT, 'rules/falco_rules.yaml')}]\n${config}`);
  const { code, stderr } = await run(['--dry-run', '-c', file, ...args]);
  expect(code, stderr).toBe(0);
  return stderr;
}

describe('rules/README.md', () => {
  const text = page('rules/README.md');
  const SHOWN: Readonly<Record<string, RegExp>> = {
    'npx falco-ts explain rules/demo/alert.json': /true +file_in_binary_directory|true\* +file_in_binary_directory/,
    'npx falco-ts check rules': /no problems found/,
    'npx falco-ts test -q rules/tests/falco_rules.yaml': /\d+ passed, 0 failed/,
    'npx falco-ts explain --rule "File written in binary directory" rules/demo/recording.scap.gz': /true\s+fd\.directory in/,
  };

  it('shows these commands', () => {
    expect(commands(text)).toEqual(Object.keys(SHOWN));
  });

  it.each(Object.entries(SHOWN))('%s', async (command, prints) => {
    const { code, text: said } = await shell(command);
    expect(said).toMatch(prints);
    expect(code).toBe(0);
  });

  it('every list, exception and override loads after the default rules', async () => {
    const rules = blocks(text, 'yaml').filter((block) => block.startsWith('- '));
    expect(rules).toHaveLength(4);
    const own = join(dir, 'own.yaml');
    writeFileSync(own, rules.join('\n'));
    expect(await dryRun('', '-r', join(PROJECT, 'rules/falco_rules.yaml'), '-r', own)).not.toMatch(/warning|error/i);
  });

  it('the choice of rules loads', async () => {
    const [config] = blocks(text, 'yaml').filter((block) => block.startsWith('rules:'));
    expect(await dryRun(`${config}throttle: 10/1m\ndeduplication: { window: 5m }\n`)).toMatch(/schema validation: ok/);
  });
});

describe('docker/README.md', () => {
  const text = page('docker/README.md');
  /** The file that does what the line says, without a cluster (kubectl and helm render, Podman builds and runs), and what it says for it. */
  const ELSEWHERE: Readonly<Record<string, readonly [file: string, text: string]>> = {
    'docker/host/build-deb.sh build/deb': ['e2e/host.test.ts', "'docker/host/build-deb.sh'"],
    'docker build -f docker/Dockerfile -t falco-ts:0.1.0 .': ['docker/image.ts', "'docker/Dockerfile'"],
    'docker run --privileged -v /proc:/host/proc:ro -v /etc:/host/etc:ro -v /run:/host/run:ro falco-ts:0.1.0 -o json_output=true': ['docker/image.test.ts', '/^docker run (.*)'],
    'kubectl apply -k docker/kubernetes/overlays/privileged': ['docker/kubernetes.test.ts', "kustomize('privileged')"],
    'kubectl apply -k docker/kubernetes/overlays/least-privilege': ['docker/kubernetes.test.ts', "kustomize('least-privilege')"],
    'helm install falco-ts docker/helm/falco-ts --namespace falco-ts --create-namespace': ['docker/kubernetes.test.ts', "'docker/helm/falco-ts'"],
    'falco-ts k8s-audit init --dir . --host 127.0.0.1 --port 30765': ['docker/kubernetes.test.ts', "'--host', '127.0.0.1', '--port', '30765'"],
    'kubectl apply -k .': ['docker/kubernetes.test.ts', "kustomize('audit'"],
  };

  it('shows commands that a test runs', () => {
    expect(commands(text)).toEqual(Object.keys(ELSEWHERE));
    for (const [file, does] of Object.values(ELSEWHERE)) expect(readFileSync(join(PROJECT, 'test', file), 'utf8'), file).toContain(does);
  });

  it('the outputs of a fleet are keys that the program has', async () => {
    const configs = blocks(text, 'yaml');
    expect(configs).toHaveLength(2);
    for (const config of configs) expect(await dryRun(config)).toMatch(/schema validation: ok/);
  });

  it('links to files that are there', () => {
    for (const from of ['docker/README.md', 'rules/README.md']) {
      for (const [, link] of page(from).matchAll(/\]\((?!https?:|#)([^)#]+)/g)) expect(existsSync(join(PROJECT, dirname(from), link)), `${from}: ${link}`).toBe(true);
    }
  });

  it('has every code that keeps the program from starting, and no other', () => {
    const sources = readdirSync(join(PROJECT, 'src'), { recursive: true, encoding: 'utf8' }).filter((path) => path.endsWith('.ts')).map((path) => page(join('src', path)));
    const thrown = sources.flatMap((source) => [
      ...[...source.matchAll(/\bStartError\(\s*'([A-Z0-9_]+)'/g)].map((match) => match[1]),
      ...[...source.matchAll(/'(CONFIG_[A-Z_]+)'/g)].map((match) => match[1]),
      ...[...source.matchAll(/\bcode: '(OUTPUT_[A-Z_]+)'/g)].map((match) => match[1]),
    ]);
    const table = text.slice(text.indexOf('| code | it means |'), text.indexOf('Set-up from a clone'));
    const listed = [...table.matchAll(/^\| ((?:`[A-Z0-9_…]+`(?:, )?)+) \|/gm)].flatMap((row) => [...row[1].matchAll(/`([A-Z0-9_]+)`/g)].map((match) => match[1]));
    expect([...new Set(thrown)].filter((code) => !listed.includes(code))).toEqual([]);
    expect(listed.filter((code) => !thrown.includes(code))).toEqual([]);
  });
});
