// SPDX-License-Identifier: Apache-2.0
/** Takes out of texts for people (logs, errors, support dumps) what must not get around. */

const USER_OF_URL = /([a-z][a-z0-9+.-]*:\/\/)[^\s/@"']+@/gi;
const BEARER = /\b(bearer|basic)\s+[A-Za-z0-9+/._~=-]{8,}/gi;

/** Names of keys whose values are secrets; paths to files that hold them are not. */
const SECRET_KEY = /(password|passwd|passphrase|secret|token|api[_-]?key|credentials?|authorization|cookie)$/i;

/** Names and passwords of URLs, and what stands behind `Bearer` and `Basic`, become `***`. */
export function withoutCredentials(text: string): string {
  return text.replace(USER_OF_URL, '$1***@').replace(BEARER, '$1 ***');
}

/** The string values of keys that are named as secrets, anywhere in a configuration. */
export function secretValues(value: unknown, key = ''): string[] {
  if (typeof value === 'string') return value !== '' && SECRET_KEY.test(key) ? [value] : [];
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([name, inner]) => secretValues(inner, Array.isArray(value) ? key : name));
}
