internal import Support

/// Writes the manifest: one line for each entry, so that a diff shows what changed; keys in a fixed order.
///
/// By hand, because it is written at every run, and a general encoder takes longer for 20,000 entries than all the rest of a run over an
/// unchanged home.
struct ManifestWriter {
    /// One of the two lists that may be long. The manifest ends with them.
    enum Section: String { case excluded, entries }

    /// Whole lines of a manifest.
    struct Piece {
        let bytes: [UInt8]
        /// The list that it begins within; nil for the manifest's first piece.
        fileprivate let start: Section?
        /// The list that it ends within, after a separator; nil for the manifest's last piece.
        fileprivate let end: Section?

        /// The piece as a manifest of its own, and how many lines of that stand before it.
        ///
        /// - Parameter bare: the rest of such a manifest.
        func framed(in bare: Manifest) -> (bytes: [UInt8], linesBefore: Int) {
            var writer = ManifestWriter()
            if let start {
                writer.writeHead(bare)
                writer.open(.excluded)
                if start == .entries { writer.close(.excluded, isEmpty: true) }
                writer.out += separator.suffix(1)
            }
            let linesBefore = writer.out.count { $0 == UInt8(ascii: "\n") }
            writer.out += bytes
            if let end {
                writer.out.removeLast(separator.count)
                writer.close(end, isEmpty: false)
                if end == .excluded { writer.close(.entries, isEmpty: true) }
            }
            return (writer.out, linesBefore)
        }
    }

    private static let separator = Array(",\n".utf8)
    private static let piece = 1 << 20
    private var out: [UInt8] = []

    static func json(_ manifest: Manifest) -> [UInt8] {
        var json: [UInt8] = []
        json.reserveCapacity(256 * (manifest.entries.count + manifest.excluded.count) + 4096)
        write(manifest, excluded: manifest.excluded, entries: manifest.entries) { json += $0.bytes }
        return json
    }

    /// Writes a manifest with these lists, its own left out, in pieces.
    static func write(
        _ manifest: Manifest, excluded: some Sequence<Manifest.Exclusion>, entries: some Sequence<Manifest.Entry>,
        _ body: (Piece) throws -> Void
    ) rethrows {
        var writer = ManifestWriter()
        var start: Section?
        writer.writeHead(manifest)
        writer.open(.excluded)
        func write<Item>(
            _ section: Section, _ items: some Sequence<Item>, _ item: (inout ManifestWriter, Item) -> Void,
            _ body: (Piece) throws -> Void
        ) rethrows {
            var isFirst = true
            for value in items {
                writer.out += isFirst ? separator.suffix(1) : separator[...]
                if !isFirst, writer.out.count > piece {
                    try body(Piece(bytes: writer.out, start: start, end: section))
                    writer.out.removeAll(keepingCapacity: true)
                    start = section
                }
                isFirst = false
                item(&writer, value)
            }
            writer.close(section, isEmpty: isFirst)
        }
        try write(.excluded, excluded, { $0.exclusion($1) }, body)
        try write(.entries, entries, { $0.entry($1) }, body)
        try body(Piece(bytes: writer.out, start: start, end: nil))
    }

    private mutating func open(_ section: Section) { text(",\n\"\(section.rawValue)\": [") }

    /// Ends a list, and the manifest with the last one.
    private mutating func close(_ section: Section, isEmpty: Bool) {
        text(isEmpty ? "]" : "\n]")
        switch section {
        case .excluded: open(.entries)
        case .entries: text("\n}\n")
        }
    }

    private mutating func writeHead(_ manifest: Manifest) {
        text("{\n\"formatVersion\": \(manifest.formatVersion),\n\"instance\": ")
        string(manifest.instance)
        text(",\n\"policy\": ")
        string(manifest.policy)
        list("totals", [manifest.totals]) { writer, totals in
            writer.text(
                "{\"files\": \(totals.files), \"bytes\": \(totals.bytes), \"redactedFiles\": \(totals.redactedFiles), "
                    + "\"redactions\": \(totals.redactions), \"excluded\": \(totals.excluded)}")
        }
        text(",\n\"counts\": {\"skills\": \(manifest.counts.skills)")
        inline("cronJobs", manifest.counts.cronJobs) { writer, jobs in
            writer.text("{\"file\": ")
            writer.string(jobs.file)
            writer.inline("ids", jobs.ids) { $0.string($1) }
            writer.text("}")
        }
        inline("memories", manifest.counts.memories) { writer, memories in
            writer.text("{\"file\": ")
            writer.string(memories.file)
            writer.text(", \"entries\": \(memories.entries)}")
        }
        text("}")
        list("secretsToProvide", manifest.secretsToProvide) { writer, needed in
            writer.text("{\"kind\": \"\(needed.kind.rawValue)\", \"name\": ")
            writer.string(needed.name)
            writer.text(", \"file\": ")
            writer.string(needed.file)
            if let location = needed.location {
                writer.text(", \"location\": ")
                writer.string(location)
            }
            writer.text("}")
        }
        list("skipped", manifest.skipped) { writer, skipped in
            writer.text("{\"rule\": ")
            writer.string(skipped.rule)
            writer.text(", \"reason\": ")
            writer.string(skipped.reason)
            writer.text("}")
        }
        list("irregular", manifest.irregular) { writer, irregular in
            writer.text("{")
            writer.name("path", irregular.path)
            writer.text(", \"kind\": \"\(irregular.kind.rawValue)\"}")
        }
    }

    private mutating func exclusion(_ excluded: Manifest.Exclusion) {
        text("{")
        name("path", excluded.path)
        text(", \"rule\": ")
        string(excluded.rule)
        text(", \"reason\": ")
        string(excluded.reason)
        redactions("findings", excluded.findings)
        text("}")
    }

    private mutating func entry(_ entry: Manifest.Entry) {
        text("{")
        name("path", entry.path)
        if let original = entry.original {
            text(", ")
            name("original", original)
        }
        text(
            ", \"kind\": \"\(entry.kind.rawValue)\", \"mode\": \"\(Manifest.octal(entry.mode))\", \"size\": \(entry.size), \"sha256\": \""
        )
        text(entry.sha256)
        text("\"")
        if let target = entry.target {
            text(", ")
            name("target", target)
        }
        text(", \"action\": \"\(entry.action.rawValue)\", \"rule\": ")
        string(entry.rule)
        redactions("redactions", entry.redactions)
        text("}")
    }

    private mutating func redactions(_ key: String, _ redactions: [Manifest.Redaction]) {
        guard !redactions.isEmpty else { return }
        inline(key, redactions) { writer, redaction in
            writer.text("{\"rule\": ")
            writer.string(redaction.rule)
            writer.text(", \"fingerprint\": \"\(redaction.fingerprint)\", \"where\": ")
            writer.string(redaction.place)
            writer.text(", \"count\": \(redaction.count)")
            if let variable = redaction.variable {
                writer.text(", \"variable\": ")
                writer.string(variable)
            }
            writer.text("}")
        }
    }

    // MARK: JSON

    private mutating func text(_ text: String) { out += text.utf8 }

    /// A key with a list, an item a line. `totals` is no list, but written the same way.
    private mutating func list<Item>(_ key: String, _ items: [Item], _ item: (inout ManifestWriter, Item) -> Void) {
        text(",\n\"\(key)\": ")
        let isList = key != "totals"
        if isList { text("[") }
        for index in items.indices {
            if isList { text(index == 0 ? "\n" : ",\n") }
            item(&self, items[index])
        }
        if isList { text(items.isEmpty ? "]" : "\n]") }
    }

    private mutating func inline<Item>(_ key: String, _ items: [Item], _ item: (inout ManifestWriter, Item) -> Void) {
        text(", \"\(key)\": [")
        for index in items.indices {
            if index > 0 { text(", ") }
            item(&self, items[index])
        }
        text("]")
    }

    private mutating func name(_ key: String, _ bytes: [UInt8]) {
        if let value = String(validating: bytes, as: UTF8.self) {
            text("\"\(key)\": ")
            string(value)
        } else {
            text("\"\(key)Base64\": \"\(Base64.encoded(bytes))\"")
        }
    }

    private mutating func string(_ value: String) {
        out.append(UInt8(ascii: "\""))
        // Most texts need no escape.
        if value.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x22 && $0 != 0x5C && $0 != 0x7F }) {
            text(value)
            out.append(UInt8(ascii: "\""))
            return
        }
        for byte in value.utf8 {
            switch byte {
            case UInt8(ascii: "\""): out += Array("\\\"".utf8)
            case UInt8(ascii: "\\"): out += Array("\\\\".utf8)
            case 0x0A: out += Array("\\n".utf8)
            case 0..<0x20, 0x7F: out += Array("\\u00".utf8) + Array(hex([byte]).utf8)
            default: out.append(byte)
            }
        }
        out.append(UInt8(ascii: "\""))
    }
}
