// SPDX-License-Identifier: Apache-2.0
/** Puts macros and lists in place of their names. */
import type { Expr, LangError, Literal, LiteralList, MacroRef, Operand } from './ast.js';
import { unquote } from './lex.js';
import { closest } from './suggest.js';

export interface ResolveScope {
  /** Macros that may be referred to, unresolved or resolved. */
  readonly macros: ReadonlyMap<string, Expr>;
  /** Lists in definition order; items are as written and may be names of lists that come later in this order. */
  readonly lists: ReadonlyMap<string, readonly string[]>;
}

export interface Resolved {
  /** With every known macro's body in place and list names replaced by their items. */
  readonly ast: Expr;
  readonly errors: readonly LangError[];
  readonly usedMacros: ReadonlySet<string>;
  readonly usedLists: ReadonlySet<string>;
}

/**
 * Macros within macros and lists within lists can describe trees of any size in a few lines. Beyond these bounds the
 * condition is refused: whatever walks it afterwards may recurse and need not count.
 */
const MAX_NODES = 200_000;
const MAX_DEPTH = 1_000;

export function resolve(ast: Expr, scope: ResolveScope): Resolved {
  const resolver = new Resolver(scope);
  const resolved = resolver.expr(ast, []);
  return { ast: resolved.node, errors: resolver.errors, usedMacros: resolver.usedMacros, usedLists: resolver.usedLists };
}

interface Sized<T> {
  readonly node: T;
  /** Nodes and levels of the tree with shared parts counted as often as they occur. */
  readonly nodes: number;
  readonly depth: number;
}

class Resolver {
  readonly errors: LangError[] = [];
  readonly usedMacros = new Set<string>();
  readonly usedLists = new Set<string>();
  /** By the macro's own tree. Errors within it are reported at the first reference only. */
  private readonly done = new Map<Expr, Sized<Expr>>();
  private readonly listOrder: ReadonlyMap<string, number>;
  private tooLarge = false;
  /** How deep the walk is; the depth of what it makes is only known when it comes back. */
  private level = 0;

  constructor(private readonly scope: ResolveScope) {
    this.listOrder = new Map([...scope.lists.keys()].map((name, i) => [name, i]));
  }

  expr(node: Expr, path: readonly string[]): Sized<Expr> {
    if (this.level >= MAX_DEPTH) {
      this.refuse(node, path);
      return nothing(node);
    }
    this.level++;
    const resolved = this.build(node, path);
    this.level--;
    return resolved;
  }

  private build(node: Expr, path: readonly string[]): Sized<Expr> {
    switch (node.kind) {
      case 'and':
      case 'or': {
        const children = node.children.map((child) => this.expr(child, path));
        return this.sized({ ...node, children: children.map((child) => child.node) }, children, node, path);
      }
      case 'not': {
        const child = this.expr(node.child, path);
        return this.sized({ ...node, child: child.node }, [child], node, path);
      }
      case 'macro':
        return this.macro(node, path);
      case 'exists':
        return { node, nodes: 1, depth: 1 };
      case 'compare': {
        const right = this.right(node.right, node.operator === 'in' || node.operator === 'intersects' || node.operator === 'pmatch' || node.modifier !== null, path);
        const nodes = right.kind === 'literals' ? 1 + right.values.length : 2;
        return this.sized(right === node.right ? node : { ...node, right }, [{ node, nodes, depth: 1 }], node, path);
      }
      default:
        return node satisfies never;
    }
  }

  private macro(node: MacroRef, path: readonly string[]): Sized<Expr> {
    // A body that is there already was resolved in another scope, which has the last word.
    const body = node.body ?? this.scope.macros.get(node.name);
    const unresolved: Sized<Expr> = { node: { ...node, body: null }, nodes: 1, depth: 1 };
    if (body === undefined) {
      this.unknownMacro(node, path);
      return unresolved;
    }
    if (node.body === null && path.includes(node.name)) {
      const way = path.length > 1 ? `: ${[...path.slice(path.indexOf(node.name)), node.name].join(' → ')}` : '';
      this.report('COND_MACRO_LOOP', `macro '${node.name}' refers to itself${way}`, node, path);
      return unresolved;
    }
    this.usedMacros.add(node.name);
    let resolved = this.done.get(body);
    if (resolved === undefined) {
      resolved = this.expr(body, [...path, node.name]);
      this.done.set(body, resolved);
    }
    return this.sized({ ...node, body: resolved.node }, [resolved], node, path);
  }

  private unknownMacro(node: MacroRef, path: readonly string[]): void {
    const near = closest(node.name, this.scope.macros.keys());
    const hint = this.scope.lists.has(node.name)
      ? `'${node.name}' is a list: compare a field with it, as in proc.name in (${node.name})`
      : near === null ? 'define it, or load the file that does, before this one' : `did you mean '${near}'?`;
    this.report('COND_UNKNOWN_MACRO', `there is no macro '${node.name}'`, node, path, hint);
  }

  private right(
    right: Literal | LiteralList | Operand, listFits: boolean, path: readonly string[],
  ): Literal | LiteralList | Operand {
    if (right.kind === 'literal') {
      if (!this.isList(right)) return right;
      const items = this.expand(right, 0, path);
      const only = items[0];
      if (items.length === 1 && only !== undefined) return only;
      // The ecosystem puts a list's items into the text, where several of them do not parse without parentheses.
      this.report('COND_LIST_AS_VALUE', `'${right.text}' is a list of ${items.length} items, and one value is needed here`, right, path,
        listFits ? `write (${right.text})` : `use 'in (${right.text})'`);
      return right;
    }
    if (right.kind !== 'literals' || !right.values.some((value) => this.isList(value))) return right;
    const values = right.values.flatMap((value) => this.expand(value, 0, path));
    return { ...right, values };
  }

  private isList(value: Literal): boolean {
    return !value.quoted && this.listOrder.has(value.text);
  }

  /**
   * The items that a value stands for. A list's items may be names of lists that are defined after it, and of no others:
   * definitions are applied in order, each to what the earlier ones have left.
   */
  private expand(value: Literal, from: number, path: readonly string[]): Literal[] {
    const order = value.quoted ? undefined : this.listOrder.get(value.text);
    if (order === undefined || order < from) return [value];
    this.usedLists.add(value.text);
    const out: Literal[] = [];
    for (const text of this.scope.lists.get(value.text) as readonly string[]) {
      for (const item of this.expand(itemLiteral(text, value), order + 1, path)) {
        if (out.length >= MAX_NODES) {
          this.refuse(value, path);
          return out;
        }
        out.push(item);
      }
      if (this.tooLarge) return out;
    }
    return out;
  }

  private sized(node: Expr, children: readonly Sized<Expr>[], at: Expr, path: readonly string[]): Sized<Expr> {
    let nodes = 1;
    let depth = 0;
    for (const child of children) {
      nodes += child.nodes;
      depth = Math.max(depth, child.depth);
    }
    if (nodes > MAX_NODES || depth >= MAX_DEPTH) {
      this.refuse(at, path);
      return nothing(at);
    }
    return { node, nodes, depth: depth + 1 };
  }

  private refuse(at: { readonly start: number; readonly end: number }, path: readonly string[]): void {
    if (this.tooLarge) return;
    this.tooLarge = true;
    this.report('COND_TOO_LARGE', `with its macros and lists in place this is more than ${MAX_NODES} checks or ${MAX_DEPTH} levels`, at, path);
  }

  private report(
    code: LangError['code'], message: string, at: { readonly start: number; readonly end: number }, macros: readonly string[], hint?: string,
  ): void {
    const error: LangError = { severity: 'error', code, message, start: at.start, end: at.end, macros };
    this.errors.push(hint === undefined ? error : { ...error, hint });
  }
}

/** An item as it would be read where the list's name stands: in quotes it is a text, whatever it says. */
function itemLiteral(text: string, at: Literal): Literal {
  const plain: Literal = { kind: 'literal', text, quoted: false, start: at.start, end: at.end };
  if (!/^(["'])[\s\S]*\1$/.test(text) || text.length < 2) return plain;
  const unquoted = unquote(text, 0, text.length);
  return typeof unquoted === 'string' ? { ...plain, text: unquoted, quoted: true } : plain;
}

/** In place of what was refused; there is an error, so that nobody looks at it. */
function nothing(at: { readonly start: number; readonly end: number }): Sized<Expr> {
  return { node: { kind: 'macro', name: '', body: null, start: at.start, end: at.end }, nodes: 1, depth: 1 };
}
