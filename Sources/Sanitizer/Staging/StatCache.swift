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
/// The file is binary, little-endian: the magic, the identity (32 bytes), records in the order of their keys, and the SHA-256 of all that.
/// It is read and written a record at a time. A cache that is damaged in any way is as none.
enum StatCache {
    private static let magic = Array("hermes-ops stat cache 3\n".utf8)
    /// How far a file's times must lie before the moment it was read: more than any file system's granularity but FAT's, which no home
    /// of a Unix user stands on.
    static let settling: Int64 = 1_000_000_000
    private static let checksumLength = 32

    struct Damaged: Error {}

    /// A path in the cache: 16 bytes of BLAKE2b under the fingerprints' key.
    struct Key: Hashable, Comparable {
        fileprivate let high: UInt64
        fileprivate let low: UInt64

        init(_ path: ArraySlice<UInt8>, _ key: Secret) {
            let hash = path.withUnsafeBytes { keyedHash($0, key: key, length: 16) }
            (high, low) = hash.withUnsafeBytes {
                ($0.loadUnaligned(as: UInt64.self), $0.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
            }
        }

        fileprivate init(high: UInt64, low: UInt64) { (self.high, self.low) = (high, low) }

        static func < (left: Key, right: Key) -> Bool { (left.high, left.low) < (right.high, right.low) }
    }

    /// The indices of paths in the order in which a cache holds them.
    static func order(of paths: PathList, _ key: Secret) -> [(key: Key, index: Int)] {
        var order = paths.indices.map { (key: Key(paths[$0], key), index: $0) }
        order.sort { $0.key < $1.key }
        return order
    }

    /// Visits the records of a cache in the order of their keys.
    ///
    /// - Returns: how many there are; nil when there is no cache, it is damaged, or it has another identity: what was visited does not
    ///   count then.
    static func read(
        _ path: FilePath, identity: [UInt8], _ visit: (Key, FileStamp, FileRecords.Record) -> Void
    ) -> Int? {
        do {
            let file = try FileSystem.openRegular(path)
            defer { file.closeQuietly() }
            let length = Int(try FileStatus(of: file).size) - checksumLength
            guard length > magic.count + identity.count else { return nil }
            var reader = HashingReader(file, length: length, .sha256)
            guard try reader.bytes(magic.count) == magic, try reader.bytes(identity.count) == identity else {
                return nil
            }
            let count = try reader.count()
            for _ in 0..<count {
                let key = Key(high: try reader.number(UInt64.self), low: try reader.number(UInt64.self))
                let stamp = try FileStamp(&reader)
                visit(key, stamp, try FileRecords.Record(&reader, stamp))
            }
            guard reader.remaining == 0 else { return nil }
            let checksum = try reader.finish()
            var end = HashingReader(file, length: checksumLength, .sha256)
            return try end.bytes(checksumLength) == checksum ? count : nil
        } catch {
            return nil
        }
    }

    /// Writes a cache of `count` records, asking for one at a time, in the order of their keys.
    static func write(
        _ count: Int, to path: FilePath, identity: [UInt8],
        record: (Int) throws -> (key: Key, stamp: FileStamp, record: FileRecords.Record)
    ) throws {
        let file = try AtomicFile(path, permissions: 0o600)
        do {
            var digest = Digest(.sha256)
            var writer = CacheWriter()
            writer.out = magic + identity
            writer.number(UInt64(count))
            for index in 0..<count {
                let item = try record(index)
                writer.number(item.key.high)
                writer.number(item.key.low)
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
}
