/* Records what one program asks of the disk for some files, so that a power cut can be played afterwards.
 *
 * Preloaded. POWER_FILE names the file; it and its companions (-wal, -journal) are watched. Each write, truncation,
 * removal, renaming and sync of them is appended to POWER_LOG: five 64-bit words (kind, offset, length of the name,
 * of the second name, of the data) and these three. While a file POWER_LIE exists, a sync does nothing and is not
 * recorded, as by a disk that lies, or as with SQLite's synchronous=OFF. While a file POWER_HOLD exists, a sync does not
 * return, as by a disk that is slow; POWER_HELD is made when the first one waits.
 *
 * What is mapped into memory is not seen: SQLite maps only its -shm file, which is rebuilt at each opening.
 */
#define _GNU_SOURCE
#undef _FILE_OFFSET_BITS
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

enum { WRITE = 1, TRUNCATE = 2, SYNC = 3, UNLINK = 4, RENAME = 5 };
#define FILES 4096

static pthread_mutex_t turn = PTHREAD_MUTEX_INITIALIZER;
static char *watched[FILES];
static int log_fd = -1;

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

static const char *watch(const char *path) {
    const char *file = getenv("POWER_FILE");
    size_t length = file ? strlen(file) : 0;
    if (!length || strncmp(path, file, length)) return NULL;
    const char *rest = path + length;
    return !*rest || !strcmp(rest, "-wal") || !strcmp(rest, "-journal") ? path : NULL;
}

static const char *of(int fd) { return fd >= 0 && fd < FILES ? watched[fd] : NULL; }

static void note(uint64_t kind, uint64_t offset, const char *name, const char *other, const void *data, uint64_t size) {
    uint64_t head[5] = {kind, offset, strlen(name), strlen(other), size};
    struct iovec parts[4] = {
        {head, sizeof head}, {(void *)name, head[2]}, {(void *)other, head[3]}, {(void *)data, size}};
    if (log_fd < 0) log_fd = syscall(SYS_openat, AT_FDCWD, getenv("POWER_LOG"), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (syscall(SYS_writev, log_fd, parts, 4) != (long)(sizeof head + head[2] + head[3] + size)) abort();
}

static int opened(int fd, const char *path, int flags) {
    if (fd < 0 || fd >= FILES || !watch(path)) return fd;
    pthread_mutex_lock(&turn);
    free(watched[fd]);
    watched[fd] = strdup(path);
    if (flags & O_TRUNC) note(TRUNCATE, 0, path, "", "", 0);
    pthread_mutex_unlock(&turn);
    return fd;
}

#define OPEN(name)                                           \
    int name(const char *path, int flags, ...) {             \
        va_list rest;                                        \
        va_start(rest, flags);                               \
        mode_t mode = va_arg(rest, mode_t);                  \
        va_end(rest);                                        \
        return opened(REAL(name)(path, flags, mode), path, flags); \
    }
OPEN(open)
OPEN(open64)

int close(int fd) {
    if (of(fd)) {
        pthread_mutex_lock(&turn);
        free(watched[fd]);
        watched[fd] = NULL;
        pthread_mutex_unlock(&turn);
    }
    return REAL(close)(fd);
}

ssize_t write(int fd, const void *data, size_t size) {
    if (!of(fd)) return syscall(SYS_write, fd, data, size);
    pthread_mutex_lock(&turn);
    off64_t at = lseek64(fd, 0, SEEK_CUR);
    ssize_t done = syscall(SYS_write, fd, data, size);
    if (done > 0) note(WRITE, at, of(fd), "", data, done);
    pthread_mutex_unlock(&turn);
    return done;
}

static ssize_t put(int fd, const void *data, size_t size, off64_t at) {
    if (!of(fd)) return syscall(SYS_pwrite64, fd, data, size, at);
    pthread_mutex_lock(&turn);
    ssize_t done = syscall(SYS_pwrite64, fd, data, size, at);
    if (done > 0) note(WRITE, at, of(fd), "", data, done);
    pthread_mutex_unlock(&turn);
    return done;
}
ssize_t pwrite(int fd, const void *data, size_t size, off_t at) { return put(fd, data, size, at); }
ssize_t pwrite64(int fd, const void *data, size_t size, off64_t at) { return put(fd, data, size, at); }

static int cut(int fd, off64_t size) {
    if (!of(fd)) return syscall(SYS_ftruncate, fd, size);
    pthread_mutex_lock(&turn);
    int done = syscall(SYS_ftruncate, fd, size);
    if (!done) note(TRUNCATE, size, of(fd), "", "", 0);
    pthread_mutex_unlock(&turn);
    return done;
}
int ftruncate(int fd, off_t size) { return cut(fd, size); }
int ftruncate64(int fd, off64_t size) { return cut(fd, size); }

static int is_there(const char *path) { return path && !syscall(SYS_faccessat, AT_FDCWD, path, F_OK); }

static void hold(void) {
    const char *held = getenv("POWER_HELD");
    while (is_there(getenv("POWER_HOLD"))) {
        if (!is_there(held)) syscall(SYS_close, syscall(SYS_openat, AT_FDCWD, held, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
        usleep(5000);
    }
}

static int sync_of(int fd, long call) {
    if (!of(fd)) return syscall(call, fd);
    if (is_there(getenv("POWER_LIE"))) return 0;
    hold();
    pthread_mutex_lock(&turn);
    note(SYNC, 0, of(fd), "", "", 0); /* before it: what is written meanwhile is not covered */
    pthread_mutex_unlock(&turn);
    return 0; /* the recording is what counts; a real sync would only cost time */
}
int fsync(int fd) { return sync_of(fd, SYS_fsync); }
int fdatasync(int fd) { return sync_of(fd, SYS_fdatasync); }

int unlink(const char *path) {
    if (watch(path)) {
        pthread_mutex_lock(&turn);
        note(UNLINK, 0, path, "", "", 0);
        pthread_mutex_unlock(&turn);
    }
    return syscall(SYS_unlinkat, AT_FDCWD, path, 0);
}

int rename(const char *path, const char *to) {
    if (watch(path) || watch(to)) {
        pthread_mutex_lock(&turn);
        note(RENAME, 0, path, to, "", 0);
        pthread_mutex_unlock(&turn);
    }
    return syscall(SYS_renameat, AT_FDCWD, path, AT_FDCWD, to);
}
