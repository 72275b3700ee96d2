/* Moves this process's time of day by the seconds in the file EFFQ_TEST_CLOCK names, which may
   change at any moment: to EffQ, and to SQLite, OpenSSL and TensorFlow with it, that is a clock
   that was set. Loaded with LD_PRELOAD by the fault tests only. Time stamps of files stay the
   kernel's own. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static volatile long *shift;

__attribute__((constructor)) static void open_shift(void) {
    const char *path = getenv("EFFQ_TEST_CLOCK");
    int file = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (file < 0) return;
    void *page = mmap(NULL, sizeof(long), PROT_READ, MAP_SHARED, file, 0);
    if (page != MAP_FAILED) shift = page;
    close(file);
}

static long moved(void) { return shift ? *shift : 0; }

int clock_gettime(clockid_t id, struct timespec *now) {
    int failed = (int)syscall(SYS_clock_gettime, id, now);
    if (!failed && (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE)) now->tv_sec += moved();
    return failed;
}

time_t time(time_t *out) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (out) *out = now.tv_sec;
    return now.tv_sec;
}

int gettimeofday(struct timeval *out, void *zone) {
    struct timespec now;
    (void)zone;
    clock_gettime(CLOCK_REALTIME, &now);
    out->tv_sec = now.tv_sec;
    out->tv_usec = now.tv_nsec / 1000;
    return 0;
}

/* Who waits until a time of day has read it from the moved clock; the kernel waits by its own.
   A small number is a time since boot, which nobody moves. */
static struct timespec kernels(const struct timespec *until) {
    struct timespec real = *until;
    if (real.tv_sec > 1000000000L - 2 * 366 * 86400L) real.tv_sec -= moved();
    return real;
}

static void *next(const char *name, const char *version) {
    void *found = dlvsym(RTLD_NEXT, name, version);
    return found ? found : dlsym(RTLD_NEXT, name);
}

int pthread_cond_timedwait(pthread_cond_t *c, pthread_mutex_t *m, const struct timespec *until) {
    static int (*original)(pthread_cond_t *, pthread_mutex_t *, const struct timespec *);
    if (!original) original = next("pthread_cond_timedwait", "GLIBC_2.3.2");
    struct timespec real = kernels(until);
    return original(c, m, &real);
}

int sem_timedwait(sem_t *s, const struct timespec *until) {
    static int (*original)(sem_t *, const struct timespec *);
    if (!original) original = next("sem_timedwait", "GLIBC_2.2.5");
    struct timespec real = kernels(until);
    return original(s, &real);
}
