internal import Support

/// How the stat cache's values stand in its file.
struct CacheWriter {
    var out: [UInt8] = []

    mutating func drain(into file: AtomicFile, _ digest: inout Digest) throws {
        digest.update(out)
        try out.withUnsafeBytes { try file.write($0) }
        out.removeAll(keepingCapacity: true)
    }

    mutating func number(_ value: UInt64) { withUnsafeBytes(of: value) { out += $0 } }
    mutating func bytes(_ value: [UInt8]) {
        withUnsafeBytes(of: UInt32(value.count)) { out += $0 }
        out += value
    }
    mutating func text(_ value: String) { bytes(Array(value.utf8)) }
    mutating func optional(_ value: [UInt8]?) {
        out.append(value == nil ? 0 : 1)
        if let value { bytes(value) }
    }
    mutating func list<Item>(_ items: [Item], _ item: (inout CacheWriter, Item) -> Void) {
        number(UInt64(items.count))
        for value in items { item(&self, value) }
    }
}

extension HashingReader {
    /// A number of things that are still to come, each of at least one byte.
    mutating func count() throws -> Int {
        let count = try number(UInt64.self)
        guard count <= UInt64(remaining) else { throw StatCache.Damaged() }
        return Int(count)
    }
    mutating func blob() throws -> [UInt8] { try bytes(Int(try number(UInt32.self))) }
    mutating func text() throws -> String { String(decoding: try blob(), as: UTF8.self) }
    mutating func optional() throws -> [UInt8]? { try number(UInt8.self) == 0 ? nil : try blob() }
    mutating func list<Item>(_ item: (inout HashingReader) throws -> Item) throws -> [Item] {
        var items: [Item] = []
        for _ in 0..<(try count()) { items.append(try item(&self)) }
        return items
    }
}

extension FileStamp {
    init(_ reader: inout HashingReader) throws {
        self.init(
            device: try reader.number(UInt64.self), inode: try reader.number(UInt64.self),
            size: try reader.number(Int64.self), modified: try reader.number(Int64.self),
            changed: try reader.number(Int64.self), permissions: try reader.number(UInt32.self))
    }

    func write(to writer: inout CacheWriter) {
        writer.number(device)
        writer.number(inode)
        for value in [size, modified, changed] { writer.number(UInt64(bitPattern: value)) }
        withUnsafeBytes(of: permissions) { writer.out += $0 }
    }
}

extension FileRecords.Record {
    /// - Parameter stamp: of the file; its permissions do not stand twice.
    init(_ reader: inout HashingReader, _ stamp: FileStamp) throws {
        switch try reader.number(UInt8.self) {
        case 0: break
        case 1:
            self = .excluded(reason: try reader.text())
            return
        default:
            self = .other(try FileRecord(&reader))
            return
        }
        let sha256 = try reader.next(32) { ContentDigest($0) }
        let size = try reader.number(Int64.self)
        guard let blob = try reader.next(20, { ObjectID($0) }) else { throw StatCache.Damaged() }
        self = .kept(
            FileRecords.Kept(
                sha256: sha256, size: size, blob: blob, permissions: UInt16(truncatingIfNeeded: stamp.permissions)))
    }

    func write(to writer: inout CacheWriter) {
        switch self {
        case .kept(let kept):
            writer.out.append(0)
            writer.out += kept.sha256.bytes
            writer.number(UInt64(bitPattern: kept.size))
            writer.out += kept.blob.bytes
        case .excluded(let reason):
            writer.out.append(1)
            writer.text(reason)
        case .other(let record):
            writer.out.append(2)
            record.write(to: &writer)
        }
    }
}

extension FileRecord {
    func write(to writer: inout CacheWriter) {
        switch outcome {
        case .stored(let stored):
            writer.out.append(1)
            let entry = stored.entry
            writer.bytes(entry.path)
            writer.optional(entry.original)
            writer.out.append(entry.kind == .symlink ? 1 : 0)
            writer.number(UInt64(entry.mode))
            writer.number(UInt64(bitPattern: entry.size))
            writer.text(entry.sha256)
            writer.optional(entry.target)
            writer.text(entry.action.rawValue)
            writer.text(entry.rule)
            writer.list(entry.redactions) { $1.write(to: &$0) }
            writer.out += stored.blob.bytes
            writer.list(stored.needed) { writer, needed in
                writer.text(needed.kind.rawValue)
                writer.text(needed.name)
                writer.text(needed.file)
                writer.optional(needed.location.map { Array($0.utf8) })
            }
            writer.out.append(stored.cronJobs == nil ? 0 : 1)
            writer.list(stored.cronJobs ?? []) { $0.text($1) }
            writer.number(stored.memories.map { UInt64($0) + 1 } ?? 0)
            writer.number(UInt64(stored.redactionCount))
        case .excluded(let excluded):
            writer.out.append(2)
            writer.bytes(excluded.path)
            writer.text(excluded.rule)
            writer.text(excluded.reason)
            writer.list(excluded.findings) { $1.write(to: &$0) }
        case .vanished: writer.out.append(3)
        }
    }

    init(_ reader: inout HashingReader) throws {
        switch try reader.number(UInt8.self) {
        case 1:
            let path = try reader.blob()
            let original = try reader.optional()
            let kind: Manifest.Kind = try reader.number(UInt8.self) == 1 ? .symlink : .file
            let mode = UInt32(truncatingIfNeeded: try reader.number(UInt64.self))
            let size = Int64(bitPattern: try reader.number(UInt64.self))
            let sha256 = try reader.text()
            let target = try reader.optional()
            guard let action = Manifest.Treatment(rawValue: try reader.text()) else { throw StatCache.Damaged() }
            let rule = try reader.text()
            let redactions = try reader.list { reader in try Manifest.Redaction(&reader) }
            let entry = Manifest.Entry(
                path: path, original: original, kind: kind, mode: mode, size: size, sha256: sha256, target: target,
                action: action, rule: rule, redactions: redactions)
            guard let blob = ObjectID(try reader.bytes(20)) else { throw StatCache.Damaged() }
            var stored = Stored(entry: entry, blob: blob)
            stored.needed = try reader.list { reader throws in
                guard let kind = Manifest.Needed.Kind(rawValue: try reader.text()) else { throw StatCache.Damaged() }
                return Manifest.Needed(
                    kind: kind, name: try reader.text(), file: try reader.text(),
                    location: try reader.optional().map { String(decoding: $0, as: UTF8.self) })
            }
            let hasJobs = try reader.number(UInt8.self) == 1
            let jobs = try reader.list { reader in try reader.text() }
            stored.cronJobs = hasJobs ? jobs : nil
            let memories = try reader.number(UInt64.self)
            stored.memories = memories == 0 ? nil : Int(truncatingIfNeeded: memories) - 1
            stored.redactionCount = Int(truncatingIfNeeded: try reader.number(UInt64.self))
            outcome = .stored(stored)
        case 2:
            outcome = .excluded(
                Manifest.Exclusion(
                    path: try reader.blob(), rule: try reader.text(), reason: try reader.text(),
                    findings: try reader.list { reader in try Manifest.Redaction(&reader) }))
        default: throw StatCache.Damaged()
        }
    }
}

extension Manifest.Redaction {
    func write(to writer: inout CacheWriter) {
        writer.text(rule)
        writer.text(fingerprint)
        writer.text(place)
        writer.number(UInt64(count))
        writer.optional(variable.map { Array($0.utf8) })
    }

    init(_ reader: inout HashingReader) throws {
        rule = try reader.text()
        fingerprint = try reader.text()
        place = try reader.text()
        count = Int(truncatingIfNeeded: try reader.number(UInt64.self))
        variable = try reader.optional().map { String(decoding: $0, as: UTF8.self) }
    }
}
