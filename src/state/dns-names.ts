// SPDX-License-Identifier: Apache-2.0
/**
 * Which of the host names that rules compare `fd.sip.name` and the like with stand for an address. The names come from the
 * rules; whoever resolves them, again and again, hands the addresses in. Nothing is looked up for an event.
 */
export class DnsNames {
  private readonly addressesByName = new Map<string, readonly string[]>();
  private readonly namesByAddress = new Map<string, string[]>();

  /** Replaces what is known of a name. `addresses` are canonical text; none: it does not resolve. */
  set(name: string, addresses: readonly string[]): void {
    for (const address of this.addressesByName.get(name) ?? []) {
      const rest = (this.namesByAddress.get(address) ?? []).filter((known) => known !== name);
      if (rest.length === 0) this.namesByAddress.delete(address);
      else this.namesByAddress.set(address, rest);
    }
    this.addressesByName.set(name, addresses);
    for (const address of addresses) {
      const names = this.namesByAddress.get(address);
      if (names === undefined) this.namesByAddress.set(address, [name]);
      else if (!names.includes(name)) names.push(name);
    }
  }

  namesOf(address: string): readonly string[] {
    return this.namesByAddress.get(address) ?? NONE;
  }
}

const NONE: readonly string[] = [];
