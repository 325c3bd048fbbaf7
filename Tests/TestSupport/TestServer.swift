internal import Glibc
internal import Support
public import SystemPackage

/// A server program of `Tests/Servers` that runs as long as this object, in a process group of its own that ends with it.
///
/// The program prints one line of JSON, an object of numbers, when it is ready; it also ends when its standard input does, so that
/// a killed test leaves nothing behind.
public final class TestServer: Sendable {
    /// What the program said: mostly ports by name.
    public let numbers: [String: Int]
    private let process: Int32
    private let input: FileDescriptor

    public struct Failure: Error, CustomStringConvertible {
        public let description: String
    }

    /// Starts `python3 Tests/Servers/SCRIPT ARGUMENTS…`.
    public init(_ script: String, _ arguments: [String]) throws {
        let path = Self.sourceRoot.appending("Tests/Servers").appending(script)
        let (childInput, input) = try FileDescriptor.pipe()
        let (output, childOutput) = try FileDescriptor.pipe()
        for descriptor in [input, output] { _ = fcntl(descriptor.rawValue, F_SETFD, FD_CLOEXEC) }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, childInput.rawValue, 0)
        posix_spawn_file_actions_adddup2(&actions, childOutput.rawValue, 1)
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETPGROUP))
        let words = ["python3", "-B", path.string] + arguments
        var argv: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) } + [nil]
        defer { for word in argv { free(word) } }
        var child: pid_t = 0
        let code = posix_spawnp(&child, "python3", &actions, &attributes, &argv, environ)
        try childInput.close()
        try childOutput.close()
        guard code == 0 else { throw Failure(description: "python3: \(errorText(code))") }
        process = child
        self.input = input
        var line: [UInt8] = []
        var byte: UInt8 = 0
        while try withUnsafeMutableBytes(of: &byte, { try output.read(into: $0) }) == 1, byte != UInt8(ascii: "\n") {
            line.append(byte)
        }
        try output.close()
        // {"name": 123, …}, written by our own programs.
        var numbers: [String: Int] = [:]
        let text = String(decoding: line, as: UTF8.self).filter { !"{}\" ".contains($0) }
        for pair in text.split(separator: ",") {
            let parts = pair.split(separator: ":")
            if parts.count == 2, let number = Int(parts[1]) { numbers[String(parts[0])] = number }
        }
        self.numbers = numbers
        guard !numbers.isEmpty else { throw Failure(description: "\(script) did not start") }
    }

    deinit { end() }

    /// Kills the program with all its children, at once.
    public func end() {
        guard kill(-process, SIGKILL) == 0 else { return }
        var status: Int32 = 0
        waitpid(process, &status, 0)
        try? input.close()
    }

    /// The folder of Package.swift.
    public static let sourceRoot: FilePath = {
        var path = FilePath(#filePath)
        for _ in 0..<3 { path.removeLastComponent() }
        return path
    }()
}
