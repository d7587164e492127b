// SPDX-License-Identifier: Apache-2.0
/**
 * Audit events without what must not leave by an alert: the data of Kubernetes Secrets, and service account tokens. Names
 * and keys stay, so that an alert still says what was touched. Rules are evaluated on the event as it was sent.
 */
import { AuditEvent, type JsonObject, type JsonValue } from './audit-event.js';

export const REDACTED = '<redacted>';

/** Annotations in which tools keep the object as it was applied, some of them packed. */
const COPIES = /last-applied|\/applied$/;
const COPY_OF_SECRET = /"kind"\s*:\s*"Secret"/;

/** The event itself when it holds nothing of the kind; otherwise a copy in whose fields no such value can be read. */
export function withoutSecretData(event: AuditEvent): AuditEvent {
  const about = event.member('objectRef');
  const resource = isObject(about) ? about.resource : undefined;
  const secrets = resource === 'secrets';
  if (!secrets && resource !== 'tokenreviews' && !(isObject(about) && about.subresource === 'token') && !mentionsSecret(event.text)) return event;
  let text: string;
  try {
    text = withBodies(event.object, (body) => redactBody(body, secrets));
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    // Nested deeper than the stack: what cannot be looked through is not shown, and the alert is not lost for it.
    text = withBodies(event.object, () => REDACTED);
  }
  const bytes = Buffer.from(text);
  const copy = new AuditEvent();
  copy.read(bytes, 0, bytes.length);
  copy.num = event.num;
  copy.seconds = event.seconds;
  copy.nanos = event.nanos;
  return copy;
}

function withBodies(event: JsonObject, shown: (body: JsonValue) => JsonValue): string {
  const object: Record<string, JsonValue | undefined> = { ...event };
  for (const key of ['requestObject', 'responseObject']) {
    const body = object[key];
    if (body !== undefined) object[key] = shown(body);
  }
  return JSON.stringify(object);
}

const mentionsSecret = (text: string): boolean => text.includes('"Secret') || text.includes('\\"Secret') || text.includes('"TokenRe');

function redactBody(body: JsonValue, secrets: boolean): JsonValue {
  // What is no object is a body that the API server could not read.
  if (secrets && typeof body === 'string') return REDACTED;
  if (secrets && isArray(body)) return body.map(redactPatch);
  return redact(body, secrets);
}

/** @param within a Secret, or a request whose object is one */
function redact(value: JsonValue, within: boolean): JsonValue {
  if (isArray(value)) return value.map((item) => redact(item, within));
  if (!isObject(value)) return value;
  const secret = within || value.kind === 'Secret' || value.kind === 'SecretList';
  const token = value.kind === 'TokenRequest' || value.kind === 'TokenReview';
  const copy: Record<string, JsonValue | undefined> = {};
  for (const [key, inner] of Object.entries(value)) {
    if (inner === undefined) continue;
    if (secret && (key === 'data' || key === 'stringData')) copy[key] = redactValues(inner);
    else if (key === 'annotations') copy[key] = redactAnnotations(inner, secret);
    else if (token && (key === 'spec' || key === 'status') && isObject(inner) && inner.token !== undefined) copy[key] = { ...inner, token: REDACTED };
    else copy[key] = redact(inner, secret);
  }
  return copy;
}

const redactValues = (data: JsonValue): JsonValue =>
  isObject(data) ? Object.fromEntries(Object.keys(data).map((key) => [key, REDACTED])) : data === null ? null : REDACTED;

function redactAnnotations(annotations: JsonValue, secret: boolean): JsonValue {
  if (!isObject(annotations)) return annotations;
  return Object.fromEntries(Object.entries(annotations).map(([key, text]) => [key, redactAnnotation(key, text ?? null, secret)]));
}

function redactAnnotation(key: string, text: JsonValue, secret: boolean): JsonValue {
  if (typeof text !== 'string' || !(secret || COPY_OF_SECRET.test(text))) return text;
  if (text.trimStart().startsWith('{') || text.trimStart().startsWith('[')) {
    try {
      return JSON.stringify(redact(JSON.parse(text) as JsonValue, secret));
    } catch {
      return REDACTED;
    }
  }
  return COPIES.test(key) ? REDACTED : text;
}

const ANNOTATION = /^\/metadata\/annotations\/(.+)$/;

/** One operation of a JSON patch to a Secret. */
function redactPatch(operation: JsonValue): JsonValue {
  if (!isObject(operation) || operation.value === undefined) return redact(operation, true);
  const { path, value } = operation;
  const annotation = typeof path === 'string' ? ANNOTATION.exec(path) : null;
  const shown =
    typeof path !== 'string' || /^\/(data|stringData)(\/|$)/.test(path) ? redactValues(value)
    : path === '/metadata/annotations' ? redactAnnotations(value, true)
    : annotation !== null ? redactAnnotation(annotation[1].replaceAll('~1', '/').replaceAll('~0', '~'), value, true)
    : redact(value, true);
  return { ...operation, value: shown };
}

const isArray = (value: JsonValue): value is readonly JsonValue[] => Array.isArray(value);

function isObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !isArray(value);
}
