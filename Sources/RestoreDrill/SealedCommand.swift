internal import Support
internal import SystemPackage

/// How far a command is shut off from the machine while a drill runs it.
enum Seal: String, Sendable {
    /// Own user, mount, network and process namespaces: no network at all, nothing but the drill's folder to write to, no device but the
    /// harmless ones, and no right to change any of that.
    case namespaces
    /// The kernel does not allow this user namespaces: a scrubbed environment, no credentials, and a proxy that is not there; but who does
    /// not ask for a proxy reaches the network.
    case environment

    /// What this machine allows this user.
    static func available(_ runner: any CommandRunner) async throws -> Seal {
        let probe = try? await runner.run(
            "unshare", Array(Self.options.dropLast()) + ["--", "/bin/true"], environment: ["PATH": Self.path])
        try Task.checkCancellation()
        return probe?.isSuccess == true ? .namespaces : .environment
    }

    /// unshare(1) of util-linux. --kill-child: what the command started ends with it.
    static let options = [
        "--user", "--map-root-user", "--mount", "--net", "--ipc", "--pid", "--fork", "--kill-child", "--",
    ]

    static let path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
}

/// Runs a program on a restored home: nothing of this process's environment reaches it, and its idea of a home is the restored one.
struct SealedCommand: Sendable {
    let seal: Seal
    let runner: any CommandRunner
    let program: FilePath
    /// The restored home.
    let home: FilePath
    /// A folder for HOME, XDG_* and temporary files, beside the restored home.
    let scratch: FilePath
    /// The drill's folder, which holds both: all that the program may write to, where the seal can see to that.
    let folder: FilePath
    /// Without which read-only the program is not run, where the seal can see to that.
    let liveHome: FilePath

    func run(_ arguments: [String], deadline: Duration) async throws -> CommandResult {
        var environment = [
            "PATH": Seal.path, "HOME": scratch.string, "HERMES_HOME": home.string,
            "XDG_CONFIG_HOME": scratch.appending("config").string, "XDG_STATE_HOME": scratch.appending("state").string,
            "XDG_CACHE_HOME": scratch.appending("cache").string, "XDG_DATA_HOME": scratch.appending("data").string,
            "XDG_RUNTIME_DIR": scratch.appending("run").string, "TMPDIR": scratch.string, "LANG": "C.UTF-8",
            "TERM": "dumb", "NO_COLOR": "1", "COLUMNS": "200", "PYTHONDONTWRITEBYTECODE": "1", "CI": "1",
            "HERMES_DISABLE_LAZY_INSTALLS": "1",
        ]
        // `hermes version` asks git and PyPI for updates, and would fetch into the live home's checkout. What the seal cannot keep from
        // the network is told of a proxy that is not there, and of a repository that is none.
        for name in ["http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"] {
            environment[name] = "http://127.0.0.1:1"
        }
        environment["GIT_DIR"] = scratch.appending("no-repository").string
        environment["GIT_ALLOW_PROTOCOL"] = "none"
        let own = arguments.map { Array($0.utf8) }
        switch seal {
        case .environment:
            return try await runner.run(
                program, own, environment: environment, workingDirectory: scratch, deadline: deadline, limit: 4 << 20)
        case .namespaces:
            // timeout(1) ends what outlives this process, which may be killed at any moment.
            let limit = deadline.components.seconds + 10
            let words =
                ["--kill-after=5", "\(limit)", "unshare"] + Seal.options + ["/bin/sh", "-c", Self.script, "sh"]
            let sealed: [[UInt8]] =
                words.map { Array($0.utf8) } + [folder.bytes, liveHome.bytes, scratch.bytes, program.bytes] + own
            let result = try await runner.run(
                "timeout", sealed, environment: environment, workingDirectory: scratch, deadline: deadline,
                limit: 4 << 20)
            if result.end == .exited(Self.unsealed) {
                let reason = String(decoding: result.errors, as: UTF8.self)
                throw OperatorError(
                    "seal", doing: "sealing the hermes command",
                    reason: "what it may write to could not be limited: \(printable(reason, limit: 200))")
            }
            return result
        }
    }

    private static let unsealed: Int32 = 125

    /// Arguments: the drill's folder, the live home, the working folder, the command. In this mount namespace alone, the drill's
    /// folder becomes a mount of its own, and every other one read-only, as far as the kernel lets it; the live home must. The command
    /// gets no capability, not even in its own namespace: it could make a mount writable again.
    private static let script = #"""
        mount --bind "$1" "$1" || exit 125
        # /run holds the sockets of managers and daemons, which would do anything for root.
        # A drill's folder or a command in there is gone with the rest, and the check fails.
        [ ! -d /run ] || mount -t tmpfs -o size=64m,mode=1755 none /run || exit 125
        # For root the machine's devices are open.
        new=$3/devices
        mkdir "$new" && mount -t tmpfs -o size=64m,mode=755 none "$new" && mkdir -m 1777 "$new/shm" || exit 125
        for node in null zero full random urandom tty; do
            [ ! -e "/dev/$node" ] || { : >"$new/$node" && mount --bind "/dev/$node" "$new/$node"; } || exit 125
        done
        ln -s /proc/self/fd "$new/fd" && ln -s fd/0 "$new/stdin" && ln -s fd/1 "$new/stdout" && ln -s fd/2 "$new/stderr" || exit 125
        mount --move "$new" /dev && rmdir "$new" || exit 125
        mounts=$(cat /proc/self/mountinfo)
        printf '%s\n' "$mounts" | while read -r _ _ _ _ point _; do
            point=$(printf '%b.' "$point")
            point=${point%.}
            case $point in
            "$1" | /dev | /dev/*) ;;
            *) mount -o remount,bind,ro "$point" 2>/dev/null ;;
            esac
        done
        # Root's files in them are the kernel's switches.
        for place in /proc /sys; do
            [ ! -d "$place" ] || mount -o remount,bind,ro "$place" || exit 125
        done
        # Within a unit's sandbox it is read-only already, or not there.
        [ ! -w "$2" ] || { mount --rbind "$2" "$2" && mount -o remount,bind,ro "$2"; } || exit 125
        cd "$3" || exit 125
        shift 3
        exec setpriv --no-new-privs --bounding-set=-all --inh-caps=-all -- "$@"
        """#
}
