// SPDX-License-Identifier: Apache-2.0
/** The readings that `ka.*` fields need beyond "the value at a pointer". */
import type { AuditEvent, JsonValue } from '../events/audit-event.js';
import { slotOf } from '../events/audit-scan.js';
import type { Found } from './json-read.js';
import { asText, followEvent, foundText, orAbsent } from './json-read.js';
import { byteString, ofByteString } from '../util/byte-text.js';

export type Reading = readonly (Found | null)[];

/** What a list field makes of the values that were found; null: absent. */
export type Collect = (event: AuditEvent, found: Reading) => readonly string[] | null;

const REQUEST_OBJECT = slotOf('requestObject');

const isArray = (value: JsonValue): value is readonly JsonValue[] => Array.isArray(value);

function memberOf(value: JsonValue, key: string): JsonValue | undefined {
  if (typeof value !== 'object' || value === null || isArray(value) || !Object.hasOwn(value, key)) return undefined;
  return (value as Readonly<Record<string, JsonValue>>)[key];
}

/** The texts of those that are there. */
export const present: Collect = (event, found) => {
  const texts: string[] = [];
  for (const one of found) if (one !== null) texts.push(foundText(event, one));
  return orAbsent(texts);
};

/** The texts of all, or nothing: a container without a name hides every name, as a rule written for Falco expects. */
export const complete: Collect = (event, found) => (found.includes(null) ? null : present(event, found));

/** Each an array of strings (a command line), joined with blanks; anything else in one of them hides all. */
export const joined: Collect = (_event, found) => {
  const lines: string[] = [];
  for (const one of found) {
    if (one === null) continue;
    if (!isArray(one.value) || one.value.some((word) => typeof word !== 'string')) return null;
    lines.push(one.value.join(' '));
  }
  return orAbsent(lines);
};

/** The elements of all the arrays among them, one after another. */
export const flattened: Collect = (event, found) => {
  const texts: string[] = [];
  for (const one of found) {
    if (one === null || !isArray(one.value)) continue;
    for (const [n, element] of one.value.entries()) texts.push(foundText(event, { value: element, path: one.path.concat(n) }));
  }
  return orAbsent(texts);
};

/** Names of the members beside `name`, of every object: the kinds of volumes. */
export const memberNames: Collect = (_event, found) => {
  const names: string[] = [];
  for (const one of found) {
    if (one === null || typeof one.value !== 'object' || one.value === null || isArray(one.value)) continue;
    for (const name of Object.keys(one.value)) if (name !== 'name') names.push(name);
  }
  return orAbsent(names);
};

/** `registry:5000/team/app:1.2@sha256:…` without tag and digest; a colon before the last slash is a registry's port. */
export function repositoryOf(image: string): string {
  const at = image.indexOf('@');
  const named = at === -1 ? image : image.slice(0, at);
  const colon = named.indexOf(':', named.lastIndexOf('/') + 1);
  return colon === -1 ? named : named.slice(0, colon);
}

export const repositories: Collect = (event, found) => complete(event, found)?.map(repositoryOf) ?? null;

/** Ports of the host that the containers take: `hostPort`, and every `containerPort` of a pod in the host's network. */
export const hostPorts: Collect = (event, found) => {
  const onHost = specOf(event, 'hostNetwork') === true;
  const ports: string[] = [];
  for (const one of found) {
    if (one === null) continue;
    if (!isArray(one.value)) return null;
    for (const [n, port] of one.value.entries()) {
      const key = memberOf(port, 'hostPort') !== undefined ? 'hostPort' : 'containerPort';
      const value = memberOf(port, key);
      if (value === undefined || (key === 'containerPort' && !onHost)) continue;
      ports.push(foundText(event, { value, path: one.path.concat(n, key) }));
    }
  }
  return orAbsent(ports);
};

function specOf(event: AuditEvent, key: string): JsonValue | undefined {
  const request = event.slot(REQUEST_OBJECT);
  const spec = request === undefined ? undefined : memberOf(request, 'spec');
  return spec === undefined ? undefined : memberOf(spec, key);
}

/** The user or group that each container starts with: its own, else the pod's, else 0. */
export const effectiveId =
  (key: 'runAsUser' | 'runAsGroup'): Collect =>
  (event, found) => {
    const [ofPod] = followEvent(event, ['requestObject', 'spec', 'securityContext', key], 0) ?? [];
    const otherwise = ofPod === undefined || ofPod === null ? '0' : foundText(event, ofPod);
    return orAbsent(found.map((one) => (one === null || one.value === null ? otherwise : foundText(event, one))));
  };

/** Names of a binding's subjects of one kind; null when what is bound is no list. */
export function subjectNames(event: AuditEvent, kind: string | null, withNamespace: boolean): readonly string[] | null {
  const request = event.slot(REQUEST_OBJECT);
  const subjects = request === undefined ? undefined : memberOf(request, 'subjects');
  if (subjects === undefined || !isArray(subjects)) return null;
  const names: string[] = [];
  for (const [n, subject] of subjects.entries()) {
    const path = ['requestObject', 'subjects', n];
    const text = (key: string): string | null => {
      const value = memberOf(subject, key);
      return value === undefined ? null : asText(event, value, path.concat(key), path.concat(key).join('/'));
    };
    const name = text('name');
    const of = text('kind');
    if (name === null || of === null || (kind !== null && of !== kind)) continue;
    if (!withNamespace) names.push(name);
    else if (text('namespace') !== null) names.push(`${text('namespace')}:${name}`);
  }
  return orAbsent(names);
}

/** The first value of a query parameter. What cannot be decoded is passed over, as the apiserver does. */
export function queryParameter(uri: string, key: string): string | null {
  const question = uri.indexOf('?');
  if (question === -1) return null;
  for (const pair of uri.slice(question + 1).split('&')) {
    if (pair.includes(';')) continue;
    const equals = pair.indexOf('=');
    const name = decode(equals === -1 ? pair : pair.slice(0, equals));
    if (name !== key) continue;
    const value = decode(equals === -1 ? '' : pair.slice(equals + 1));
    if (value !== null) return value;
  }
  return null;
}

function decode(text: string): string | null {
  if (/%(?![0-9a-fA-F]{2})/.test(text)) return null;
  const spaced = text.replaceAll('+', ' ');
  if (!spaced.includes('%')) return spaced;
  // One character a byte while the escapes, which stand for bytes, are replaced.
  return ofByteString(byteString(spaced).replace(/%(..)/g, (_all, hex: string) => String.fromCharCode(Number.parseInt(hex, 16))));
}
