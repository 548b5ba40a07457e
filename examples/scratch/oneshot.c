/*
 * oneshot PORT: send PID and time to each client. A grandchild sends the answer, so that the server
 * does not wait for it. The grandchild is an orphan, which the init reaps.
 */
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void answer(int fd)
{
	dprintf(fd, "PID %d, time %lld\n", getpid(), (long long)time(NULL));
	_exit(0);
}

int main(int argc, char **argv)
{
	struct sockaddr_in any = {.sin_family = AF_INET};
	int on = 1, fd = socket(AF_INET, SOCK_STREAM, 0);

	any.sin_port = htons((unsigned short)(argc > 1 ? atoi(argv[1]) : 7777));
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(fd, (struct sockaddr *)&any, sizeof(any)) || listen(fd, 128)) {
		perror("oneshot");
		return 1;
	}
	for (;;) {
		int client = accept(fd, NULL, NULL);

		if (client < 0)
			continue;
		if (!fork()) {
			if (!fork())
				answer(client);
			_exit(0);
		}
		while (wait(NULL) < 0)
			;
		close(client);
	}
}
