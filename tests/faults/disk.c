/*
 * A disk that can lose power and can fail, preloaded under the real program.
 *
 * FAULTS_ROOT     what lies below this directory is on that disk.
 * FAULTS_PLATTER  what a power cut leaves. Made at the start if it is not there: all of the root is durable then.
 *                   inodes/N   bytes of file N as of its last successful sync
 *                   dirs/N     names of directory N as of its last successful sync: links to inodes and dirs
 * FAULTS_ORDERS   a directory; a file named after a call orders faults of it, in one line:
 *                   ERRNO FROM TIMES PART   the FROM-th and later calls on paths that contain PART fail,
 *                                           TIMES of them (0: all), counted since the order was given;
 *                                           a PART that ends with $ is the end of the path;
 *                                           with an ERRNO of 0 the program is killed before the call
 *                 When all have happened, a file with ".done" at its name says so.
 *                 calls: open write fallocate sync dirsync rename unlink. The file "free" holds the bytes that the disk
 *                 says are free.
 *
 * Data reach the platter only by a sync of their file, names only by a sync of their directory. A sync that fails
 * drops what it should have written, as Linux does: a later sync of the same file succeeds without it.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/types.h>
#include <unistd.h>

#define REAL(result, name, ...) \
    static result (*real_##name)(__VA_ARGS__); \
    if (!real_##name) real_##name = (result (*)(__VA_ARGS__))dlsym(RTLD_NEXT, #name)

enum { PATH = 4096, FILES = 512, RANGES = 4096, CHUNK = 1 << 16 };

static char root[PATH], platter[PATH], orders[PATH];
static __thread int inside; /* the disk's own calls are not the program's */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

/* Written and not yet synced, by file. */
static struct dirty {
    ino_t inode;
    int count;
    struct range { off_t from, to; } *ranges;
} dirty[FILES];

static int is_under(const char *path) {
    size_t length = strlen(root);
    return length && !strncmp(path, root, length) && (path[length] == '/' || !path[length]);
}

static int path_of(int fd, char *path) {
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, PATH - 1);
    if (length < 0) return 0;
    path[length] = 0;
    return is_under(path);
}

static void die(const char *what) {
    fprintf(stderr, "the test's disk is broken: %s: %s\n", what, strerror(errno));
    abort();
}

/* ---- orders ---- */

static struct order { const char *call; ino_t given; long seen, done; } given[] = {
    {"open", 0, 0, 0}, {"write", 0, 0, 0}, {"fallocate", 0, 0, 0},
    {"sync", 0, 0, 0}, {"dirsync", 0, 0, 0}, {"rename", 0, 0, 0},
    {"unlink", 0, 0, 0},
};

/* Leaves a file that says that all faults of an order have happened. */
static void done(const char *order) {
    char file[PATH + 64];
    snprintf(file, sizeof file, "%s.done", order);
    int made = open(file, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (made >= 0) close(made);
}

/* Whether a path is one that an order is for; `part` loses its mark of the end. */
static int is_meant(const char *path, char *part) {
    size_t length = strlen(part), whole = strlen(path);
    if (part[length - 1] != '$') return strstr(path, part) != NULL;
    part[--length] = 0;
    return whole >= length && !strcmp(path + whole - length, part);
}

/* The error that this call is ordered to end with, or 0. */
static int ordered(const char *call, const char *path) {
    if (!*orders || inside) return 0;
    char file[PATH + 32], part[256];
    struct stat status;
    int code = 0, error = 0;
    long from, times;
    snprintf(file, sizeof file, "%s/%s", orders, call);
    inside = 1;
    FILE *text = fopen(file, "r");
    inside = 0;
    if (!text) return 0;
    if (fscanf(text, "%d %ld %ld %255s", &code, &from, &times, part) == 4
        && !fstat(fileno(text), &status) && is_meant(path, part)) {
        pthread_mutex_lock(&lock);
        for (size_t at = 0; at < sizeof given / sizeof *given; at++) {
            struct order *order = &given[at];
            if (strcmp(order->call, call)) continue;
            if (order->given != status.st_ino) *order = (struct order){order->call, status.st_ino, 0, 0};
            if (++order->seen >= from && (!times || order->done < times)) {
                order->done++;
                error = code;
                if (order->done == times) done(file);
                if (!code) kill(getpid(), SIGKILL);
            }
        }
        pthread_mutex_unlock(&lock);
    }
    fclose(text);
    return error;
}

/* ---- the platter ---- */

static struct dirty *dirty_of(ino_t inode) {
    struct dirty *empty = NULL;
    for (int at = 0; at < FILES; at++) {
        if (dirty[at].inode == inode) return &dirty[at];
        if (!dirty[at].inode && !empty) empty = &dirty[at];
    }
    if (!empty) die("too many files");
    empty->inode = inode;
    empty->ranges = realloc(empty->ranges, RANGES * sizeof *empty->ranges);
    empty->count = 0;
    return empty;
}

static void note(ino_t inode, off_t from, off_t length) {
    pthread_mutex_lock(&lock);
    struct dirty *file = dirty_of(inode);
    struct range range = {from, from + length};
    if (file->count == RANGES) { /* one range over all of them */
        for (int at = 0; at < file->count; at++) {
            if (file->ranges[at].from < range.from) range.from = file->ranges[at].from;
            if (file->ranges[at].to > range.to) range.to = file->ranges[at].to;
        }
        file->count = 0;
    }
    file->ranges[file->count++] = range;
    pthread_mutex_unlock(&lock);
}

static void copy(int in, int out, off_t from, off_t to) {
    char bytes[CHUNK];
    while (from < to) {
        size_t want = to - from < CHUNK ? to - from : CHUNK;
        ssize_t got = pread(in, bytes, want, from);
        if (got <= 0) return; /* it was cut meanwhile */
        if (pwrite(out, bytes, got, from) != got) die("the platter is full");
        from += got;
    }
}

/* What a sync of this file writes; with `lost`, what it should have written is forgotten. */
static void sync_file(const char *path, struct stat *status, int lost) {
    char target[PATH + 64];
    snprintf(target, sizeof target, "%s/inodes/%lu", platter, (unsigned long)status->st_ino);
    pthread_mutex_lock(&lock);
    struct dirty *file = dirty_of(status->st_ino);
    int count = file->count;
    struct range *ranges = malloc((count + 1) * sizeof *ranges);
    memcpy(ranges, file->ranges, count * sizeof *ranges);
    file->inode = 0;
    if (!lost) {
        int in = open(path, O_RDONLY | O_CLOEXEC);
        int out = open(target, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
        if (out < 0) die(target);
        for (int at = 0; in >= 0 && at < count; at++) copy(in, out, ranges[at].from, ranges[at].to);
        if (ftruncate(out, status->st_size)) die("length");
        if (in >= 0) close(in);
        close(out);
    }
    pthread_mutex_unlock(&lock);
    free(ranges);
}

static void name_file(const char *directory, const char *name, struct stat *status) {
    char from[PATH + 64], to[PATH + 320], temporary[PATH + 64];
    struct stat present;
    snprintf(to, sizeof to, "%s/%s", directory, name);
    snprintf(temporary, sizeof temporary, "%s/naming", platter);
    unlink(temporary);
    if (S_ISDIR(status->st_mode)) {
        snprintf(from, sizeof from, "%s/dirs/%lu", platter, (unsigned long)status->st_ino);
        mkdir(from, 0700);
        if (symlink(from, temporary)) die("symlink");
    } else {
        snprintf(from, sizeof from, "%s/inodes/%lu", platter, (unsigned long)status->st_ino);
        int made = open(from, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
        struct stat source;
        if (made < 0 || fstat(made, &source)) die(from);
        close(made);
        if (!lstat(to, &present) && present.st_ino == source.st_ino) return;
        if (link(from, temporary)) die("link");
    }
    if (rename(temporary, to)) die("rename");
}

static void each_name(const char *path, void (*visit)(const char *, const char *, void *), void *with) {
    DIR *open_directory = opendir(path);
    if (!open_directory) return;
    for (struct dirent *entry; (entry = readdir(open_directory));)
        if (strcmp(entry->d_name, ".") && strcmp(entry->d_name, "..")) visit(path, entry->d_name, with);
    closedir(open_directory);
}

static void add_name(const char *path, const char *name, void *directory) {
    char file[PATH + 320];
    struct stat status;
    snprintf(file, sizeof file, "%s/%s", path, name);
    if (!lstat(file, &status) && (S_ISREG(status.st_mode) || S_ISDIR(status.st_mode)))
        name_file(directory, name, &status);
}

static void drop_name(const char *directory, const char *name, void *path) {
    char file[PATH + 320];
    struct stat status;
    snprintf(file, sizeof file, "%s/%s", (char *)path, name);
    if (lstat(file, &status)) {
        snprintf(file, sizeof file, "%s/%s", directory, name);
        unlink(file);
    }
}

/* New names first: a cut between leaves both, never neither. */
static void sync_directory(const char *path, struct stat *status) {
    char directory[PATH + 64];
    snprintf(directory, sizeof directory, "%s/dirs/%lu", platter, (unsigned long)status->st_ino);
    pthread_mutex_lock(&lock);
    mkdir(directory, 0700);
    each_name(path, add_name, directory);
    each_name(directory, drop_name, (void *)path);
    pthread_mutex_unlock(&lock);
}

/* Everything below this directory is durable. */
static void seed(const char *path);

static void seed_name(const char *path, const char *name, void *with) {
    char file[PATH + 320];
    struct stat status;
    (void)with;
    snprintf(file, sizeof file, "%s/%s", path, name);
    if (lstat(file, &status)) return;
    if (S_ISDIR(status.st_mode)) seed(file);
    if (S_ISREG(status.st_mode)) {
        note(status.st_ino, 0, status.st_size);
        sync_file(file, &status, 0);
    }
}

static void seed(const char *path) {
    struct stat status;
    each_name(path, seed_name, NULL);
    if (!stat(path, &status)) sync_directory(path, &status);
}

__attribute__((constructor)) static void power_on(void) {
    const char *from[] = {getenv("FAULTS_ROOT"), getenv("FAULTS_PLATTER"), getenv("FAULTS_ORDERS")};
    char directory[PATH + 64];
    struct stat status;
    if (!from[0] || !from[1]) return;
    inside = 1;
    snprintf(root, sizeof root, "%s", from[0]);
    snprintf(platter, sizeof platter, "%s", from[1]);
    if (from[2]) snprintf(orders, sizeof orders, "%s", from[2]);
    if (stat(platter, &status)) {
        mkdir(platter, 0700);
        snprintf(directory, sizeof directory, "%s/inodes", platter);
        mkdir(directory, 0700);
        snprintf(directory, sizeof directory, "%s/dirs", platter);
        if (mkdir(directory, 0700)) die(directory);
        seed(root);
    }
    inside = 0;
}

/* ---- the program's calls ---- */

/* What the platter knows by one path it knows by another: links to a directory follow it. */
static struct moved { char from[PATH + 64], to[PATH + 128]; } moved;

static void follow_name(const char *directory, const char *name, void *with) {
    char file[PATH + 640], link[PATH + 64];
    (void)with;
    snprintf(file, sizeof file, "%s/%s", directory, name);
    ssize_t length = readlink(file, link, sizeof link - 1);
    if (length < 0) return;
    link[length] = 0;
    if (!strcmp(link, moved.from) && (unlink(file) || symlink(moved.to, file))) die("follow");
}

static void follow(const char *directory, const char *name, void *with) {
    char names[PATH + 320];
    snprintf(names, sizeof names, "%s/%s", directory, name);
    each_name(names, follow_name, with);
}

/* A new file may have the number of one that is gone: what the platter knows by that number is not its. */
static void forget(int is_new, const char *kind, struct stat *status) {
    char directories[PATH + 64];
    static int number;
    if (!is_new) return;
    pthread_mutex_lock(&lock);
    snprintf(moved.from, sizeof moved.from, "%s/%s/%lu", platter, kind, (unsigned long)status->st_ino);
    snprintf(moved.to, sizeof moved.to, "%s/gone.%d.%d", platter, getpid(), ++number);
    snprintf(directories, sizeof directories, "%s/dirs", platter);
    if (!rename(moved.from, moved.to)) each_name(directories, follow, NULL);
    dirty_of(status->st_ino)->inode = 0;
    pthread_mutex_unlock(&lock);
}

static int opened(int (*real)(int, const char *, int, ...), int at, const char *path, int flags, mode_t mode) {
    struct stat status;
    if (inside || !(flags & O_CREAT) || !is_under(path)) return real(at, path, flags, mode);
    int error = ordered("open", path);
    if (error) { errno = error; return -1; }
    inside = 1;
    int is_new = lstat(path, &status) != 0;
    int fd = real(at, path, flags, mode);
    if (fd >= 0 && !fstat(fd, &status)) forget(is_new, "inodes", &status);
    inside = 0;
    return fd;
}

#define OPEN(name, ...) \
    { \
        REAL(int, openat, int, const char *, int, ...); \
        mode_t mode = 0; \
        if (flags & (O_CREAT | O_TMPFILE)) { \
            va_list more; \
            va_start(more, flags); \
            mode = va_arg(more, mode_t); \
            va_end(more); \
        } \
        return opened(real_openat, __VA_ARGS__, path, flags, mode); \
    }

int open(const char *path, int flags, ...) OPEN(open, AT_FDCWD)
int open64(const char *path, int flags, ...) OPEN(open64, AT_FDCWD)
int openat(int at, const char *path, int flags, ...) OPEN(openat, at)
int openat64(int at, const char *path, int flags, ...) OPEN(openat64, at)

int mkdir(const char *path, mode_t mode) {
    REAL(int, mkdir, const char *, mode_t);
    struct stat status;
    int made = real_mkdir(path, mode);
    if (!made && !inside && is_under(path) && !lstat(path, &status)) {
        inside = 1;
        forget(1, "dirs", &status);
        inside = 0;
    }
    return made;
}

static ssize_t written(int fd, ssize_t count, off_t from, struct stat *status) {
    (void)fd;
    if (count > 0) note(status->st_ino, from, count);
    return count;
}

/* Whether a write to this file is watched; -1 if it is ordered to fail. */
static int watched(int fd, struct stat *status) {
    char path[PATH];
    if (inside || !*root || !path_of(fd, path) || fstat(fd, status) || !S_ISREG(status->st_mode)) return 0;
    int error = ordered("write", path);
    if (error) { errno = error; return -1; }
    return 1;
}

ssize_t write(int fd, const void *bytes, size_t count) {
    REAL(ssize_t, write, int, const void *, size_t);
    struct stat status;
    int is_watched = watched(fd, &status);
    if (is_watched < 0) return -1;
    if (!is_watched) return real_write(fd, bytes, count);
    off_t from = lseek(fd, 0, SEEK_CUR);
    return written(fd, real_write(fd, bytes, count), from, &status);
}

static ssize_t placed(int fd, const void *bytes, size_t count, off_t from) {
    REAL(ssize_t, pwrite64, int, const void *, size_t, off_t);
    struct stat status;
    int is_watched = watched(fd, &status);
    if (is_watched < 0) return -1;
    ssize_t done = real_pwrite64(fd, bytes, count, from);
    return is_watched ? written(fd, done, from, &status) : done;
}

ssize_t pwrite(int fd, const void *bytes, size_t count, off_t from) { return placed(fd, bytes, count, from); }
ssize_t pwrite64(int fd, const void *bytes, size_t count, off_t from) { return placed(fd, bytes, count, from); }

static int synced(int (*real)(int), int fd) {
    char path[PATH];
    struct stat status;
    if (inside || !*root || !path_of(fd, path) || fstat(fd, &status)) return real(fd);
    int is_directory = S_ISDIR(status.st_mode);
    int error = ordered(is_directory ? "dirsync" : "sync", path);
    inside = 1;
    if (is_directory && !error) sync_directory(path, &status);
    if (!is_directory) sync_file(path, &status, error);
    inside = 0;
    if (error) { errno = error; return -1; }
    return 0;
}

int fsync(int fd) {
    REAL(int, fsync, int);
    return synced(real_fsync, fd);
}

int fdatasync(int fd) {
    REAL(int, fdatasync, int);
    return synced(real_fdatasync, fd);
}

int rename(const char *from, const char *to) {
    REAL(int, rename, const char *, const char *);
    int error = is_under(from) ? ordered("rename", from) : 0;
    if (error) { errno = error; return -1; }
    return real_rename(from, to);
}

int unlink(const char *path) {
    REAL(int, unlink, const char *);
    int error = is_under(path) ? ordered("unlink", path) : 0;
    if (error) { errno = error; return -1; }
    return real_unlink(path);
}

static int reserved(int (*real)(int, int, off_t, off_t), int fd, int mode, off_t from, off_t length) {
    char path[PATH];
    int error = path_of(fd, path) ? ordered("fallocate", path) : 0;
    if (error) { errno = error; return -1; }
    return real(fd, mode, from, length);
}

int fallocate(int fd, int mode, off_t from, off_t length) {
    REAL(int, fallocate, int, int, off_t, off_t);
    return reserved(real_fallocate, fd, mode, from, length);
}

int fallocate64(int fd, int mode, off_t from, off_t length) {
    REAL(int, fallocate, int, int, off_t, off_t);
    return reserved(real_fallocate, fd, mode, from, length);
}

static int space(int result, const char *path, struct statvfs *said) {
    char file[PATH + 32];
    unsigned long long bytes;
    if (result || !*orders || !is_under(path)) return result;
    snprintf(file, sizeof file, "%s/free", orders);
    FILE *text = fopen(file, "r");
    if (!text) return result;
    if (fscanf(text, "%llu", &bytes) == 1) said->f_bavail = said->f_bfree = bytes / said->f_frsize;
    fclose(text);
    return result;
}

int statvfs(const char *path, struct statvfs *said) {
    REAL(int, statvfs, const char *, struct statvfs *);
    return space(real_statvfs(path, said), path, said);
}

int statvfs64(const char *path, struct statvfs64 *said) {
    REAL(int, statvfs, const char *, struct statvfs *);
    return space(real_statvfs(path, (struct statvfs *)said), path, (struct statvfs *)said);
}
