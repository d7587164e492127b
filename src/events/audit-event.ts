// SPDX-License-Identifier: Apache-2.0
import type { EngineEvent } from './event.js';
import { PLUGIN_EVENT } from './event.js';
import { compact, locate } from './json-text.js';
import { parseRfc3339 } from './rfc3339.js';

export type JsonValue = string | number | boolean | null | readonly JsonValue[] | JsonObject;
export interface JsonObject {
  readonly [key: string]: JsonValue | undefined;
}

/** Why a text is no event that rules can see. */
export type AuditEventProblem = 'malformed' | 'not_an_object' | 'no_time';

/** One Kubernetes audit event: what was sent, parsed once, and its own text for the parts whose writing matters. */
export class AuditEvent implements EngineEvent {
  readonly type = PLUGIN_EVENT;
  /** 1-based; set when it is delivered. */
  num = 0;
  /** Without one it is some other JSON that carries a time: the `ka.*` fields are then absent. */
  readonly hasAuditId: boolean;
  #texts: Map<string, string> | null = null;

  constructor(
    readonly object: JsonObject,
    readonly text: string,
    /** Time of the event, since the epoch. */
    readonly seconds: number,
    readonly nanos: number,
  ) {
    this.hasAuditId = object.auditID !== undefined;
  }

  timestamp(): bigint {
    return BigInt(this.seconds) * 1_000_000_000n + BigInt(this.nanos);
  }

  /** The compacted text of the value at a path, as it was sent; `key` is that path's name. Kept for the event's life. */
  textAt(path: readonly (string | number)[], key: string): string {
    this.#texts ??= new Map();
    let found = this.#texts.get(key);
    if (found === undefined) {
      const span = locate(this.text, path);
      found = span === null ? '' : compact(this.text.slice(span.start, span.end));
      this.#texts.set(key, found);
    }
    return found;
  }
}

/**
 * Reads one event out of its text. An event happened at its `stageTimestamp`; one that has none is refused, and one from
 * before the epoch (Go's zero time, which means "not set") happened now.
 */
export function parseAuditEvent(text: string): AuditEvent | AuditEventProblem {
  let object: unknown;
  try {
    object = JSON.parse(text);
  } catch {
    return 'malformed';
  }
  if (typeof object !== 'object' || object === null || Array.isArray(object)) return 'not_an_object';
  const event = object as JsonObject;
  if (typeof event.stageTimestamp !== 'string') return 'no_time';
  const time = parseRfc3339(event.stageTimestamp);
  if (time === null) return 'no_time';
  if (time.seconds >= 0) return new AuditEvent(event, text, time.seconds, time.nanos);
  const now = Date.now();
  return new AuditEvent(event, text, Math.floor(now / 1000), (now % 1000) * 1_000_000);
}
