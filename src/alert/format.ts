// SPDX-License-Identifier: Apache-2.0
/** An alert as the line that outputs write. */
import type { Alert } from './alert.js';
import { type JsonInput, quoted, sortedJson } from './json.js';
import { isoTime, isoTimeWithOffset, localTime } from './time.js';

/** The configuration's keys of the same names. */
export interface FormatOptions {
  readonly time_format_iso_8601: boolean;
  readonly json_include_output_property: boolean;
  readonly json_include_tags_property: boolean;
  readonly json_include_message_property: boolean;
  readonly json_include_output_fields_property: boolean;
}

export const DEFAULT_FORMAT: FormatOptions = {
  time_format_iso_8601: false,
  json_include_output_property: true,
  json_include_tags_property: true,
  json_include_message_property: false,
  json_include_output_fields_property: true,
};

/** `HH:MM:SS.nnnnnnnnn: Priority message`, which is `output` in JSON. */
function outputOf(alert: Alert, options: FormatOptions): string {
  const time = options.time_format_iso_8601 ? isoTimeWithOffset(alert.time) : localTime(alert.time);
  return `${time}: ${alert.priority} ${alert.message}`;
}

/**
 * One line of text, without a newline. Control characters, quotes and backslashes are written as in a JSON string, so
 * that no file name can forge a line of its own.
 */
export function formatText(alert: Alert, options: FormatOptions = DEFAULT_FORMAT): string {
  return quoted(outputOf(alert, options)).slice(1, -1);
}

/** One line of JSON, without a newline. */
export function formatJson(alert: Alert, options: FormatOptions = DEFAULT_FORMAT): string {
  const timeField = options.time_format_iso_8601 ? 'evt.time.iso8601' : 'evt.time';
  const line: Record<string, JsonInput> = {
    hostname: alert.hostname,
    priority: alert.priority,
    rule: alert.rule,
    source: alert.source,
    time: isoTime(alert.time),
  };
  if (options.json_include_output_property) line.output = outputOf(alert, options);
  if (options.json_include_tags_property) line.tags = alert.tags;
  if (options.json_include_message_property) line.message = alert.message;
  if (options.json_include_output_fields_property) {
    line.output_fields = { ...Object.fromEntries(alert.fields), [timeField]: alert.time };
  }
  return sortedJson(line);
}
