internal import Glibc
internal import Support

/// The detectors' finding; ``Inspector`` has one of its own.
typealias DetectorFinding = Finding

/// Looks for secrets in bytes of any kind: by what they look like, and by what the home's credential files hold.
struct Inspector: Sendable {
    /// What was found in a file.
    enum Finding {
        /// Nothing.
        case clean
        /// Places in the text: in the bytes themselves, or in their UTF-8 form where the encoding is UTF-16.
        case hits([Hit], TextEncoding)
        /// The file cannot be kept, redacted or not: a secret within an archive, content that cannot be looked into.
        case refused(reason: String, hits: [Hit])
    }

    private static let deepestArchive = 3
    private static let largestArchive = 32 << 20
    let known: KnownValues?
    let key: Secret
    private let markers: MarkerReader
    private let detect: @Sendable (_ text: UnsafeRawBufferPointer, _ name: [UInt8]) throws -> Detector.Scan

    init(detector: Detector, known: KnownValues?, key: Secret) {
        self.known = known
        self.key = key
        markers = Inspector.markers(of: detector.ruleIDs)
        detect = { try detector.scan($0, name: $1) }
    }

    /// - Parameter detect: what a secret looks like, in text; a name tells its syntax.
    init(
        known: KnownValues?, key: Secret,
        detect: @escaping @Sendable (_ text: UnsafeRawBufferPointer, _ name: [UInt8]) throws -> [DetectorFinding]
    ) {
        self.known = known
        self.key = key
        markers = Inspector.markers(of: [])
        self.detect = { Detector.Scan(findings: try detect($0, $1)) }
    }

    private static func markers(of rules: Set<String>) -> MarkerReader {
        MarkerReader(rules: rules.union([KnownValues.rule, ConfigRedactor.rule, FileProcessor.limitRule]))
    }

    // MARK: Text

    /// The secrets in text; `name` tells its syntax.
    func hits(in text: UnsafeRawBufferPointer, name: [UInt8]) throws -> [Hit] {
        try hits(in: text, name: name, depth: 0)
    }

    private func hits(in text: UnsafeRawBufferPointer, name: [UInt8], depth: Int) throws -> [Hit] {
        var hits: [Hit] = []
        if let known {
            for match in known.matches(in: text) {
                hits.append(
                    Hit(range: match.range, rule: KnownValues.rule, fingerprint: known.fingerprint(of: match.value)))
            }
        }
        let scan = try scan(text, name: name)
        for finding in scan.findings where !finding.range.isEmpty {
            let secret = Inspector.canonical(UnsafeRawBufferPointer(rebasing: text[finding.range]))
            hits.append(
                Hit(
                    range: finding.range, rule: finding.rule, fingerprint: Fingerprint.of(secret, key: key),
                    needsQuotes: finding.needsQuotes))
        }
        if depth < Inspector.deepestArchive {
            var budget = Inspector.largestArchive
            for pieces in scan.packed { hits += try packedHits(pieces, in: text, depth: depth, budget: &budget) }
        }
        guard !hits.isEmpty else { return [] }
        hits = Hit.merged(hits)
        // A marker that the text held before, or that a first pass put there, is no secret; nor is a reference that stands in one's place.
        hits.removeAll {
            markers.covers($0.range, in: text)
                || $0.rule != KnownValues.rule && MarkerReader.isReference($0.range, in: text)
        }
        let syntax = FileSyntax(name)
        var byteLiterals = ByteLiterals(text, syntax)
        for index in hits.indices {
            let range = hits[index].range
            if !hits[index].needsQuotes { hits[index].needsQuotes = syntax.isBareScalar(text, range) }
            hits[index].needsASCII = byteLiterals.contain(range.lowerBound)
        }
        return hits
    }

    /// What the detectors find. What a marker is called (`«redacted:password:…»`) names nothing that stands after it.
    private func scan(_ text: UnsafeRawBufferPointer, name: [UInt8]) throws -> Detector.Scan {
        var masked: [UInt8] = []
        var index = 0
        // `«` begins with this byte.
        while let base = text.baseAddress, index < text.count, let next = memchr(base + index, 0xC2, text.count - index)
        {
            index = UnsafeRawPointer(next) - base
            if let rule = markers.rule(at: index, in: text) {
                if masked.isEmpty { masked = Array(text) }
                for place in rule { masked[place] = UInt8(ascii: "x") }
                index = rule.upperBound
            }
            index += 1
        }
        return masked.isEmpty ? try detect(text, name) : try masked.withUnsafeBytes { try detect($0, name) }
    }

    /// Compressed content in base64 goes as a whole when it holds a secret: it is not rewritten. What does not unpack holds none.
    private func packedHits(
        _ pieces: [Range<Int>], in text: UnsafeRawBufferPointer, depth: Int, budget: inout Int
    ) throws -> [Hit] {
        var pieces = pieces[...]
        var unpacked: [UInt8]?
        // The line after the last full one may be none of it.
        for _ in 0..<2 where unpacked == nil {
            if let packed = Base64.decoded(pieces.map { String(decoding: text[$0], as: UTF8.self) }.joined()) {
                do {
                    unpacked = try packed.withUnsafeBytes { bytes throws(Inflater.Failure) in
                        try Inflater.inflate(bytes, .gzip, limit: budget)
                    }
                } catch {}
            }
            if unpacked == nil { pieces = pieces.dropLast() }
        }
        guard let content = unpacked else { return [] }
        budget -= content.count
        var found: (rule: String, fingerprint: String)?
        if let known, let match = content.withUnsafeBytes({ known.matches(in: $0) }).first {
            found = (KnownValues.rule, known.fingerprint(of: match.value))
        } else {
            let runs = TextEncoding.of(content) == nil ? Inspector.printableRuns(content) : content
            let inner = try runs.withUnsafeBytes { try hits(in: $0, name: [], depth: depth + 1) }
            found = inner.first.map { ($0.rule, $0.fingerprint) }
        }
        guard let found else { return [] }
        return pieces.map { Hit(range: $0, rule: found.rule, fingerprint: found.fingerprint) }
    }

    /// The secret behind its escapes, so that one secret has one fingerprint.
    private static func canonical(_ bytes: UnsafeRawBufferPointer) -> [UInt8] {
        let text = String(decoding: bytes, as: UTF8.self)
        if text.contains("%"), Percent.decoded(text) != text { return Array(Percent.decoded(text).utf8) }
        if text.contains("\\") {
            let quoted = Array("\"\(text)\"".utf8)
            return quoted.withUnsafeBytes {
                JSONScanner.isValid($0) ? Array(JSONScanner.unescaped($0, 0..<quoted.count).utf8) : Array(bytes)
            }
        }
        return Array(bytes)
    }

    // MARK: Any content

    /// Looks into a file, into archives and the archives in them.
    func inspect(_ bytes: [UInt8], name: [UInt8]) throws -> Finding {
        var budget = Inspector.largestArchive
        return try inspect(bytes, name: name, depth: 0, budget: &budget)
    }

    private func inspect(_ bytes: [UInt8], name: [UInt8], depth: Int, budget: inout Int) throws -> Finding {
        switch ContentKind.of(bytes) {
        case .text(let encoding):
            let hits: [Hit]
            if let text = encoding.decoded(bytes) {
                hits = try text.withUnsafeBytes { try self.hits(in: $0, name: name) }
            } else {
                hits = try bytes.withUnsafeBytes { try self.hits(in: $0, name: name) }
            }
            return hits.isEmpty ? .clean : .hits(hits, encoding)
        case .sqlite: return .refused(reason: "a database", hits: [])
        case .opaque(let format): return .refused(reason: "\(format) content cannot be looked into", hits: [])
        case .key(let kind):
            let fingerprint = Fingerprint.of(bytes, key: key)
            return .refused(
                reason: kind, hits: [Hit(range: 0..<bytes.count, rule: "private-key", fingerprint: fingerprint)])
        case .binary:
            let streams = try inspectStreams(bytes, depth: depth, budget: &budget)
            if case .refused = streams { return streams }
            return try inspectBinary(bytes, name: name)
        case .tar:
            guard depth < Inspector.deepestArchive else {
                return .refused(reason: "archives nested too deeply", hits: [])
            }
            do {
                return try inspectTar(bytes, name: name, depth: depth, budget: &budget)
            } catch is TarReader.Damaged {
                return .refused(reason: "a damaged tar file", hits: [])
            }
        case .gzip:
            guard depth < Inspector.deepestArchive else {
                return .refused(reason: "archives nested too deeply", hits: [])
            }
            do {
                let inner = try bytes.withUnsafeBytes { bytes throws(Inflater.Failure) in
                    try Inflater.inflate(bytes, .gzip, limit: budget)
                }
                budget -= inner.count
                let innerName = name.suffix(3).elementsEqual(".gz".utf8) ? Array(name.dropLast(3)) : name
                return try nested(
                    inspect(inner, name: innerName, depth: depth + 1, budget: &budget), in: bytes, name: name)
            } catch let failure as Inflater.Failure {
                return .refused(
                    reason: failure == .tooLarge
                        ? "a gzip file that unpacks beyond all measure" : "a damaged gzip file", hits: [])
            }
        case .zip:
            guard depth < Inspector.deepestArchive else {
                return .refused(reason: "archives nested too deeply", hits: [])
            }
            do {
                return try inspectZip(bytes, name: name, depth: depth, budget: &budget)
            } catch let failure as ZipReader.Failure {
                let reason =
                    switch failure {
                    case .damaged: "a damaged zip file"
                    case .encrypted: "an encrypted zip file"
                    case .unknownMethod: "a zip file with a compression that cannot be looked into"
                    case .tooLarge: "a zip file that unpacks beyond all measure"
                    case .tooManyMembers: "a zip file with too many members"
                    }
                return .refused(reason: reason, hits: [])
            }
        }
    }

    private func inspectZip(_ bytes: [UInt8], name: [UInt8], depth: Int, budget: inout Int) throws -> Finding {
        var budgetLeft = budget
        defer { budget = budgetLeft }
        return try bytes.withUnsafeBytes { raw in
            let zip = try ZipReader(raw)
            for member in zip.members {
                let names = try member.name.withUnsafeBytes { try hits(in: $0, name: []) }
                if !names.isEmpty {
                    return .refused(reason: "a secret in the name of an archive's member", hits: names)
                }
                if member.isFolder { continue }
                let content = try zip.content(of: member, limit: budgetLeft)
                budgetLeft -= content.count
                let found = try nested(
                    inspect(content, name: member.name, depth: depth + 1, budget: &budgetLeft), in: nil, name: name)
                if case .refused = found { return found }
            }
            let remarks = try inspectBinary(zip.remarks, name: [])
            if case .refused = remarks { return remarks }
            return try inspectBinary(bytes, name: [])
        }
    }

    private func inspectTar(_ bytes: [UInt8], name: [UInt8], depth: Int, budget: inout Int) throws -> Finding {
        var budgetLeft = budget
        defer { budget = budgetLeft }
        var found = Finding.clean
        try bytes.withUnsafeBytes { raw in
            try TarReader.visit(raw) { member, content in
                guard case .clean = found, !content.isEmpty else { return }
                found = try nested(
                    inspect(Array(content), name: member, depth: depth + 1, budget: &budgetLeft), in: nil, name: name)
            }
        }
        if case .refused = found { return found }
        // Names and all else that stands between.
        return try inspectBinary(bytes, name: [])
    }

    /// Looks into compressed parts of a file that is no archive.
    private func inspectStreams(_ bytes: [UInt8], depth: Int, budget: inout Int) throws -> Finding {
        var budgetLeft = budget
        defer { budget = budgetLeft }
        var found = Finding.clean
        do {
            try bytes.withUnsafeBytes { raw in
                try Inflater.visitStreams(in: raw, besides: Inflater.pixels(ofPNG: bytes), limit: budgetLeft) {
                    content in
                    guard case .clean = found else { return }
                    guard depth < Inspector.deepestArchive else {
                        found = .refused(reason: "archives nested too deeply", hits: [])
                        return
                    }
                    budgetLeft -= content.count
                    // A git object says first what it is.
                    var content = content
                    if content.starts(with: "blob ".utf8), let end = content.prefix(32).firstIndex(of: 0) {
                        content.removeFirst(end + 1)
                    }
                    found = try nested(
                        inspect(content, name: [], depth: depth + 1, budget: &budgetLeft), in: nil, name: [])
                }
            }
        } catch is Inflater.Failure {
            return .refused(reason: "compressed parts that unpack beyond all measure", hits: [])
        }
        return found
    }

    /// A hit within an archive refuses the archive: it is not rewritten.
    private func nested(_ finding: Finding, in bytes: [UInt8]?, name: [UInt8]) throws -> Finding {
        switch finding {
        case .clean: return try bytes.map { try inspectBinary($0, name: []) } ?? .clean
        case .hits(let hits, _): return .refused(reason: "a secret within an archive", hits: hits)
        case .refused(let reason, let hits):
            return .refused(reason: reason.hasPrefix("a secret") ? reason : "\(reason), within an archive", hits: hits)
        }
    }

    /// What is no text: the known values in all of it, and the detectors over its printable runs, as strings(1) shows them.
    private func inspectBinary(_ bytes: [UInt8], name: [UInt8]) throws -> Finding {
        var hits: [Hit] = []
        if let known {
            hits = bytes.withUnsafeBytes { known.matches(in: $0) }.map {
                Hit(range: $0.range, rule: KnownValues.rule, fingerprint: known.fingerprint(of: $0.value))
            }
        }
        if hits.isEmpty {
            // UTF-16 that is not all well formed, or amid other bytes, is looked for too.
            let runs = Inspector.printableRuns(bytes) + Inspector.wideRuns(bytes) + Inspector.markedText(bytes)
            if !runs.isEmpty { hits = try runs.withUnsafeBytes { try self.hits(in: $0, name: []) } }
        }
        return hits.isEmpty ? .clean : .refused(reason: "a secret within binary content", hits: Hit.merged(hits))
    }

    /// What UTF-16 with its mark says, where some of it is none.
    private static func markedText(_ bytes: [UInt8]) -> [UInt8] {
        for encoding in [TextEncoding.utf16LittleEndian, .utf16BigEndian] where encoding.isMarked(bytes) {
            return encoding.decoded(bytes) ?? []
        }
        return []
    }

    /// Runs of at least twelve printable ASCII characters in UTF-16 of either byte order, at even and odd places, a line each.
    private static func wideRuns(_ bytes: [UInt8]) -> [UInt8] {
        var out: [UInt8] = []
        for first in 0..<2 {
            var run: [UInt8] = []
            func end() {
                if run.count >= 12 { out += run + [0x0A] }
                run.removeAll(keepingCapacity: true)
            }
            for index in stride(from: first, to: bytes.count, by: 2) {
                let byte = bytes[index]
                let isText = (0x20...0x7E).contains(byte) || byte == 9 || byte == 10
                if isText { run.append(byte) }
                if !isText || index + 1 == bytes.count || bytes[index + 1] != 0 { end() }
            }
            end()
        }
        return out
    }

    /// Runs of at least twelve printable ASCII bytes, a line each.
    private static func printableRuns(_ bytes: [UInt8]) -> [UInt8] {
        var out: [UInt8] = []
        var start = 0
        for index in 0...bytes.count {
            if index < bytes.count, (0x20...0x7E).contains(bytes[index]) || bytes[index] == 9 || bytes[index] == 10 {
                continue
            }
            if index - start >= 12 {
                out += bytes[start..<index]
                out.append(0x0A)
            }
            start = index + 1
        }
        return out
    }
}

extension KnownValues {
    /// The rule under which a harvested value is reported.
    static let rule = "known-value"
}
