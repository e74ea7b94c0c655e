/* A service that does nothing: on TERM it takes a while to stop, and says when it began and when it ended.
 *
 * usage: dummy NAME MICROSECONDS LOG      times are of the monotonic clock, in nanoseconds
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static void note(int log, const char *name, const char *what)
{
    struct timespec now;
    char line[128];
    clock_gettime(CLOCK_MONOTONIC, &now);
    int length = snprintf(line, sizeof line, "%s %s %lld\n", name, what,
                          (long long)now.tv_sec * 1000000000LL + now.tv_nsec);
    if (length > 0 && write(log, line, (size_t)length) != length)
        _exit(3);
}

int main(int count, char **given)
{
    if (count != 4)
        return 2;
    sigset_t stop;
    sigemptyset(&stop);
    sigaddset(&stop, SIGTERM);
    sigprocmask(SIG_BLOCK, &stop, NULL);
    int log = open(given[3], O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (log < 0)
        return 3;
    int caught;
    sigwait(&stop, &caught);
    note(log, given[1], "begin");
    long took = atol(given[2]);
    struct timespec pause = {took / 1000000, (took % 1000000) * 1000};
    nanosleep(&pause, NULL);
    note(log, given[1], "end");
    return 0;
}
