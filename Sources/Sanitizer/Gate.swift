public import Support

/// A secret in bytes that were about to leave the machine.
public struct GateHit: Sendable, Hashable, CustomStringConvertible {
    /// The file, printable; its name with a marker where that holds a secret.
    public var path: String
    /// From 1; 0 for a hit in the name or within binary content.
    public var line: Int
    /// In characters, from 1.
    public var column: Int
    public var rule: String
    public var fingerprint: String
    /// Why the content could not be looked into; nil for a secret.
    public var unread: String?

    /// Whether this is no secret, but content that could not be looked into.
    public var isUnread: Bool { unread != nil }

    /// `path:line:column rule fingerprint`
    public var description: String { "\(path):\(line):\(column) \(rule) \(fingerprint)" }
}

/// Bytes that the gate has looked at, with every detector and every known value, and found nothing in.
///
/// Only ``Gate`` makes them, and only they are written to the staging folder.
struct GatedBytes: Sendable {
    let bytes: [UInt8]
    fileprivate init(_ bytes: [UInt8]) { self.bytes = bytes }
}

/// The last look at exactly the bytes that leave the machine, names included.
public struct Gate: Sendable {
    let inspector: Inspector

    enum Verdict {
        case passed(GatedBytes)
        case finding(Inspector.Finding)
    }

    /// Whether two gates of one sanitizer search for the same values.
    public func hasSameValues(as other: Gate) -> Bool {
        inspector.known?.identity == other.inspector.known?.identity
    }

    func pass(_ bytes: [UInt8], name: [UInt8]) throws -> Verdict {
        let finding = try look(into: bytes, name: name)
        if case .clean = finding { return .passed(GatedBytes(bytes)) }
        return .finding(finding)
    }

    /// Looks at a manifest of this program's own making while it is written, in pieces that hold whole entries: nothing in it that could
    /// be a secret goes beyond its line. Each piece is looked at as a manifest of its own.
    ///
    /// - Parameter body: gets the pieces that passed, in order.
    /// - Throws: `OperatorError` `secret-found` for a piece that did not, and what `body` throws.
    func pass(
        _ manifest: Manifest, excluded: some Sequence<Manifest.Exclusion>, entries: some Sequence<Manifest.Entry>,
        _ body: (GatedBytes) throws -> Void
    ) throws {
        let name = Array(Manifest.fileName.utf8)
        let bare = Manifest(
            instance: manifest.instance, policy: manifest.policy, entries: [], excluded: [], irregular: [], skipped: [],
            secretsToProvide: [], counts: Manifest.Counts(), totals: Manifest.Totals())
        var lines = 0
        try ManifestWriter.write(manifest, excluded: excluded, entries: entries) { piece in
            let (framed, linesBefore) = piece.framed(in: bare)
            guard case .clean = try look(into: framed, name: name) else {
                var hits = try hits(in: framed, name: name)
                for index in hits.indices where hits[index].line > 0 { hits[index].line += lines - linesBefore }
                throw Gate.refusal(hits)
            }
            lines += piece.bytes.count { $0 == UInt8(ascii: "\n") }
            try body(GatedBytes(piece.bytes))
        }
    }

    /// What the inspector sees. In a manifest of this program's own making, a word of its structure beside a name or a reason can read
    /// like a secret beside its name: there, each text that comes from outside is looked at by itself.
    private func look(into bytes: [UInt8], name: [UInt8]) throws -> Inspector.Finding {
        let finding = try inspector.inspect(bytes, name: name)
        guard case .hits(let hits, _) = finding,
            name.suffix(Manifest.fileName.utf8.count).elementsEqual(Manifest.fileName.utf8),
            !hits.contains(where: { $0.rule == KnownValues.rule }), let manifest = try? Manifest(json: bytes),
            manifest.json() == bytes
        else { return finding }
        for text in manifest.textsFromOutside {
            if try !text.withUnsafeBytes({ try inspector.hits(in: $0, name: []) }).isEmpty { return finding }
        }
        return .clean
    }

    /// The secrets in some bytes and in their name; markers are none. Content that cannot be looked into is a hit of the rule
    /// `unreadable-content`.
    ///
    /// - Parameter name: the path, as bytes; it tells the syntax.
    public func hits(in bytes: [UInt8], name: [UInt8]) throws -> [GateHit] {
        let (shown, nameHits) = try inspector.redactedName(name)
        var out = nameHits.map {
            GateHit(path: printable(shown), line: 0, column: 0, rule: $0.rule, fingerprint: $0.fingerprint)
        }
        switch try look(into: bytes, name: name) {
        case .clean: break
        case .hits(let hits, let encoding):
            let text = encoding.decoded(bytes) ?? bytes
            let places = text.withUnsafeBytes { SourcePosition.of(hits.map(\.range.lowerBound), in: $0) }
            for (hit, place) in zip(hits, places) {
                out.append(
                    GateHit(
                        path: printable(shown), line: place.line, column: place.column, rule: hit.rule,
                        fingerprint: hit.fingerprint))
            }
        case .refused(let reason, let hits) where hits.isEmpty:
            out.append(
                GateHit(
                    path: printable(shown), line: 0, column: 0, rule: "unreadable-content", fingerprint: "00000000",
                    unread: reason))
        case .refused(_, let hits):
            out += hits.map {
                GateHit(path: printable(shown), line: 0, column: 0, rule: $0.rule, fingerprint: $0.fingerprint)
            }
        }
        return out
    }

    /// Throws when there is a secret in some bytes or their name.
    ///
    /// - Throws: `OperatorError` `secret-found` (exit 10), which names places, rules and fingerprints, never a value.
    public func requireClean(_ bytes: [UInt8], name: [UInt8]) throws {
        let found = try hits(in: bytes, name: name)
        guard found.isEmpty else { throw Gate.refusal(found) }
    }

    /// The error that ends a run because of what the gate saw.
    public static func refusal(_ hits: [GateHit]) -> OperatorError {
        let shown = hits.prefix(5).map(\.description).joined(separator: ", ")
        let more = hits.count > 5 ? " and \(hits.count - 5) more" : ""
        let what = hits.allSatisfy(\.isUnread) ? "content that cannot be looked into" : "a secret"
        return OperatorError(
            "secret-found", doing: "checking what would leave this machine",
            reason: "\(what) was found at \(shown)\(more)",
            advice: "exclude the file with a rule in the configuration, or remove the secret from it", exit: .refused)
    }
}

extension Manifest {
    /// Paths, names and other texts that this program did not write itself; each once.
    fileprivate var textsFromOutside: Set<[UInt8]> {
        var texts: Set<[UInt8]> = [Array(instance.utf8), Array(policy.utf8)]
        func add(_ text: String?) { if let text { texts.insert(Array(text.utf8)) } }
        func add(_ redactions: [Redaction]) {
            for redaction in redactions {
                add(redaction.rule)
                add(redaction.place)
                add(redaction.variable)
            }
        }
        for entry in entries {
            for bytes in [entry.path, entry.original, entry.target] { if let bytes { texts.insert(bytes) } }
            add(entry.rule)
            add(entry.redactions)
        }
        for exclusion in excluded {
            texts.insert(exclusion.path)
            add(exclusion.rule)
            add(exclusion.reason)
            add(exclusion.findings)
        }
        for item in irregular { texts.insert(item.path) }
        for item in skipped {
            add(item.rule)
            add(item.reason)
        }
        for needed in secretsToProvide { for text in [needed.name, needed.file, needed.location] { add(text) } }
        for jobs in counts.cronJobs { for text in [jobs.file] + jobs.ids { add(text) } }
        for memories in counts.memories { add(memories.file) }
        return texts
    }

    /// The same with a marker in place of each secret that a key path, a variable's name, a job's id or a reason holds.
    func cleaned(by inspector: Inspector) throws -> Manifest {
        var known: [String: String] = [:]
        func clean(_ text: String) throws -> String {
            if let cleaned = known[text] { return cleaned }
            let cleaned = try inspector.redactedText(text)
            known[text] = cleaned
            return cleaned
        }
        var out = self
        for index in entries.indices {
            for redaction in entries[index].redactions.indices {
                out.entries[index].redactions[redaction].place = try clean(entries[index].redactions[redaction].place)
                out.entries[index].redactions[redaction].variable = try entries[index].redactions[redaction].variable
                    .map(clean)
            }
        }
        for index in excluded.indices {
            out.excluded[index].reason = try clean(excluded[index].reason)
            for finding in excluded[index].findings.indices {
                out.excluded[index].findings[finding].place = try clean(excluded[index].findings[finding].place)
            }
        }
        for index in skipped.indices { out.skipped[index].reason = try clean(skipped[index].reason) }
        for (index, needed) in secretsToProvide.enumerated() {
            out.secretsToProvide[index].name = try clean(needed.name)
            out.secretsToProvide[index].file = try clean(needed.file)
            out.secretsToProvide[index].location = try needed.location.map(clean)
        }
        for (index, jobs) in counts.cronJobs.enumerated() { out.counts.cronJobs[index].ids = try jobs.ids.map(clean) }
        return out
    }
}

extension Inspector {
    /// A text of few words with a marker in place of each secret in it.
    func redactedText(_ text: String) throws -> String {
        String(decoding: try redactedName(Array(text.utf8)).name, as: UTF8.self)
    }

    /// A path with a marker in place of each secret in it, and what was found. A path whose name cannot be cleaned is replaced as a whole.
    func redactedName(_ path: [UInt8]) throws -> (name: [UInt8], hits: [Hit]) {
        var name = path
        var all: [Hit] = []
        for _ in 0..<4 {
            let hits = try name.withUnsafeBytes { try self.hits(in: $0, name: []) }
            if hits.isEmpty { return (name, all) }
            all += hits
            name = Redactor.replace(
                name,
                hits.map {
                    var hit = $0
                    hit.needsQuotes = false
                    return hit
                }, asciiOnly: true)
        }
        return (Marker.ascii(rule: all[0].rule, fingerprint: all[0].fingerprint), all)
    }
}
