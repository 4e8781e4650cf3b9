/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "media/child/child.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(__has_feature)
#define HAS_FEATURE(x) __has_feature(x)
#else
#define HAS_FEATURE(x) 0
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || HAS_FEATURE(address_sanitizer) || HAS_FEATURE(thread_sanitizer)
#define IS_SANITIZED 1 /* shadow memory needs terabytes of address space, and reports need a few more calls */
#else
#define IS_SANITIZED 0
#endif

static struct err failed(const char *code, const char *what) {
    struct err e = err_from_errno(errno, code, what);
    e.kind = ERR_IO;
    return e;
}

static struct err limit(int resource, int64_t value, int64_t beyond) {
    struct rlimit r = {.rlim_cur = (rlim_t)value, .rlim_max = (rlim_t)(value + beyond)};
    if (!setrlimit((__rlimit_resource_t)resource, &r)) return ERR_OK;
    return failed("sandbox.limits", "Limits could not be set on the process that reads media files.");
}

/* Landlock with a rule set that allows nothing: every path is closed from now on. Older kernels have no Landlock; the
 * system call filter forbids opening anyway, this is the second lock on the same door. */
static struct err close_file_system(void) {
    long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
    if (abi < 1) return ERR_OK;
    struct landlock_ruleset_attr all = {.handled_access_fs = (LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1}; /* everything of version 1 */
    int rules = (int)syscall(SYS_landlock_create_ruleset, &all, sizeof all, 0);
    if (rules < 0) return failed("sandbox.landlock", "The process that reads media files could not be locked out of the file system.");
    long refused = syscall(SYS_landlock_restrict_self, rules, 0);
    close(rules);
    return refused ? failed("sandbox.landlock", "The process that reads media files could not be locked out of the file system.") : ERR_OK;
}

static const int ALLOWED[] = {
    /* what is open already */
    SCMP_SYS(read), SCMP_SYS(readv), SCMP_SYS(pread64), SCMP_SYS(preadv), SCMP_SYS(write), SCMP_SYS(writev), SCMP_SYS(pwrite64),
    SCMP_SYS(pwritev), SCMP_SYS(lseek), SCMP_SYS(fstat), SCMP_SYS(fsync), SCMP_SYS(fdatasync), SCMP_SYS(ftruncate), SCMP_SYS(close),
    SCMP_SYS(copy_file_range), SCMP_SYS(sendfile), SCMP_SYS(splice), SCMP_SYS(fallocate), SCMP_SYS(fadvise64), SCMP_SYS(readahead),
    SCMP_SYS(sync_file_range),
    /* the socket to the parent, and only that: no call makes another */
    SCMP_SYS(sendmsg), SCMP_SYS(recvmsg), SCMP_SYS(sendto), SCMP_SYS(recvfrom), SCMP_SYS(poll), SCMP_SYS(ppoll),
    /* memory */
    SCMP_SYS(brk), SCMP_SYS(munmap), SCMP_SYS(mremap), SCMP_SYS(madvise), SCMP_SYS(membarrier),
    /* threads and time */
    SCMP_SYS(futex), SCMP_SYS(set_robust_list), SCMP_SYS(rseq), SCMP_SYS(sched_yield), SCMP_SYS(sched_getaffinity),
    SCMP_SYS(sched_getparam), SCMP_SYS(sched_getscheduler), SCMP_SYS(gettid), SCMP_SYS(getpid),
    SCMP_SYS(rt_sigaction), SCMP_SYS(rt_sigprocmask), SCMP_SYS(rt_sigreturn), SCMP_SYS(sigaltstack), SCMP_SYS(clock_gettime),
    SCMP_SYS(clock_nanosleep), SCMP_SYS(nanosleep), SCMP_SYS(gettimeofday), SCMP_SYS(getrusage), SCMP_SYS(getrandom), SCMP_SYS(sysinfo),
    SCMP_SYS(uname), SCMP_SYS(getuid), SCMP_SYS(geteuid), SCMP_SYS(getgid), SCMP_SYS(getegid), SCMP_SYS(restart_syscall),
    SCMP_SYS(exit), SCMP_SYS(exit_group),
#if IS_SANITIZED
    SCMP_SYS(mprotect), SCMP_SYS(mmap), SCMP_SYS(getppid), SCMP_SYS(pipe2), SCMP_SYS(process_vm_readv), SCMP_SYS(dup), SCMP_SYS(dup2),
#endif
};

/* These fail instead of killing: the C library and FFmpeg ask such things in passing and live with a refusal. */
static const int REFUSED[] = {
    SCMP_SYS(open), SCMP_SYS(openat), SCMP_SYS(openat2), SCMP_SYS(stat), SCMP_SYS(lstat), SCMP_SYS(statx), SCMP_SYS(access),
    SCMP_SYS(faccessat), SCMP_SYS(faccessat2), SCMP_SYS(readlink), SCMP_SYS(readlinkat), SCMP_SYS(getcwd), SCMP_SYS(ioctl), SCMP_SYS(fcntl),
    SCMP_SYS(get_mempolicy), SCMP_SYS(set_mempolicy), SCMP_SYS(mbind), SCMP_SYS(sched_setscheduler), SCMP_SYS(sched_setaffinity), SCMP_SYS(setpriority),
    SCMP_SYS(getpriority), SCMP_SYS(prctl),
};

static int add_rules(scmp_filter_ctx filter) {
    int bad = 0;
    for (size_t i = 0; i < sizeof ALLOWED / sizeof *ALLOWED; i++) bad |= seccomp_rule_add(filter, SCMP_ACT_ALLOW, ALLOWED[i], 0);
    for (size_t i = 0; i < sizeof REFUSED / sizeof *REFUSED; i++) bad |= seccomp_rule_add(filter, SCMP_ACT_ERRNO(EACCES), REFUSED[i], 0);
#if !IS_SANITIZED
    /* memory that can be run is never made: bytes of strangers stay data */
    bad |= seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1, SCMP_A2_64(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
    bad |= seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1, SCMP_A2_64(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
#endif
    /* the C library asks for a descriptor's size in this way; with a path instead it tells nothing but that it exists */
    bad |= seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(newfstatat), 1, SCMP_A3(SCMP_CMP_EQ, AT_EMPTY_PATH));
    bad |= seccomp_rule_add(filter, SCMP_ACT_ERRNO(EACCES), SCMP_SYS(newfstatat), 1, SCMP_A3(SCMP_CMP_NE, AT_EMPTY_PATH));
    /* threads, not processes; clone3 hides its flags from us, so the C library is sent back to clone */
    bad |= seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(clone), 1, SCMP_A0_64(SCMP_CMP_MASKED_EQ, CLONE_THREAD, CLONE_THREAD));
    bad |= seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
    /* own limits may be read, nobody's may be set */
    bad |= seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(prlimit64), 2, SCMP_A0_64(SCMP_CMP_EQ, 0), SCMP_A2_64(SCMP_CMP_EQ, 0));
    /* abort() and the stack guard may end ourselves */
    bad |= seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(tgkill), 1, SCMP_A0_64(SCMP_CMP_EQ, (scmp_datum_t)getpid()));
    return bad;
}

struct err child_sandbox(const struct child_limits *limits) {
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0))
        return failed("sandbox.privileges", "The process that reads media files could not give up its privileges.");
    signal(SIGXFSZ, SIG_IGN); /* too large a file is an error of write, not a death */
    signal(SIGPIPE, SIG_IGN);
    struct err e = limit(RLIMIT_CORE, 0, 0);
    if (!e.kind && !IS_SANITIZED) e = limit(RLIMIT_AS, limits->memory_bytes, 0);
    if (!e.kind) e = limit(RLIMIT_FSIZE, limits->output_bytes, 0);
    if (!e.kind && limits->cpu_s) e = limit(RLIMIT_CPU, limits->cpu_s, 5); /* SIGXCPU first: tells its reason, as SIGKILL would not */
    if (!e.kind) e = limit(RLIMIT_NOFILE, limits->files, 0);
    if (!e.kind) e = close_file_system();
    if (e.kind) return e;
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_KILL_PROCESS);
    if (!filter) return failed("sandbox.filter", "The process that reads media files could not be locked in.");
    int bad = add_rules(filter);
    if (!bad) bad = seccomp_load(filter);
    seccomp_release(filter);
    errno = bad < 0 ? -bad : 0;
    return bad ? failed("sandbox.filter", "The process that reads media files could not be locked in.") : ERR_OK;
}
