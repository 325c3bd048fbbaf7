internal import Glibc
internal import Support
internal import SystemPackage

/// Git's protocol with a repository on this machine, through the `git` command's server side, so that its hooks and settings hold.
final class LocalConversation: GitConversation {
    private let path: FilePath
    private let service: GitService
    private let cancellation: CancellationFlag
    private let patience: Duration
    private var process: pid_t = 0
    private var input: FileDescriptor?
    private var output: FileDescriptor?
    /// It has closed its output: everything is said.
    private var isDone = false

    init(path: FilePath, service: GitService, patience: Duration, cancellation: CancellationFlag) {
        self.path = path
        self.service = service
        self.patience = patience
        self.cancellation = cancellation
    }

    deinit { end() }

    func advertisement() throws -> Advertisement {
        end()
        try start()
        var bytes: [UInt8] = []
        while true {
            guard try !isWhole(bytes) else { return try Advertisement(bytes, service: nil) }
            let piece = try read()
            guard !piece.isEmpty else { throw notARepository() }
            bytes += piece
        }
    }

    private func isWhole(_ bytes: [UInt8]) throws -> Bool {
        var rest = bytes[...]
        while let (line, after) = try PacketLine.next(in: rest) {
            if line == .flush { return true }
            rest = after
        }
        return false
    }

    func request(_ body: GitRequestBody, answer: @escaping @Sendable (UnsafeRawBufferPointer) throws -> Void) throws {
        if input == nil { _ = try advertisement() }
        guard let input, let output else { throw notARepository() }
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        var pending: ArraySlice<UInt8> = []
        var offset: Int64 = 0
        var isSending = true
        // Both directions at once: a server that answers before it has read everything must not stop both sides.
        while true {
            if isSending, pending.isEmpty {
                let count = try buffer.withUnsafeMutableBytes { try body.read(at: offset, into: $0) }
                offset += Int64(count)
                pending = buffer[..<count]
                isSending = count > 0
            }
            let ready = try wait(reading: output, writing: isSending ? input : nil)
            if ready.writing {
                let count = pending.withUnsafeBytes { Glibc.write(input.rawValue, $0.baseAddress, $0.count) }
                if count > 0 {
                    pending = pending.dropFirst(count)
                } else if errno != EAGAIN, errno != EINTR {
                    // It closed its ear; what it said is still to be read.
                    isSending = false
                }
            }
            if ready.reading {
                let piece = try read()
                if piece.isEmpty { break }
                try piece.withUnsafeBytes { try answer($0) }
            }
        }
        end()
    }

    private func start() throws {
        // Writing to a process that is gone must be an error, not the end of this one.
        signal(SIGPIPE, SIG_IGN)
        let (childInput, input) = try FileDescriptor.pipe()
        let (output, childOutput) = try FileDescriptor.pipe()
        self.input = input
        self.output = output
        for descriptor in [childInput, childOutput, input, output] {
            _ = fcntl(descriptor.rawValue, F_SETFD, FD_CLOEXEC)
        }
        for descriptor in [input, output] {
            _ = fcntl(descriptor.rawValue, F_SETFL, O_NONBLOCK)
        }
        defer {
            childInput.closeQuietly()
            childOutput.closeQuietly()
        }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, childInput.rawValue, 0)
        posix_spawn_file_actions_adddup2(&actions, childOutput.rawValue, 1)
        posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0)
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETPGROUP))
        // A fixed environment: GIT_DIR and its kin would lead elsewhere.
        let kept = ["PATH", "HOME", "TMPDIR"].compactMap { (name: String) -> String? in
            getenv(name).map { "\(name)=" + String(cString: $0) }
        }
        var environment: [UnsafeMutablePointer<CChar>?] =
            (kept + ["LC_ALL=C", "GIT_TERMINAL_PROMPT=0"]).map { strdup($0) } + [nil]
        defer { for word in environment { free(word) } }
        var arguments: [UnsafeMutablePointer<CChar>?] = [strdup("git"), strdup(String(service.rawValue.dropFirst(4)))]
        arguments += [path.withPlatformString { strdup($0) }, nil]
        defer { for word in arguments { free(word) } }
        let code = posix_spawnp(&process, "git", &actions, &attributes, &arguments, &environment)
        guard code == 0 else {
            process = 0
            throw OperatorError.system(
                code, doing: "starting the git command for", subject: path.printable,
                advice: "install git: a remote that is a folder needs its command")
        }
    }

    private func notARepository() -> OperatorError {
        OperatorError(
            "git.not-found", doing: "talking to the repository", subject: path.printable,
            reason: (try? FileStatus(at: path)) == nil
                ? "there is nothing at this path" : "git does not take it for a repository that this user may use",
            advice: "make one with `git init --bare`, or change repository.remote", exit: .configuration)
    }

    /// What is there to read; nothing at the end.
    private func read() throws -> [UInt8] {
        guard let output else { return [] }
        while true {
            let piece = try [UInt8](unsafeUninitializedCapacity: 1 << 16) { buffer, count in
                let result = Glibc.read(output.rawValue, buffer.baseAddress, buffer.count)
                if result < 0, errno != EAGAIN, errno != EINTR {
                    throw OperatorError.system(errno, doing: "reading from git", subject: path.printable)
                }
                count = max(0, result)
                if result == 0 { self.isDone = true }
            }
            if !piece.isEmpty || isDone { return piece }
            _ = try wait(reading: output, writing: nil)
        }
    }

    private func wait(reading: FileDescriptor, writing: FileDescriptor?) throws -> (reading: Bool, writing: Bool) {
        let deadline = SystemTime().uptime + patience
        while true {
            try cancellation.check()
            var polls = [pollfd(fd: reading.rawValue, events: Int16(POLLIN), revents: 0)]
            if let writing { polls.append(pollfd(fd: writing.rawValue, events: Int16(POLLOUT), revents: 0)) }
            let count = poll(&polls, nfds_t(polls.count), 200)
            if count > 0 { return (polls[0].revents != 0, polls.count > 1 && polls[1].revents != 0) }
            if count < 0, errno != EINTR { throw OperatorError.system(errno, doing: "waiting for git") }
            if SystemTime().uptime > deadline {
                throw OperatorError(
                    "git.timeout", doing: "talking to the repository", subject: path.printable,
                    reason: "git was silent for \(Int(patience.inSeconds)) s", exit: .unavailable, isTemporary: true)
            }
        }
    }

    /// Closes the pipes and ends the process with its children, hooks among them.
    private func end() {
        input?.closeQuietly()
        output?.closeQuietly()
        input = nil
        output = nil
        let child = process
        guard child != 0 else { return }
        // One that has said everything ends by itself; a moment for that, then the whole group goes.
        let attempts = isDone ? 250 : 0
        process = 0
        isDone = false
        var status: Int32 = 0
        for _ in 0..<attempts {
            if waitpid(child, &status, WNOHANG) != 0 { return }
            usleep(2000)
        }
        kill(-child, SIGKILL)
        while waitpid(child, &status, 0) < 0, errno == EINTR {}
    }
}
