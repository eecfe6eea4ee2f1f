/* The wall clock of a program, set while it runs: CLOCK_REALTIME is ahead by what a file of eight bytes says, in
   nanoseconds. Preloaded by wall_clock.py; all other clocks are the machine's. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define SECOND 1000000000LL

static const volatile int64_t *ahead_ns;

__attribute__((constructor)) static void start(void) {
    int file = open(getenv("WALL_CLOCK"), O_RDONLY);
    ahead_ns = mmap(NULL, sizeof *ahead_ns, PROT_READ, MAP_SHARED, file, 0);
    if (ahead_ns == MAP_FAILED) abort();
    close(file);
}

int clock_gettime(clockid_t clock, struct timespec *shown) {
    int failed = (int)syscall(SYS_clock_gettime, clock, shown);
    if (failed || clock != CLOCK_REALTIME || !ahead_ns) return failed;
    int64_t ns = shown->tv_sec * SECOND + shown->tv_nsec + *ahead_ns;
    shown->tv_sec = ns / SECOND;
    shown->tv_nsec = ns % SECOND;
    return 0;
}
