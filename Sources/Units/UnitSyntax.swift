internal import Support
internal import SystemPackage

/// How values are written in unit files (systemd.syntax(7), systemd.service(5) "Command lines").
enum UnitSyntax {
    /// A path as one word of a list: quoted where it must be, `%` doubled because it starts a specifier.
    static func word(_ path: FilePath, prefix: String = "") throws -> String { value(prefix + (try text(path))) }

    /// An empty folder in the path's place, read-only (TemporaryFileSystem=), where quotes do not keep a colon from parting path and
    /// options.
    static func emptied(_ path: FilePath) throws -> String {
        let text = try text(path)
        guard !text.utf8.contains(UInt8(ascii: ":")) else { throw unwritable(path, "it holds a colon") }
        let word = value(text)
        return word.utf8.last == UInt8(ascii: "\"") ? String(word.unicodeScalars.dropLast()) + ":ro\"" : "\(word):ro"
    }

    /// One word of a list.
    static func value(_ text: String) -> String { quoted(text).doubling("%") }

    /// A word of a command line, where `$` starts a variable too.
    static func argument(_ text: String) -> String { quoted(text).doubling("%").doubling("$") }

    static func argument(_ path: FilePath) throws -> String { argument(try text(path)) }

    /// A path that stands alone at the end of a line, where quotes would be taken literally (LoadCredential=).
    static func bare(_ path: FilePath) throws -> String {
        let text = try text(path)
        guard text.utf8.last != UInt8(ascii: " "), text.utf8.last != UInt8(ascii: "\\") else {
            throw unwritable(path, "it ends in a space or backslash")
        }
        return text.doubling("%")
    }

    /// A span of time, exact to the microsecond: `1h 30min`.
    static func span(_ duration: Duration) -> String {
        var rest = max(0, duration.wholeMicroseconds)
        guard rest > 0 else { return "0" }
        var parts: [String] = []
        for (unit, size) in [
            ("d", 86_400_000_000), ("h", 3_600_000_000), ("min", 60_000_000), ("s", 1_000_000), ("ms", 1000),
        ]
            as [(String, Int64)]
        {
            if rest >= size { parts.append("\(rest / size)\(unit)") }
            rest %= size
        }
        if rest > 0 { parts.append("\(rest)us") }
        return parts.joined(separator: " ")
    }

    /// The path as text that a unit file can hold.
    static func text(_ path: FilePath) throws -> String {
        guard let text = String(validating: path.bytes, as: UTF8.self) else {
            throw unwritable(path, "it is not UTF-8")
        }
        guard !text.unicodeScalars.contains(where: { $0.value < 0x20 || $0.value == 0x7F }) else {
            throw unwritable(path, "it holds a control character")
        }
        guard path.isAbsolute else { throw unwritable(path, "it is not absolute") }
        guard path.isLexicallyNormal else { throw unwritable(path, "it holds . or ..") }
        return text
    }

    private static func quoted(_ text: String) -> String {
        let plain = text.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"):
                true
            // Not the colon, which parts source and target in Bind…Paths=.
            default: "/._-+=,@%~".utf8.contains(byte)
            }
        }
        if plain, !text.isEmpty { return text }
        return "\"" + text.doubling("\\").escaping("\"") + "\""
    }

    private static func unwritable(_ path: FilePath, _ reason: String) -> OperatorError {
        OperatorError(
            "units.path", doing: "writing a unit for the path", subject: path.printable, reason: reason,
            advice: "choose another path", exit: .configuration)
    }
}

extension String {
    /// By scalars: systemd reads bytes, and for Swift a mark and the accent after it are one character that is neither.
    func doubling(_ mark: Unicode.Scalar) -> String { inserting(mark, before: mark) }

    fileprivate func escaping(_ mark: Unicode.Scalar) -> String { inserting("\\", before: mark) }

    private func inserting(_ addition: Unicode.Scalar, before mark: Unicode.Scalar) -> String {
        var out = String.UnicodeScalarView()
        for scalar in unicodeScalars {
            if scalar == mark { out.append(addition) }
            out.append(scalar)
        }
        return String(out)
    }
}
