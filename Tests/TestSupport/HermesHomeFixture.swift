internal import Foundation
internal import Glibc
internal import Support
public import SystemPackage

/// A Hermes home made from fixtures/hermes_home, with secrets generated from a seed and planted in many forms.
public struct HermesHomeFixture: Sendable {
    /// A generated secret.
    public struct Secret: Sendable {
        public var name: String
        public var value: String
    }

    /// A secret at a place in the home.
    public struct Plant: Sendable {
        /// The file, relative to the home, bytes.
        public var path: [UInt8]
        public var secret: String
        /// `plain`, `json`, `jsonjson`, `url`, `hex`, `base64`, `base64line`, `utf16`, `gzip`, `zip`, `database`, `file-name`.
        public var form: String
        /// What stands there, as bytes.
        public var bytes: [UInt8]
    }

    public let home: FilePath
    public private(set) var secrets: [Secret] = []
    public private(set) var plants: [Plant] = []

    /// The fixtures folder of the package.
    public static var fixtures: FilePath {
        FilePath(#filePath).removingLastComponent().removingLastComponent().removingLastComponent().appending(
            "fixtures")
    }

    /// Every spelling that must be found nowhere in a sanitized tree: each secret in each form.
    public var forbidden: [(name: String, bytes: [UInt8])] {
        secrets.flatMap { secret in
            ["plain", "json", "jsonjson", "url", "hex", "base64", "base64line"].map {
                ("\(secret.name).\($0)", HermesHomeFixture.spelled(secret.value, $0))
            }
        }
    }

    public func value(_ name: String) -> String { secrets.first { $0.name == name }?.value ?? "" }

    /// Makes the home.
    ///
    /// - Parameters:
    ///   - home: a folder that does not exist yet.
    ///   - seed: the same seed gives the same secrets.
    ///   - extras: adds what a repository cannot hold: FIFO, symlinks, UTF-16, archives, a database, odd names.
    public init(at home: FilePath, seed: UInt64 = 1, extras: Bool = true) throws {
        self.home = home
        var random = SplitMix64(seed: seed)
        let list = try FileSystem.read(HermesHomeFixture.fixtures.appending("PLANTS"), limit: 1 << 20)
        for line in String(decoding: list, as: UTF8.self).split(separator: "\n") {
            let parts = line.split(separator: "\t")
            secrets.append(Secret(name: String(parts[0]), value: HermesHomeFixture.generate(String(parts[1]), &random)))
        }
        let source = HermesHomeFixture.fixtures.appending("hermes_home")
        var entries: [(path: [UInt8], status: FileStatus)] = []
        try DirectoryWalk(source).run { entry in
            entries.append((entry.path, entry.status))
            return .descend
        } failing: { _, error in
            throw error
        }
        try FileSystem.makeDirectory(home)
        for entry in entries {
            let path = fill(entry.path, in: entry.path, isName: true)
            let target = home.pushing(FilePath(bytes: path))
            if entry.status.kind == .directory {
                try FileSystem.makeDirectory(target)
                continue
            }
            let text = try FileSystem.read(source.pushing(FilePath(bytes: entry.path)), limit: 1 << 20)
            let bytes = fill(text, in: path, isName: false)
            try FileSystem.replace(
                target, with: bytes, permissions: entry.status.permissions & 0o100 != 0 ? 0o700 : 0o600)
        }
        if extras { try addExtras() }
    }

    /// Writes a file below the home.
    public func write(_ path: String, _ bytes: [UInt8]) throws {
        let target = home.pushing(FilePath(path))
        try FileSystem.makeDirectory(target.removingLastComponent())
        try FileSystem.replace(target, with: bytes)
    }

    // MARK: Placeholders

    private mutating func fill(_ text: [UInt8], in path: [UInt8], isName: Bool) -> [UInt8] {
        var out = text
        for secret in secrets {
            for form in ["plain", "json", "jsonjson", "url", "hex", "base64", "base64line"] {
                let placeholder = Array("@@\(secret.name)\(form == "plain" ? "" : ".\(form)")@@".utf8)
                let spelled = HermesHomeFixture.spelled(secret.value, form)
                while let range = out.firstRange(of: placeholder) {
                    out.replaceSubrange(range, with: spelled)
                    plants.append(
                        Plant(path: path, secret: secret.name, form: isName ? "file-name" : form, bytes: spelled))
                }
            }
        }
        return out
    }

    /// A secret in one of the forms of fixtures/README.md.
    public static func spelled(_ value: String, _ form: String) -> [UInt8] {
        func json(_ text: String) -> String {
            text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"")
        }
        switch form {
        case "json": return Array(json(value).utf8)
        case "jsonjson": return Array(json(json(value)).utf8)
        case "url":
            return value.utf8.flatMap { byte -> [UInt8] in
                let isSafe =
                    (48...57).contains(byte) || (65...90).contains(byte) || (97...122).contains(byte)
                    || "-_.~".utf8.contains(byte)
                return isSafe ? [byte] : [37] + Array(hex([byte]).uppercased().utf8)
            }
        case "hex": return Array(hex(value.utf8).utf8)
        case "base64": return Array(Data(value.utf8).base64EncodedString().utf8)
        case "base64line": return Array(Data("token=\(value)\n".utf8).base64EncodedString().utf8)
        default: return Array(value.utf8)
        }
    }

    private static func generate(_ template: String, _ random: inout SplitMix64) -> String {
        let sets: [String: [Character]] = [
            "hex": Array("0123456789abcdef"), "digits": Array("0123456789"),
            "lower": Array("abcdefghijklmnopqrstuvwxyz"),
            "alnum": Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"),
        ]
        var out = ""
        var rest = template[...]
        while let open = rest.firstIndex(of: "{"), let close = rest.firstIndex(of: "}") {
            out += rest[..<open]
            let parts = rest[rest.index(after: open)..<close].split(separator: ":")
            let set = sets[String(parts[0])] ?? []
            for _ in 0..<(Int(parts[1]) ?? 0) {
                if let character = set.randomElement(using: &random) { out.append(character) }
            }
            rest = rest[rest.index(after: close)...]
        }
        return out + rest
    }

    // MARK: What a repository cannot hold

    private mutating func addExtras() throws {
        let fifo = home.appending("workspace-pipe")
        guard fifo.withPlatformString({ mkfifo($0, 0o600) }) == 0 else {
            throw OperatorError.system(errno, doing: "making a FIFO")
        }
        try link("/etc/hostname", at: "skills/outside-link")
        try link("../../etc/passwd", at: "skills/climbing-link")
        try link("release-notes/SKILL.md", at: "skills/inside-link")
        try link("loop-b", at: "skills/loop-a")
        try link("loop-a", at: "skills/loop-b")

        let telegram = value("TELEGRAM_TOKEN")
        var wide: [UInt8] = [0xFF, 0xFE]
        for unit in "key: \(telegram)\r\nsecond line\r\n".utf16 { wide += [UInt8(unit & 0xFF), UInt8(unit >> 8)] }
        try write("scripts/notes-utf16.txt", wide)
        let spelled = telegram.utf16.flatMap { [UInt8($0 & 0xFF), UInt8($0 >> 8)] }
        plants.append(
            Plant(path: Array("scripts/notes-utf16.txt".utf8), secret: "TELEGRAM_TOKEN", form: "utf16", bytes: spelled))

        try makeArchive("scripts/old.log.gz", secret: "GITHUB_TOKEN", form: "gzip")
        try makeArchive("skills/pack.zip", secret: "MISTRAL_KEY", form: "zip")
        try makeArchive("skills/clean.zip", secret: nil, form: "zip")
        try makeArchive("skills/clean.txt.gz", secret: nil, form: "gzip")

        // A database by magic, under a name that says nothing.
        let database =
            Array("SQLite format 3\0".utf8) + [UInt8](repeating: 0, count: 84) + Array(value("OPENROUTER_KEY").utf8)
        for path in ["state.db", "skills/data.bin"] {
            try write(path, database + [UInt8](repeating: 0, count: 4096))
            plants.append(
                Plant(
                    path: Array(path.utf8), secret: "OPENROUTER_KEY", form: "database",
                    bytes: Array(value("OPENROUTER_KEY").utf8)))
        }
        try write("state.db-wal", Array(value("OPENROUTER_KEY").utf8))
        try write("backups/pre-update-1.zip", Array("PK\u{3}\u{4}".utf8) + Array(value("OPENROUTER_KEY").utf8))

        try writeBytes(Array("skills/line\nbreak.md".utf8), Array("A name with a line break.\n".utf8))
        try writeBytes(Array("skills/caf".utf8) + [0xE9] + Array(".md".utf8), Array("A name that is Latin-1.\n".utf8))
        try writeBytes(
            Array("scripts/latin1.txt".utf8),
            Array("Gr".utf8) + [0xFC, 0xDF] + Array("e, key=\(value("SERVER_KEY")) \n".utf8))
        plants.append(
            Plant(
                path: Array("scripts/latin1.txt".utf8), secret: "SERVER_KEY", form: "plain",
                bytes: Array(value("SERVER_KEY").utf8)))
    }

    private func writeBytes(_ path: [UInt8], _ bytes: [UInt8]) throws {
        try FileSystem.replace(home.pushing(FilePath(bytes: path)), with: bytes)
    }

    private func link(_ target: String, at path: String) throws {
        let result = home.pushing(FilePath(path)).withPlatformString { symlink(target, $0) }
        guard result == 0 else { throw OperatorError.system(errno, doing: "making a symlink") }
    }

    /// Archives by Python's own writers.
    private mutating func makeArchive(_ path: String, secret: String?, form: String) throws {
        let text = "line one\nuse \(secret.map(value) ?? "nothing") for that\n"
        let script =
            form == "gzip"
            ? "import gzip,sys; gzip.open(sys.argv[1],'wb').write(sys.stdin.buffer.read())"
            : "import zipfile,sys; z=zipfile.ZipFile(sys.argv[1],'w',zipfile.ZIP_DEFLATED); z.writestr('d/notes.txt',sys.stdin.buffer.read()); z.close()"
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = ["python3", "-c", script, home.pushing(FilePath(path)).string]
        let input = Pipe()
        process.standardInput = input
        try process.run()
        try input.fileHandleForWriting.write(contentsOf: Data(text.utf8))
        try input.fileHandleForWriting.close()
        process.waitUntilExit()
        guard process.terminationStatus == 0 else {
            throw OperatorError("fixture", doing: "making an archive", subject: path, reason: "python3 failed")
        }
        if let secret {
            plants.append(Plant(path: Array(path.utf8), secret: secret, form: form, bytes: Array(value(secret).utf8)))
        }
    }
}

/// A small seeded generator (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014).
public struct SplitMix64: RandomNumberGenerator, Sendable {
    private var state: UInt64

    public init(seed: UInt64) { state = seed }

    public mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
