// SPDX-License-Identifier: Apache-2.0
/** Compilers and libraries that the native part is built with, through apt. */
import { existsSync, readFileSync } from 'node:fs';
import { run, SetupError, which } from './process.mjs';

/** Debian package → what it is there for, as a command, a header or a file. What both builds take: */
const COMMON = [
  { package: 'make', command: 'make' },
  { package: 'python3', command: 'python3' },
  { package: 'clang', command: 'clang' },
  { package: 'llvm', command: 'llvm-strip' },
  { package: 'libbpf-dev', header: 'bpf/libbpf.h' },
];

/** For this machine. */
const NEEDS = [
  { package: 'g++', command: 'g++' },
  ...COMMON,
  { package: 'libelf-dev', header: 'libelf.h' },
  { package: 'zlib1g-dev', header: 'zlib.h' },
];

/** For `npm pack`: a linker for other architectures, and what unpacks Debian's packages and sources. */
const PACK_NEEDS = [
  ...COMMON,
  { package: 'lld', command: 'ld.lld' },
  { package: 'bzip2', command: 'bzip2' },
  { package: 'xz-utils', command: 'xz' },
  { package: 'debian-archive-keyring', file: '/usr/share/keyrings/debian-archive-keyring.gpg' },
];

const APT = ['-y', '-q', '-o', 'DPkg::Lock::Timeout=120', '-o', 'Acquire::Retries=2'];

function present({ command, header, file }) {
  if (command) return which(command) !== null;
  if (file) return existsSync(file);
  return ['/usr/include', '/usr/local/include'].some((dir) => existsSync(`${dir}/${header}`));
}

const absent = (needs) => needs.filter((need) => !present(need)).map((need) => need.package);

export const missingPackages = () => absent(NEEDS);
export const missingPackTools = () => absent(PACK_NEEDS);

function osName() {
  try {
    const text = readFileSync('/etc/os-release', 'utf8');
    return /^PRETTY_NAME="?([^"\n]*)/m.exec(text)?.[1] ?? 'this system';
  } catch {
    return 'this system';
  }
}

/** `missing` tells afterwards which are still not there. */
export async function installPackages(packages, { log, onLine }, missing = missingPackages) {
  const list = packages.join(' ');
  if (which('apt-get') === null) {
    throw new SetupError(`${osName()} has no apt, and these are missing: ${list}`, {
      hint: `Install what your distribution calls them (Debian's names: ${list}), then run this again.`,
    });
  }
  const byHand = `sudo apt-get update && sudo apt-get install ${list}`;
  let prefix = [];
  if (process.getuid() !== 0) {
    if (which('sudo') === null) {
      throw new SetupError(`these system packages are missing and only root can install them: ${list}`, {
        hint: `Run as root:  apt-get update && apt-get install ${list}\nThen run this again.`,
      });
    }
    // Without a terminal sudo could only wait for a password that nobody types.
    prefix = process.stdin.isTTY ? ['sudo'] : ['sudo', '-n'];
  }
  const apt = async (...args) => {
    const [command, ...rest] = [...prefix, 'env', 'DEBIAN_FRONTEND=noninteractive', 'apt-get', ...APT, ...args];
    return run(command, rest, { log, onLine, stdin: process.stdin.isTTY ? 'inherit' : 'ignore' });
  };

  const update = await apt('update');
  const install = await apt('install', '--no-install-recommends', ...packages);
  const still = missing();
  if (install.code === 0 && still.length === 0) return;

  const text = [...update.lines, ...install.lines].join('\n');
  let hint = `By hand:  ${byHand}`;
  if (/sudo:/.test(text)) hint = `Run this again with sudo, or first:  ${byHand}`;
  else if (/Could not resolve|Failed to fetch|Temporary failure|Unable to connect|Network is unreachable/i.test(text))
    hint = `apt cannot reach its servers: check the network, a proxy, or /etc/apt/sources.list. ${hint}`;
  else if (/Unable to locate package|no installation candidate/.test(text))
    hint = `apt does not know a package: Debian 12, Ubuntu 24.04 or newer is needed, with "main" (Ubuntu: and "universe") enabled. ${hint}`;
  else if (/Could not get lock/.test(text)) hint = `Another program holds apt's lock: wait for it and run this again.`;
  const lines = install.lines.map((line) => `    ${line}`).join('\n');
  throw new SetupError(`apt could not install ${still.length > 0 ? still.join(' ') : list}:\n${lines}`, { hint, log });
}
