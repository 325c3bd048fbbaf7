internal import Stores
internal import Support
internal import SystemPackage

/// What is remembered about one upload, so that a new process goes on with it: `STATE/uploads/KEY.json`, 0600.
///
/// The session URI in it lets whoever has it write that one file: it is a secret.
struct UploadState: Sendable {
    /// The reserved id; written down before it is used.
    var id: String?
    var session: Secret?
    var sessionStarted: Timestamp?
    /// Since when Drive says that it has the file and does not show it.
    var unseen: Timestamp?
    /// Ids that hold wrong bytes and are to be deleted.
    var discard: [String] = []
    /// Whether the file is in Drive and was verified.
    var isFinished = false
    var updated: Timestamp
}

/// The folder of upload states.
struct UploadStates {
    let directory: FilePath
    let time: any TimeSource
    /// The Drive folder that the uploads go to: states of others lie there too.
    let folder: String

    /// States of uploads that nobody came back to are forgotten after so long; Google forgets its side after a week.
    private static let lifetime = Duration.seconds(14 * 86_400)

    /// By the file's content and the folder it goes to.
    func key(_ properties: BundleProperties) -> String {
        hex(Digest.of(Array("\(properties.sha256)|\(properties.size)|\(folder)".utf8), .sha256).prefix(16))
    }

    /// The lock of one upload; nil if another process has it.
    func lock(_ key: String) throws -> FileLock? {
        try FileSystem.makeDirectory(directory)
        return try FileLock(directory.appending("\(key).lock"))
    }

    /// What is remembered; nil if there is nothing, or nothing that can be read.
    func load(_ key: String) -> UploadState? {
        let path = directory.appending("\(key).json")
        guard var bytes = try? FileSystem.read(path, limit: 64 << 10, followingLinks: false) else { return nil }
        defer { wipe(&bytes) }
        guard let document = try? JSONDocument(parsing: bytes), document["version"]?.integer == 1,
            document["folder"].map({ $0.text == folder }) ?? true,
            let updated = document["updated"]?.text.flatMap({ Timestamp($0) })
        else { return nil }
        func id(_ value: JSONDocument?) -> String? { value?.text.flatMap { DriveFile.isID($0) ? $0 : nil } }
        return UploadState(
            id: id(document["id"]), session: document["session"]?.bytes.map { Secret($0) },
            sessionStarted: document["sessionStarted"]?.text.flatMap { Timestamp($0) },
            unseen: document["unseen"]?.text.flatMap { Timestamp($0) },
            discard: document["discard"]?.elements?.compactMap { id($0) } ?? [],
            isFinished: document["finished"]?.boolean ?? false, updated: updated)
    }

    func save(_ state: UploadState, _ key: String) throws {
        var members: [JSONDocument.Member] = [
            .init("version", .number(1)), .init("updated", .string(time.now.description)),
            .init("finished", .bool(state.isFinished)), .init("discard", .array(state.discard.map { .string($0) })),
            .init("folder", .string(folder)),
        ]
        if let id = state.id { members.append(.init("id", .string(id))) }
        if let session = state.session {
            members.append(.init("session", .string(session.withUnsafeBytes { Array($0) })))
        }
        if let unseen = state.unseen { members.append(.init("unseen", .string(unseen.description))) }
        if let started = state.sessionStarted { members.append(.init("sessionStarted", .string(started.description))) }
        var bytes = JSONDocument.object(members).serialized
        defer { wipe(&bytes) }
        try FileSystem.replace(directory.appending("\(key).json"), with: bytes)
    }

    /// Forgets an upload, unless it goes on just now.
    func forget(_ key: String) {
        guard let lock = try? lock(key), load(key)?.discard.isEmpty == true else { return }
        withExtendedLifetime(lock) { try? FileSystem.removeTree(directory.appending("\(key).json")) }
    }

    /// The keys of uploads into the folder that left something to be deleted.
    func withDiscards() -> [String] {
        ((try? DirectoryListing.names(at: directory)) ?? []).compactMap { name in
            let text = String(decoding: name, as: UTF8.self)
            guard text.hasSuffix(".json"), !text.hasPrefix(".") else { return nil }
            let key = String(text.dropLast(5))
            return load(key)?.discard.isEmpty == false ? key : nil
        }
    }

    /// Removes states that are too old, and the temporary files of processes that died.
    func sweep(except key: String) {
        guard let names = try? DirectoryListing.names(at: directory) else { return }
        for name in names where !name.starts(with: Array(key.utf8)) {
            let path = directory.pushing(FilePath(bytes: name))
            guard let status = try? FileStatus(at: path), status.kind == .file,
                time.now - Timestamp(nanoseconds: status.modified) > Self.lifetime
            else { continue }
            try? FileSystem.removeTree(path)
        }
    }
}
