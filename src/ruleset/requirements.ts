// SPDX-License-Identifier: Apache-2.0
/** `required_engine_version` and `required_plugin_versions`. */
import { Decoder } from './decode.js';
import type { PluginRequirement } from './items.js';
import { type Path, type Problems, step } from './problems.js';
import { get, type RawMap, type RawNode } from './read.js';
import { BUILT_IN_PLUGINS, ENGINE_VERSION, formatVersion, isCompatible, parseVersion, type Version } from './versions.js';

/** Null: it is no version or a newer one than ours, and that has been reported. */
export function readEngineVersion(item: RawMap, parent: Path, problems: Problems): Version | null {
  const decoder = new Decoder(problems, item, step(parent, 'required_engine_version', item.span));
  const text = decoder.text('required_engine_version', 'required');
  if (text === undefined || text === null) return null;
  // A plain number is the minor version of the time before semantic versions.
  const version = /^\d+$/.test(text) ? { major: ENGINE_VERSION.major, minor: Number(text), patch: 0 } : parseVersion(text);
  const span = decoder.valuePath('required_engine_version').at(-1)?.span;
  if (version === null) {
    problems.error('LOAD_ERR_YAML_VALIDATE', decoder.path, `'${text}' is no engine version`, 'write three numbers, as in 0.57.0', span);
    return null;
  }
  if (!isCompatible(ENGINE_VERSION, version)) {
    problems.error('LOAD_ERR_VALIDATE', decoder.path, `the rules need engine version ${formatVersion(version)}, and this one is ${formatVersion(ENGINE_VERSION)}`, 'use a newer release of this program, or an older one of the rules', span);
    return null;
  }
  return version;
}

/** The requirements, each with its alternatives; wrong ones are reported and left out. */
export function readPluginVersions(item: RawMap, parent: Path, problems: Problems): readonly (readonly PluginRequirement[])[] {
  const node = get(item, 'required_plugin_versions');
  if (node === undefined) return [];
  const path = step(parent, 'required plugin versions', node.span);
  if (node.kind !== 'sequence') {
    problems.error('LOAD_ERR_YAML_VALIDATE', path, `'required_plugin_versions' is not a sequence`, 'write each plugin as an item: `- name: ...` with `version: ...`');
    return [];
  }
  const all: (readonly PluginRequirement[])[] = [];
  for (const entry of node.items) {
    const first = readRequirement(entry, step(path, 'required plugin versions entry', entry.span), problems);
    if (first === null || entry.kind !== 'map') continue;
    const entryPath = step(path, 'required plugin versions entry', entry.span, first.name);
    const requirements = [first];
    const alternatives = get(entry, 'alternatives');
    if (alternatives !== undefined && alternatives.kind !== 'sequence') {
      problems.error('LOAD_ERR_YAML_VALIDATE', entryPath, `'alternatives' is not a sequence`, 'write each alternative as an item: `- name: ...` with `version: ...`', alternatives.span);
      continue;
    }
    for (const alternative of alternatives?.items ?? []) {
      const requirement = readRequirement(alternative, step(entryPath, 'required plugin versions alternative', alternative.span), problems);
      if (requirement !== null) requirements.push(requirement);
    }
    if (checkRequirement(requirements, entryPath, problems)) all.push(requirements);
  }
  return all;
}

function readRequirement(node: RawNode, path: Path, problems: Problems): PluginRequirement | null {
  if (node.kind !== 'map') {
    problems.error('LOAD_ERR_YAML_VALIDATE', path, 'a required plugin is not a mapping', 'write `name: ...` and `version: ...`');
    return null;
  }
  const decoder = new Decoder(problems, node, path);
  const name = decoder.text('name', 'required');
  const version = decoder.text('version', 'required');
  return name === undefined || name === null || version === undefined || version === null ? null : { name, version };
}

function checkRequirement(requirements: readonly PluginRequirement[], path: Path, problems: Problems): boolean {
  const names = new Set<string>();
  for (const { name, version } of requirements) {
    if (parseVersion(version) === null) {
      problems.error('LOAD_ERR_VALIDATE', path, `'${version}' is no version of the plugin '${name}'`, 'write three numbers, as in 0.4.0');
      return false;
    }
    if (names.has(name)) {
      problems.error('LOAD_ERR_VALIDATE', path, `the plugin '${name}' stands twice among the alternatives`, 'remove one of them');
      return false;
    }
    names.add(name);
  }
  // The first one that is ours decides, as the first loaded plugin would.
  const ours = requirements.find(({ name }) => BUILT_IN_PLUGINS.has(name));
  const have = ours === undefined ? undefined : BUILT_IN_PLUGINS.get(ours.name);
  if (ours === undefined || have === undefined) {
    const wanted = requirements.map(({ name, version }) => `${name} ${version}`).join(' or ');
    problems.error('LOAD_ERR_VALIDATE', path, `the rules need the plugin ${wanted}, which is not built in`, `built in are: ${[...BUILT_IN_PLUGINS.keys()].join(', ')}`);
    return false;
  }
  const wanted = parseVersion(ours.version);
  if (wanted !== null && isCompatible(have, wanted)) return true;
  problems.error('LOAD_ERR_VALIDATE', path, `the rules need ${ours.name} ${ours.version}, and what is built in corresponds to ${formatVersion(have)}`, 'use a newer release of this program, or an older one of the rules');
  return false;
}
