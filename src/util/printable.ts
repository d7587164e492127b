// SPDX-License-Identifier: Apache-2.0
/** Characters that a terminal or a viewer obeys instead of showing them. */

/** DEL and the C1 controls (U+009B begins an escape sequence), line separators, and what turns the direction of text. */
const INVISIBLE = /[\u007f-\u009f\u2028-\u202e\u2066-\u2069]/;
const ALL_INVISIBLE = new RegExp(INVISIBLE, 'g');
/** Those of ASCII but tab and newline. */
const CONTROL = /[\u0000-\u0008\u000b-\u001f]/g;

const escaped = (character: string): string => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;

/** Writes them as `\u009b`, which means the same within a JSON string. */
export function escapeInvisible(text: string): string {
  return INVISIBLE.test(text) ? text.replace(ALL_INVISIBLE, escaped) : text;
}

/** For the log: control characters too, and what follows a newline is indented, so that nothing it quotes can forge a line. */
export function logText(text: string): string {
  return escapeInvisible(text.replace(CONTROL, escaped).replace(/\n(?=\S)/g, '\n  '));
}

/** A value or a name within a line. */
export function oneLine(text: string): string {
  return escapeInvisible(text.replace(CONTROL, escaped).replaceAll('\t', '\\t').replaceAll('\n', '\\n'));
}
