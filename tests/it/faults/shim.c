/* A preload library that makes libc calls of the program under test fail, kill it, or leave marks.
 *
 * It stands below all file code of the program, SQLite's included, and above the kernel. What it does is told by
 * SHIM_RULES: rules separated by ';', each `call|part of the path|first|count|action`; `open+stat` names two calls, which are
 * counted together. Every call whose path contains
 * that part (with a `$` at its end: whose path ends so) is counted; the action is done for `count` of them (0: all),
 * from the `first` on:
 *
 *   E<errno>   the call fails with that number and does nothing
 *   K<stage>   the process is killed before the call
 *   H<stage>   the process is killed after half of a write
 *   A<stage>   the process is killed after the call
 *   M<stage>   leaves the stage in the report, before the call
 *   N<stage>   the same, after it
 *   V<a>><b>   renames a to b, once, then the call goes on
 *   W<path>    waits until there is a file of that name, then the call goes on
 *
 * SHIM_REPORT is a file of 64 numbers of 64 bits, shared with the test: [0] the last stage left, [1] the stage of a
 * kill, plus 1; [2+k] the calls that rule k matched, [33+k] how often its action was done.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define RULES 30

struct rule {
    char call[16];
    char part[128];
    uint64_t first, count;
    char action;
    long number;
    char from[PATH_MAX], to[PATH_MAX];
};

static struct rule rules[RULES];
static int n_rules;
static uint64_t nowhere[64];
static volatile uint64_t *report = nowhere;

__attribute__((constructor)) static void begin(void)
{
    const char *text = getenv("SHIM_RULES"), *path = getenv("SHIM_REPORT");
    if (path) {
        int fd = syscall(SYS_openat, AT_FDCWD, path, O_RDWR | O_CLOEXEC);
        void *m = mmap(NULL, sizeof nowhere, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        if (m != MAP_FAILED)
            report = m;
        syscall(SYS_close, fd);
    }
    char *copy = strdup(text ? text : ""), *rest = copy, *one;
    while ((one = strsep(&rest, ";")) && n_rules < RULES) {
        struct rule *r = &rules[n_rules];
        char what[2 * PATH_MAX] = "";
        if (sscanf(one, "%15[^|]|%127[^|]|%lu|%lu|%c%8191[^\n]", r->call, r->part, &r->first, &r->count, &r->action,
                   what) < 5)
            continue;
        r->number = atol(what);
        char *gt = strchr(what, '>');
        if (r->action == 'V' && gt) {
            *gt = 0;
            snprintf(r->from, sizeof r->from, "%.4095s", what);
            snprintf(r->to, sizeof r->to, "%.4095s", gt + 1);
        }
        if (r->action == 'W')
            snprintf(r->from, sizeof r->from, "%.4095s", what);
        n_rules++;
    }
    free(copy);
}

static int matches(const char *path, const char *part)
{
    size_t n = strlen(part), length = strlen(path);
    if (n && part[n - 1] == '$')
        return length >= n - 1 && !strncmp(path + length - (n - 1), part, n - 1);
    return strstr(path, part) != NULL;
}

/* Whether a rule's call, several of them with + in between, names this one. */
static int names(const char *calls, const char *call)
{
    size_t n = strlen(call);
    for (const char *at = calls; at; at = strchr(at, '+') ? strchr(at, '+') + 1 : NULL)
        if (!strncmp(at, call, n) && (at[n] == 0 || at[n] == '+'))
            return 1;
    return 0;
}

static int wanted(const char *call)
{
    for (int k = 0; k < n_rules; k++)
        if (names(rules[k].call, call))
            return 1;
    return 0;
}

static void die(long stage)
{
    report[1] = stage + 1;
    syscall(SYS_kill, getpid(), SIGKILL);
    for (;;)
        pause();
}

/* What is to be done around one call. */
struct plan {
    int error;
    long half, after, mark;
};

static struct plan before(const char *call, const char *path)
{
    struct plan p = {0, -1, -1, -1};
    for (int k = 0; k < n_rules; k++) {
        struct rule *r = &rules[k];
        if (!names(r->call, call) || !matches(path, r->part))
            continue;
        uint64_t n = __atomic_add_fetch(&report[2 + k], 1, __ATOMIC_SEQ_CST);
        if (n < r->first || (r->count && n >= r->first + r->count))
            continue;
        __atomic_add_fetch(&report[33 + k], 1, __ATOMIC_SEQ_CST);
        struct timespec moment = {0, 1000000};
        switch (r->action) {
        case 'E': p.error = r->number; break;
        case 'K': die(r->number); break;
        case 'H': p.half = r->number; break;
        case 'A': p.after = r->number; break;
        case 'M': report[0] = r->number; break;
        case 'N': p.mark = r->number; break;
        case 'V': syscall(SYS_renameat, AT_FDCWD, r->from, AT_FDCWD, r->to); break;
        case 'W':
            while (syscall(SYS_faccessat, AT_FDCWD, r->from, F_OK))
                nanosleep(&moment, NULL);
            break;
        }
    }
    return p;
}

static struct plan before_fd(const char *call, int fd)
{
    char link[64], path[PATH_MAX];
    struct plan none = {0, -1, -1, -1};
    if (!wanted(call))
        return none;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    long n = syscall(SYS_readlinkat, AT_FDCWD, link, path, sizeof path - 1);
    if (n < 0)
        return none;
    path[n] = 0;
    return before(call, path);
}

static void after(struct plan p, int failed)
{
    int saved = errno;
    if (p.mark >= 0 && !failed)
        report[0] = p.mark;
    if (p.after >= 0)
        die(p.after);
    errno = saved;
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))
/* The body of a call with a plan: fails, or does it and looks at the result. */
#define DO(type, how, bad, doing)                                                                                      \
    struct plan p_ = how;                                                                                              \
    if (p_.error) {                                                                                                    \
        errno = p_.error;                                                                                              \
        return bad;                                                                                                    \
    }                                                                                                                  \
    type result_ = doing;                                                                                              \
    after(p_, result_ == bad);                                                                                         \
    return result_

#define MODE                                                                                                           \
    mode_t mode = 0;                                                                                                   \
    if (flags & (O_CREAT | O_TMPFILE)) {                                                                               \
        va_list list;                                                                                                  \
        va_start(list, flags);                                                                                         \
        mode = va_arg(list, mode_t);                                                                                   \
        va_end(list);                                                                                                  \
    }

int open(const char *path, int flags, ...)
{
    MODE DO(int, before("open", path), -1, REAL(open)(path, flags, mode));
}
int open64(const char *path, int flags, ...)
{
    MODE DO(int, before("open", path), -1, REAL(open64)(path, flags, mode));
}
int openat(int at, const char *path, int flags, ...)
{
    MODE DO(int, before("open", path), -1, REAL(openat)(at, path, flags, mode));
}
int openat64(int at, const char *path, int flags, ...)
{
    MODE DO(int, before("open", path), -1, REAL(openat64)(at, path, flags, mode));
}
DIR *opendir(const char *path)
{
    DO(DIR *, before("opendir", path), NULL, REAL(opendir)(path));
}
struct dirent64 *readdir64(DIR *dir)
{
    struct plan p = before_fd("readdir", dirfd(dir));
    if (p.error) {
        errno = p.error;
        return NULL;
    }
    return REAL(readdir64)(dir);
}
ssize_t read(int fd, void *to, size_t n)
{
    DO(ssize_t, before_fd("read", fd), -1, REAL(read)(fd, to, n));
}
ssize_t pread(int fd, void *to, size_t n, off_t at)
{
    DO(ssize_t, before_fd("read", fd), -1, REAL(pread)(fd, to, n, at));
}
ssize_t pread64(int fd, void *to, size_t n, off64_t at)
{
    DO(ssize_t, before_fd("read", fd), -1, REAL(pread64)(fd, to, n, at));
}

/* A write that may be killed in the middle. */
#define WRITE(part, whole)                                                                                             \
    struct plan p = before_fd("write", fd);                                                                            \
    if (p.half >= 0) {                                                                                                 \
        part;                                                                                                          \
        die(p.half);                                                                                                   \
    }                                                                                                                  \
    DO(ssize_t, p, -1, whole)

ssize_t write(int fd, const void *from, size_t n)
{
    WRITE(REAL(write)(fd, from, n / 2), REAL(write)(fd, from, n));
}
ssize_t writev(int fd, const struct iovec *v, int n)
{
    WRITE(REAL(writev)(fd, v, n / 2), REAL(writev)(fd, v, n));
}
ssize_t pwrite(int fd, const void *from, size_t n, off_t at)
{
    WRITE(REAL(pwrite)(fd, from, n / 2, at), REAL(pwrite)(fd, from, n, at));
}
ssize_t pwrite64(int fd, const void *from, size_t n, off64_t at)
{
    WRITE(REAL(pwrite64)(fd, from, n / 2, at), REAL(pwrite64)(fd, from, n, at));
}
int rename(const char *from, const char *to)
{
    DO(int, before("rename", to), -1, REAL(rename)(from, to));
}
int linkat(int a, const char *from, int b, const char *to, int flags)
{
    DO(int, before("link", to), -1, REAL(linkat)(a, from, b, to, flags));
}
int unlink(const char *path)
{
    DO(int, before("unlink", path), -1, REAL(unlink)(path));
}
int rmdir(const char *path)
{
    DO(int, before("rmdir", path), -1, REAL(rmdir)(path));
}
int mkdir(const char *path, mode_t mode)
{
    DO(int, before("mkdir", path), -1, REAL(mkdir)(path, mode));
}
/* Rust's library asks once without a path whether the kernel knows the call. */
static const char *named(const char *path)
{
    return path ? path : "";
}
int statx(int at, const char *restrict path, int flags, unsigned mask, struct statx *restrict to)
{
    DO(int, before("stat", named(path)), -1, REAL(statx)(at, path, flags, mask, to));
}
int fsync(int fd)
{
    DO(int, before_fd("fsync", fd), -1, REAL(fsync)(fd));
}
int fdatasync(int fd)
{
    DO(int, before_fd("fsync", fd), -1, REAL(fdatasync)(fd));
}
int syncfs(int fd)
{
    DO(int, before_fd("syncfs", fd), -1, REAL(syncfs)(fd));
}
int ftruncate(int fd, off_t n)
{
    DO(int, before_fd("truncate", fd), -1, REAL(ftruncate)(fd, n));
}
int ftruncate64(int fd, off64_t n)
{
    DO(int, before_fd("truncate", fd), -1, REAL(ftruncate64)(fd, n));
}
