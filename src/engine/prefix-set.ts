// SPDX-License-Identifier: Apache-2.0
// HOT PATH
/** Does a text start with one of many prefixes? One walk along the text instead of a comparison with each. */
interface Node {
  end: boolean;
  readonly next: Map<number, Node>;
}

export class PrefixSet {
  private readonly root: Node = { end: false, next: new Map() };

  constructor(prefixes: readonly string[]) {
    for (const prefix of prefixes) {
      let node = this.root;
      for (let i = 0; i < prefix.length; i++) {
        const unit = prefix.charCodeAt(i);
        let next = node.next.get(unit);
        if (next === undefined) {
          next = { end: false, next: new Map() };
          node.next.set(unit, next);
        }
        node = next;
      }
      node.end = true;
    }
  }

  test(text: string): boolean {
    let node = this.root;
    for (let i = 0; ; i++) {
      if (node.end) return true;
      if (i >= text.length) return false;
      const next = node.next.get(text.charCodeAt(i));
      if (next === undefined) return false;
      node = next;
    }
  }
}
