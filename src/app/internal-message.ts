// SPDX-License-Identifier: Apache-2.0
/** Messages of the monitor itself that leave by the outputs like alerts (`Falco internal: …`), in Falco's two forms. */
import type { Priority } from '../alert/alert.js';
import { quoted } from '../alert/json.js';
import type { OutputMessage } from '../outputs/output.js';
import { isoTimeText, timeText } from '../util/time.js';

export interface InternalMessage {
  /** Nanoseconds since the epoch. */
  readonly time: bigint;
  readonly rule: string;
  readonly priority: Priority;
  readonly message: string;
  readonly fields: Readonly<Record<string, string | number>>;
}

/** A reload was refused. The field is there because falcosidekick takes no message without one. @param now milliseconds */
export function reloadRefused(why: string, hostname: string, now: number): InternalMessage {
  const rule = 'Falco internal: hot restart failure';
  return { time: BigInt(now) * 1_000_000n, rule, priority: 'Critical', message: `${rule}: ${why}`, fields: { 'evt.hostname': hostname } };
}

export function formatInternal(internal: InternalMessage, options: { readonly json: boolean; readonly hostname: string }): OutputMessage {
  const { time, rule, priority, message } = internal;
  const fields = Object.entries(internal.fields).sort(([a], [b]) => (a < b ? -1 : 1));
  if (options.json) {
    const line = JSON.stringify({
      hostname: options.hostname,
      output: message,
      output_fields: Object.fromEntries(fields),
      priority,
      rule,
      source: 'internal',
      time: isoTimeText(time).replace(/\+0000$/, 'Z'),
    });
    return { line, priority, rule, time };
  }
  const shown = fields.map(([key, value]) => `${key}=${JSON.stringify(value)}`).join(' ');
  return { line: `${timeText(time, true)}: ${priority} ${quoted(message).slice(1, -1)} (${shown})`, priority, rule, time };
}
