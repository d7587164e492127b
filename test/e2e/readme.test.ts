// SPDX-License-Identifier: Apache-2.0
/** What the README shows is run: every command has an entry here, and every YAML block is loaded by what reads it. */
import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { PROJECT } from './live-monitor.js';

const README = readFileSync(join(PROJECT, 'README.md'), 'utf8');
const dir = mkdtempSync(join(tmpdir(), 'falco-ts-readme-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

function blocks(language: string): readonly string[] {
  return [...README.matchAll(new RegExp(`^( *)\`\`\`${language}\n([\\s\\S]*?)^ *\`\`\`$`, 'gm'))].map(([, indent, text]) =>
    text.replace(new RegExp(`^${indent}`, 'gm'), ''),
  );
}

function shell(command: string): Promise<{ code: number; text: string }> {
  return new Promise((resolve) => {
    execFile('sh', ['-c', command], { cwd: PROJECT, maxBuffer: 1 << 26 }, (error, stdout, stderr) =>
      resolve({ code: error === null ? 0 : Number(error.code), text: stdout + stderr }),
    );
  });
}

/** Run by other tests of this folder, to their end: set-up, live alerts and demos take longer than a look at the README. */
const ELSEWHERE: Readonly<Record<string, string>> = {
  'npm start': 'clean-root.test.ts',
  'npm test': 'clean-root.test.ts',
  'npm pack': 'package.test.ts',
  'npm install -g ./falco-ts-*.tgz': 'package.test.ts',
  'npm start -- -o json_output=true': 'demos.test.ts',
  'rules/demo/write-binary-dir.sh': 'demos.test.ts',
  'rules/demo/container-escape.sh': 'demos.test.ts',
  'rules/demo/audit-event.sh': 'demos.test.ts',
};

/** Run by a test of their own, below. */
const INSTALL = ['npm install -g .', 'falco-ts'];

/** What each command must print. */
const SHOWN: Readonly<Record<string, RegExp>> = {
  'npx falco-ts --help': /Usage: falco-ts/,
  'npx falco-ts -L': /Interactive shell in container/,
  'npx falco-ts -l "File written in binary directory"': /by something else than a package manager/,
  'npx falco-ts --list=syscall': /proc\.cmdline/,
  'npx falco-ts --list=k8s_audit': /ka\.verb/,
  'npx falco-ts -V rules/falco_rules.yaml': /falco_rules\.yaml.*[Oo]k/s,
  'npx falco-ts --dry-run': /Dry run/,
  'npx falco-ts explain rules/demo/alert.json': /\n {2}override:\n {4}exceptions: append\n/,
  'npx falco-ts check rules': /no problems found/,
  'npx falco-ts test -q': /\d+ passed, 0 failed/,
  'npx falco-ts explain --rule "File written in binary directory" rules/demo/recording.scap.gz': /true\s+fd\.directory in/,
};

describe('the README', () => {
  const commands = blocks('sh').flatMap((block) => block.split('\n').filter((line) => line.trim() !== ''));

  it('shows commands, and each is run by a test', () => {
    expect(commands.length).toBeGreaterThan(10);
    for (const command of commands) {
      expect(SHOWN[command] !== undefined || ELSEWHERE[command] !== undefined || INSTALL.includes(command), command).toBe(true);
      const file = ELSEWHERE[command];
      if (file === undefined) continue;
      // The script or the package; of a program with options, these.
      const words = / -- -o (.*)/.exec(command)?.[1] ?? command.split('/').at(-1) ?? '';
      expect(readFileSync(join(PROJECT, 'test/e2e', file), 'utf8').includes(words), `${command} in ${file}`).toBe(true);
    }
  });

  for (const command of commands.filter((one) => SHOWN[one] !== undefined)) {
    it(command, async () => {
      const { code, text } = await shell(command);
      expect(text).toMatch(SHOWN[command]);
      expect(code).toBe(0);
    });
  }

  it(`${INSTALL.join(', then ')} from another folder`, async () => {
    const [install, program] = INSTALL;
    const prefix = join(dir, 'prefix');
    // Somewhere else than this machine's own place for programs.
    expect((await shell(install.replace('-g', `-g --prefix ${prefix}`))).code).toBe(0);
    const { code, text } = await shell(`cd / && PATH=${prefix}/bin:$PATH ${program} --disable-source syscall -M 1 -o webserver.enabled=false -o plugins[0].open_params=http://127.0.0.1:19765/k8s-audit`);
    expect(text).toMatch(/rules\/falco_rules\.yaml \| schema validation: ok/);
    expect(text).toMatch(/Opening 'k8s_audit' source/);
    expect(code).toBe(0);
  });

  it('every rule, list and override loads after the default rules', async () => {
    const rules = blocks('yaml').filter((block) => /^- (rule|list|macro):/.test(block));
    expect(rules).toHaveLength(2);
    const file = join(dir, 'own.yaml');
    writeFileSync(file, rules.join('\n'));
    const { code, text } = await shell(`node dist/cli/main.js --dry-run -r rules/falco_rules.yaml -r ${file}`);
    expect(text).not.toMatch(/error|warning/i);
    expect(code).toBe(0);
  });

  it('every configuration loads without a warning', async () => {
    const configs = blocks('yaml').filter((block) => /^(#.*\n)*(json_output|throttle|plugins):/.test(block));
    expect(configs.length).toBeGreaterThan(2);
    for (const config of configs) {
      const file = join(dir, 'falco.yaml');
      // A part of a configuration: something has to take the alerts.
      const output = config.includes('stdout_output:') ? '' : 'stdout_output: {enabled: true}\n';
      writeFileSync(file, `log_stderr: true\nrules_files: [${join(PROJECT, 'rules/falco_rules.yaml')}]\n${output}${config}`);
      const { code, text } = await shell(`node dist/cli/main.js --dry-run -c ${file}`);
      expect(text).toMatch(/schema validation: ok/);
      expect(text).not.toMatch(/schema validation: failed|warning/i);
      expect(code).toBe(0);
    }
  });

  it('what is for Kubernetes is valid YAML of the kind that it says', () => {
    const kinds = blocks('yaml').flatMap((block) => (parse(block) as { kind?: string }).kind ?? []);
    expect(kinds).toEqual(['Config', 'Policy']);
  });

  it('links to files that are there', () => {
    const links = [...README.matchAll(/\]\((?!https?:)([^)#]+)\)/g)].map((match) => match[1]);
    expect(links.length).toBeGreaterThan(2);
    for (const link of links) expect(existsSync(join(PROJECT, link)), link).toBe(true);
  });

  it('names error codes that the program has', async () => {
    const { text } = await shell(`grep -rhoE "'[A-Z0-9]+_[A-Z0-9_]+'|'WEBSERVER'" ${join(dirname(join(PROJECT, 'src/x')))} --include=*.ts`);
    for (const [, code] of README.matchAll(/`((?:PROBE|NATIVE|K8S_AUDIT)_[A-Z_]+|WEBSERVER)`/g)) expect(text, code).toContain(`'${code}'`);
  });
});
