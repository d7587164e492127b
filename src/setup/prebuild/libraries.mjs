// SPDX-License-Identifier: Apache-2.0
/**
 * libbpf (with libelf) and zlib as static libraries that may be linked into the addon: from Debian's sources, since Debian's own
 * static libraries are not position-independent. clang compiles for both architectures, against an old Debian's C library, so
 * that the addon loads there and on anything newer.
 */
import { createHash } from 'node:crypto';
import { copyFileSync, cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { CACHE, DebianArchive } from '../debian.mjs';
import { explain, run, SetupError } from '../process.mjs';

/** The oldest system that a package of ours runs on: Debian 11, glibc 2.31. */
const BASELINE = 'bullseye';
const SYSROOT = ['libc6', 'libc6-dev', 'linux-libc-dev', 'libgcc-s1', 'libgcc-10-dev', 'libstdc++-10-dev'];
const SOURCES = 'bookworm';

/** Node's architecture names → Debian's and the compilers'. */
export const TARGETS = {
  x64: { debian: 'amd64', triple: 'x86_64-linux-gnu', machine: 'x86_64' },
  arm64: { debian: 'arm64', triple: 'aarch64-linux-gnu', machine: 'aarch64' },
};

const COMMON = ['-O2', '-fPIC', '-fvisibility=hidden', '-ffunction-sections', '-fdata-sections', '-w',
  '-DNDEBUG', '-D_GNU_SOURCE', '-D_LARGEFILE64_SOURCE=1', '-D_FILE_OFFSET_BITS=64'];

/** What elfutils' configure would find with glibc; its libelf needs no more than this. */
const ELF_CONFIG = `#define HAVE_VISIBILITY 1
#define HAVE_ERR_H 1
#define HAVE_ERROR_H 1
#define HAVE_DECL_MEMPCPY 1
#define HAVE_DECL_POWEROF2 1
#define HAVE_DECL_RAWMEMCHR 1
#define HAVE_DECL_REALLOCARRAY 1
#include <eu-config.h>
`;

const sourcesIn = (dir) => readdirSync(dir).filter((name) => name.endsWith('.c')).map((name) => join(dir, name));

/** A library's files and flags; `at` maps the names below to their unpacked sources. */
const LIBRARIES = [
  {
    name: 'zlib',
    archive: 'libz.a',
    // The program and the tests of zlib lie in folders of their own.
    files: (at) => sourcesIn(at.zlib),
    flags: () => ['-DHAVE_UNISTD_H'],
  },
  {
    name: 'elfutils',
    archive: 'libbpf.a',
    files: (at) => sourcesIn(join(at.elfutils, 'libelf')),
    flags: (at, dir) => {
      writeFileSync(join(dir, 'config.h'), ELF_CONFIG);
      return ['-std=gnu99', '-DHAVE_CONFIG_H', `-I${dir}`, `-I${at.elfutils}/lib`, `-I${at.elfutils}/libelf`, `-I${at.zlib}`];
    },
  },
  {
    name: 'libbpf',
    archive: 'libbpf.a',
    files: (at) => sourcesIn(join(at.libbpf, 'src')),
    flags: (at) => [`-I${at.libbpf}/include`, `-I${at.libbpf}/include/uapi`, `-I${at.elfutils}/libelf`, `-I${at.zlib}`],
  },
];

const clang = (arch, sysroot) => [`--target=${TARGETS[arch].triple}`, `--sysroot=${sysroot}`];

async function compile(library, { at, arch, sysroot, dir, log, onLine }) {
  mkdirSync(dir);
  // Sources lie below the cache: their place must not be in what is built.
  const maps = Object.entries(at).map(([name, path]) => `-ffile-prefix-map=${path}=${name}`);
  const args = [...clang(arch, sysroot), ...COMMON, ...maps, ...library.flags(at, dir), '-c', ...library.files(at)];
  const { code, lines } = await run('clang', args, { log, cwd: dir, onLine });
  if (code !== 0) throw new SetupError(`${library.name} does not compile for ${arch}:\n${explain(log, lines, /error:/)}`, { log });
  return readdirSync(dir).filter((name) => name.endsWith('.o')).sort().map((name) => join(dir, name));
}

/** The licences of what is linked in, as the sources state them. */
function notices(at) {
  return LIBRARIES.map(({ name }) => `==== ${name} ====\n\n${readFileSync(join(at[name], 'debian/copyright'), 'utf8')}`).join('\n');
}

/**
 * @returns {Promise<{sysroot: string, include: string, lib: string, notices: string}>} `lib` holds a libbpf.a, with libelf in it, and a libz.a
 */
export async function libraries(arch, { log, onLine }) {
  const { debian } = TARGETS[arch];
  const [sysroot, at] = [await unpackSysroot(debian, { log, onLine }), await unpackSources({ log, onLine })];
  const recipe = readFileSync(fileURLToPath(import.meta.url));
  const versions = LIBRARIES.map(({ name }) => readFileSync(join(at[name], 'debian/changelog'), 'utf8').split('\n', 1)[0]);
  const key = createHash('sha256').update(recipe).update(versions.join('\n')).digest('hex').slice(0, 12);
  const out = join(CACHE, 'libraries', `${arch}-${key}`);
  if (!existsSync(out)) {
    mkdirSync(join(CACHE, 'libraries'), { recursive: true });
    const work = mkdtempSync(`${out}.`);
    try {
      mkdirSync(join(work, 'lib'));
      const objects = await Promise.all(LIBRARIES.map((library) => compile(library, { at, arch, sysroot, dir: join(work, library.name), log, onLine })));
      for (const archive of new Set(LIBRARIES.map((library) => library.archive))) {
        const members = objects.filter((_, i) => LIBRARIES[i].archive === archive).flat();
        const { code } = await run('llvm-ar', ['rcsD', join(work, 'lib', archive), ...members], { log });
        if (code !== 0) throw new SetupError('llvm-ar failed', { log });
      }
      mkdirSync(join(work, 'include/bpf'), { recursive: true });
      for (const name of ['zlib.h', 'zconf.h']) copyFileSync(join(at.zlib, name), join(work, 'include', name));
      for (const name of readdirSync(join(at.libbpf, 'src'))) if (name.endsWith('.h')) copyFileSync(join(at.libbpf, 'src', name), join(work, 'include/bpf', name));
      // The kernel's interface as libbpf knows it: the C library's headers may be older than what the addon asks for.
      cpSync(join(at.libbpf, 'include/uapi/linux'), join(work, 'include/linux'), { recursive: true });
      for (const { name } of LIBRARIES) rmSync(join(work, name), { recursive: true });
      renameSync(work, out);
    } finally {
      rmSync(work, { recursive: true, force: true });
    }
  }
  return { sysroot, include: join(out, 'include'), lib: join(out, 'lib'), notices: `${versions.join('\n')}\n\n${notices(at)}` };
}

const unpackSysroot = (architecture, context) =>
  new DebianArchive({ suite: BASELINE, architecture, ...context }).unpack(SYSROOT, join(CACHE, 'sysroot', `${BASELINE}-${architecture}`));

async function unpackSources(context) {
  const archive = new DebianArchive({ suite: SOURCES, architecture: 'amd64', sources: true, ...context });
  const at = {};
  for (const { name } of LIBRARIES) at[name] = await archive.unpackSource(name, join(CACHE, 'source', `${SOURCES}-${name}`));
  return at;
}
