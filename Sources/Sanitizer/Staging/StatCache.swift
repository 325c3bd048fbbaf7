internal import Support
internal import SystemPackage

/// Remembers what became of each file, so that an unchanged home is not read again.
///
/// A record counts only for a file whose device, inode, size, mode, modification and change time are what they were, under the same
/// identity (policy, program, options, harvested values, key of the fingerprints). A file whose times were not safely in the past when it
/// was read is not remembered: it could change again without its times showing it (git's "racy" entries).
///
/// A record stands under a keyed hash of the path, and holds no path of the home but cleaned ones: a file's name may be a secret.
///
/// The file is binary, little-endian: the magic, the identity (32 bytes), records of length-prefixed fields, and the SHA-256 of all that.
/// A cache that is damaged in any way is as none.
struct StatCache {
    private static let magic = Array("hermes-ops stat cache 2\n".utf8)
    /// How far a file's times must lie before the moment it was read: more than any file system's granularity but FAT's, which no home
    /// of a Unix user stands on.
    static let settling: Int64 = 1_000_000_000
    private static let largest = 1 << 30

    struct Stamp: Hashable {
        var device: UInt64
        var inode: UInt64
        var size: Int64
        var permissions: UInt32
        var modified: Int64
        var changed: Int64

        init(_ status: FileStatus) {
            device = status.device
            inode = status.inode
            size = status.size
            permissions = status.permissions
            // Far times fall together; the change time, which nobody can set, still tells of a change.
            modified = Int64(clamping: status.modified)
            changed = Int64(clamping: status.changed)
        }

        fileprivate init(_ reader: inout Reader) throws(Damaged) {
            device = try reader.number()
            inode = try reader.number()
            size = Int64(bitPattern: try reader.number())
            permissions = UInt32(truncatingIfNeeded: try reader.number())
            modified = Int64(bitPattern: try reader.number())
            changed = Int64(bitPattern: try reader.number())
        }

        fileprivate func write(to writer: inout Writer) {
            writer.number(device)
            writer.number(inode)
            writer.number(UInt64(bitPattern: size))
            writer.number(UInt64(permissions))
            writer.number(UInt64(bitPattern: modified))
            writer.number(UInt64(bitPattern: changed))
        }

        /// Whether a file read at `moment` (nanoseconds of the wall clock) shows any later change in its times.
        func isSettled(at moment: Int64) -> Bool { max(modified, changed) < moment - StatCache.settling }
    }

    struct Damaged: Error {}

    /// A path in the cache: 16 bytes of BLAKE2b under the fingerprints' key.
    struct Key: Hashable {
        private let low: UInt64
        private let high: UInt64

        init(_ path: [UInt8], _ key: Secret) {
            let hash = path.withUnsafeBytes { keyedHash($0, key: key, length: 16) }
            (low, high) = hash.withUnsafeBytes {
                ($0.loadUnaligned(as: UInt64.self), $0.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
            }
        }

        fileprivate init(_ reader: inout Reader) throws(Damaged) {
            low = try reader.number()
            high = try reader.number()
        }

        fileprivate func write(to writer: inout Writer) {
            writer.number(low)
            writer.number(high)
        }
    }

    private(set) var records: [Key: (stamp: Stamp, record: FileRecord)] = [:]

    /// Reads a cache; empty when there is none, it is damaged, or it has another identity.
    init(_ path: FilePath?, identity: [UInt8]) {
        guard let path, let bytes = try? FileSystem.read(path, limit: StatCache.largest),
            bytes.count > StatCache.magic.count + 64,
            bytes.withUnsafeBytes({ Digest.of(UnsafeRawBufferPointer(rebasing: $0.dropLast(32)), .sha256) })
                .elementsEqual(bytes.suffix(32)),
            bytes.starts(with: StatCache.magic + identity)
        else { return }
        var reader = Reader(bytes: bytes, index: StatCache.magic.count + identity.count, end: bytes.count - 32)
        do {
            let count = Int(truncatingIfNeeded: try reader.number())
            records.reserveCapacity(min(count, 1 << 20))
            for _ in 0..<count {
                let key = try Key(&reader)
                let stamp = try Stamp(&reader)
                records[key] = (stamp, try FileRecord(&reader))
            }
        } catch {
            records = [:]
        }
    }

    /// Frees the records, which with many files are many bytes.
    mutating func forget() { records = [:] }

    /// Writes a cache of `count` records, asking for one at a time: with many files they are many bytes.
    static func write(
        _ count: Int, to path: FilePath, identity: [UInt8],
        record: (Int) -> (key: Key, stamp: Stamp, record: FileRecord)
    ) throws {
        let file = try AtomicFile(path, permissions: 0o600)
        do {
            var digest = Digest(.sha256)
            var writer = Writer()
            writer.out = magic + identity
            writer.number(UInt64(count))
            for index in 0..<count {
                let item = record(index)
                item.key.write(to: &writer)
                item.stamp.write(to: &writer)
                item.record.write(to: &writer)
                if writer.out.count > 1 << 16 { try writer.drain(into: file, &digest) }
            }
            try writer.drain(into: file, &digest)
            try digest.finish().withUnsafeBytes { try file.write($0) }
            try file.commit()
        } catch {
            file.discard()
            throw error
        }
    }

    // MARK: Bytes

    fileprivate struct Writer {
        var out: [UInt8] = []

        mutating func drain(into file: AtomicFile, _ digest: inout Digest) throws {
            digest.update(out)
            try out.withUnsafeBytes { try file.write($0) }
            out.removeAll(keepingCapacity: true)
        }

        mutating func number(_ value: UInt64) { withUnsafeBytes(of: value.littleEndian) { out += $0 } }
        mutating func bytes(_ value: [UInt8]) {
            withUnsafeBytes(of: UInt32(value.count).littleEndian) { out += $0 }
            out += value
        }
        mutating func text(_ value: String) { bytes(Array(value.utf8)) }
        mutating func optional(_ value: [UInt8]?) {
            out.append(value == nil ? 0 : 1)
            if let value { bytes(value) }
        }
        mutating func list<Item>(_ items: [Item], _ item: (inout Writer, Item) -> Void) {
            number(UInt64(items.count))
            for value in items { item(&self, value) }
        }
    }

    fileprivate struct Reader {
        let bytes: [UInt8]
        var index: Int
        let end: Int

        mutating func number() throws(Damaged) -> UInt64 {
            guard index + 8 <= end else { throw Damaged() }
            defer { index += 8 }
            let start = index
            return bytes.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: start, as: UInt64.self).littleEndian }
        }
        mutating func byte() throws(Damaged) -> UInt8 {
            guard index < end else { throw Damaged() }
            defer { index += 1 }
            return bytes[index]
        }
        mutating func blob() throws(Damaged) -> [UInt8] {
            guard index + 4 <= end else { throw Damaged() }
            let start = index
            let count = Int(
                bytes.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: start, as: UInt32.self).littleEndian })
            guard index + 4 + count <= end else { throw Damaged() }
            index += 4 + count
            return Array(bytes[(start + 4)..<index])
        }
        mutating func text() throws(Damaged) -> String { String(decoding: try blob(), as: UTF8.self) }
        mutating func optional() throws(Damaged) -> [UInt8]? { try byte() == 0 ? nil : try blob() }
        mutating func list<Item>(_ item: (inout Reader) throws(Damaged) -> Item) throws(Damaged) -> [Item] {
            let count = try number()
            guard count <= UInt64(end - index) else { throw Damaged() }
            var items: [Item] = []
            for _ in 0..<count { items.append(try item(&self)) }
            return items
        }
    }
}

extension FileRecord {
    fileprivate func write(to writer: inout StatCache.Writer) {
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
            writer.bytes(stored.blob)
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

    fileprivate init(_ reader: inout StatCache.Reader) throws(StatCache.Damaged) {
        switch try reader.byte() {
        case 1:
            let path = try reader.blob()
            let original = try reader.optional()
            let kind: Manifest.Kind = try reader.byte() == 1 ? .symlink : .file
            let mode = UInt32(truncatingIfNeeded: try reader.number())
            let size = Int64(bitPattern: try reader.number())
            let sha256 = try reader.text()
            let target = try reader.optional()
            guard let action = Manifest.Treatment(rawValue: try reader.text()) else { throw StatCache.Damaged() }
            let rule = try reader.text()
            let redactions = try reader.list { reader throws(StatCache.Damaged) in try Manifest.Redaction(&reader) }
            let entry = Manifest.Entry(
                path: path, original: original, kind: kind, mode: mode, size: size, sha256: sha256, target: target,
                action: action, rule: rule, redactions: redactions)
            var stored = Stored(entry: entry, blob: try reader.blob())
            stored.needed = try reader.list { reader throws(StatCache.Damaged) in
                guard let kind = Manifest.Needed.Kind(rawValue: try reader.text()) else { throw StatCache.Damaged() }
                return Manifest.Needed(
                    kind: kind, name: try reader.text(), file: try reader.text(),
                    location: try reader.optional().map { String(decoding: $0, as: UTF8.self) })
            }
            let hasJobs = try reader.byte() == 1
            let jobs = try reader.list { reader throws(StatCache.Damaged) in try reader.text() }
            stored.cronJobs = hasJobs ? jobs : nil
            let memories = try reader.number()
            stored.memories = memories == 0 ? nil : Int(truncatingIfNeeded: memories) - 1
            stored.redactionCount = Int(truncatingIfNeeded: try reader.number())
            outcome = .stored(stored)
        case 2:
            outcome = .excluded(
                Manifest.Exclusion(
                    path: try reader.blob(), rule: try reader.text(), reason: try reader.text(),
                    findings: try reader.list { reader throws(StatCache.Damaged) in try Manifest.Redaction(&reader) }))
        default: throw StatCache.Damaged()
        }
    }
}

extension Manifest.Redaction {
    fileprivate func write(to writer: inout StatCache.Writer) {
        writer.text(rule)
        writer.text(fingerprint)
        writer.text(place)
        writer.number(UInt64(count))
        writer.optional(variable.map { Array($0.utf8) })
    }

    fileprivate init(_ reader: inout StatCache.Reader) throws(StatCache.Damaged) {
        rule = try reader.text()
        fingerprint = try reader.text()
        place = try reader.text()
        count = Int(truncatingIfNeeded: try reader.number())
        variable = try reader.optional().map { String(decoding: $0, as: UTF8.self) }
    }
}
