internal import CLinux
internal import Glibc
internal import Support
internal import SystemPackage

/// One bundle on its way into a folder: `.NAME.partial`, locked while it is written.
///
/// Where another bundle has its name already, as two that were made in one second have, it is called NAME-2, and so on.
final class PartialCopy {
    private var bundle: OutgoingBundle
    private let folder: FilePath
    private let cancellation: CancellationFlag
    private let progress: any ProgressReporter

    init(
        _ bundle: OutgoingBundle, in folder: FilePath, cancellation: CancellationFlag,
        progress: any ProgressReporter
    ) {
        self.bundle = bundle
        self.folder = folder
        self.cancellation = cancellation
        self.progress = progress
    }

    private var partial: FilePath { folder.appending(Self.partialName(of: bundle.name)) }

    private static func partialName(of name: String) -> String { ".\(name).partial" }

    func run() throws -> StoredItem {
        // Its parents are there: the store has looked.
        try FileSystem.makeDirectory(folder)
        let source = try FileSystem.openRegular(bundle.file)
        defer { source.closeQuietly() }
        guard try FileStatus(of: source).size == bundle.properties.size else { throw changed() }
        let name = bundle.name
        var number = 1
        while try isTaken() {
            number += 1
            guard number < 100 else { throw taken(name) }
            bundle.name = Self.numbered(name, number)
        }
        if let item = try existing() { return item }
        let raw = partial.withPlatformString {
            hx_openat(AT_FDCWD, $0, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0o600)
        }
        guard raw >= 0 else { throw OperatorError.system(errno, doing: "writing", subject: partial.printable) }
        let target = FileDescriptor(rawValue: raw)
        defer { target.closeUnlocked() }
        // The one that had the lock may have finished the bundle meanwhile.
        guard flock(raw, LOCK_EX | LOCK_NB) == 0, FileStatus.isName(partial, of: target), try status() == nil else {
            throw OperatorError(
                "busy", doing: "writing", subject: partial.printable, reason: "another process is writing it",
                exit: .skipped, isTemporary: true)
        }
        sweep()
        do {
            try fill(target, from: source)
        } catch let error as OperatorError {
            // Only an interrupted copy is worth going on with; after an error the space is given back.
            _ = partial.withPlatformString { unlink($0) }
            throw error
        }
        try BundleRecord(bundle.properties).write(for: bundle.name, in: folder)
        try give(target)
        guard let item = try DirectoryStore.read(bundle.name, in: folder), item.isVerified else {
            throw OperatorError(
                "unverified", doing: "copying the bundle to", subject: folder.printable,
                reason: "it is not there after it was written")
        }
        return item
    }

    private func status() throws -> FileStatus? { try FileStatus.ifThere(at: folder.appending(bundle.name)) }

    /// Whether something else stands there under the bundle's name.
    private func isTaken() throws -> Bool {
        guard let status = try status() else { return false }
        guard status.kind == .file, status.size == bundle.properties.size else { return true }
        let measured = try FileMeasure(of: folder.appending(bundle.name), cancellation: cancellation)
        return measured.checksums.confirm(bundle.properties.checksums) != .equal
    }

    /// `a.tar.zst.age` becomes `a-2.tar.zst.age`.
    private static func numbered(_ name: String, _ number: Int) -> String {
        let dot = name.firstIndex(of: ".") ?? name.endIndex
        return "\(name[..<dot])-\(number)\(name[dot...])"
    }

    private func taken(_ name: String) -> OperatorError {
        OperatorError(
            "exists", doing: "writing", subject: folder.appending(name).printable,
            reason: "a hundred files of that name with other content stand there", advice: "move them away",
            exit: .cannotWrite)
    }

    /// The item, if the same bytes stand there under the same name. A bundle of that name whose record is missing, as a process that
    /// died between two steps of another version would leave it, or damaged, gets its record.
    private func existing() throws -> StoredItem? {
        guard try status() != nil else { return nil }
        do {
            if let item = try DirectoryStore.read(bundle.name, in: folder), item.isVerified { return item }
        } catch let error as OperatorError where error.type == "damaged-record" {
            // It is written anew.
        }
        try BundleRecord(bundle.properties).write(for: bundle.name, in: folder)
        return try DirectoryStore.read(bundle.name, in: folder)
    }

    /// Copies from where an earlier call stopped, and reads all of it back. Where the result is wrong after an earlier call's
    /// bytes were used, they are thrown away and the copy is made once more.
    private func fill(_ target: FileDescriptor, from source: FileDescriptor) throws {
        progress.begin("copying \(bundle.name)", total: bundle.properties.size)
        defer { progress.end() }
        var start = try FileStatus(of: target).size
        if start > bundle.properties.size { start = 0 }
        if try copy(source, to: target, from: start) { return }
        if start > 0, try copy(source, to: target, from: 0) { return }
        let now = try FileMeasure(of: source, name: bundle.file, cancellation: cancellation)
        guard now.checksums.confirm(bundle.properties.checksums) == .equal else { throw changed() }
        throw OperatorError(
            "damaged-copy", doing: "copying the bundle to", subject: folder.printable,
            reason: "what was read back is not what was written", advice: "check the disk", exit: .damagedInput)
    }

    private func copy(_ source: FileDescriptor, to target: FileDescriptor, from start: Int64) throws -> Bool {
        guard ftruncate(target.rawValue, off_t(start)) == 0 else {
            throw OperatorError.system(errno, doing: "truncating", subject: partial.printable)
        }
        progress.advance(start)
        var offset = start
        try FileCopy.copy(from: source, name: bundle.file, at: start, cancellation: cancellation) { piece in
            do {
                try target.writeAll(toAbsoluteOffset: offset, piece)
            } catch let error as Errno {
                throw OperatorError.system(error.rawValue, doing: "writing", subject: partial.printable)
            }
            offset += Int64(piece.count)
            progress.advance(Int64(piece.count))
        }
        guard fsync(target.rawValue) == 0 else {
            throw OperatorError.system(errno, doing: "syncing", subject: partial.printable)
        }
        // Out of the page cache, as far as the kernel gives it up, so that the reading back reads the disk.
        _ = posix_fadvise(target.rawValue, 0, 0, POSIX_FADV_DONTNEED)
        let measured = try FileMeasure(of: target, name: partial, cancellation: cancellation)
        return measured.size == bundle.properties.size
            && measured.checksums.confirm(bundle.properties.checksums) == .equal
    }

    private func give(_ target: FileDescriptor) throws {
        try FileSystem.renameNew(partial, to: folder.appending(bundle.name))
        try FileSystem.syncDirectory(folder)
    }

    /// Removes what dead processes left: partial copies that nobody has locked, temporary records, and records without a bundle.
    /// What cannot be removed stays; it is in nobody's way.
    private func sweep() {
        guard let names = try? DirectoryListing.names(at: folder) else { return }
        let texts = names.compactMap { String(validating: $0, as: UTF8.self) }
        // Other programs have such files too, but not of bundles.
        for text in texts
        where text.hasPrefix(".") && text.hasSuffix(".age.partial") && text != Self.partialName(of: bundle.name) {
            removeUnlocked(folder.appending(text))
        }
        for text in texts {
            let path = folder.appending(text)
            if text.hasPrefix("."), text.hasSuffix(".tmp"), text.contains(".age.json.") {
                guard let status = try? FileStatus(at: path), SystemTime().now - moment(status) > .seconds(86_400)
                else {
                    continue
                }
                _ = path.withPlatformString { unlink($0) }
            } else if let name = BundleRecord.bundleName(of: text), name != bundle.name,
                (try? BundleRecord.read(of: name, in: folder)) != nil
            {
                // In this order: a copy gets its record before its name, so that no partial now means a bundle or none ever.
                let places = [Self.partialName(of: name), name].map { folder.appending($0) }
                guard places.allSatisfy({ (try? FileStatus.ifThere(at: $0) == nil) ?? false }) else { continue }
                _ = path.withPlatformString { unlink($0) }
            }
        }
    }

    private func moment(_ status: FileStatus) -> Timestamp { Timestamp(nanoseconds: status.modified) }

    private func removeUnlocked(_ path: FilePath) {
        let raw = path.withPlatformString { hx_openat(AT_FDCWD, $0, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0) }
        guard raw >= 0 else { return }
        let file = FileDescriptor(rawValue: raw)
        defer { file.closeUnlocked() }
        if flock(raw, LOCK_EX | LOCK_NB) == 0, FileStatus.isName(path, of: file) {
            _ = path.withPlatformString { unlink($0) }
        }
    }

    private func changed() -> OperatorError {
        OperatorError(
            "changed", doing: "copying the bundle", subject: bundle.file.printable,
            reason: "it changed after its checksums were taken", exit: .damagedInput)
    }
}
