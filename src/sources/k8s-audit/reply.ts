// SPDX-License-Identifier: Apache-2.0
/**
 * What a client is told. What an apiserver does with it: 200 to 206 ends the matter, anything else makes it send the same
 * body again, four times at the most, after the Retry-After of a 429 or 503.
 */
import type { ServerResponse } from 'node:http';
import type { Batch, Refusal } from './intake.js';

export interface Refused {
  readonly status: number;
  readonly reason: Refusal;
  readonly message: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** `batch`: what came of the part that had arrived. */
export function reply(response: ServerResponse, refused: Refused, batch: Batch | null): void {
  const counts = batch === null ? {} : summary(batch);
  send(response, refused.status, { error: refused.message, reason: refused.reason, ...counts }, refused.headers);
}

/** Of a body that was received whole. */
export function replyBatch(response: ServerResponse, batch: Batch, maxEventSize: number): void {
  const { report } = batch;
  const refused = Object.entries(report.refused);
  const useful = report.taken + report.duplicates;
  const whole = report.refused.body_truncated === undefined && report.refused.not_an_event === undefined;
  // A retry would bring the same: what was taken is taken, and what was refused stays refused.
  if ((useful > 0 && whole) || (refused.length === 0 && report.lists > 0)) {
    send(response, 200, summary(batch));
    return;
  }
  const reason = (refused[0]?.[0] ?? 'not_an_event') as Refusal;
  const status = reason === 'event_too_large' ? 413 : 400;
  send(response, status, { error: shown(reason, batch, maxEventSize), reason, ...summary(batch) });
}

/** Why something of a body was not taken. */
export function shown(reason: Refusal, batch: Batch, maxEventSize: number): string {
  switch (reason) {
    case 'event_too_large':
      return `an event of ${batch.report.largest} bytes is larger than ${maxEventSize} bytes (maxEventSize)`;
    case 'event_malformed':
      return 'the body, or an event in it, is not JSON';
    case 'event_no_time':
      return 'an event has no stageTimestamp in RFC 3339';
    case 'not_an_event':
      return 'the body is JSON, but neither an audit Event nor an EventList nor an array of these';
    case 'body_truncated':
      return 'the body ends in the middle of a JSON value';
    default:
      return `refused: ${reason}`;
  }
}

function summary(batch: Batch): object {
  const { taken, duplicates, refused } = batch.report;
  return { taken, duplicates, refused };
}

function send(response: ServerResponse, status: number, body: object, headers: Readonly<Record<string, string>> = {}): void {
  if (response.headersSent || response.destroyed) return;
  const text = JSON.stringify(body);
  response.writeHead(status, { 'content-type': 'application/json; charset=utf-8', 'content-length': Buffer.byteLength(text), ...headers });
  response.end(text);
}
