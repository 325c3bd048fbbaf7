internal import Foundation
internal import Glibc
internal import Support
internal import SystemPackage
internal import TestSupport
internal import Testing

/// File systems that do less than ext4: NFS and most of FUSE know none of renameat2(2)'s flags, FAT has no second names besides.
@Suite(.timeLimit(.minutes(5))) struct ModestFileSystemTests {
    private static let library = #"""
        #define _GNU_SOURCE
        #include <dlfcn.h>
        #include <errno.h>
        #include <stdarg.h>
        #include <stdlib.h>
        #include <sys/syscall.h>
        #include <unistd.h>
        long syscall(long number, ...) {
            static long (*real)(long, ...);
            if (!real) real = dlsym(RTLD_NEXT, "syscall");
            va_list list;
            va_start(list, number);
            long a = va_arg(list, long), b = va_arg(list, long), c = va_arg(list, long), d = va_arg(list, long);
            long e = va_arg(list, long), f = va_arg(list, long);
            va_end(list);
            if (number == SYS_renameat2 && (unsigned)e) { errno = EINVAL; return -1; }
            return real(number, a, b, c, d, e, f);
        }
        int linkat(int from, const char *name, int to, const char *other, int flags) {
            static int (*real)(int, const char *, int, const char *, int);
            if (!real) real = dlsym(RTLD_NEXT, "linkat");
            if (getenv("NO_LINKS")) { errno = EPERM; return -1; }
            return real(from, name, to, other, flags);
        }
        """#

    /// Two mounts of one file system look like one, and nothing can be renamed from one to the other.
    @Test func aRestoreCrossesMounts() async throws {
        guard getuid() == 0 else { return }
        let site = try await DrillSite()
        let result = try await site.runner.tool(
            "unshare", "-m", "sh", "-c",
            """
            mount --make-rprivate / && mount --bind "$2" "$2" &&
            "$1" restore --from store --into "$3" --identity drill-key && ls -A "$2/downloads" && [ -f "$3/SOUL.md" ]
            """, "sh", RunnerProgram.path.string, site.runner.state.string,
            site.runner.folder.path.appending("restored").string)
        #expect(result.status == 0, "\(result.output)\(result.errors)")
        #expect(!result.output.contains(".tmp") && !result.output.contains(".part"), "\(result.output)")
    }

    @Test(arguments: [[:], ["NO_LINKS": "1"]]) func bundlesAreStoredFetchedAndRestored(environment: [String: String])
        async throws
    {
        var site = try await DrillSite(backups: false)
        site.runner.environment.merge(environment) { _, new in new }
        site.runner.environment["LD_PRELOAD"] = try await site.runner.library(Self.library)
        let made = try await site.runner("run", "emergency-bundle", "--quiet")
        #expect(made.status == 0, "\(made.errors)")
        let verified = try await site.runner("bundle", "verify", "latest", "--store", "local", "-i", site.key.string)
        #expect(verified.status == 0, "\(verified.errors)")
        try site.runner.folder.write("home/SOUL.md", "Changed since.\n")
        let restored = try await site.runner(
            "restore", "--from", "store", "--into", site.home.string, "--replace", "--identity", "drill-key", "--json")
        #expect(restored.status == 0, "\(restored.errors)")
        let kept = FilePath(try #require(try restored.json()["previousHome"] as? String))
        #expect(
            try FileSystem.read(kept.appending("SOUL.md"), limit: 100) == Array("Changed since.\n".utf8))
        #expect(try FileSystem.read(site.home.appending("SOUL.md"), limit: 10_000) != Array("Changed since.\n".utf8))
        // What stands there still stays.
        let again = try await site.runner("keys", "generate", "-o", site.key.string)
        #expect(again.status != 0 && again.errors.contains("exists"), "\(again.errors)")
        #expect(try await site.runner("keys", "recipient", site.key.string).output.contains(site.recipient))
    }
}
