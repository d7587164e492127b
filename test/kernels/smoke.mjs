// SPDX-License-Identifier: Apache-2.0
/** What must be among the lines that smoke-guest.sh prints. */

/** @type {Readonly<Record<string, RegExp>>} */
export const EXPECTED = {
  open: /SMOKE open name=\/tmp\/smoke-dir\/made flags=O_TRUNC\|O_CREAT\|O_WRONLY\S* comm=(bash|smoke\.sh) user=root container=host/,
  exec: /SMOKE exec args=0 parent=(bash|smoke\.sh) env=yes exe=\/tmp\/smoke-dir\/program/,
  'failed exec': /SMOKE failed exec file=\/tmp\/smoke-dir\/none res=ENOENT/,
  child: /SMOKE child pid=\d+ parent=\d+ comm=\S+/,
  exit: /SMOKE exit exe=\/tmp\/smoke-dir\/program/,
  connect: /SMOKE connect .*res=ECONNREFUSED/,
  rename: /SMOKE rename to=\S*smoke-dir\/renamed/,
  unlink: /SMOKE unlink file=\/tmp\/smoke-dir\/renamed/,
  mount: /SMOKE mount on=\/tmp\/smoke-dir\/mounted type=tmpfs/,
  ids: /SMOKE ids user=65534/,
  // The first rule that matches wins: a default one.
  chmod: /Set-user-id bit put on a file .*file=\/tmp\/smoke-dir\/program mode=\S*S_ISUID/,
  'demo: binary directory': /Error File in a binary directory opened for writing .*falco-ts-demo/,
};

/** Of the 32-bit program ia32.c, in its order. Of x86_64 alone. */
export const IA32 = Object.fromEntries([
  'execve res=0 exe=\\S*ia32 args=NULL tid=.* filename=\\S*ia32',
  'mkdir res=0 path=/tmp/ia32-dir mode=1E8',
  'openat fd=3\\(<d>/tmp/ia32-dir\\) dirfd=-100\\(AT_FDCWD\\) name=/tmp/ia32-dir flags=\\d+\\(O_DIRECTORY\\|O_RDONLY\\S*\\) mode=0',
  'open fd=4\\(<f>/tmp/ia32-dir/file\\) name=/tmp/ia32-dir/file flags=\\d+\\(O_CREAT\\|O_RDWR\\S*\\) mode=0644',
  'lseek res=0 fd=4\\(<f>/tmp/ia32-dir/file\\) offset=4294967298 whence=0\\(SEEK_SET\\)',
  'mmap res=.* addr=0 length=4096 prot=1\\(PROT_READ\\) flags=1\\(MAP_SHARED\\) fd=4\\(<f>/tmp/ia32-dir/file\\) offset=0',
  'fcntl res=20\\(<f>/tmp/ia32-dir/file\\) fd=4\\(<f>/tmp/ia32-dir/file\\) cmd=1\\(F_DUPFD\\)',
  'pipe res=0 fd1=5\\(<p>\\) fd2=6\\(<p>\\)',
  'socket fd=7\\(<4>\\) domain=2\\(AF_INET\\) type=1 proto=0',
  'bind res=0 addr=127.0.0.1:1 fd=7',
  'connect res=-111\\(ECONNREFUSED\\) tuple=NULL fd=7\\S* addr=127.0.0.1:2',
  'socketpair res=0 fd1=8\\(<u>\\) fd2=9\\(<u>\\) source=[0-9A-F]{16} peer=[0-9A-F]{16} domain=1\\(AF_LOCAL\\|AF_UNIX\\) type=1 proto=0',
  'send res=5 data=hello fd=8\\(<u>[^)]*\\) size=5 tuple=.*',
  'recv res=3 data=hel fd=9\\(<u>[^)]*\\) size=3 tuple=.*',
  'sendto res=2 data=xy fd=8\\(<u>[^)]*\\) size=2 tuple=.*',
  'recvfrom res=4 data=loxy tuple=.* fd=9\\(<u>[^)]*\\) size=10',
  'sendmsg res=6 data=onetwo fd=8\\(<u>[^)]*\\) size=6 tuple=.*',
  'recvmsg res=6 size=6 data=onetwo tuple=.* msgcontrol=NULL fd=9',
  'getsockopt res=0 fd=9\\(<u>[^)]*\\) level=1\\(SOL_SOCKET\\) optname=3\\(SO_TYPE\\) val=\\S+ optlen=4',
  'execve res=-2\\(ENOENT\\) exe=/no/such/program args=argument\\. .* env=A=B\\. .* filename=/no/such/program',
  'setuid res=0 uid=0\\(root\\)',
  'nanosleep res=0 interval=2400000000',
  'fchmod res=0 fd=10\\(<f>/tmp/ia32-dir/file\\) mode=0600\\(S_IWUSR\\|S_IRUSR\\)',
  'setrlimit res=0 cur=100 max=200 resource=7\\(RLIMIT_NOFILE\\)',
  'umount2 res=-2\\(ENOENT\\) name=/no/such/program flags=0',
  'fork res=\\d+\\S* exe=\\S*ia32 ',
].map((line) => [`32-bit: ${line.split(' ')[0]}${line.includes('ENOENT') ? ' that fails' : ''}`, new RegExp(`SMOKE ia32 ${line}`)]));

/** These too, where the demo of an escape can be run. */
export const ESCAPE = {
  'demo: mount': /File system mounted in a container .*container_id=[0-9a-f]{12}/,
  'demo: kernel setting': /Kernel setting that runs programs opened for writing .*container_id=[0-9a-f]{12}/,
  'demo: namespace': /Namespace entered from a container .*container_id=[0-9a-f]{12}/,
};

/** Names of what was not seen. */
export function unseen(text, expected) {
  const alerts = text.split('\n').filter((line) => line.startsWith('ALERT ')).join('\n');
  return Object.entries(expected).filter(([, pattern]) => !pattern.test(alerts)).map(([name]) => name);
}
