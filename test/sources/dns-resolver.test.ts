// SPDX-License-Identifier: Apache-2.0
import { afterEach, describe, expect, it, vi } from 'vitest';
import { hostNamesIn } from '../../src/fields/host-names.js';
import { parse } from '../../src/lang/parse.js';
import { DnsResolver } from '../../src/sources/dns-resolver.js';
import { DnsNames } from '../../src/state/dns-names.js';

const settle = () => vi.advanceTimersByTimeAsync(0);

afterEach(() => vi.useRealTimers());

function resolver(answers: Record<string, readonly string[]>) {
  vi.useFakeTimers();
  const names = new DnsNames();
  const asked: string[] = [];
  const dns = new DnsResolver(names, async (name) => {
    asked.push(name);
    const answer = answers[name];
    if (answer === undefined) throw new Error('ENOTFOUND');
    return answer;
  });
  return { names, asked, dns, answers };
}

describe('host names that rules name', () => {
  it('are known by address once they have resolved', async () => {
    const { names, dns } = resolver({ 'pool.example': ['192.0.2.1', '2001:db8::1'], 'other.example': ['192.0.2.1'] });
    dns.follow(new Set(['pool.example', 'other.example', 'gone.example']));
    expect(names.namesOf('192.0.2.1')).toEqual([]);
    await dns.start();
    await settle();
    expect([...names.namesOf('192.0.2.1')].sort()).toEqual(['other.example', 'pool.example']);
    expect(names.namesOf('2001:db8::1')).toEqual(['pool.example']);
    await dns.stop();
  });
  it('are asked for again, seldom while nothing changes and often after a change', async () => {
    const { names, asked, dns, answers } = resolver({ 'a.example': ['192.0.2.1'] });
    dns.follow(new Set(['a.example']));
    await dns.start();
    await settle();
    const askedAfter = async (seconds: number) => {
      await vi.advanceTimersByTimeAsync(seconds * 1000);
      return asked.length;
    };
    expect(await askedAfter(11)).toBe(2);
    expect(await askedAfter(10)).toBe(2);
    expect(await askedAfter(11)).toBe(3);
    answers['a.example'] = ['192.0.2.2'];
    await askedAfter(41);
    expect(names.namesOf('192.0.2.1')).toEqual([]);
    expect(names.namesOf('192.0.2.2')).toEqual(['a.example']);
    const before = asked.length;
    expect(await askedAfter(11)).toBe(before + 1);
    await askedAfter(3600);
    const perHour = asked.length - before;
    expect(perHour).toBeLessThan(25);
    await dns.stop();
    const stopped = asked.length;
    expect(await askedAfter(3600)).toBe(stopped);
  });
  it('are forgotten when a reload names them no more', async () => {
    const { names, asked, dns } = resolver({ 'a.example': ['192.0.2.1'], 'b.example': ['192.0.2.2'] });
    dns.follow(new Set(['a.example']));
    await dns.start();
    await settle();
    dns.follow(new Set(['b.example']));
    await settle();
    expect([names.namesOf('192.0.2.1'), names.namesOf('192.0.2.2')]).toEqual([[], ['b.example']]);
    expect(asked).toEqual(['a.example', 'b.example']);
    await dns.stop();
  });
  it('that are addresses stand for themselves, and nobody is asked', async () => {
    const { names, asked, dns } = resolver({});
    dns.follow(new Set(['192.0.2.9']));
    await dns.start();
    await settle();
    expect([names.namesOf('192.0.2.9'), asked]).toEqual([['192.0.2.9'], []]);
    await dns.stop();
  });
  it('are asked for two at a time', async () => {
    vi.useFakeTimers();
    let underWay = 0;
    let most = 0;
    const dns = new DnsResolver(new DnsNames(), async () => {
      most = Math.max(most, ++underWay);
      await new Promise((resolve) => setTimeout(resolve, 5));
      underWay--;
      return [];
    });
    dns.follow(new Set(Array.from({ length: 20 }, (_, i) => `n${i}.example`)));
    await dns.start();
    await vi.advanceTimersByTimeAsync(200);
    expect(most).toBe(2);
    await dns.stop();
  });
});

describe('the names in conditions', () => {
  it('are found wherever they stand', () => {
    const { ast } = parse('evt.type=connect and (fd.sip.name in (a.example, "b.example") or not fd.rip.name = c.example) and fd.name=d.example and fd.sip.name exists');
    expect([...hostNamesIn([ast!])]).toEqual(['a.example', 'b.example', 'c.example']);
  });
});
