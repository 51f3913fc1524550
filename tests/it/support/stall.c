/* A preload library that holds a process at the opening of a file until the test lets it go.
 *
 * STALL_PATH is part of the file's path; STALL_REACHED is created when a thread stands before it; the thread goes on
 * when STALL_UNTIL exists.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

typedef int opening(const char *, int, ...);

static int opened(const char *name, const char *path, int flags, mode_t mode)
{
    opening *next = (opening *)dlsym(RTLD_NEXT, name);
    const char *part = getenv("STALL_PATH");
    if (part && strstr(path, part)) {
        int fd = next(getenv("STALL_REACHED"), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
        if (fd >= 0)
            close(fd);
        while (access(getenv("STALL_UNTIL"), F_OK))
            usleep(1000);
    }
    return next(path, flags, mode);
}

#define OPEN(name)                                     \
    int name(const char *path, int flags, ...)         \
    {                                                  \
        va_list rest;                                  \
        va_start(rest, flags);                         \
        mode_t mode = 0;                               \
        if (flags & (O_CREAT | O_TMPFILE))             \
            mode = va_arg(rest, mode_t);               \
        va_end(rest);                                  \
        return opened(#name, path, flags, mode);       \
    }

OPEN(open)
OPEN(open64)
