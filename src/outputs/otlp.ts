// SPDX-License-Identifier: Apache-2.0
/**
 * Alerts as OpenTelemetry log records: OTLP over HTTP in its JSON encoding, many in a request. The transport, its TLS and its
 * tries are those of the http output.
 */
import type { Log } from '../util/log.js';
import { VERSION } from '../util/package.js';
import { HttpOutput, type HttpOutputOptions } from './http.js';
import { type Output, type OutputMessage, PartlyRefused } from './output.js';

/** SeverityNumber of opentelemetry's log data model, whose appendix maps syslog's severities. */
const SEVERITY: Readonly<Record<string, number>> = {
  emergency: 21, alert: 19, critical: 18, error: 17, warning: 13, notice: 10, informational: 9, debug: 5,
};

export interface OtlpOutputOptions extends Omit<HttpOutputOptions, 'accept' | 'json' | 'echo'> {
  readonly hostname: string;
}

type Value =
  | { readonly stringValue: string }
  | { readonly boolValue: boolean }
  | { readonly intValue: string }
  | { readonly doubleValue: number }
  | { readonly arrayValue: { readonly values: readonly Value[] } };

interface Attribute {
  readonly key: string;
  readonly value: Value;
}

export class OtlpOutput implements Output {
  readonly name = 'otlp';
  private readonly http: HttpOutput;
  private sending = 0;

  constructor(
    private readonly options: OtlpOutputOptions,
    log: Log,
  ) {
    const accept = (body: string) => {
      const rejected = rejectedRecords(body);
      if (rejected.count > 0) throw new PartlyRefused(`the receiver rejected ${rejected.count} of ${this.sending} records: ${rejected.why}`, rejected.count);
    };
    this.http = new HttpOutput({ ...options, json: true, echo: false, accept }, log, { name: 'otlp', section: 'otlp_output', code: 'OUTPUT_OTLP' });
  }

  start(): Promise<void> {
    return this.http.start();
  }

  deliver(message: OutputMessage): Promise<void> {
    return this.deliverAll([message]);
  }

  deliverAll(messages: readonly OutputMessage[]): Promise<void> {
    this.sending = messages.length;
    const { line: _, ...rest } = messages[0];
    return this.http.deliver({ ...rest, line: requestOf(messages, this.options.hostname) });
  }

  reopen(): Promise<void> {
    return this.http.reopen();
  }

  stop(): Promise<void> {
    return this.http.stop();
  }
}

/** The body of one `POST /v1/logs`: ExportLogsServiceRequest as JSON. */
export function requestOf(messages: readonly OutputMessage[], hostname: string): string {
  const observed = `${Date.now()}000000`;
  const resource = { attributes: [text('service.name', 'falco-ts'), text('service.version', VERSION), text('host.name', hostname)] };
  const logRecords = messages.map((message) => recordOf(message, observed));
  return JSON.stringify({ resourceLogs: [{ resource, scopeLogs: [{ scope: { name: 'falco-ts', version: VERSION }, logRecords }] }] });
}

function recordOf({ line, priority, rule, time }: OutputMessage, observed: string) {
  const alert = parsed(line);
  const { output, message, source, tags, output_fields: fields } = alert ?? {};
  const body = typeof message === 'string' ? message : typeof output === 'string' ? output : line;
  const named = { 'falco.rule': rule, 'falco.priority': priority, 'falco.source': source, 'falco.tags': tags };
  const attributes = [named, fields ?? {}].flatMap((group) => Object.entries(group)).flatMap(([key, value]): Attribute[] => {
    const typed = typedValue(value);
    return typed === null ? [] : [{ key, value: typed }];
  });
  return {
    timeUnixNano: String(time),
    observedTimeUnixNano: observed,
    severityNumber: SEVERITY[priority.toLowerCase()] ?? 9,
    severityText: priority,
    body: { stringValue: body },
    attributes,
  };
}

const text = (key: string, value: string): Attribute => ({ key, value: { stringValue: value } });

/** Marks integers that a double does not hold, which JSON.parse would round. */
const MARK = '\u0000';
const LARGEST_INT64 = 9_223_372_036_854_775_807n;

/** Null: the alert was written as text. */
function parsed(line: string): Record<string, unknown> & { readonly output_fields?: Record<string, unknown> } | null {
  if (!line.startsWith('{')) return null;
  try {
    return JSON.parse(line.replace(/"(?:[^"\\]|\\.)*"|-?\d{16,}/g, (found) => (found.startsWith('"') ? found : `"\\u0000${found}"`)));
  } catch {
    return null;
  }
}

/** Null: no value. */
function typedValue(value: unknown): Value | null {
  switch (typeof value) {
    case 'string': {
      if (!value.startsWith(MARK)) return { stringValue: value };
      const digits = value.slice(1);
      return BigInt(digits) <= LARGEST_INT64 ? { intValue: digits } : { stringValue: digits };
    }
    case 'boolean':
      return { boolValue: value };
    case 'number':
      return Number.isInteger(value) ? { intValue: String(value) } : { doubleValue: value };
    default:
      if (Array.isArray(value)) return { arrayValue: { values: value.flatMap((one) => typedValue(one) ?? []) } };
      return value === null || value === undefined ? null : { stringValue: JSON.stringify(value) };
  }
}

function rejectedRecords(body: string): { readonly count: number; readonly why: string } {
  try {
    const { partialSuccess } = JSON.parse(body) as { partialSuccess?: { rejectedLogRecords?: string | number; errorMessage?: string } };
    return { count: Number(partialSuccess?.rejectedLogRecords ?? 0), why: partialSuccess?.errorMessage ?? 'no reason given' };
  } catch {
    return { count: 0, why: '' };
  }
}
