// SPDX-License-Identifier: Apache-2.0
/** One request's body, fed to its batch as it arrives, within limits of size and time. */
import type { IncomingMessage } from 'node:http';
import type { Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import type { Batch } from './intake.js';
import type { Outlet } from './outlet.js';
import type { Refused } from './reply.js';

export interface BodyLimits {
  /** After decompression. */
  readonly maxBodySize: number;
  /** Between two pieces of it. */
  readonly idleTimeoutMs: number;
  /** From the first to the last. */
  readonly totalTimeoutMs: number;
  /** How long it waits for events before it to be evaluated. */
  readonly overloadTimeoutMs: number;
}

/** Answers what is wrong with it, when its last piece has come or nothing more is wanted. */
export function receive(request: IncomingMessage, batch: Batch, outlet: Outlet, limits: BodyLimits): Promise<Refused | null> {
  const raw: Readable = request;
  const gzip = request.headers['content-encoding']?.toLowerCase() === 'gzip';
  const body: Readable = gzip ? raw.pipe(createGunzip({ chunkSize: 64 * 1024 })) : raw;
  return new Promise((resolve) => {
    let size = 0;
    let done = false;
    const finish = (refused: Refused | null): void => {
      if (done) return;
      done = true;
      clearTimeout(idle);
      clearTimeout(total);
      clearTimeout(overload);
      if (gzip) {
        raw.unpipe();
        body.destroy();
      }
      // What still comes is read and thrown away: the client sees the answer, and its connection lives on.
      raw.resume();
      resolve(refused);
    };
    const tooSlow = (message: string): void => finish({ status: 408, reason: 'body_truncated', message });
    const waitForMore = (): NodeJS.Timeout =>
      setTimeout(() => tooSlow(`nothing more of the body has come for ${limits.idleTimeoutMs / 1000} s`), limits.idleTimeoutMs);
    let idle = waitForMore();
    const total = setTimeout(() => tooSlow(`the body has not come within ${limits.totalTimeoutMs / 1000} s`), limits.totalTimeoutMs);
    let overload: NodeJS.Timeout | undefined;
    const waitForRoom = (): void => {
      body.pause();
      clearTimeout(idle);
      overload = setTimeout(() => {
        const message = 'the rules cannot keep up with the events that have come';
        finish({ status: 503, reason: 'overloaded', message, headers: { 'retry-after': '5' } });
      }, limits.overloadTimeoutMs);
      void outlet.room().then(() => {
        clearTimeout(overload);
        if (done) return;
        // A timer that was cleared cannot be refreshed.
        idle = waitForMore();
        body.resume();
      });
    };
    body.on('data', (chunk: Buffer) => {
      if (done) return;
      idle.refresh();
      const room = limits.maxBodySize - size;
      size += chunk.length;
      batch.push(chunk.length > room ? chunk.subarray(0, room) : chunk);
      if (size > limits.maxBodySize) {
        const message = `the body is larger than ${limits.maxBodySize} bytes (webhookMaxBatchSize)`;
        finish({ status: 413, reason: 'body_too_large', message });
      } else if (outlet.full) waitForRoom();
    });
    body.on('end', () => {
      if (done) return;
      batch.end();
      finish(size === 0 ? { status: 400, reason: 'body_empty', message: 'the body is empty' } : null);
    });
    const brokenOff = (): void => {
      // Of a body that came whole, the rest is still being decompressed.
      if (raw.readableEnded) return;
      finish({ status: 400, reason: 'body_truncated', message: 'the connection ended before the body did' });
    };
    raw.on('close', brokenOff);
    raw.on('error', brokenOff);
    if (gzip) {
      body.on('error', (error) =>
        finish({ status: 400, reason: 'body_bad_encoding', message: `the body is not gzip: ${error.message}` }),
      );
    }
  });
}
