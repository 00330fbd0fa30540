/* A disk whose syncs take at least 4 ms, preloaded under a benchmark. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <time.h>

static void wait_until(struct timespec end) {
    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &end, NULL);
}

int fdatasync(int fd) {
    static int (*real)(int);
    struct timespec end;
    if (!real) real = (int (*)(int))dlsym(RTLD_NEXT, "fdatasync");
    clock_gettime(CLOCK_MONOTONIC, &end);
    end.tv_nsec += 4000000;
    if (end.tv_nsec >= 1000000000) {
        end.tv_nsec -= 1000000000;
        end.tv_sec++;
    }
    int result = real(fd);
    wait_until(end);
    return result;
}
