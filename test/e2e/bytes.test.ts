// SPDX-License-Identifier: Apache-2.0
/** Real files, directories, programs and arguments whose names are no UTF-8: watched, captured, and replayed. */
import { execFileSync, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { run } from '../cli/program.js';
import { canWatch, type JsonAlert, LiveMonitor } from './live-monitor.js';

describe.skipIf(!canWatch)('names that are no UTF-8 on the running machine', () => {
  const dir = mkdtempSync(join(tmpdir(), 'falco-ts-bytes-'));
  const rules = join(dir, 'rules.yaml');
  const output = '"%evt.type %proc.name %proc.cmdline %proc.cwd %fd.name %fs.path.source %fs.path.target"';
  const rule = (name: string, condition: string) => `- rule: ${name}\n  desc: d\n  condition: >\n    ${condition}\n  output: ${output}\n  priority: INFO\n`;
  const names = ['Ready', 'Whole', 'Raw', 'Prefix', 'Part', 'Name', 'Directory', 'Glob', 'Program', 'Working directory', 'Socket', 'Rename', 'Before', 'Before directory'];
  let sieved: LiveMonitor;
  let recorded: LiveMonitor;
  let earlier: ReturnType<typeof spawn>;

  /** A shell's script in which `D` is the test's directory, and `\\377` in single quotes after `b` a byte. */
  const sh = (script: string) => execFileSync('sh', ['-c', `b() { printf "$1"; }; D=${dir}; cd "$D"; ${script}`], { stdio: ['ignore', 'pipe', 'pipe'] });

  beforeAll(async () => {
    const opens = 'evt.type in (open, openat)';
    writeFileSync(rules, Buffer.from([
      rule('Ready', `${opens} and fd.name = "${dir}/ready"`),
      rule('Whole', `${opens} and fd.name = "${dir}/w\\xff"`),
      rule('Raw', `${opens} and fd.name = "${dir}/r\xfe"`),
      rule('Prefix', `${opens} and fd.name startswith "${dir}/caf\\xc3"`),
      rule('Part', `${opens} and fd.name startswith ${dir} and fd.name contains "part\\xa9"`),
      rule('Name', `${opens} and fd.filename = "n\\xe9"`),
      rule('Directory', `${opens} and fd.directory = "${dir}/d\\xff"`),
      rule('Glob', `${opens} and fd.name glob "${dir}/g??"`),
      rule('Program', `evt.type = execve and proc.name = "p\\xff" and proc.args = "\\xfe"`),
      rule('Working directory', `evt.type = chdir and proc.cwd = "${dir}/d\\xff/"`),
      rule('Socket', `evt.type = connect and fd.name endswith "${dir}/s\\xff"`),
      rule('Rename', `evt.type in (rename, renameat, renameat2) and fs.path.source = "${dir}/w\\xff" and fs.path.target = "${dir}/w\\xfe"`),
      rule('Before', `evt.type in (dup, dup2, dup3, fcntl) and fd.name = "${dir}/before\\xff"`),
      rule('Before directory', `evt.type in (open, openat) and proc.cwd = "${dir}/d\\xff/" and proc.cmdline endswith "\\xfd" and fd.name = "${dir}/d\\xff/later"`),
    ].join(''), 'latin1'));
    mkdirSync(join(dir, 'captures'));
    sh('for f in "w\\377" "w\\376" "r\\376" "r\\377" "n\\351" "n\\350" "part\\251" "part\\252" "gé" "g\\377a" "g\\377" "before\\377"; do echo x > "$(b $f)"; done; echo x > ready; echo x > café; mkdir "$(b "d\\377")" "$(b "d\\376")"; cp /bin/true "$(b "p\\377")"; cp /bin/true "$(b "p\\376")"; for d in "d\\377" "d\\376"; do echo x > "$(b $d)/f"; echo x > "$(b $d)/later"; done');
    // It is there before the monitors: what /proc shows of it must be the same bytes.
    const script = `cd "$(printf '${dir}/d\\377')"; exec 5<"$(printf '${dir}/before\\377')"; echo there; read go; exec 6<&5; : < later; read end`;
    earlier = spawn('sh', ['-c', `exec sh -c '${script.replaceAll("'", `'\\''`)}' x "$(printf '\\375')"`], { stdio: ['pipe', 'pipe', 'inherit'] });
    await new Promise((resolve) => earlier.stdout?.once('data', resolve));
    const capture = (enabled: boolean) => `rule_matching: all\ncapture: { enabled: ${enabled}, mode: all_rules, default_duration: 120000, path_prefix: ${join(dir, 'captures/c')} }`;
    sieved = new LiveMonitor({ rules: [rules], config: [capture(false)] });
    recorded = new LiveMonitor({ rules: [rules], config: [capture(true)] });
    for (const monitor of [sieved, recorded]) await monitor.wait(({ rule }) => rule === 'Ready', 30_000, () => sh('cat ready'));
    sh('for f in "w\\377" "w\\376" "r\\376" "r\\377" "n\\351" "n\\350" "part\\251" "part\\252" "gé" "g\\377a" "g\\377" "d\\377/f" "d\\376/f"; do cat "$(b $f)"; done; cat café');
    sh('for p in "p\\377" "p\\376"; do "./$(b $p)" "$(b "\\376")"; done; for d in "d\\377" "d\\376"; do cd "$D/$(b $d)"; done');
    sh('mv "$(b "w\\377")" "$(b "w\\376")"');
    sh(`perl -MSocket -e 'for my $n ("\\xff", "\\xfe") { my $a = sockaddr_un("${dir}/s$n"); socket(L, PF_UNIX, SOCK_STREAM, 0); bind(L, $a); listen(L, 1); socket(S, PF_UNIX, SOCK_STREAM, 0); connect(S, $a) or die $! }'`);
    earlier.stdin?.write('go\n');
    for (const monitor of [sieved, recorded]) for (const name of names) await monitor.wait(({ rule }) => rule === name, 20_000);
  }, 120_000);
  afterAll(async () => {
    earlier?.stdin?.end();
    await sieved?.stop();
    await recorded?.stop();
    rmSync(dir, { recursive: true, force: true });
  });

  const told = (alerts: readonly JsonAlert[], name: string) => alerts.filter(({ rule }) => rule === name).map(({ output_fields: fields }) => fields);

  it('are told apart by every byte, whether or not the kernel holds back what no rule can match', () => {
    for (const monitor of [sieved, recorded]) {
      const alerts = monitor.alerts();
      const files = (name: string) => told(alerts, name).map((fields) => fields['fd.name']);
      expect(files('Whole')).toEqual([`${dir}/w\ufffd`]);
      expect(files('Raw')).toEqual([`${dir}/r\ufffd`]);
      expect(files('Prefix')).toEqual([`${dir}/café`]);
      expect(files('Part')).toEqual([`${dir}/part\ufffd`]);
      expect(files('Name')).toEqual([`${dir}/n\ufffd`]);
      expect(files('Directory')).toEqual([`${dir}/d\ufffd/f`, `${dir}/d\ufffd/later`]);
      expect(files('Glob')).toEqual([`${dir}/gé`, `${dir}/g\ufffda`]);
      expect(told(alerts, 'Program').map((fields) => fields['proc.cmdline'])).toEqual(['p\ufffd \ufffd']);
      expect(told(alerts, 'Working directory').length).toBe(1);
      expect(told(alerts, 'Socket').length).toBe(1);
      expect(told(alerts, 'Rename')).toMatchObject([{ 'fs.path.source': `${dir}/w\ufffd`, 'fs.path.target': `${dir}/w\ufffd` }]);
    }
  });

  it('of what ran and was open before are the same bytes', () => {
    for (const monitor of [sieved, recorded]) {
      expect(told(monitor.alerts(), 'Before').every((fields) => fields['fd.name'] === `${dir}/before\ufffd`)).toBe(true);
      expect(told(monitor.alerts(), 'Before directory')).toMatchObject([{ 'proc.cwd': `${dir}/d\ufffd/` }]);
    }
  });

  it('are in a capture as they were: replayed, it raises the same alerts', async () => {
    const live = recorded.alerts();
    await recorded.stop();
    const [capture] = readdirSync(join(dir, 'captures')).map((name) => join(dir, 'captures', name));
    const config = join(dir, 'replay.yaml');
    writeFileSync(config, `rules_files: [${rules}]\nrule_matching: all\njson_output: true\nstdout_output: {enabled: true}\nlog_syslog: false\nengine: {kind: replay, replay: {capture_file: ${capture}}}\n`);
    const { code, stdout, stderr } = await run(['-c', config]);
    expect(code, stderr).toBe(0);
    const again = stdout.trimEnd().split('\n').map((line) => JSON.parse(line) as JsonAlert);
    const outputs = (alerts: readonly JsonAlert[]) => alerts.filter(({ rule }) => rule !== 'Ready').map(({ output }) => output.replace(/ container_id=.*/, ''));
    expect(outputs(again)).toEqual(outputs(live));
  }, 60_000);
});
