// SPDX-License-Identifier: Apache-2.0
/** The audit half of the pipeline with rules files: a source, the engine, alerts as JSON lines. */
import { readFileSync } from 'node:fs';
import { captureAlert } from '../../../src/alert/capture.js';
import { DEFAULT_FORMAT, formatJson } from '../../../src/alert/format.js';
import { createEngine } from '../../../src/engine/engine.js';
import type { AuditEvent } from '../../../src/events/audit-event.js';
import { AUDIT_SOURCE, auditCatalogue } from '../../../src/fields/audit-catalogue.js';
import { loadRuleset } from '../../../src/ruleset/load.js';
import { type K8sAuditOptions, K8sAuditSource } from '../../../src/sources/k8s-audit.js';

/** As the corpus was recorded. */
const FORMAT = { ...DEFAULT_FORMAT, json_include_message_property: true };

export interface AlertLine {
  readonly rule: string;
  readonly priority: string;
  readonly output: string;
  readonly output_fields: Readonly<Record<string, unknown>>;
  readonly tags: readonly string[];
  readonly time: string;
}

export interface Detecting {
  readonly source: K8sAuditSource;
  readonly port: number;
  readonly alerts: AlertLine[];
}

/** What to do with an event, given rules files: fills `lines`. */
export function detector(rulesFiles: readonly string[], matching: 'first' | 'all', onLine: (line: string) => void): (event: AuditEvent) => void {
  const catalogue = auditCatalogue({ hostname: 'vm', clock: { firstEvent: 0n } });
  const texts = rulesFiles.map((name) => ({ name, text: readFileSync(name, 'utf8') }));
  const { value, diagnostics } = loadRuleset(texts, { catalogues: [catalogue] });
  if (value === null || diagnostics.length > 0) throw new Error(diagnostics.map((d) => d.message).join('\n'));
  const { rules } = value;
  const engine = createEngine(rules, [catalogue], {
    matching,
    onMatch: (rule, event) => onLine(formatJson(captureAlert(rules[rule], event, 'vm'), FORMAT)),
  });
  const index = engine.sourceIndex(AUDIT_SOURCE);
  return (event) => engine.process(index, event);
}

/** A listening source with rules behind it. */
export async function detect(rulesFiles: readonly string[], matching: 'first' | 'all', options: K8sAuditOptions = {}): Promise<Detecting> {
  const alerts: AlertLine[] = [];
  const deliver = detector(rulesFiles, matching, (line) => alerts.push(JSON.parse(line) as AlertLine));
  const source = new K8sAuditSource({ openParams: 'http://127.0.0.1:0/k8s-audit', ...options });
  await source.start(deliver, () => {});
  return { source, port: source.port, alerts };
}
