// SPDX-License-Identifier: Apache-2.0
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import type { Alert, Priority } from '../../src/alert/alert.js';
import { DEFAULT_FORMAT, formatJson, formatText } from '../../src/alert/format.js';

process.env.TZ = 'UTC';

const alert: Alert = {
  time: 1_795_426_191_028_390_515n,
  rule: 'Read sensitive file',
  priority: 'Warning',
  source: 'syscall',
  hostname: 'node1',
  message: 'file=/tmp/a "b"\nforged line',
  tags: ['T1555', 'container'],
  fields: new Map<string, string | number | bigint | boolean | null | readonly (string | number)[]>([
    ['proc.tty', 0],
    ['fd.name', '/tmp/a "b"\nforged line'],
    ['evt.is_open_write', true],
    ['container.name', null],
    ['proc.pid.ts', 18446744073709551615n],
    ['ka.req.pod.containers.image', ['a', 'b']],
  ]),
};

describe('an alert as text', () => {
  it('has the time of day, the priority and the message, and stays one line whatever a file is called', () => {
    expect(formatText(alert)).toBe('09:29:51.028390515: Warning file=/tmp/a \\"b\\"\\nforged line');
  });

  it('has date and offset with time_format_iso_8601', () => {
    expect(formatText({ ...alert, message: 'm' }, { ...DEFAULT_FORMAT, time_format_iso_8601: true })).toBe(
      '2026-11-23T09:29:51.028390515+0000: Warning m',
    );
  });

  it('what a terminal obeys is shown and not sent to it, and means the same in JSON', () => {
    const message = 'a\u001b[2J\u009b31m\u202etxt.exe\u2028b';
    expect(formatText({ ...alert, message })).toBe('09:29:51.028390515: Warning a\\u001b[2J\\u009b31m\\u202etxt.exe\\u2028b');
    const json = formatJson({ ...alert, message, fields: new Map([['fd.name', message]]) });
    expect(json).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u2028-\u202e]/);
    expect(JSON.parse(json).output_fields['fd.name']).toBe(message);
  });

  it('shows half a surrogate pair as the replacement character', () => {
    expect(formatText({ ...alert, message: 'a\ud800b' })).toBe('09:29:51.028390515: Warning a\ufffdb');
  });
});

describe('an alert as JSON', () => {
  it('has sorted keys, typed fields, and 64-bit numbers with all their digits', () => {
    expect(formatJson(alert)).toBe(
      '{"hostname":"node1","output":"09:29:51.028390515: Warning file=/tmp/a \\"b\\"\\nforged line",' +
        '"output_fields":{"container.name":null,"evt.is_open_write":true,"evt.time":1795426191028390515,' +
        '"fd.name":"/tmp/a \\"b\\"\\nforged line","ka.req.pod.containers.image":["a","b"],"proc.pid.ts":18446744073709551615,' +
        '"proc.tty":0},"priority":"Warning","rule":"Read sensitive file","source":"syscall","tags":["T1555","container"],' +
        '"time":"2026-11-23T09:29:51.028390515Z"}',
    );
  });

  it('leaves out what json_include_* switches off, and adds the message when asked', () => {
    const line = formatJson(alert, {
      time_format_iso_8601: true,
      json_include_output_property: false,
      json_include_tags_property: false,
      json_include_message_property: true,
      json_include_output_fields_property: false,
    });
    expect(Object.keys(JSON.parse(line))).toEqual(['hostname', 'message', 'priority', 'rule', 'source', 'time']);
  });

  it('names the time evt.time.iso8601 among the fields with time_format_iso_8601', () => {
    const fields = JSON.parse(formatJson(alert, { ...DEFAULT_FORMAT, time_format_iso_8601: true })).output_fields;
    expect(Object.keys(fields)).toContain('evt.time.iso8601');
    expect(Object.keys(fields)).not.toContain('evt.time');
  });
});

const corpus = resolve(import.meta.dirname, '../../../shared/corpus');

function alertFiles(dir: string): string[] {
  return readdirSync(dir, { withFileTypes: true }).flatMap((entry) => {
    const path = join(dir, entry.name);
    return entry.isDirectory() ? alertFiles(path) : /alerts\.(all|first)\.jsonl(\.gz)?$/.test(entry.name) ? [path] : [];
  });
}

describe.skipIf(!existsSync(corpus))('the lines that Falco wrote for the corpus', () => {
  it.each(existsSync(corpus) ? alertFiles(corpus).map((file) => [file.slice(corpus.length + 1), file]) : [])('%s: the same, byte for byte', (_name, file) => {
    const bytes = readFileSync(file);
    const lines = (file.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString().split('\n').filter((line) => line !== '');
    expect(lines.length).toBeGreaterThan(0);
    for (const line of lines) {
      // Numbers beyond 2^53 keep their digits by way of a marked string.
      const json = JSON.parse(line.replace(/":(\d{16,})(?=[,}])/g, '":"#$1"'), (_key, value) =>
        typeof value === 'string' && /^#\d{16,}$/.test(value) ? BigInt(value.slice(1)) : value) as { output: string; time: string; output_fields: Record<string, never>; [key: string]: unknown };
      const iso = 'evt.time.iso8601' in json.output_fields;
      const seconds = BigInt(Date.parse(`${json.time.slice(0, 19)}Z`) / 1000);
      const time = seconds * 1_000_000_000n + BigInt(json.time.slice(20, 29));
      const prefix = json.output.indexOf(`: ${json.priority} `) + 3 + String(json.priority).length;
      const again: Alert = {
        time,
        rule: String(json.rule),
        priority: json.priority as Priority,
        source: String(json.source),
        hostname: String(json.hostname),
        message: json.output.slice(prefix),
        tags: json.tags as string[],
        fields: new Map(Object.entries(json.output_fields)),
      };
      expect(formatJson(again, { ...DEFAULT_FORMAT, time_format_iso_8601: iso, json_include_message_property: 'message' in json })).toBe(line);
    }
  });
});
