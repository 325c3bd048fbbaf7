internal import Support

/// Writes the manifest: one line for each entry, so that a diff shows what changed; keys in a fixed order.
///
/// By hand, because it is written at every run, and a general encoder takes longer for 20,000 entries than all the rest of a run over an
/// unchanged home.
struct ManifestWriter {
    /// What ends the list of entries, and the manifest.
    static let end = Array("\n]\n}\n".utf8)
    /// What stands between two entries.
    static let separator = Array(",\n".utf8)
    private static let piece = 1 << 20
    private var out: [UInt8] = []

    static func json(_ manifest: Manifest) -> [UInt8] {
        var json: [UInt8] = []
        json.reserveCapacity(256 * (manifest.entries.count + manifest.excluded.count) + 4096)
        write(manifest, entries: manifest.entries) { json += $0 }
        return json
    }

    /// Writes a manifest with these entries, its own left out, in pieces: each ends after a ``separator``, the last with the ``end``.
    static func write(
        _ manifest: Manifest, entries: some Sequence<Manifest.Entry>, _ body: ([UInt8]) throws -> Void
    ) rethrows {
        var writer = ManifestWriter()
        writer.writeHead(manifest)
        var isFirst = true
        for entry in entries {
            writer.out += isFirst ? separator.suffix(1) : separator[...]
            if !isFirst, writer.out.count > piece {
                try body(writer.out)
                writer.out.removeAll(keepingCapacity: true)
            }
            isFirst = false
            writer.entry(entry)
        }
        writer.out += isFirst ? end.dropFirst() : end[...]
        try body(writer.out)
    }

    /// All that stands before the first entry.
    static func head(_ manifest: Manifest) -> [UInt8] {
        var writer = ManifestWriter()
        writer.writeHead(manifest)
        return writer.out
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
        list("excluded", manifest.excluded) { writer, excluded in
            writer.text("{")
            writer.name("path", excluded.path)
            writer.text(", \"rule\": ")
            writer.string(excluded.rule)
            writer.text(", \"reason\": ")
            writer.string(excluded.reason)
            writer.redactions("findings", excluded.findings)
            writer.text("}")
        }
        text(",\n\"entries\": [")
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
