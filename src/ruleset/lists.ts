// SPDX-License-Identifier: Apache-2.0
/**
 * Lists are put into conditions as text, before parsing, as the ecosystem does it: what a list may hold and where its name
 * may stand follows from that. Names inside quoted strings are left alone.
 */
import { quoteItem } from './exceptions.js';
import type { Collection, ListItem } from './items.js';
import { MappedText } from './mapped-text.js';
import type { Problems } from './problems.js';

export interface CompiledList {
  readonly name: string;
  /** With names of earlier lists replaced by the items of those. */
  readonly items: readonly ListItem[];
}

/** A condition longer than this, with its lists in place, is refused: lists of lists can grow without bound. */
export const MAX_CONDITION_LENGTH = 2_000_000;

const DELIMITER = /[ \t\n\r(),=]/;
const BLANK = /[ \t\n\r]/;

/** One level of lists within lists, for those that are defined before the list that names them. */
export function compileLists(collection: Collection, used: Set<string>, problems: Problems): readonly CompiledList[] {
  const compiled: CompiledList[] = [];
  for (const list of collection.lists.values()) {
    const items: ListItem[] = [];
    for (const item of list.items) {
      const other = collection.lists.get(item.text);
      if (other === undefined || other.index >= list.visibility) {
        items.push(item);
        continue;
      }
      used.add(other.name);
      for (const inner of other.items) {
        items.push(inner);
        const third = collection.lists.get(inner.text);
        if (third !== undefined && third.index < list.index && third.name !== other.name) {
          problems.warn('LOAD_LITERAL_LIST_NAME', list.path, `'${inner.text}' reaches the list '${list.name}' by way of '${other.name}' and is taken as a plain value, not as the list of that name`, `lists are put into lists one level deep: add '${inner.text}' to '${list.name}' itself`, inner.mapped.spanOf(0, inner.text.length));
        }
      }
    }
    compiled.push({ name: list.name, items });
  }
  return compiled;
}

/** The condition with the names of lists replaced, each list once and in the order of definition. Null: it grew too long. */
export function substituteLists(condition: MappedText, lists: readonly CompiledList[], used: Set<string>): MappedText | null {
  let current = condition;
  for (const list of lists) {
    if (!current.text.includes(list.name)) continue;
    const next = substitute(current, list, used);
    if (next === null) return null;
    current = next;
  }
  return current;
}

function substitute(condition: MappedText, list: CompiledList, used: Set<string>): MappedText | null {
  const { text } = condition;
  const quoted = quotedRanges(text);
  const parts: MappedText[] = [];
  const body = bodyOf(list);
  let length = text.length;
  let done = 0;
  for (let at = text.indexOf(list.name); at !== -1; at = text.indexOf(list.name, at + 1)) {
    let end = at + list.name.length;
    const alone = (at === 0 || DELIMITER.test(text[at - 1])) && (end >= text.length || DELIMITER.test(text[end]));
    if (!alone || quoted(at)) continue;
    let start = at;
    while (start > done && BLANK.test(text[start - 1])) start--;
    while (end < text.length && BLANK.test(text[end])) end++;
    if (list.items.length === 0) {
      // Nothing takes the name's place, so one of the commas around it goes too.
      if (start > done && text[start - 1] === ',') start--;
      else if (text[end] === ',') end++;
    }
    used.add(list.name);
    length += body.text.length;
    if (length > MAX_CONDITION_LENGTH) return null;
    const blank = MappedText.at(condition.spanOf(at, at + list.name.length), ' ');
    parts.push(condition.slice(done, start), blank, body, blank);
    done = end;
    at = end - 1;
  }
  return done === 0 ? condition : MappedText.concat([...parts, condition.slice(done, text.length)]);
}

/** The items with commas between them. */
function bodyOf(list: CompiledList): MappedText {
  const parts: MappedText[] = [];
  for (const item of list.items) {
    if (parts.length > 0) parts.push(MappedText.at(item.mapped.spanOf(0, 1), ', '));
    parts.push(quoteItem(item.text, item.mapped));
  }
  return MappedText.concat(parts);
}

/** Whether an offset lies in a quoted string. */
function quotedRanges(text: string): (offset: number) => boolean {
  const ranges: number[] = [];
  let open = '';
  for (let i = 0; i < text.length; i++) {
    const c = text[i];
    if (open === '') {
      // A quote opens a string where a value may begin; elsewhere it is part of a malformed word.
      if ((c === '"' || c === "'") && (i === 0 || DELIMITER.test(text[i - 1]) || text[i - 1] === '[')) {
        open = c;
        ranges.push(i);
      }
    } else if (c === '\\') {
      i++;
    } else if (c === open) {
      open = '';
      ranges.push(i);
    }
  }
  return (offset) => {
    let inside = false;
    for (const edge of ranges) {
      if (edge > offset) break;
      inside = !inside;
    }
    return inside;
  };
}
