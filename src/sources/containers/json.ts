// SPDX-License-Identifier: Apache-2.0
/** Reading answers of which nothing is certain: what is missing or of another type is taken as empty. */
import { bareContainer, type ContainerInfo, type ContainerMount, type ContainerType } from '../../state/containers.js';
import { splitImageName } from './image-name.js';

export type Json = Readonly<Record<string, unknown>>;

const NOTHING: Json = {};

export function object(value: unknown): Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Json) : NOTHING;
}

export function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

export function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

export function texts(value: unknown): readonly string[] {
  return list(value).filter((one) => typeof one === 'string');
}

/** Labels whose values are not longer than `maxBytes`. */
export function labels(value: unknown, maxBytes: number): ReadonlyMap<string, string> {
  const map = new Map<string, string>();
  for (const [key, label] of Object.entries(object(value))) {
    if (typeof label === 'string' && Buffer.byteLength(label) <= maxBytes) map.set(key, label);
  }
  return map;
}

/** `Mounts` as Docker and Podman give them. */
export function mounts(value: unknown): readonly ContainerMount[] {
  return list(value).map((one) => {
    const mount = object(one);
    return {
      source: text(mount.Source), dest: text(mount.Destination), mode: text(mount.Mode),
      rdwr: mount.RW === true, propagation: text(mount.Propagation),
    };
  });
}

/** The address on the default network, otherwise on the first that has one: newer Docker gives only those by network. */
export function address(networkSettings: Json): string {
  const own = text(networkSettings.IPAddress);
  if (own !== '') return own;
  for (const network of Object.values(object(networkSettings.Networks))) {
    const ip = text(object(network).IPAddress);
    if (ip !== '') return ip;
  }
  return '';
}

/** RFC 3339 as nanoseconds since the epoch, to the second as Falco has it; 0n: no date. */
export function seconds(value: unknown): bigint {
  const ms = Date.parse(text(value));
  return Number.isNaN(ms) || ms < 0 ? 0n : BigInt(Math.floor(ms / 1000)) * 1_000_000_000n;
}

const SHORT_ID = 12;
/** What stands among the labels in an event's attributes and is none. */
const NO_LABELS: ReadonlySet<string> = new Set(['image', 'name', 'podId', 'containerExitCode']);

/** From an event of Docker or Podman. Null: it names no container. */
export function containerOfEvent(event: unknown, type: ContainerType, labelMaxLen: number): ContainerInfo | null {
  const actor = object(object(event).Actor);
  const id = text(actor.ID);
  if (id === '') return null;
  const attributes = object(actor.Attributes);
  const image = text(attributes.image);
  const { repository, tag } = splitImageName(image);
  return {
    ...bareContainer(id.slice(0, SHORT_ID), type),
    fullId: id,
    name: text(attributes.name),
    image,
    imageRepository: repository,
    imageTag: tag,
    labels: new Map([...labels(attributes, labelMaxLen)].filter(([key]) => !NO_LABELS.has(key))),
  };
}
