internal import Support
internal import SystemPackage

/// How far a command is shut off from the machine while a drill runs it.
enum Seal: String, Sendable {
    /// Own user, mount, network and process namespaces: no network at all, and the live home is read-only to it.
    case namespaces
    /// The kernel does not allow this user namespaces: a scrubbed environment and no credentials, but the network is there.
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
    /// Made read-only to the program, where the seal can.
    let liveHome: FilePath

    func run(_ arguments: [String], deadline: Duration) async throws -> CommandResult {
        let environment = [
            "PATH": Seal.path, "HOME": scratch.string, "HERMES_HOME": home.string,
            "XDG_CONFIG_HOME": scratch.appending("config").string, "XDG_STATE_HOME": scratch.appending("state").string,
            "XDG_CACHE_HOME": scratch.appending("cache").string, "XDG_DATA_HOME": scratch.appending("data").string,
            "XDG_RUNTIME_DIR": scratch.appending("run").string, "TMPDIR": scratch.string, "LANG": "C.UTF-8",
            "TERM": "dumb", "NO_COLOR": "1", "COLUMNS": "200", "PYTHONDONTWRITEBYTECODE": "1", "CI": "1",
        ]
        let own = arguments.map { Array($0.utf8) }
        switch seal {
        case .environment:
            return try await runner.run(
                program, own, environment: environment, workingDirectory: scratch, deadline: deadline, limit: 4 << 20)
        case .namespaces:
            // The live home is made read-only for this mount namespace alone; where it is not there, nothing is to be done.
            let script =
                #"[ ! -d "$1" ] || { mount --bind "$1" "$1" && mount -o remount,bind,ro "$1"; } || exit 125; shift; exec "$@""#
            let sealed: [[UInt8]] =
                Seal.options.map { Array($0.utf8) }
                + ["/bin/sh", "-c", script, "sh"].map { Array($0.utf8) } + [liveHome.bytes, program.bytes] + own
            return try await runner.run(
                "unshare", sealed, environment: environment, workingDirectory: scratch, deadline: deadline,
                limit: 4 << 20)
        }
    }
}
