// SPDX-License-Identifier: Apache-2.0
/** The messages of Kafka's protocol that a relay answers itself: which versions there are, and who somebody is (KIP-35, KIP-152). */

export const ApiKey = { Metadata: 3, SaslHandshake: 17, ApiVersions: 18, SaslAuthenticate: 36 } as const;

/** Errors by the protocol's numbers. */
const UNSUPPORTED_SASL_MECHANISM = 33;
const SASL_AUTHENTICATION_FAILED = 58;

export interface Request {
  readonly key: number;
  readonly version: number;
  readonly correlation: number;
  /** Where the body begins, for headers without tagged fields. */
  readonly body: number;
}

/** Length, key, version, correlation, the client's name. */
export function readRequest(frame: Buffer): Request {
  return { key: frame.readInt16BE(4), version: frame.readInt16BE(6), correlation: frame.readInt32BE(8), body: 14 + Math.max(frame.readInt16BE(12), 0) };
}

function answer(correlation: number, ...parts: readonly Buffer[]): Buffer {
  const head = Buffer.alloc(8);
  head.writeInt32BE(parts.reduce((sum, part) => sum + part.length, 4), 0);
  head.writeInt32BE(correlation, 4);
  return Buffer.concat([head, ...parts]);
}

function int16(...values: readonly number[]): Buffer {
  const bytes = Buffer.alloc(values.length * 2);
  for (const [i, value] of values.entries()) bytes.writeInt16BE(value, i * 2);
  return bytes;
}

/** What librdkafka's cluster says of itself, and what is added here, in version 3 of the answer: (key, lowest, highest). */
export function apiVersions(correlation: number, sasl: boolean): Buffer {
  const rows = [[0, 0, 10], [1, 0, 16], [2, 0, 7], [3, 0, 12], [10, 0, 3], [18, 0, 3], [22, 0, 4], ...(sasl ? [[17, 0, 1], [36, 0, 2]] : [])];
  const body = rows.map((row) => Buffer.concat([int16(...row), Buffer.alloc(1)]));
  return answer(correlation, int16(0), Buffer.of(rows.length + 1), ...body, Buffer.alloc(4 + 1));
}

/** PLAIN, and nothing else. */
export function handshake({ correlation, body }: Request, frame: Buffer): Buffer {
  const wanted = frame.toString('utf8', body + 2, body + 2 + frame.readInt16BE(body));
  return answer(correlation, int16(wanted === 'PLAIN' ? 0 : UNSUPPORTED_SASL_MECHANISM, 0, 1, 'PLAIN'.length), Buffer.from('PLAIN'));
}

/** Is it one of `users`, by name and password (RFC 4616)? The answer, and whether. */
export function authenticated({ version, correlation, body }: Request, frame: Buffer, users: Readonly<Record<string, string>>): readonly [Buffer, boolean] {
  const flexible = version >= 2;
  // Compact: tagged fields of the header, then a length plus one in one byte, which is enough here.
  const bytes = flexible ? frame.subarray(body + 2, body + 1 + frame[body + 1]) : frame.subarray(body + 4, body + 4 + frame.readInt32BE(body));
  const [, name = '', password] = bytes.toString().split('\0');
  const ok = users[name] !== undefined && users[name] === password;
  const error = Buffer.from(ok ? '' : 'Authentication failed: Invalid username or password');
  const lifetime = Buffer.alloc(version >= 1 ? 8 : 0);
  const parts = flexible
    ? [Buffer.alloc(1), int16(ok ? 0 : SASL_AUTHENTICATION_FAILED), Buffer.of(error.length + 1), error, Buffer.of(1), lifetime, Buffer.alloc(1)]
    : [int16(ok ? 0 : SASL_AUTHENTICATION_FAILED, error.length), error, Buffer.alloc(4), lifetime];
  return [answer(correlation, ...parts), ok];
}
