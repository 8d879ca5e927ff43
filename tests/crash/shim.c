/* Counts a process's durable calls, logs them, and kills the process just before one of them.
 *
 * Preloaded into the nursery of daemons and couriers. CRASH_BOARD names a folder with two files: `control`, mapped by
 * everybody (crash/board.py writes it), and `log`, to which each call is appended as one record. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

enum { ROLES = 3, STEPS = 64 };
enum { NOBODY, DAEMON, COURIER }; /* Role in crash/board.py */
enum { DONE, KILLED, FAILED };

/* Where a call belongs if the process doesn't say it: Step in crash/board.py. */
enum { ELSEWHERE, DETECT, HAND_OVER, HEAR, CONNECT, SEND, ANSWER, CONTROL, STORE };

struct control {
    _Atomic uint32_t armed, with_data;
    _Atomic uint32_t role, step, call; /* where to kill; call 0 is nowhere */
    _Atomic uint32_t counts[ROLES][STEPS];
};

struct record {
    uint32_t role, step, call, fate;
    int64_t offset;
    uint32_t name_size, target_size, other_size, data_size;
};

static struct control *control;
static int log_fd = -1;
static uint32_t role = NOBODY;
static __thread uint32_t step_now;

/* Called once by each forked process, through ctypes; it counts from then on, whenever it is armed. */
void crash_begin(uint32_t its_role) {
    char path[4096];
    const char *board = getenv("CRASH_BOARD");
    snprintf(path, sizeof path, "%s/control", board);
    int fd = open(path, O_RDWR | O_CLOEXEC);
    snprintf(path, sizeof path, "%s/log", board);
    log_fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);
    void *map = mmap(NULL, sizeof *control, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    if (map == MAP_FAILED || log_fd < 0) abort();
    role = its_role;
    control = map;
}

static void append(uint32_t step, uint32_t call, uint32_t fate, const char *name, const char *target,
                   const char *other, int64_t offset, const void *data, size_t size) {
    if (!atomic_load(&control->with_data)) size = 0;
    struct record it = {role, step, call, fate, offset, strlen(name), strlen(target), strlen(other), size};
    struct iovec parts[] = {{&it, sizeof it},
                            {(void *)name, it.name_size},
                            {(void *)target, it.target_size},
                            {(void *)other, it.other_size},
                            {(void *)data, size}};
    syscall(SYS_writev, log_fd, parts, 5);
}

/* Likewise: which step this thread is at; returns the former one. */
uint32_t crash_step(uint32_t step) {
    uint32_t before = step_now;
    step_now = step;
    return before;
}

/* Likewise: what the process has to say between its calls. */
void crash_note(const char *text) {
    if (control && atomic_load(&control->armed)) append(step_now, 0, DONE, "note", text, "", 0, NULL, 0);
}

struct call {
    const char *name;
    char target[512];
    char other[512];
    uint32_t step, number; /* number 0: it doesn't count */
};

static void describe(int fd, char *target, size_t size) {
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, target, size - 1);
    target[length < 0 ? 0 : length] = 0;
    struct sockaddr_storage address;
    socklen_t long_enough = sizeof address;
    if (strncmp(target, "socket:", 7) == 0)
        strcpy(target, getsockname(fd, (struct sockaddr *)&address, &long_enough) == 0
                               && address.ss_family == AF_UNIX ? "control socket" : "Mem0");
    else if (strncmp(target, "pipe:", 5) == 0)
        strcpy(target, "pipe");
    else if (strncmp(target, "anon_inode:", 11) == 0)
        strcpy(target, strstr(target, "inotify") ? "inotify" : "");
}

static uint32_t step_of(const char *name, const char *target) {
    int receives = name[0] == 'r' && name[3] != 'a'; /* recv*, and not rename */
    int reads = strcmp(name, "read") == 0;
    if (strcmp(target, "inotify") == 0) return DETECT;
    if (strcmp(target, "control socket") == 0) return CONTROL;
    if (strcmp(target, "pipe") == 0) return reads ? HEAR : HAND_OVER;
    if (strcmp(target, "Mem0") == 0) {
        if (strcmp(name, "connect") == 0) return CONNECT;
        return receives || reads ? ANSWER : SEND;
    }
    if (step_now) return step_now;
    return role == COURIER ? STORE : ELSEWHERE;
}

/* Counts a call, and doesn't return if it is the one. */
static void count(struct call *it) {
    if (!it->target[0]) return;
    it->step = step_of(it->name, it->target);
    it->number = atomic_fetch_add(&control->counts[role][it->step], 1) + 1;
    if (it->number != atomic_load(&control->call) || role != atomic_load(&control->role)
        || it->step != atomic_load(&control->step))
        return;
    append(it->step, it->number, KILLED, it->name, it->target, it->other, 0, NULL, 0);
    syscall(SYS_kill, getpid(), SIGKILL);
    for (;;) pause();
}

static int is_awake(void) { return control && atomic_load(&control->armed); }

static struct call on_fd(const char *name, int fd) {
    struct call it = {.name = name};
    if (!is_awake() || fd == 2 || fd == log_fd) return it; /* what goes to the log is nothing durable */
    describe(fd, it.target, sizeof it.target);
    int is_read = strcmp(name, "read") == 0;
    if (is_read && it.target[0] == '/') return it; /* a file that is read changes nothing */
    count(&it);
    return it;
}

static struct call on_path(const char *name, const char *path, const char *other) {
    struct call it = {.name = name};
    if (!is_awake()) return it;
    if (!realpath(path, it.target)) snprintf(it.target, sizeof it.target, "%s", path);
    snprintf(it.other, sizeof it.other, "%s", other);
    count(&it);
    return it;
}

static void done(const struct call *it, int64_t offset, const void *data, ssize_t size) {
    if (it->number)
        append(it->step, it->number, size < 0 ? FAILED : DONE, it->name, it->target, it->other, offset, data,
               data && size > 0 ? size : 0);
}

#define REAL(name) __typeof__(&name) real = (__typeof__(&name))dlsym(RTLD_NEXT, #name)
#define ON_FD(kind, name, parameters, arguments, offset, data)  \
    kind name parameters {                                      \
        REAL(name);                                             \
        struct call it = on_fd(#name, fd);                      \
        kind result = real arguments;                           \
        done(&it, offset, data, result);                        \
        return result;                                          \
    }

ON_FD(ssize_t, write, (int fd, const void *data, size_t n), (fd, data, n), -1, data)
ON_FD(ssize_t, pwrite, (int fd, const void *data, size_t n, off_t at), (fd, data, n, at), at, data)
ON_FD(ssize_t, pwrite64, (int fd, const void *data, size_t n, off64_t at), (fd, data, n, at), at, data)
ON_FD(int, fsync, (int fd), (fd), 0, NULL)
ON_FD(int, fdatasync, (int fd), (fd), 0, NULL)
ON_FD(int, ftruncate, (int fd, off_t size), (fd, size), size, NULL)
ON_FD(int, ftruncate64, (int fd, off64_t size), (fd, size), size, NULL)
ON_FD(int, connect, (int fd, const struct sockaddr *to, socklen_t n), (fd, to, n), 0, NULL)
ON_FD(ssize_t, send, (int fd, const void *data, size_t n, int flags), (fd, data, n, flags), 0, NULL)
ON_FD(ssize_t, sendmsg, (int fd, const struct msghdr *it_, int flags), (fd, it_, flags), 0, NULL)
ON_FD(ssize_t, read, (int fd, void *data, size_t n), (fd, data, n), 0, NULL)
ON_FD(ssize_t, recv, (int fd, void *data, size_t n, int flags), (fd, data, n, flags), 0, NULL)
ON_FD(ssize_t, recvmsg, (int fd, struct msghdr *it_, int flags), (fd, it_, flags), 0, NULL)

#define ON_PATH(name, parameters, arguments, path, other, flags) \
    int name parameters {                                         \
        REAL(name);                                               \
        struct call it = on_path(#name, path, other);             \
        int result = real arguments;                              \
        done(&it, flags, NULL, result);                           \
        return result;                                            \
    }

ON_PATH(rename, (const char *from, const char *to), (from, to), from, to, 0)
ON_PATH(renameat2, (int at, const char *from, int to_at, const char *to, unsigned int flags),
        (at, from, to_at, to, flags), from, to, flags)
ON_PATH(unlink, (const char *path), (path), path, "", 0)
