/* The parent of the fleet: starts what it is told, each in a session of its own, and reaps it at once, as an
 * init system does. It ends with the last of them.
 *
 * usage: parent PROGRAM LOG      one line `NAME MICROSECONDS` each on its input, `NAME PID` each on its output
 */
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int count, char **given)
{
    char name[64], took[32];
    if (count != 3)
        return 2;
    while (scanf("%63s %31s", name, took) == 2) {
        pid_t pid = fork();
        if (pid < 0)
            return 3;
        if (pid == 0) {
            setsid();
            /* Its output is ours: who reads it must not wait for the children to end. */
            close(1);
            execl(given[1], given[1], name, took, given[2], (char *)NULL);
            _exit(127);
        }
        printf("%s %d\n", name, (int)pid);
    }
    fflush(stdout);
    while (wait(NULL) > 0)
        ;
    return 0;
}
