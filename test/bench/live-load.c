/* SPDX-License-Identifier: Apache-2.0 */
/* live-load opens N | execs N | alerts N: work for a monitor to watch. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	if (argc < 3)
		return 2;
	int n = atoi(argv[2]);
	const char *path = strcmp(argv[1], "alerts") == 0 ? "/etc/shadow" : "/etc/hostname";
	for (int i = 0; i < n; i++) {
		if (strcmp(argv[1], "execs") != 0) {
			close(open(path, O_RDONLY));
			continue;
		}
		pid_t pid = fork();
		if (pid == 0) {
			execl("/bin/true", "true", (char *)NULL);
			_exit(1);
		}
		waitpid(pid, NULL, 0);
	}
	return 0;
}
