// SPDX-License-Identifier: Apache-2.0
import { encodeText } from '../util/byte-text.js';
import type { CallArgument, Expr, LiteralList, Literal, Operand } from './ast.js';

export interface PrintOptions {
  /** Print a resolved macro as its name instead of what it stands for. */
  readonly keepMacros?: boolean;
  /** Quote exactly where the ecosystem's `--describe` output does, which is not always enough to parse it again. */
  readonly loose?: boolean;
}

/** The text of a condition or operand, such that parse → print → parse gives the same tree. */
export function print(node: Expr | Operand, options: PrintOptions = {}): string {
  switch (node.kind) {
    case 'and':
    case 'or':
      return `(${node.children.map((child) => print(child, options)).join(` ${node.kind} `)})`;
    case 'not': {
      const child = print(node.child, options);
      // Two that follow each other would be read as none.
      return options.loose !== true && child.startsWith('not ') ? `not (${child})` : `not ${child}`;
    }
    case 'macro':
      return node.body === null || options.keepMacros === true ? node.name : print(node.body, options);
    case 'exists':
      return `${printOperand(node.left, options)} exists`;
    case 'compare': {
      const operator = node.modifier === null ? node.operator : `${node.operator} ${node.modifier}`;
      return `${printOperand(node.left, options)} ${operator} ${printRight(node.right, options)}`;
    }
    case 'field':
    case 'call':
      return printOperand(node, options);
    default:
      return node satisfies never;
  }
}

function printRight(right: Literal | LiteralList | Operand, options: PrintOptions): string {
  if (right.kind === 'literal') return printLiteral(right, options);
  if (right.kind === 'literals') return `(${right.values.map((value) => printLiteral(value, options)).join(', ')})`;
  return printOperand(right, options);
}

function printOperand(node: Operand, options: PrintOptions): string {
  const argument = node.argument === null ? '' : printArgument(node.argument, options);
  if (node.kind === 'field') return node.name + argument;
  return `${node.name}(${node.arguments.map((item) => printCallArgument(item, options)).join(',')})${argument}`;
}

function printCallArgument(node: CallArgument, options: PrintOptions): string {
  if (node.kind === 'list') return `(${node.items.map((item) => printCallArgument(item, options)).join(',')})`;
  if (node.kind !== 'literal') return printOperand(node, options);
  return options.loose === true || !node.quoted ? printLiteral(node, options) : quote(node.text);
}

const BARE_VALUE = /^[^() \t\n\v\f\r\b"'=,]+$/;
const BARE_ARGUMENT = /^[^\][ \t\n\v\f\r"']+$/;

function printLiteral(node: Literal, options: PrintOptions): string {
  if (options.loose === true) return looseQuote(node.text);
  // Quotes that were written are kept even where they seem needless: a bare word may be the name of a list.
  return node.quoted || !BARE_VALUE.test(node.text) ? quote(node.text) : node.text;
}

function printArgument(text: string, options: PrintOptions): string {
  if (options.loose === true) return text === '' ? '[""]' : `[${looseQuote(text)}]`;
  return `[${BARE_ARGUMENT.test(text) ? text : quote(text)}]`;
}

const ESCAPES: Readonly<Record<string, string>> = { '\b': '\\b', '\f': '\\f', '\n': '\\n', '\r': '\\r', '\t': '\\t', '\0': '\\x00' };

/** Text within quotes, such that it is read again as it is. */
export function quote(text: string): string {
  if (!text.isWellFormed()) {
    let out = '';
    for (const byte of encodeText(text)) {
      out += byte >= 0x20 && byte < 0x7f && byte !== 0x22 && byte !== 0x5c ? String.fromCharCode(byte) : `\\x${byte.toString(16).padStart(2, '0')}`;
    }
    return `"${out}"`;
  }
  // A backslash as \x5c: spelt \\ it would keep a quote after it from closing the string.
  const inner = text.replace(/["\b\f\n\r\t\0]|\\/g, (c) => (c === '"' ? '\\"' : c === '\\' ? '\\x5c' : (ESCAPES[c] as string)));
  return `"${inner}"`;
}

function looseQuote(text: string): string {
  if (!/[\b\f\n\r\t =\\"'\0]/.test(text)) return text;
  return `"${text.replace(/[\b\f\n\r\t\\"]/g, (c) => (c === '"' || c === '\\' ? `\\${c}` : (ESCAPES[c] as string)))}"`;
}
