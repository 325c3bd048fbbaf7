public import HTTP
public import Stores
public import Support
public import SystemPackage

/// A folder in Google Drive that keeps bundles.
///
/// Under the scope `drive.file` the folder must have been made by the same OAuth client: see ``createFolder(_:credential:http:options:)``.
public struct DriveStore: Store {
    private let folder: String
    private let client: DriveClient

    /// - Parameters:
    ///   - folder: the folder's id, as its URL in Drive ends.
    ///   - http: a client whose options hold for all calls: proxy, certificates, upload limit.
    public init(folder: String, credential: DriveCredential, http: HTTPClient, options: DriveOptions) throws {
        guard DriveFile.isID(folder) else {
            throw OperatorError(
                "drive-folder", doing: "opening the Drive folder", subject: printable(folder, limit: 100),
                reason: "it is not a folder's id", advice: "give the last part of the folder's URL",
                exit: .configuration)
        }
        self.folder = folder
        client = DriveClient(http: http, credential: credential, options: options)
    }

    private var states: UploadStates {
        UploadStates(
            directory: client.options.stateDirectory.appending("uploads"), time: client.options.time, folder: folder)
    }

    public var label: String { "Drive folder \(folder)" }

    public func put(_ bundle: OutgoingBundle, progress: any ProgressReporter) async throws -> StoredItem {
        try await Self.requireUsable(folder, client)
        let states = states
        let key = states.key(bundle.properties)
        guard let lock = try states.lock(key) else {
            throw OperatorError(
                "busy", doing: "uploading the bundle", subject: bundle.name, reason: "another process is uploading it",
                exit: .skipped, isTemporary: true)
        }
        defer { withExtendedLifetime(lock) {} }
        states.sweep(except: key)
        return try await Upload(
            client: client, bundle: bundle, folder: folder, states: states, key: key, progress: progress
        ).run()
    }

    public func list(instance: String?) async throws -> StoreListing {
        let known = try await Self.lookUp(folder, client)
        var terms = [
            "\(DriveQuery.literal(folder)) in parents", "trashed = false",
            DriveQuery.has(DriveProperties.tag.key, DriveProperties.tag.bundle),
        ]
        if let instance { terms.append(DriveQuery.has("instance", instance)) }
        let shared = known?.sharedDrive.map { [("corpora", "drive"), ("driveId", $0)] } ?? []
        let found = try await client.search(terms, extra: shared)
        // The server's word on what matches is not taken for it.
        let items = found.files.filter { $0.parents.contains(folder) }.compactMap(\.item)
            .filter { instance == nil || $0.properties.instance == instance }
        guard known != nil || !items.isEmpty else { throw Self.invisibleFolder(folder) }
        return StoreListing(
            items: items.sorted { ($0.properties.created, $0.id) > ($1.properties.created, $1.id) },
            gaps: found.isComplete ? [] : [DriveQuery.incomplete(label)])
    }

    public func item(_ id: String) async throws -> StoredItem? {
        guard DriveFile.isID(id), let file = try await client.file(id), file.parents.contains(folder) else {
            return nil
        }
        return file.item
    }

    public func get(_ item: StoredItem, into path: FilePath, progress: any ProgressReporter) async throws {
        guard DriveFile.isID(item.id) else { throw notOurs(item) }
        try await Download(client: client, item: item, path: path, progress: progress).run()
    }

    public func delete(_ item: StoredItem) async throws {
        guard DriveFile.isID(item.id) else { throw notOurs(item) }
        guard let file = try await client.file(item.id), !file.isTrashed else { return }
        guard file.parents.contains(folder), let current = file.item,
            current.properties.instance == item.properties.instance, current.properties.sha256 == item.properties.sha256
        else { throw notOurs(item) }
        try await client.delete(item.id)
        // Or another upload of it would wait for the file to show.
        states.forget(states.key(item.properties))
    }

    private func notOurs(_ item: StoredItem) -> OperatorError {
        OperatorError(
            "not-ours", doing: "deleting", subject: printable(item.name, limit: 200),
            reason: "it is not the bundle that was listed: its folder or properties are others now")
    }

    /// The shared drive that a folder is in; nil for one in My Drive, or one that is not to be seen.
    static func sharedDrive(of folder: String, _ client: DriveClient) async throws -> String? {
        try await lookUp(folder, client)?.sharedDrive
    }

    /// What Drive tells of a folder; what it does not tell is nil.
    private struct Folder {
        var sharedDrive: String?
        var type: String?
        var isTrashed: Bool?
        var takesFiles: Bool?
    }

    /// Nil for a folder that is not to be seen.
    private static func lookUp(_ folder: String, _ client: DriveClient) async throws -> Folder? {
        let answer = try await client.send(
            DriveClient.Call(
                method: "GET", path: "/drive/v3/files/\(folder)",
                query: [
                    ("fields", "id,driveId,mimeType,trashed,capabilities/canAddChildren"),
                    ("supportsAllDrives", "true"),
                ], doing: "looking at the folder", subject: folder, accepting: [404]))
        guard answer.status != 404 else { return nil }
        return Folder(
            sharedDrive: answer.document["driveId"]?.text, type: answer.document["mimeType"]?.text,
            isTrashed: answer.document["trashed"]?.boolean,
            takesFiles: answer.document["capabilities"]?["canAddChildren"]?.boolean)
    }

    /// Throws where Drive says that nothing can be kept in the folder. One that it does not show is told of when a file is made in it.
    static func requireUsable(_ id: String, _ client: DriveClient) async throws {
        guard let folder = try await lookUp(id, client) else { return }
        let (reason, advice): (String, String)
        if folder.isTrashed == true {
            reason =
                "it is in the trash, or a folder above it is: Drive deletes it with all that is in it after 30 days"
            advice = "restore it in Drive, or make another with `drive folder create`"
        } else if let type = folder.type, type != folderType {
            reason = "it is not a folder"
            advice = "give the last part of the folder's URL"
        } else if folder.takesFiles == false {
            reason = "this credential may not put files into it"
            advice = "share it with the account as an editor, or make another with `drive folder create`"
        } else {
            return
        }
        throw OperatorError(
            "drive-folder", doing: "opening the Drive folder", subject: id, reason: reason, advice: advice,
            exit: .configuration)
    }

    static func invisibleFolder(_ folder: String) -> OperatorError {
        OperatorError(
            "drive-folder", doing: "opening the Drive folder", subject: folder,
            reason: "Drive does not show it to this credential",
            advice:
                "a folder made by hand or by another OAuth client is invisible: make one with `drive folder create`",
            exit: .configuration)
    }
}

/// A folder in Drive that this program made, or found that it had made.
public struct DriveFolder: Sendable, Hashable {
    /// What the configuration's `stores.NAME.drive.folder` wants.
    public var id: String
    public var name: String
    /// False where an earlier call had made it.
    public var isNew: Bool
}

extension DriveStore {
    /// Makes a folder that the credential's OAuth client can see, which it cannot with one made in the browser. A folder of that
    /// name that this program made earlier is found again; no retry makes a second one.
    ///
    /// - Parameter parent: the id of the folder it goes into, which may be in a shared drive; nil means My Drive's root.
    public static func createFolder(
        _ name: String, parent: String? = nil, credential: DriveCredential, http: HTTPClient, options: DriveOptions
    ) async throws -> DriveFolder {
        let client = DriveClient(http: http, credential: credential, options: options)
        guard !name.isEmpty, name.utf8.count <= 500, parent.map(DriveFile.isID) ?? true else {
            throw OperatorError(
                "drive-folder", doing: "making a Drive folder", subject: printable(name, limit: 100),
                reason: "its name is empty or too long, or its parent is no id", exit: .usage)
        }
        var terms = [
            "mimeType = '\(folderType)'", "name = \(DriveQuery.literal(name))", "trashed = false",
            DriveQuery.has(DriveProperties.tag.key, DriveProperties.tag.folder),
        ]
        if let parent { terms.append("\(DriveQuery.literal(parent)) in parents") }
        let found = try await client.search(terms)
        let earlier = found.files.filter {
            $0.name == name && $0.properties[DriveProperties.tag.key] == DriveProperties.tag.folder && !$0.isTrashed
        }
        if let first = earlier.min(by: { $0.id < $1.id }) { return DriveFolder(id: first.id, name: name, isNew: false) }
        guard found.isComplete else { throw DriveQuery.incomplete(printable(name, limit: 100)) }
        let id = try await client.reserveID()
        var members: [JSONDocument.Member] = [
            .init("id", .string(id)), .init("name", .string(name)), .init("mimeType", .string(folderType)),
            .init("appProperties", .object([.init(DriveProperties.tag.key, .string(DriveProperties.tag.folder))])),
        ]
        if let parent { members.append(.init("parents", .array([.string(parent)]))) }
        let answer = try await client.send(
            DriveClient.Call(
                method: "POST", path: "/drive/v3/files",
                query: [("supportsAllDrives", "true"), ("fields", DriveFile.fields)], body: .object(members),
                doing: "making the Drive folder", subject: printable(name, limit: 100), accepting: [404, 409]))
        if answer.status == 404 { throw invisibleFolder(parent ?? "root") }
        // 409: an earlier attempt of this call landed and its answer was lost.
        guard try await client.file(id) != nil else {
            throw OperatorError(
                "drive-reply", doing: "making the Drive folder", subject: printable(name, limit: 100),
                reason: "it is not there after it was made", exit: .unavailable, isTemporary: true)
        }
        return DriveFolder(id: id, name: name, isNew: true)
    }

    private static let folderType = "application/vnd.google-apps.folder"
}
