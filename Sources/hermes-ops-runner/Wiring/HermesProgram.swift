internal import Glibc
internal import RestoreDrill
internal import Support
internal import SystemPackage

/// The folders that the hermes command lives in, which a job's sandbox must show: its own, its virtual environment, and the Python
/// below that, which uv and pyenv keep elsewhere in the user's home. Each as it is named and as it is with its links followed.
enum HermesProgram {
    /// What services have for PATH (systemd.exec(5), "Environment Variables in Spawned Processes").
    static let servicePath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

    static func folders(of command: FilePath, userHome: FilePath) -> [FilePath] {
        var folders = [command.removingLastComponent()]
        /// The environment that a program in `…/bin` belongs to; never a whole home.
        func add(_ program: FilePath) {
            let bin = program.removingLastComponent()
            let environment = bin.removingLastComponent()
            let isWide = environment == userHome || environment.components.count < 2
            for folder in [isWide ? bin : environment] where !folders.contains(folder) { folders.append(folder) }
        }
        let script = real(command) ?? command
        add(script)
        if let interpreter = interpreter(of: script) { follow(interpreter, add) }
        let settings = script.removingLastComponent().removingLastComponent().appending("pyvenv.cfg")
        if let base = basePython(settings) { follow(base.appending("python3"), add) }
        return folders
    }

    /// Every name on the way along a program's symlinks.
    private static func follow(_ program: FilePath, _ visit: (FilePath) -> Void) {
        var program = program
        for _ in 0..<16 {
            visit(program)
            guard let bytes = target(of: program) else { break }
            let next = FilePath(bytes: bytes)
            program = next.isAbsolute ? next : program.removingLastComponent().pushing(next).lexicallyNormalized()
        }
        if let end = real(program) { visit(end) }
    }

    /// The program behind `#!` in a script's first line.
    private static func interpreter(of script: FilePath) -> FilePath? {
        guard let text = try? FileSystem.read(script, limit: 1 << 20), text.starts(with: "#!".utf8) else { return nil }
        let line = text.dropFirst(2).prefix { $0 != UInt8(ascii: "\n") }
        guard let word = line.split(whereSeparator: { $0 == 0x20 || $0 == 0x09 || $0 == 0x0D }).first else {
            return nil
        }
        let path = FilePath(bytes: Array(word))
        return path.isAbsolute ? path : nil
    }

    /// The folder of the Python that a virtual environment was made from.
    private static func basePython(_ settings: FilePath) -> FilePath? {
        guard let text = try? FileSystem.read(settings, limit: 1 << 16) else { return nil }
        for line in String(decoding: text, as: UTF8.self).split(whereSeparator: \.isNewline) {
            let parts = line.split(separator: "=", maxSplits: 1).map { $0.drop { $0 == " " } }
            guard parts.count == 2, parts[0].prefix(while: { $0 != " " }) == "home" else { continue }
            let path = FilePath(String(parts[1]))
            return path.isAbsolute ? path : nil
        }
        return nil
    }

    private static func target(of path: FilePath) -> [UInt8]? {
        withUnsafeTemporaryAllocation(of: CChar.self, capacity: Int(PATH_MAX)) { buffer in
            let count = path.withPlatformString { readlink($0, buffer.baseAddress!, buffer.count) }
            return count > 0 ? buffer[..<count].map { UInt8(bitPattern: $0) } : nil
        }
    }

    private static func real(_ path: FilePath) -> FilePath? {
        guard let text = path.withPlatformString({ realpath($0, nil) }) else { return nil }
        defer { free(text) }
        return FilePath(platformString: text)
    }
}
