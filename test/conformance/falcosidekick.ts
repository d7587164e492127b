// SPDX-License-Identifier: Apache-2.0
/**
 * What falcosidekick makes of the body of a POST, as far as it decides whether it is taken (400 otherwise): its decoder's
 * rules (types of members, RFC 3339), then its own check of the payload. Source: newFalcoPayload in its handlers.go,
 * types/types.go and types/priority.go (August 2026).
 */

const PRIORITIES = ['emergency', 'alert', 'critical', 'error', 'warning', 'notice', 'informational', 'info', 'debug'];
const RFC3339 = /^(\d{4})-(\d\d)-(\d\d)T([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d+)?(Z|[+-]([01]\d|2[0-3]):[0-5]\d)$/;
/** What its decoder puts into a text; null leaves it empty. */
const TEXTS = ['uuid', 'output', 'priority', 'rule', 'time', 'source', 'hostname'];
/** Read as texts without a look at their types: anything else but null ends the request. */
const TEXT_FIELDS = ['k8s.ns.name', 'k8s.pod.name'];

/** Why it would be refused or misunderstood; empty: it is taken as it is meant. */
export function sidekickProblems(body: string): string[] {
  let payload: Record<string, unknown>;
  try {
    payload = JSON.parse(body) as Record<string, unknown>;
  } catch {
    return ['no JSON'];
  }
  if (typeof payload !== 'object' || payload === null || Array.isArray(payload)) return ['no object'];
  const problems: string[] = [];
  const need = (ok: boolean, what: string) => {
    if (!ok) problems.push(what);
  };
  // It looks members up by name without regard to case: one of another case would take another's place.
  const names = Object.keys(payload);
  need(new Set(names.map((name) => name.toLowerCase())).size === names.length, 'names that differ in case alone');
  for (const name of TEXTS) need(payload[name] === undefined || payload[name] === null || typeof payload[name] === 'string', `${name} is no text`);
  const { output, priority, rule, time, output_fields: fields, tags } = payload;
  need(typeof priority === 'string' && PRIORITIES.includes(priority.toLowerCase()), 'priority');
  need(typeof rule === 'string' && rule !== '', 'rule');
  need(typeof time === 'string' && isTime(time), 'time');
  need(typeof output === 'string' && output !== '', 'output');
  const isMap = typeof fields === 'object' && fields !== null && !Array.isArray(fields);
  need(isMap && Object.keys(fields).length > 0, 'output_fields');
  if (isMap) {
    for (const name of TEXT_FIELDS) {
      const value = (fields as Record<string, unknown>)[name];
      need(value === undefined || value === null || typeof value === 'string', name);
    }
  }
  need(tags === undefined || tags === null || (Array.isArray(tags) && tags.every((tag) => typeof tag === 'string')), 'tags');
  return problems;
}

/** RFC 3339 with a day that the month has; the first second of the year 1 counts as none. */
function isTime(text: string): boolean {
  const parts = RFC3339.exec(text);
  if (parts === null) return false;
  const [year, month, day] = parts.slice(1, 4).map(Number);
  if (month < 1 || month > 12 || day < 1 || day > new Date(Date.UTC(2000 + (year % 400), month, 0)).getUTCDate()) return false;
  return Date.parse(text) !== Date.parse('0001-01-01T00:00:00Z');
}
