// SPDX-License-Identifier: Apache-2.0
/** What falcosidekick makes of the body of a POST, as far as it decides whether it is taken. */

const PRIORITIES = ['emergency', 'alert', 'critical', 'error', 'warning', 'notice', 'informational', 'debug'];
const RFC3339 = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/;

/** Why it would be refused or misunderstood; empty: it is taken. */
export function sidekickProblems(body: string): string[] {
  let payload: Record<string, unknown>;
  try {
    payload = JSON.parse(body) as Record<string, unknown>;
  } catch {
    return ['no JSON'];
  }
  const problems: string[] = [];
  const need = (ok: boolean, what: string) => {
    if (!ok) problems.push(what);
  };
  const { output, priority, rule, time, output_fields: fields, tags, source, hostname } = payload;
  need(typeof output === 'string' && output !== '', 'output');
  need(typeof priority === 'string' && PRIORITIES.includes(priority.toLowerCase()), 'priority');
  need(typeof rule === 'string' && rule !== '', 'rule');
  need(typeof time === 'string' && RFC3339.test(time) && !Number.isNaN(Date.parse(time)), 'time');
  need(fields === undefined || (typeof fields === 'object' && fields !== null && !Array.isArray(fields)), 'output_fields');
  need(tags === undefined || (Array.isArray(tags) && tags.every((tag) => typeof tag === 'string')), 'tags');
  need([source, hostname].every((text) => text === undefined || typeof text === 'string'), 'source, hostname');
  return problems;
}
