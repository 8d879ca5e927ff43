/* Has every call on the files of one folder fail, as on a disk that breaks, or is made read-only by its kernel.
 *
 * Preloaded. FAILING_FOLDER is the folder; FAILING_CONTROL a file that everybody maps: which calls fail, and how
 * (support/failing_disk.py writes it). */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

enum { SYNCS = 1, WRITES = 2, READS = 4 }; /* Calls in support/failing_disk.py */

struct control {
    _Atomic uint32_t calls, number, failed;
};

static struct control *control;
static const char *folder;

__attribute__((constructor)) static void begin(void) {
    const char *path = getenv("FAILING_CONTROL");
    int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
    if (fd < 0) return;
    void *map = mmap(NULL, sizeof *control, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    folder = getenv("FAILING_FOLDER");
    if (map != MAP_FAILED && folder) control = map;
}

static int is_inside(const char *path) {
    size_t length = strlen(folder);
    return strncmp(path, folder, length) == 0 && (path[length] == '/' || !path[length]);
}

static int fails(uint32_t kind, const char *path) {
    if (!(atomic_load(&control->calls) & kind) || !is_inside(path)) return 0;
    atomic_fetch_add(&control->failed, 1);
    errno = (int)atomic_load(&control->number);
    return 1;
}

static int fails_on_path(uint32_t kind, const char *path) {
    return control && atomic_load(&control->calls) && fails(kind, path);
}

static int fails_on_fd(uint32_t kind, int fd) {
    if (!control || !atomic_load(&control->calls)) return 0;
    char link[64], path[4096];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 0) return 0;
    path[length] = 0;
    return fails(kind, path);
}

#define REAL(name) __typeof__(&name) real = (__typeof__(&name))dlsym(RTLD_NEXT, #name)
#define FAILING(kind, name, parameters, arguments, fault) \
    kind name parameters {                                \
        if (fault) return -1;                             \
        REAL(name);                                       \
        return real arguments;                            \
    }
#define ON_FD(what, kind, name, parameters, arguments) \
    FAILING(kind, name, parameters, arguments, fails_on_fd(what, fd))
#define ON_PATH(name, parameters, arguments) FAILING(int, name, parameters, arguments, fails_on_path(WRITES, path))

ON_FD(WRITES, ssize_t, write, (int fd, const void *data, size_t n), (fd, data, n))
ON_FD(WRITES, ssize_t, pwrite, (int fd, const void *data, size_t n, off_t at), (fd, data, n, at))
ON_FD(WRITES, ssize_t, pwrite64, (int fd, const void *data, size_t n, off64_t at), (fd, data, n, at))
ON_FD(WRITES, int, ftruncate, (int fd, off_t size), (fd, size))
ON_FD(WRITES, int, ftruncate64, (int fd, off64_t size), (fd, size))
ON_FD(WRITES, int, fchmod, (int fd, mode_t mode), (fd, mode))
ON_FD(SYNCS, int, fsync, (int fd), (fd))
ON_FD(SYNCS, int, fdatasync, (int fd), (fd))
ON_FD(READS, ssize_t, read, (int fd, void *data, size_t n), (fd, data, n))
ON_FD(READS, ssize_t, pread, (int fd, void *data, size_t n, off_t at), (fd, data, n, at))
ON_FD(READS, ssize_t, pread64, (int fd, void *data, size_t n, off64_t at), (fd, data, n, at))
ON_PATH(rename, (const char *path, const char *to), (path, to))
ON_PATH(unlink, (const char *path), (path))
ON_PATH(mkdir, (const char *path, mode_t mode), (path, mode))
ON_PATH(chmod, (const char *path, mode_t mode), (path, mode))

static uint32_t opens(int flags) { return flags & (O_CREAT | O_WRONLY | O_RDWR) ? WRITES : READS; }

#define OPEN(name, before, at)                                \
    int name(before const char *path, int flags, ...) {       \
        va_list rest;                                         \
        va_start(rest, flags);                                \
        mode_t mode = va_arg(rest, mode_t);                   \
        va_end(rest);                                         \
        if (fails_on_path(opens(flags), path)) return -1;     \
        REAL(name);                                           \
        return real(at path, flags, mode);                    \
    }
#define NOTHING
#define FOLDER int fd,
#define THE_FOLDER fd,
OPEN(open, NOTHING, NOTHING)
OPEN(open64, NOTHING, NOTHING)
OPEN(openat, FOLDER, THE_FOLDER)
OPEN(openat64, FOLDER, THE_FOLDER)

#define STATVFS(name)                                                        \
    int name(const char *path, struct name *said) {                          \
        __typeof__(&name) real = (__typeof__(&name))dlsym(RTLD_NEXT, #name); \
        int result = real(path, said);                                       \
        if (control && (atomic_load(&control->calls) & WRITES)               \
            && atomic_load(&control->number) == EROFS && is_inside(path))    \
            said->f_flag |= ST_RDONLY;                                       \
        return result;                                                       \
    }
STATVFS(statvfs)
STATVFS(statvfs64)
