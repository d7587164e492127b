// SPDX-License-Identifier: Apache-2.0
/**
 * Debian's packages and sources, fetched and unpacked without being installed. apt does the work, with lists of its own: this
 * machine's lists, sources and packages stay as they are. Proxies and mirrors are those that this machine's apt uses.
 */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, renameSync, rmSync, statSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { run, SetupError } from './process.mjs';

/** Where what was fetched is kept from run to run. */
export const CACHE = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'falco-ts');
const KEYRING = '/usr/share/keyrings/debian-archive-keyring.gpg';
const LISTS_MAX_AGE_MS = 24 * 3600 * 1000;

/** This machine's mirror of `archive` (debian, debian-security), else Debian's own. */
function mirror(archive) {
  const dir = '/etc/apt/sources.list.d';
  const files = ['/etc/apt/sources.list', ...(existsSync(dir) ? readdirSync(dir).map((name) => join(dir, name)) : [])];
  const text = files.filter((file) => /\.(list|sources)$/.test(file) && existsSync(file)).map((file) => readFileSync(file, 'utf8')).join('\n');
  const urls = [...text.matchAll(/^(?:URIs:|deb(?:\s+\[[^\]]*\])?)\s+(\S+)/gm)].map((m) => m[1]);
  return urls.find((url) => new RegExp(`/${archive}/?$`).test(url)) ?? `http://deb.debian.org/${archive}`;
}

/** One release of Debian for one architecture (Debian's name: amd64, arm64). */
export class DebianArchive {
  constructor({ suite, architecture, sources = false, log, onLine = () => {} }) {
    this.suite = suite;
    this.architecture = architecture;
    this.sources = sources;
    this.log = log;
    this.onLine = onLine;
    this.dir = join(CACHE, 'apt', `${suite}-${architecture}`);
  }

  async apt(command, args, cwd = this.dir) {
    const options = {
      'Dir::Etc::sourcelist': join(this.dir, 'sources.list'),
      'Dir::Etc::sourceparts': '/dev/null',
      'Dir::Etc::preferences': '/dev/null',
      'Dir::Etc::preferencesparts': '/dev/null',
      'Dir::State::lists': join(this.dir, 'lists'),
      'Dir::State::status': '/dev/null',
      'Dir::Cache': join(this.dir, 'cache'),
      'APT::Architecture': this.architecture,
      'APT::Architectures': this.architecture,
      // The folders are this user's, where apt's own user may not write.
      'APT::Sandbox::User': '',
      'Acquire::Languages': 'none',
      'Acquire::Retries': '2',
    };
    const flags = Object.entries(options).flatMap(([key, value]) => ['-o', `${key}=${value}`]);
    const { code, lines } = await run(command, ['-q', ...flags, ...args], { log: this.log, cwd, onLine: this.onLine, tail: 1000 });
    if (code === 0) return lines;
    throw new SetupError(`${command} ${args.join(' ')} failed (Debian ${this.suite}):\n${lines.slice(-5).map((line) => `    ${line}`).join('\n')}`, {
      hint: 'Debian\'s archive must be reachable over HTTP, directly or by the proxy that apt is set up with.',
      log: this.log,
    });
  }

  /** Fetches the lists of packages, once a day. */
  async update() {
    const done = join(this.dir, 'updated');
    if (existsSync(done) && Date.now() - statSync(done).mtimeMs < LISTS_MAX_AGE_MS) return;
    if (!existsSync(KEYRING)) throw new SetupError(`${KEYRING} is missing`, { hint: 'apt-get install debian-archive-keyring' });
    mkdirSync(join(this.dir, 'lists/partial'), { recursive: true });
    mkdirSync(join(this.dir, 'cache/archives/partial'), { recursive: true });
    const archive = this.suite.endsWith('-security') ? 'debian-security' : 'debian';
    const kinds = this.sources ? ['deb', 'deb-src'] : ['deb'];
    const lines = kinds.map((kind) => `${kind} [signed-by=${KEYRING}] ${mirror(archive)} ${this.suite} main\n`);
    writeFileSync(join(this.dir, 'sources.list'), lines.join(''));
    await this.apt('apt-get', ['update', '--error-on=any']);
    writeFileSync(done, '');
  }

  /** What a package of ours depends on by name, the first alternative of each. */
  async depends(name) {
    const lines = await this.apt('apt-cache', ['show', '--no-all-versions', name]);
    const line = lines.find((text) => text.startsWith('Depends:')) ?? '';
    return line.slice('Depends:'.length).split(',').map((one) => one.trim().split(/[ |]/)[0]).filter(Boolean);
  }

  /** These packages and all that they need, as apt would install them on an empty system. */
  async closure(names) {
    const lines = await this.apt('apt-get', ['install', '--simulate', '--no-install-recommends', ...names]);
    return lines.filter((line) => line.startsWith('Inst ')).map((line) => line.split(' ')[1]);
  }

  /** Unpacks packages into a new folder at `to`, which appears when it is complete. */
  async unpack(names, to) {
    if (existsSync(to)) return to;
    await this.update();
    return made(to, async (dir) => {
      const debs = join(dir, '.debs');
      mkdirSync(debs);
      await this.apt('apt-get', ['download', ...names], debs);
      for (const deb of readdirSync(debs)) await command('dpkg-deb', ['-x', join(debs, deb), dir], this);
      rmSync(debs, { recursive: true });
      keepLinksInside(dir, dir);
    });
  }

  /** Unpacks a source package, with Debian's changes in `debian/`, into a new folder at `to`. */
  async unpackSource(name, to) {
    if (existsSync(to)) return to;
    await this.update();
    return made(to, async (dir) => {
      const parts = join(dir, '.parts');
      mkdirSync(parts);
      await this.apt('apt-get', ['source', '--download-only', name], parts);
      const files = readdirSync(parts);
      const original = files.find((file) => /\.orig\.tar\.\w+$/.test(file));
      const debian = files.find((file) => /\.debian\.tar\.\w+$/.test(file));
      if (original === undefined || debian === undefined) throw new SetupError(`${name} is no source package of the usual form: ${files.join(' ')}`);
      await command('tar', ['-xf', join(parts, original), '-C', dir, '--strip-components=1'], this);
      await command('tar', ['-xf', join(parts, debian), '-C', dir], this);
      rmSync(parts, { recursive: true });
    });
  }
}

/** `fill`s a folder beside `to` and renames it, so that an interrupted one counts as none, unless it is there. @returns `to` */
export async function made(to, fill) {
  if (existsSync(to)) return to;
  mkdirSync(dirname(to), { recursive: true });
  const dir = mkdtempSync(`${to}.`);
  try {
    await fill(dir);
    renameSync(dir, to);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
  return to;
}

async function command(name, args, { log }) {
  const { code, lines } = await run(name, args, { log });
  if (code !== 0) throw new SetupError(`${name} ${args.join(' ')} failed:\n${lines.map((line) => `    ${line}`).join('\n')}`, { log });
}

/** An absolute link would lead out of the unpacked tree, into this machine. */
function keepLinksInside(root, dir) {
  for (const entry of readdirSync(dir, { withFileTypes: true })) {
    const path = join(dir, entry.name);
    if (entry.isDirectory()) keepLinksInside(root, path);
    if (!entry.isSymbolicLink()) continue;
    const target = readlinkSync(path);
    if (!target.startsWith('/')) continue;
    unlinkSync(path);
    symlinkSync(relative(dirname(path), join(root, target)), path);
  }
}
